package dynamodblocal

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// UnderGoTest reports whether "go test" runs this process.
func UnderGoTest() bool { return slices.Contains(os.Args, "-test.paniconexit0") }

// Share returns the endpoint of the DynamoDB Local, with its tables in memory, that all
// packages in one "go test" use. The first package starts it, and it ends soon after
// the "go test". A server for each package would take an eighth more CPU.
func Share(ctx context.Context, log io.Writer) (endpoint string, err error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	goTest := os.Getppid()
	name := filepath.Join(cache, fmt.Sprintf("shared-%d", goTest))
	file, err := lock(name)
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // WriteAt reports its error
	var s Server
	if n, _ := fmt.Fscan(file, &s.endpoint, &s.origin); n == 2 && s.ask(ctx) == nil {
		return s.endpoint, nil
	}
	started, err := start(ctx, Options{Log: log}, goTest, name, freePort)
	if err != nil {
		return "", err
	}
	if err := file.Truncate(0); err != nil {
		return "", err
	}
	_, err = file.WriteAt([]byte(started.endpoint+" "+started.origin+"\n"), 0)
	return started.endpoint, err
}
