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

// roleVariable makes the test binary run a command that hangs after its context has ended.
const roleVariable = "CLI_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "" {
		os.Exit(m.Run())
	}
	Main("hangs", func(ctx context.Context, _ []string, out, _ io.Writer) error {
		fmt.Fprintln(out, "ready")
		<-ctx.Done()
		fmt.Fprintln(out, "ended")
		select {}
	})
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

// The first signal ends the context, and the second signal ends the process.
func TestSignals(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, first := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		command := exec.Command(self)
		command.Env = append(os.Environ(), roleVariable+"=hangs")
		out, err := command.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, command.Start())
		t.Cleanup(func() { _ = command.Process.Kill() })
		lines := bufio.NewScanner(out)
		require.True(t, lines.Scan())
		require.Equal(t, "ready", lines.Text())
		require.NoError(t, command.Process.Signal(first))
		require.True(t, lines.Scan())
		require.Equal(t, "ended", lines.Text())
		// Main restores the default handling of signals shortly after the context has
		// ended, so the test repeats the signal. It waits between signals, because Go's
		// runtime may crash if one arrives while another ends the process.
		exited := make(chan error, 1)
		go func() { exited <- command.Wait() }()
		for waiting := true; waiting; {
			select {
			case err = <-exited:
				waiting = false
			case <-time.After(time.Millisecond):
				_ = command.Process.Signal(os.Interrupt)
			}
		}
		failed, ok := errors.AsType[*exec.ExitError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, syscall.SIGINT, failed.Sys().(syscall.WaitStatus).Signal())
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
		{[]string{"a"}, `unexpected argument "a" (-h lists the flags)`},
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
	flags := NewFlags("try", "Tries.")
	flags.Int("n", 1, "try so many `times`")
	var help bytes.Buffer
	require.ErrorIs(t, flags.Parse([]string{"-h"}, &help), flag.ErrHelp)
	assert.Equal(t, "usage: try [flags]\n\nTries.\n\nflags:\n  -n times\n    \ttry so many times (default 1)\n", help.String())
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
