package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	rewriteEvery = time.Second      // the line on a terminal
	lineEvery    = 30 * time.Second // a line elsewhere, such as in a build's log
	barWidth     = 30

	clearLine = "\r\x1b[K" // go to the beginning of a terminal's line, and clear it
)

// Progress tells a person how far a command is, in stages. On a terminal it is
// one line that is rewritten each second; elsewhere, a line each half a minute.
// It is safe for concurrent use. The zero Progress tells nobody.
type Progress struct {
	out      io.Writer
	terminal bool
	stop     chan struct{}
	stopped  chan struct{}

	mu    sync.Mutex
	stage string
	note  string
	done  int
	total int // 0: not known
	began time.Time
}

// ShowProgress shows the progress that it returns on out, until Stop.
func ShowProgress(out io.Writer) *Progress { return showProgress(out, IsTerminal(out)) }

// showProgress does as ShowProgress, on what is known to be a terminal or not.
func showProgress(out io.Writer, terminal bool) *Progress {
	p := &Progress{out: out, terminal: terminal, stop: make(chan struct{}), stopped: make(chan struct{})}
	go p.show()
	return p
}

// Begin begins a stage of about total steps; 0 is not known.
func (p *Progress) Begin(stage string, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stage, p.note, p.done, p.total, p.began = stage, "", 0, total, time.Now()
}

// Add counts n steps of the stage as done.
func (p *Progress) Add(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

// Note sets what stands after the bar until the next stage.
func (p *Progress) Note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note = fmt.Sprintf(format, args...)
}

// Println writes a line to out, which may be the same terminal.
func (p *Progress) Println(out io.Writer, a ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.out, clearLine)
	}
	fmt.Fprintln(out, a...)
}

// Stop ends the showing, and clears the line on a terminal.
func (p *Progress) Stop() {
	if p.stop != nil {
		close(p.stop)
		<-p.stopped
	}
}

// show writes the line again and again, until Stop.
func (p *Progress) show() {
	defer close(p.stopped)
	every, begin, end, atLast := lineEvery, "", "\n", ""
	if p.terminal {
		every, begin, end, atLast = rewriteEvery, clearLine, "", clearLine
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			p.mu.Lock()
			if p.stage != "" {
				fmt.Fprint(p.out, begin, p.line(now), end)
			}
			p.mu.Unlock()
		case <-p.stop:
			fmt.Fprint(p.out, atLast)
			return
		}
	}
}

// line returns the bar as it stands at now, with the time that is left at the
// pace so far, or with the time that has passed where there is nothing to go by.
// It needs the lock.
func (p *Progress) line(now time.Time) string {
	passed := now.Sub(p.began)
	text := fmt.Sprintf("%s: %s", p.stage, passed.Round(time.Second))
	switch {
	case p.done > 0 && p.done <= p.total:
		bar := strings.Repeat("#", barWidth*p.done/p.total)
		left := time.Duration(float64(passed) * float64(p.total-p.done) / float64(p.done))
		text = fmt.Sprintf("%s: [%-*s] %d of %d, %s left", p.stage, barWidth, bar, p.done, p.total, left.Round(time.Second))
	case p.done > 0:
		text = fmt.Sprintf("%s: %d, %s", p.stage, p.done, passed.Round(time.Second))
	}
	if p.note != "" {
		text += "; " + p.note
	}
	return text
}
