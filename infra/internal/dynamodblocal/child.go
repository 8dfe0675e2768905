package dynamodblocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// watchdog is the sh script that every program runs under. Its arguments are what to
// do when the program did not end well ($1, words; $2, their last), then the program's
// own. Its standard input is the pipe: nothing is ever written to it, and read returns
// when the process that holds the other end is gone. What the program is to hold, if
// anything, is file 3.
//
// It ignores the signals that a person or a supervisor sends, but only after the
// program has been started, which therefore does not. It lets go of the output, which
// may be a pipe that nobody reads any more. The program is asked to end before it is
// killed: DynamoDB Local, killed, loses what it has answered for last but not yet
// written to its file. The program's own children, and the sleep, are killed with the
// process group, which the script leads.
const watchdog = `
undo=$1 what=$2
shift 2
exec 4<&0
"$@" </dev/null 4<&- &
child=$!
trap '' HUP INT QUIT TERM
exec >/dev/null 2>&1
{ read -r _ <&4; kill -s TERM "$child"; sleep 5; kill -s KILL "$child"; } 3<&- &
watcher=$!
exec 4<&-
wait "$child"
code=$?
kill -s KILL "$watcher"
[ "$code" -eq 0 ] || $undo "$what"
[ "$code" -lt 128 ] || kill -s KILL -- -$$
exit "$code"
`

// outputLimitBytes is how much of a program's output is kept, from its end.
const outputLimitBytes = 4 << 10

// command is a program to run and what to do if it fails or is killed.
type command struct {
	args []string
	undo []string // may be empty
	hold *os.File // what the program holds open until it ends; may be nil
}

// child is a program that runs under the watchdog.
type child struct {
	cmd  *exec.Cmd     // the watchdog
	pipe io.Closer     // closing it ends the program
	done chan struct{} // closed when the program has ended
	err  error         // how it ended; valid once done is closed
	out  tail          // what it wrote last; valid once done is closed
}

// startChild starts c's program.
func startChild(c command) (*child, error) {
	undo, what := ":", ""
	if n := len(c.undo); n > 0 {
		undo, what = strings.Join(c.undo[:n-1], " "), c.undo[n-1]
	}
	cmd := exec.Command("/bin/sh", append([]string{"-c", watchdog, "watchdog", undo, what}, c.args...)...)
	if c.hold != nil {
		cmd.ExtraFiles = []*os.File{c.hold} // file 3
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	started := &child{cmd: cmd, pipe: pipe, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &started.out, &started.out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(started.done)
		started.err = cmd.Wait() // which also waits until nobody holds the output
	}()
	return started, nil
}

// end ends the program, if it has not ended, and returns when it is gone.
func (c *child) end() {
	c.pipe.Close()
	<-c.done
}

// ended reports whether the program has ended.
func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// failure returns the error of a program that has ended though it was not to:
// how it ended and what it wrote last.
func (c *child) failure() error {
	err := c.err
	if err == nil {
		err = errors.New("exit status 0")
	}
	return fmt.Errorf("%w\n%s", err, c.out.String())
}

// run runs c's program to its end, or kills it when ctx ends, and returns the end of
// its output. The error carries that too.
func run(ctx context.Context, c command) (string, error) {
	started, err := startChild(c)
	if err != nil {
		return "", err
	}
	select {
	case <-started.done:
	case <-ctx.Done():
	}
	started.end()
	switch {
	case started.err == nil:
		return started.out.String(), nil
	case ctx.Err() != nil:
		return "", ctx.Err()
	default:
		return "", started.failure()
	}
}

// tail is a writer that keeps the end of what it is given.
type tail struct{ bytes.Buffer }

// Write keeps the last [outputLimitBytes] of everything written.
func (t *tail) Write(p []byte) (int, error) {
	t.Buffer.Write(p)
	t.Next(max(0, t.Len()-outputLimitBytes))
	return len(p), nil
}

// String returns what was kept, without space around it.
func (t *tail) String() string { return strings.TrimSpace(t.Buffer.String()) }
