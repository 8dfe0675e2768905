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

// Share returns the endpoint of an in-memory DynamoDB Local for all packages in one "go
// test". The first package starts it, and it ends soon after the "go test". One server for
// each package would use an eighth more CPU.
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
	defer file.Close()
	var s Server
	written, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	if n, _ := fmt.Sscan(string(written), &s.endpoint, &s.origin); n == 2 && s.ask(ctx) == nil {
		return s.endpoint, nil
	}
	started, err := start(ctx, Options{Log: log}, goTest, name, freePort)
	if err != nil {
		return "", err
	}
	return started.endpoint, os.WriteFile(name, []byte(started.endpoint+" "+started.origin), 0o600)
}
