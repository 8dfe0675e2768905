package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// lineEvery is the time between two progress lines.
const lineEvery = 10 * time.Second

// Progress logs how far a command is, a line every ten seconds, in stages. It is
// safe for concurrent use. The zero Progress logs nothing.
type Progress struct {
	stop chan struct{} // nil: there is nothing to stop

	mu          sync.Mutex
	stage       string
	done, total int // total 0: not known
	began       time.Time
}

// ShowProgress logs the progress that it returns on out, until Stop.
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

// Begin begins a stage with about total steps; 0 is not known.
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

// Stop ends the lines. It may be called once.
func (p *Progress) Stop() {
	if p.stop != nil {
		p.stop <- struct{}{} // between two lines
	}
}

// line returns a line about the stage, such as "rows: 300 of 1000 in 10s".
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
