package dynamodblocal

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// starter is another process that this binary plays, and that starts DynamoDB Local.
type starter struct {
	*exec.Cmd
	out *bufio.Reader
}

func startStarter(t *testing.T, role string) starter {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	s := starter{Cmd: exec.Command(self)}
	s.Env = append(os.Environ(), roleVariable+"="+role)
	out, err := s.StdoutPipe()
	require.NoError(t, err)
	s.out = bufio.NewReader(out)
	require.NoError(t, s.Start())
	t.Cleanup(func() { _, _ = s.Process.Kill(), s.Wait() })
	return s
}

// waitReady returns the endpoint that the starter prints when its server is ready.
func (s starter) waitReady(t *testing.T) string {
	t.Helper()
	line, err := s.out.ReadString('\n')
	require.NoError(t, err)
	endpoint, ready := strings.CutPrefix(line, "ready ")
	require.True(t, ready, "the starter said %q", line)
	return strings.TrimSpace(endpoint)
}

// No server outlives its starter, however that ends.
func TestNoServerIsLeft(t *testing.T) {
	setFakeJava(t)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		s := startStarter(t, "starter")
		endpoint := s.waitReady(t)
		require.True(t, listening(endpoint))
		require.NoError(t, s.Process.Signal(signal), signal)
		waitGone(endpoint)
	}
	s := startStarter(t, "ends")
	waitGone(s.waitReady(t))
}

// Signals that a terminal or a supervisor sends to the guard too leave the server alone.
func TestSignalsPassItBy(t *testing.T) {
	t.Parallel()
	s := launchPlayed(t)
	group, err := syscall.Getpgid(s.child.guard.Process.Pid)
	require.NoError(t, err)
	assert.Equal(t, s.child.guard.Process.Pid, group, "a group of its own")
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, syscall.Kill(s.child.guard.Process.Pid, signal))
	}
	call(t, s, "ListTables", `{}`)
	require.NoError(t, s.Close())
}

// The processes of one "go test" share a server. It outlives its starter, and ends
// with the "go test".
func TestShare(t *testing.T) {
	setFakeJava(t)
	goTest := startStarter(t, "go test")
	endpoint := goTest.waitReady(t)
	assert.Equal(t, endpoint, goTest.waitReady(t), "of the second process")
	assert.True(t, listening(endpoint), "the first process has ended")
	require.NoError(t, goTest.Process.Kill())
	require.Error(t, goTest.Wait())
	waitGone(endpoint)
}

// What another "go test" of the same number left is no server.
func TestShareAfterAnother(t *testing.T) {
	setFakeJava(t)
	cache, err := cacheFolder()
	require.NoError(t, err)
	left := fmt.Sprintf("%s/shared-%d", cache, os.Getpid())
	require.NoError(t, os.WriteFile(left, []byte("http://127.0.0.1:1 onewrite-gone, and more text than what takes its place, which is cut off\n"), 0o600))
	sharer := startStarter(t, "sharer")
	endpoint := sharer.waitReady(t)
	assert.True(t, listening(endpoint))
	text, err := os.ReadFile(left)
	require.NoError(t, err)
	assert.Regexp(t, "^"+endpoint+" onewrite-\\w+\n$", string(text))
}
