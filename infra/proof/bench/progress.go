package main

import (
	"fmt"
	"io"
	"strings"

	"onewrite/infra/internal/cli"
)

// progress is a bar on a terminal, and nothing elsewhere.
type progress struct {
	out         io.Writer
	title       string
	done, total int
}

const barWidth = 30

// begin starts a bar of so many steps.
func (p *progress) begin(title string, total int) {
	p.title, p.done, p.total = title, 0, total
	p.draw()
}

// tick is one step done.
func (p *progress) tick() {
	p.done++
	p.draw()
}

func (p *progress) draw() {
	if !cli.IsTerminal(p.out) {
		return
	}
	full := barWidth * p.done / max(1, p.total)
	fmt.Fprintf(p.out, "\r%-12s [%s%s] %d/%d ", p.title, strings.Repeat("#", full), strings.Repeat(".", barWidth-full), p.done, p.total)
	if p.done == p.total {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}
