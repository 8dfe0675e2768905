package dynamodblocal

import (
	"fmt"
	"io"
	"time"

	"onewrite/infra/internal/cli"
)

// showProgress runs download and reports on log that it begins, that it goes on and
// that it has ended. title says what comes, how large and where to. It returns
// download's error.
func showProgress(log io.Writer, title string, download func() error) error {
	start := time.Now()
	fmt.Fprintf(log, "downloading %s\n", title)
	progress := cli.ShowProgress(log)
	progress.Begin("still downloading", 0)
	err := download()
	progress.Stop()
	how := "downloaded in"
	if err != nil {
		how = "download failed after"
	}
	fmt.Fprintf(log, "%s %d s\n", how, int(time.Since(start).Seconds()))
	return err
}
