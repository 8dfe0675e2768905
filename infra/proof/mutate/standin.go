package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// gremlins asks `go test` for the coverage, and then for each mutant. It finds
// this command under the name go, as three things about go test would make its
// score wrong:
//
//   - go test ends with status 1 if the code doesn't compile as if a test fails,
//     so a mutant that is no Go (gremlins makes |x of &x) would count as killed;
//   - a coverage profile has no block for the conditions of a switch's cases and
//     for the values that variables start with, so gremlins would never try them;
//   - gremlins runs the tests of the mutant's package or those of the whole
//     module: the first are not enough and the second take minutes.

// suites are the packages whose tests may find a mutant of a package, each after
// the ones before it found nothing.
var suites = map[string][]string{
	"ledger":  {"ledger", "infra/proof/simulation", "infra", "handler"},
	"handler": {"handler", "handler/fuzz", "."},
	"infra":   {"infra", "infra/proof/simulation", "handler", "."},
}

// What gremlins takes the exit status of go test for.
const (
	lived     = 0
	killed    = 1
	notViable = 2
)

// The variables by which [gremlins.run] tells the stand-in what it needs.
const (
	realPath     = "MUTATE_PATH"    // PATH, with the real go
	realModule   = "MUTATE_MODULE"  // the module's path
	givenProfile = "MUTATE_PROFILE" // the coverage that gremlins is given
	troubleFile  = "MUTATE_TROUBLE" // where errors are written, as gremlins doesn't show them
)

// gremlins waits for the tests of a mutant for a multiple of the time that the
// coverage took, which is coverageTime here. It tells go test that time and two
// seconds more.
const (
	coverageTime = time.Second
	margin       = 4 * time.Second // to end the tests before gremlins leaves them alone
)

// standIn does what gremlins asks go for, and returns the exit status.
func standIn(args []string) int {
	status, err := lived, os.Setenv("PATH", os.Getenv(realPath))
	switch {
	case err != nil:
	case len(args) == 2 && args[0] == "mod" && args[1] == "download":
	case slices.Contains(args, "-coverprofile"):
		err = copyFile(args[slices.Index(args, "-coverprofile")+1], os.Getenv(givenProfile))
		time.Sleep(coverageTime)
	default:
		status, err = try(args)
	}
	if err != nil {
		note(fmt.Errorf("go %s: %w", strings.Join(args, " "), err))
	}
	return status
}

// try runs the tests that may find the mutant in this folder, which is a copy of
// the module. If they take too long it does not return: gremlins ends the process.
func try(args []string) (status int, err error) {
	flags := flag.NewFlagSet("go test", flag.ContinueOnError)
	timeout := flags.Duration("timeout", 0, "")
	flags.Bool("failfast", true, "")
	if err := flags.Parse(args[1:]); err != nil {
		return lived, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), *timeout-margin)
	defer cancel()
	of := strings.TrimPrefix(flags.Arg(0), os.Getenv(realModule)+"/")
	for _, suite := range suites[of] {
		status, err := tryOn(ctx, suite)
		if ctx.Err() != nil {
			time.Sleep(24 * time.Hour) // gremlins ends this process
		}
		if status != lived || err != nil {
			return status, err
		}
	}
	return lived, nil
}

// tryOn builds and runs the tests of one package.
func tryOn(ctx context.Context, dir string) (status int, err error) {
	binary := filepath.Join(os.Getenv("GOTMPDIR"), fmt.Sprintf("%d.test", os.Getpid()))
	defer os.Remove(binary)
	var exit *exec.ExitError
	output, err := exec.CommandContext(ctx, "go", "test", "-c", "-ldflags=-s -w", "-o", binary, "./"+dir).CombinedOutput()
	switch {
	case errors.As(err, &exit) && !strings.Contains(string(output), "[setup failed]"):
		return notViable, nil
	case err != nil:
		return lived, fmt.Errorf("build the tests of %s: %w\n%s", dir, err, output)
	}
	switch err := runTests(ctx, dir, binary); {
	case errors.As(err, &exit): // a failure, or a panic before the first test
		return killed, nil
	case err != nil:
		return lived, fmt.Errorf("run the tests of %s: %w", dir, err)
	}
	return lived, nil
}

// runTests runs the tests of a package until one fails: -failfast alone waits for
// those that run in parallel, which are most of them.
func runTests(ctx context.Context, dir, binary string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	command := exec.CommandContext(ctx, binary, "-test.failfast", "-test.v")
	command.Dir = dir
	output, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(output)
	for err == nil {
		var line string
		line, err = lines.ReadString('\n')
		if strings.HasPrefix(strings.TrimSpace(line), "--- FAIL: ") {
			stop()
			break
		}
	}
	return command.Wait()
}

// note writes an error where [gremlins.run] looks for them.
func note(err error) {
	file, openErr := os.OpenFile(os.Getenv(troubleFile), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if openErr != nil {
		return // and gremlins takes the mutant for one that lived
	}
	defer file.Close()
	fmt.Fprintln(file, err)
}

func copyFile(to, from string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o600)
}
