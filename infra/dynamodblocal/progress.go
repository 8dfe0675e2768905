package dynamodblocal

import (
	"fmt"
	"io"
	"os"
	"time"
)

// How often a download that goes on says so: by rewriting its line on a terminal, by
// a line of its own elsewhere, such as in a build's log.
const (
	terminalEvery = time.Second
	lineEvery     = 30 * time.Second
)

// showProgress runs download and reports on log that it begins, that it goes on and
// that it has ended. title says what comes, how large and where to. It returns
// download's error.
func showProgress(log io.Writer, title string, download func() error) error {
	start := time.Now()
	seconds := func() int { return int(time.Since(start).Seconds()) }
	every, format := lineEvery, "still downloading, %d s\n"
	if isTerminal(log) {
		every, format = terminalEvery, "\r  %d s "
	}
	fmt.Fprintf(log, "downloading %s\n", title)

	ended := make(chan error, 1)
	go func() { ended <- download() }()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fmt.Fprintf(log, format, seconds())
			continue
		case err := <-ended:
			if isTerminal(log) {
				fmt.Fprint(log, "\r")
			}
			if err != nil {
				fmt.Fprintf(log, "download failed after %d s\n", seconds())
				return err
			}
			fmt.Fprintf(log, "downloaded in %d s\n", seconds())
			return nil
		}
	}
}

// isTerminal reports whether w is a terminal, or another device that does not mind.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
