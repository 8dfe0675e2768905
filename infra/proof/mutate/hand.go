package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

// within is what a test may take to find a defect.
const within = time.Minute

// byHand fails if one of every n-th defect of the list is not found, or no longer
// fits the code.
func byHand(ctx context.Context, dir string, every int, environment []string, out io.Writer) error {
	var chosen []defect
	for i := 0; i < len(defects); i += every {
		chosen = append(chosen, defects[i])
	}
	bench := bench{chosen, dir, environment}
	if err := bench.sound(ctx); err != nil {
		return err
	}
	survivors := bench.killAll(ctx, out)
	if survivors > 0 {
		return fmt.Errorf("%d of %d defects were not found", survivors, len(chosen))
	}
	fmt.Fprintf(out, "found %d of the %d defects made by hand, and left out %d\n", len(chosen), len(defects), len(defects)-len(chosen))
	return nil
}

// bench is where defects are tried. The compiler is given a changed text in place
// of a file's (go build -overlay).
type bench struct {
	defects     []defect
	dir         string
	environment []string
}

// sound fails if a test fails without a defect: its failures would say nothing.
func (b bench) sound(ctx context.Context) error {
	tried := map[test]bool{}
	for _, d := range b.defects {
		if tried[d.kills] {
			continue
		}
		tried[d.kills] = true
		binary, err := b.build(ctx, "sound", defect{kills: d.kills})
		if err != nil {
			return err
		}
		if output, err := b.test(ctx, binary, d.kills); err != nil {
			return fmt.Errorf("%s fails without a defect: %w\n%s", d.kills.name, err, output)
		}
	}
	return nil
}

// killAll tries all defects, as many at once as there are processors, and prints
// a line for each. It returns how many were not found.
func (b bench) killAll(ctx context.Context, out io.Writer) (survivors int) {
	fmt.Fprintf(out, "%-48s %-46s %s\n", "DEFECT", "FOUND BY", "SECONDS")
	var (
		mu    sync.Mutex
		tries sync.WaitGroup
		free  = make(chan struct{}, runtime.GOMAXPROCS(0))
	)
	for i, d := range b.defects {
		free <- struct{}{}
		tries.Go(func() {
			defer func() { <-free }()
			began := time.Now()
			err := b.kill(ctx, fmt.Sprint(i), d)
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(out, "%-48s %-46s %.1f\n", d.name, d.kills.dir+" "+d.kills.name, time.Since(began).Seconds())
			if err != nil {
				survivors++
				fmt.Fprintf(out, "  NOT FOUND: %v\n", err)
			}
		})
	}
	tries.Wait()
	return survivors
}

// kill runs a defect's test, and returns nil if that fails.
func (b bench) kill(ctx context.Context, name string, d defect) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	binary, err := b.build(ctx, name, d)
	if err != nil {
		return err
	}
	output, err := b.test(ctx, binary, d.kills)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", d.kills.name, ctx.Err())
	case err == nil:
		return errors.New("the test passes")
	case !strings.Contains(output, "--- FAIL: "+d.kills.name):
		return fmt.Errorf("not the test has failed: %w\n%s", err, output)
	}
	return nil
}

// build makes the test binary of a defect.
func (b bench) build(ctx context.Context, name string, d defect) (binary string, err error) {
	overlay, err := b.overlay(name, d)
	if err != nil {
		return "", err
	}
	binary = filepath.Join(b.dir, name+".test")
	output, err := exec.CommandContext(ctx, "go", "test", "-c", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, "./"+d.kills.dir).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, output)
	}
	return binary, nil
}

// overlay writes the changed files, and the file that names them to go build.
func (b bench) overlay(name string, d defect) (string, error) {
	texts := map[string]string{}
	for _, e := range d.edits {
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
	printed, err := command.CombinedOutput()
	return string(printed), err
}
