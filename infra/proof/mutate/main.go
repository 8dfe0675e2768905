// Command mutate shows that the tests find defects. It puts one deliberate
// defect after the other into the ledger and its store, runs the one test that
// must find it, and fails if that test passes, takes more than a minute, or if
// a defect no longer fits the code.
//
//	go run ./infra/proof/mutate
//
// It runs at the root of the module and changes no file there: the compiler is
// given the changed text in place of a file's (go build -overlay).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"onewrite/infra/internal/dynamodblocal"
)

// within is what a test may take to find a defect.
const within = time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	server, err := dynamodblocal.Start(ctx, dynamodblocal.Options{Log: os.Stderr})
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // the verdict is known
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	bench := bench{dir: dir, environment: append(os.Environ(), "AWS_ENDPOINT_URL_DYNAMODB="+server.Endpoint())}
	if err := bench.sound(ctx); err != nil {
		return err
	}
	survivors := bench.killAll(ctx)
	if survivors > 0 {
		return fmt.Errorf("%d of %d defects were not found", survivors, len(mutations))
	}
	fmt.Printf("all %d defects were found\n", len(mutations))
	return nil
}

// bench is where mutations are tried.
type bench struct {
	dir         string
	environment []string
}

// sound tells whether the tests pass without a defect. If they don't, their
// failures tell nothing.
func (b bench) sound(ctx context.Context) error {
	tried := map[test]bool{}
	for _, m := range mutations {
		if tried[m.kills] {
			continue
		}
		tried[m.kills] = true
		binary, err := b.build(ctx, "sound", mutation{kills: m.kills})
		if err != nil {
			return err
		}
		if output, err := b.test(ctx, binary, m.kills); err != nil {
			return fmt.Errorf("%s fails without a defect: %w\n%s", m.kills.name, err, output)
		}
	}
	return nil
}

// killAll tries all mutations, as many at once as there are processors, and
// prints a line for each.
func (b bench) killAll(ctx context.Context) (survivors int) {
	fmt.Printf("%-42s %-46s %s\n", "DEFECT", "FOUND BY", "SECONDS")
	var (
		mu    sync.Mutex
		tries sync.WaitGroup
		free  = make(chan struct{}, runtime.GOMAXPROCS(0))
	)
	for i, m := range mutations {
		free <- struct{}{}
		tries.Go(func() {
			defer func() { <-free }()
			began := time.Now()
			err := b.kill(ctx, fmt.Sprint(i), m)
			mu.Lock()
			defer mu.Unlock()
			fmt.Printf("%-42s %-46s %.1f\n", m.name, m.kills.dir+" "+m.kills.name, time.Since(began).Seconds())
			if err != nil {
				survivors++
				fmt.Printf("  NOT FOUND: %v\n", err)
			}
		})
	}
	tries.Wait()
	return survivors
}

// kill runs a mutation's test, and is nil if that fails.
func (b bench) kill(ctx context.Context, name string, m mutation) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	binary, err := b.build(ctx, name, m)
	if err != nil {
		return err
	}
	output, err := b.test(ctx, binary, m.kills)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", m.kills.name, ctx.Err())
	case err == nil:
		return errors.New("the test passes")
	case !strings.Contains(output, "--- FAIL: "+m.kills.name):
		return fmt.Errorf("not the test has failed: %w\n%s", err, output)
	}
	return nil
}

// build makes the test binary of a mutation.
func (b bench) build(ctx context.Context, name string, m mutation) (binary string, err error) {
	overlay, err := b.overlay(name, m)
	if err != nil {
		return "", err
	}
	binary = filepath.Join(b.dir, name+".test")
	output, err := exec.CommandContext(ctx, "go", "test", "-c", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, "./"+m.kills.dir).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, output)
	}
	return binary, nil
}

// overlay writes the changed files, and the file that names them to go build.
func (b bench) overlay(name string, m mutation) (string, error) {
	texts := map[string]string{}
	for _, e := range m.edits {
		if texts[e.file] == "" {
			text, err := os.ReadFile(e.file)
			if err != nil {
				return "", err
			}
			texts[e.file] = string(text)
		}
		if n := strings.Count(texts[e.file], e.before); n != 1 {
			return "", fmt.Errorf("%s holds %q %d times, not once", e.file, e.before, n)
		}
		texts[e.file] = strings.Replace(texts[e.file], e.before, e.after, 1)
	}
	replace := map[string]string{}
	for file, text := range texts {
		original, err := filepath.Abs(file)
		if err != nil {
			return "", err
		}
		replace[original] = filepath.Join(b.dir, name+"-"+filepath.Base(file))
		if err := os.WriteFile(replace[original], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	named, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(b.dir, name+".json")
	return path, os.WriteFile(path, named, 0o600)
}

// test runs a test binary where its package is.
func (b bench) test(ctx context.Context, binary string, t test) (output string, err error) {
	command := exec.CommandContext(ctx, binary, "-test.run", "^"+strings.ReplaceAll(t.name, "/", "$/^")+"$", "-test.failfast")
	command.Dir, command.Env = t.dir, b.environment
	said, err := command.CombinedOutput()
	return string(said), err
}
