package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"onewrite/infra/internal/cli"
)

// progress is a line on a terminal that says how far the audit is. Elsewhere
// it says nothing. It is safe for concurrent use.
type progress struct {
	mu    sync.Mutex
	what  string
	done  int
	total int // about; 0: not known
	began time.Time
}

// showProgress shows the progress that it returns until stop is called.
func showProgress(out io.Writer) (p *progress, stop func()) {
	p = &progress{}
	if !cli.IsTerminal(out) {
		return p, func() {}
	}
	return p, p.rewrite(out)
}

// clear goes to the beginning of a terminal's line and clears it.
const clear = "\r\x1b[K"

// rewrite writes the line anew each second, and clears it at the end.
func (p *progress) rewrite(out io.Writer) (stop func()) {
	stopped, cleared := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(cleared)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case now := <-tick.C:
				fmt.Fprint(out, clear, p.line(now))
			case <-stopped:
				fmt.Fprint(out, clear)
				return
			}
		}
	}()
	return func() { close(stopped); <-cleared }
}

// begin starts a new stage, of about total.
func (p *progress) begin(what string, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.what, p.done, p.total, p.began = what, 0, total, time.Now()
}

func (p *progress) add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

const barWidth = 30

// line is the bar as it stands at now, and when the stage will be over at the
// pace so far.
func (p *progress) line(now time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done == 0 || p.total < p.done { // nothing to go by, or an old total
		return fmt.Sprintf("%s: %d", p.what, p.done)
	}
	bar := strings.Repeat("#", barWidth*p.done/p.total)
	left := time.Duration(float64(now.Sub(p.began)) * float64(p.total-p.done) / float64(p.done))
	return fmt.Sprintf("%s: [%-*s] %d of about %d, %s left", p.what, barWidth, bar, p.done, p.total, left.Round(time.Second))
}
