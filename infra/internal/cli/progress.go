package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const lineEvery = 10 * time.Second

// Progress logs the progress of a command that works in stages, one line every ten seconds.
// It is safe for concurrent use. The zero Progress logs nothing.
type Progress struct {
	stop chan struct{} // nil in the zero Progress

	mu          sync.Mutex
	stage       string
	done, total int // total is 0 if it is not known
	began       time.Time
}

// ShowProgress returns a progress that logs to out until Stop.
func ShowProgress(out io.Writer) *Progress {
	p := &Progress{stop: make(chan struct{})}
	go func() {
		tick := time.NewTicker(lineEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprint(out, p.line())
			case <-p.stop:
				return
			}
		}
	}()
	return p
}

// Begin begins a stage of roughly total steps. If total is 0, the number is not known.
func (p *Progress) Begin(stage string, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage, p.done, p.total, p.began = stage, 0, total, time.Now()
}

// Add counts n more steps as done.
func (p *Progress) Add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

// Stop stops the logging. It must not be called twice.
func (p *Progress) Stop() {
	if p.stop != nil {
		p.stop <- struct{}{} // waits until the current line is written
	}
}

// line returns a line about the current stage, such as "rows: 300 of 1000 in 10s".
func (p *Progress) line() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	passed := time.Since(p.began).Round(time.Second)
	switch {
	case p.stage == "":
		return ""
	case p.done == 0:
		return fmt.Sprintf("%s: %s\n", p.stage, passed)
	case p.done > p.total:
		return fmt.Sprintf("%s: %d in %s\n", p.stage, p.done, passed)
	}
	return fmt.Sprintf("%s: %d of %d in %s\n", p.stage, p.done, p.total, passed)
}
