package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// roleVariable makes the test binary play a command.
const roleVariable = "CLI_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "waits": // for its context's end
		Main("waits", func(ctx context.Context, _ []string, out, _ io.Writer) error {
			fmt.Fprintln(out, "ready")
			<-ctx.Done()
			return ctx.Err()
		})
	case "hangs": // after its context's end
		Main("hangs", func(ctx context.Context, _ []string, out, _ io.Writer) error {
			fmt.Fprintln(out, "ready")
			<-ctx.Done()
			fmt.Fprintln(out, "ended")
			select {}
		})
	default:
		os.Exit(m.Run())
	}
}

func TestFinish(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	for _, c := range []struct {
		ctx    context.Context
		err    error
		status int
		log    string
	}{
		{t.Context(), nil, 0, ""},
		{t.Context(), flag.ErrHelp, 0, ""},
		{t.Context(), errors.New("no java"), 1, "try: no java\n"},
		{t.Context(), context.Canceled, 1, "try: context canceled\n"},
		{ended, fmt.Errorf("read: %w", context.Canceled), 1, "try: interrupted\n"},
		{ended, errors.New("no java"), 1, "try: no java\n"},
		{t.Context(), Usagef("no part %q", "x"), 2, "try: no part \"x\"\n"},
		{t.Context(), &ExitError{Status: 3}, 3, ""},
		{t.Context(), fmt.Errorf("where: %w", &ExitError{3, errors.New("what")}), 3, "try: where: what\n"},
	} {
		var log bytes.Buffer
		assert.Equal(t, c.status, finish(c.ctx, "try", &log, c.err), "%v", c.err)
		assert.Equal(t, c.log, log.String(), "%v", c.err)
	}
}

// start starts a command that this binary plays, and returns when it is ready.
func start(t *testing.T, role string) (command *exec.Cmd, lines *bufio.Scanner, log *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	command = exec.Command(self)
	command.Env = append(os.Environ(), roleVariable+"="+role)
	log = &bytes.Buffer{}
	command.Stderr = log
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	t.Cleanup(func() { _ = command.Process.Kill() })
	lines = bufio.NewScanner(out)
	require.True(t, lines.Scan())
	require.Equal(t, "ready", lines.Text())
	return command, lines, log
}

func TestSignalEndsTheContext(t *testing.T) {
	t.Parallel()
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		command, _, log := start(t, "waits")
		require.NoError(t, command.Process.Signal(s))
		err := command.Wait()
		exited, ok := errors.AsType[*exec.ExitError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, 1, exited.ExitCode(), s)
		assert.Equal(t, "waits: interrupted\n", log.String(), s)
	}
}

func TestSecondSignalEndsTheProcess(t *testing.T) {
	t.Parallel()
	command, lines, _ := start(t, "hangs")
	require.NoError(t, command.Process.Signal(os.Interrupt))
	require.True(t, lines.Scan())
	require.Equal(t, "ended", lines.Text())
	// The signal is released right after the context has ended, not before.
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	for {
		select {
		case err := <-ended:
			exited, ok := errors.AsType[*exec.ExitError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, syscall.SIGINT, exited.Sys().(syscall.WaitStatus).Signal())
			return
		default:
			_ = command.Process.Signal(os.Interrupt)
			time.Sleep(time.Millisecond) // Go's runtime may crash if a signal comes while another one ends it
		}
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, ""},
		{[]string{"-n", "3"}, ""},
		{[]string{"a"}, `unexpected "a" (-h lists the flags)`},
		{[]string{"-n", "3", "-x"}, "flag provided but not defined: -x (-h lists the flags)"},
		{[]string{"-n", "many"}, `invalid value "many" for flag -n: parse error (-h lists the flags)`},
		{[]string{"-file", ""}, "-file is empty; leave it out, or give it a value"},
	} {
		flags := NewFlags("try", "Tries.")
		flags.Int("n", 1, "try so many `times`")
		flags.String("file", "", "read this `file`")
		var out bytes.Buffer
		err := flags.Parse(c.args, &out)
		assert.Empty(t, out.String(), "%q", c.args)
		if c.want == "" {
			assert.NoError(t, err, "%q", c.args)
			continue
		}
		require.EqualError(t, err, c.want)
		assert.Equal(t, 2, finish(t.Context(), "try", io.Discard, err))
	}
}

func TestGiven(t *testing.T) {
	t.Parallel()
	flags := NewFlags("try", "Tries.")
	flags.Int("n", 1, "")
	flags.Bool("a", false, "")
	flags.Bool("b", false, "")
	flags.Func("f", "", func(string) error { return nil })
	flags.String("not", "given", "")
	require.NoError(t, flags.Parse([]string{"-n", "1", "-a", "-b=false", "-f", "x"}, io.Discard))
	assert.Equal(t, []string{"a", "f", "n"}, flags.Given())
}

func TestHelp(t *testing.T) {
	t.Parallel()
	flags := NewFlags("try", "Tries.")
	flags.Int("n", 1, "try so many `times`")
	var out bytes.Buffer
	require.ErrorIs(t, flags.Parse([]string{"-h"}, &out), flag.ErrHelp)
	assert.Equal(t, "usage: try [flags]\n\nTries.\n\nflags:\n  -n times\n    \ttry so many times (default 1)\n", out.String())
}

// The progress has a line every ten seconds.
func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		p := ShowProgress(&log)
		time.Sleep(11 * time.Second)
		p.Begin("rows", 100)
		time.Sleep(10 * time.Second)
		p.Add(30)
		time.Sleep(10 * time.Second)
		p.Add(80)
		time.Sleep(10 * time.Second)
		p.Stop()
		assert.Equal(t, "rows: 9s\nrows: 30 of 100 in 19s\nrows: 110 in 29s\n", log.String())
	})
	new(Progress).Stop()
}
