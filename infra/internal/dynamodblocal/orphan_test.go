package dynamodblocal

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// owner is another process that starts DynamoDB Local, or has a share in one.
type owner struct {
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startOwner(t *testing.T, role string) owner {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	return owner{cmd, in, bufio.NewReader(out)}
}

// waitReady returns the endpoint when the owner's server is ready.
func (o owner) waitReady(t *testing.T) string {
	t.Helper()
	said := ""
	for {
		line, err := o.out.ReadString('\n')
		require.NoError(t, err, "the owner said %q", said)
		if endpoint, ok := strings.CutPrefix(line, "ready "); ok {
			return strings.TrimSpace(endpoint)
		}
		said += line
	}
}

// TestNoServerIsLeft ends a process that runs a server in every way a process can end,
// without a Close. (The server is a stand-in for Java, which would take a second each.)
func TestNoServerIsLeft(t *testing.T) {
	signal := func(s syscall.Signal) func(*testing.T, owner) {
		return func(t *testing.T, o owner) { require.NoError(t, o.cmd.Process.Signal(s)) }
	}
	say := func(line string) func(*testing.T, owner) {
		return func(t *testing.T, o owner) {
			_, err := fmt.Fprintln(o.in, line)
			require.NoError(t, err)
		}
	}
	for name, end := range map[string]func(*testing.T, owner){
		"SIGKILL": signal(syscall.SIGKILL),
		"SIGTERM": signal(syscall.SIGTERM),
		"SIGINT":  signal(syscall.SIGINT),
		"SIGQUIT": signal(syscall.SIGQUIT), // go test's when a test takes too long
		"os.Exit": say("exit"),
		"panic":   say("panic"),
		"return":  say("return"),
	} {
		t.Run(name, func(t *testing.T) {
			l := newLifeline(t)
			setFakeJava(t, l.hold())
			endAndLookForLeft(t, l, end)
		})
	}
}

// TestNoJavaIsLeft plays the worst of them with the real one.
func TestNoJavaIsLeft(t *testing.T) {
	l := newLifeline(t)
	bin := t.TempDir()
	script := "#!/bin/sh\n[ \"$1\" = -version ] || { " + l.hold() + "}\nexec '" + realJava(t) + "' \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "java"), []byte(script), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	endAndLookForLeft(t, l, func(t *testing.T, o owner) { require.NoError(t, o.cmd.Process.Kill()) })
}

// endAndLookForLeft starts an owner whose server holds l, ends it, and waits until
// nobody holds l or listens any more.
func endAndLookForLeft(t *testing.T, l lifeline, end func(*testing.T, owner)) {
	t.Helper()
	o := startOwner(t, "owner")
	endpoint := o.waitReady(t)
	waitReleased := l.waitHeld(t)
	require.True(t, listening(endpoint))
	end(t, o)
	waitReleased()
	waitGone(endpoint)
}

// TestSignalsOfATerminalDoNotReachIt holds that Ctrl-C, which a terminal sends to the
// process group in its foreground, passes DynamoDB Local by, and that a supervisor that
// ends processes one by one does not orphan it through its watchdog.
func TestSignalsOfATerminalDoNotReachIt(t *testing.T) {
	t.Parallel()
	s, err := launch(t.Context(), asServer(t), folder{}, freePort)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	group, err := syscall.Getpgid(s.child.cmd.Process.Pid)
	require.NoError(t, err)
	assert.Equal(t, s.child.cmd.Process.Pid, group, "a group of its own")
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, syscall.Kill(s.child.cmd.Process.Pid, signal)) // the watchdog alone
	}
	call(t, s, "ListTables", `{}`)
	require.NoError(t, s.Close())
}

// TestNoMavenIsLeft kills a process while it downloads: Maven goes, what it had copied
// goes, and the next process downloads anew.
func TestNoMavenIsLeft(t *testing.T) {
	l, removed := newLifeline(t), newLifeline(t).path
	rm, err := exec.LookPath("rm")
	require.NoError(t, err)
	cache := setPath(t, map[string]string{
		"java": java17,
		"mvn":  mvnCopies + l.hold() + forever,
	})
	bin := os.Getenv("PATH")
	require.NoError(t, os.Remove(filepath.Join(bin, "rm")))
	require.NoError(t, os.WriteFile(filepath.Join(bin, "rm"), []byte("#!/bin/sh\n'"+rm+"' \"$@\"\necho removed >'"+removed+"'\n"), 0o755))

	o := startOwner(t, "owner")
	waitReleased := l.waitHeld(t)
	half, err := filepath.Glob(filepath.Join(cache, "download-*", "lib", "first.jar"))
	require.NoError(t, err)
	require.Len(t, half, 1)
	require.NoError(t, o.cmd.Process.Kill())
	_, err = os.ReadFile(removed) // returns when it has been written
	require.NoError(t, err)
	waitReleased()
	assertOnlyIn(t, cache, "download.lock")

	require.NoError(t, os.WriteFile(filepath.Join(bin, "mvn"), []byte("#!/bin/sh\n"+mvnCopies), 0o755))
	lib, err := jars(t.Context(), io.Discard)
	require.NoError(t, err)
	assertOnlyIn(t, lib, "first.jar", "last.jar")
}

// assertOnlyIn asserts that these are the names of all that is in dir.
func assertOnlyIn(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	assert.ElementsMatch(t, want, names, dir)
}
