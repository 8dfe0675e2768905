package main

import (
	"fmt"
	"io"
	"os"
	"strings"
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
	file, is := p.out.(*os.File)
	if !is {
		return
	}
	info, err := file.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	full := barWidth * p.done / max(1, p.total)
	fmt.Fprintf(file, "\r%-12s [%s%s] %d/%d ", p.title, strings.Repeat("#", full), strings.Repeat(".", barWidth-full), p.done, p.total)
	if p.done == p.total {
		fmt.Fprint(file, "\r\x1b[K")
	}
}
