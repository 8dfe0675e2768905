package dynamodblocal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// guard is the sh script that DynamoDB Local runs under. It ends it when the owner is
// gone, and kills it 5 seconds later. The owner is the process $owner, or else the one
// that holds the other end of the standard input. It removes $file afterwards. It
// ignores signals, so that an end of all processes one by one leaves nothing behind.
const guard = `
owner=$1 file=$2
shift 2
exec 4<&0
"$@" </dev/null 4<&- &
child=$!
trap '' HUP INT QUIT TERM
{
	if [ "$owner" -gt 0 ]; then
		while kill -0 "$owner"; do sleep 0.2; done
	else
		read -r _ <&4
	fi
	kill -s TERM "$child"
	sleep 5
	kill -s KILL "$child"
} >/dev/null 2>&1 3<&- &
killer=$!
exec 4<&-
wait "$child"
code=$?
kill -s KILL "$killer"
rm -f "$file"
exit "$code"
`

// owner is the process whose end ends DynamoDB Local. The zero owner is this process.
type owner struct {
	pid  int
	file string // that goes with it; "" is none
}

// child is DynamoDB Local under the guard.
type child struct {
	guard  *exec.Cmd
	pipe   io.Closer     // closing it ends a child of this process
	output *os.File      // which may outlive this process
	done   chan struct{} // closed when the child has ended
	err    error         // how it ended; valid once done is closed
}

// startChild runs a command. The child holds the data folder open, if there is one.
func startChild(command []string, data *os.File, o owner) (*child, error) {
	output, err := os.CreateTemp("", "dynamodb-local-")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(output.Name()); err != nil {
		return nil, err
	}
	c := &child{output: output, done: make(chan struct{})}
	c.guard = exec.Command("/bin/sh", append([]string{"-c", guard, "guard", strconv.Itoa(o.pid), o.file}, command...)...)
	c.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C passes it by
	c.guard.Stdout, c.guard.Stderr = output, output
	if data != nil {
		c.guard.ExtraFiles = []*os.File{data}
	}
	if c.pipe, err = c.guard.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.guard.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.done)
		c.err = c.guard.Wait()
	}()
	return c, nil
}

// ended reports whether the child has ended.
func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// end ends a child and returns when it is gone.
func (c *child) end(o owner) {
	_ = c.pipe.Close()
	if o.pid > 0 {
		_ = syscall.Kill(-c.guard.Process.Pid, syscall.SIGKILL)
	}
	<-c.done
}

// failure returns how a child ended, and the end of its output.
func (c *child) failure() error {
	return fmt.Errorf("%w\n%s", cmp.Or(c.err, errors.New("exit status 0")), c.words())
}

// words returns the end of the output of a child.
func (c *child) words() string {
	const most = 4 << 10
	words, err := io.ReadAll(io.NewSectionReader(c.output, 0, math.MaxInt64))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(words[max(0, len(words)-most):]))
}
