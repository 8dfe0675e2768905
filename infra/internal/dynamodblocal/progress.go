package dynamodblocal

import (
	"fmt"
	"io"
	"time"

	"onewrite/infra/internal/cli"
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
	return progress(log, cli.IsTerminal(log), title, download)
}

// progress is showProgress on a log that is known to be a terminal or not.
func progress(log io.Writer, watched bool, title string, download func() error) error {
	start := time.Now()
	seconds := func() int { return int(time.Since(start).Seconds()) }
	every, format, last := lineEvery, "still downloading, %d s\n", ""
	if watched {
		every, format, last = terminalEvery, "\r  %d s ", "\r"
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
		case err := <-ended:
			how := "downloaded in"
			if err != nil {
				how = "download failed after"
			}
			fmt.Fprintf(log, "%s%s %d s\n", last, how, seconds())
			return err
		}
	}
}
