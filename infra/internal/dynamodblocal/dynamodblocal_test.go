package dynamodblocal

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Only one server can use a data folder, and a signal to the guard does not end the server.
// infra/local tests that the folder keeps its tables.
func TestStart(t *testing.T) {
	setFakeJava(t)
	data := filepath.Join(t.TempDir(), "a folder", "to be made")
	s, err := Start(t.Context(), Options{Data: data})
	require.NoError(t, err)
	t.Cleanup(s.Close)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.Endpoint())
	_, err = Start(within(t, time.Second), Options{Data: data})
	require.EqualError(t, err, "data folder of DynamoDB Local: another server keeps its data in "+data+"; stop it, or choose another folder")
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, syscall.Kill(s.guard.Process.Pid, signal))
	}
	require.NoError(t, s.ask(t.Context()))

	s.Close()
	assert.False(t, listening(s.Endpoint()), "after Close the port is free")
	claimed, err := claim(within(t, 100*time.Millisecond), data)
	require.NoError(t, err, "after Close the folder is free")
	require.NoError(t, claimed.Close())
}

// If the data is damaged, Start fails at once with SQLite's message.
func TestDamagedData(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(data, "shared-local-instance.db"), bytes.Repeat([]byte("no database "), 1000), 0o600))
	_, err := Start(t.Context(), Options{Data: data})
	const want = `^start DynamoDB Local: SQLite cannot open its data: \[26\] .*\[file is encrypted or is not a database\]$`
	assert.Regexp(t, want, err)
}

func TestCannotStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	const install = "\nInstall Java 17 or later and Maven, or set AWS_ENDPOINT_URL_DYNAMODB="
	for name, c := range map[string]struct {
		java, mvn string // scripts; "" is none
		home      string
		data      string
		want      string
	}{
		"no Java":              {mvn: mvnCopies, want: `exec: "java": executable file not found in $PATH` + install},
		"no Java in JAVA_HOME": {java: "exit 3", home: "/nowhere", want: `exec: "/nowhere/bin/java": stat /nowhere/bin/java: no such file or directory` + install},
		"no Maven":             {java: "exit 3", want: `exec: "mvn": executable file not found in $PATH` + "\n" + install},
		"no network": {
			java: "exit 3", mvn: mvnCopies + "echo '[ERROR] Could not transfer artifact'; echo '[ERROR] Unknown host' >&2; exit 1\n",
			want: "download DynamoDB Local with Maven: exit status 1\n[ERROR] Could not transfer artifact\n[ERROR] Unknown host\n" + install,
		},
		"old Java":       {java: "echo '(class file version 61.0)' >&2; exit 3", mvn: mvnCopies, want: "exit status 3\n(class file version 61.0)" + install},
		"file as folder": {java: "exit 3", mvn: mvnCopies, data: file, want: "data folder of DynamoDB Local: mkdir " + file},
	} {
		t.Run(name, func(t *testing.T) {
			scripts := map[string]string{"java": c.java, "mvn": c.mvn}
			maps.DeleteFunc(scripts, func(_, script string) bool { return script == "" })
			_, cache := setPath(t, scripts)
			t.Setenv("JAVA_HOME", c.home)
			_, err := Start(t.Context(), Options{Data: c.data})
			require.ErrorContains(t, err, c.want)
			if name == "no network" {
				assertHolds(t, cache, "download.lock")
			}
		})
	}
}

// If several callers find an empty cache at once, only one of them downloads.
func TestDownload(t *testing.T) {
	_, cache := setPath(t, map[string]string{"mvn": mvnCopies})
	logs, failed := make([]bytes.Buffer, 4), make(chan error)
	for i := range logs {
		go func() {
			_, err := jars(t.Context(), &logs[i])
			failed <- err
		}()
	}
	for range logs {
		require.NoError(t, <-failed)
	}
	all := ""
	for i := range logs {
		all += logs[i].String()
	}
	lib := filepath.Join(cache, "dynamodb-local-"+version)
	assert.Equal(t, "downloading DynamoDB Local 2.6.1 (about 50 MB, once) to "+lib+"\n", all)
	assertHolds(t, lib, "first.jar", "last.jar")
	assertHolds(t, cache, "download.lock", filepath.Base(lib))

	t.Setenv("PATH", "")
	again, err := jars(t.Context(), &logs[0])
	require.NoError(t, err, "from the cache, without Maven")
	assert.Equal(t, lib, again)
}

func assertHolds(t *testing.T, dir string, want ...string) {
	t.Helper()
	names, err := fs.Glob(os.DirFS(dir), "*")
	require.NoError(t, err)
	assert.Equal(t, want, names, dir)
}

// Start tries another port if a process takes the chosen one before DynamoDB Local does.
func TestPortTaken(t *testing.T) {
	setFakeJava(t)
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(other.Close)
	choices := 0
	choose := func() (int, error) {
		if choices++; choices == startsMax {
			return freePort()
		}
		return other.Listener.Addr().(*net.TCPAddr).Port, nil
	}
	s, err := start(t.Context(), Options{}, os.Getpid(), "", choose)
	require.NoError(t, err)
	s.Close()
	_, err = start(t.Context(), Options{}, os.Getpid(), "", choose)
	require.EqualError(t, err, "start DynamoDB Local: other processes took its port 3 times")
}

func TestServerEndsByItself(t *testing.T) {
	setFakeJava(t)
	s, err := Start(t.Context(), Options{})
	require.NoError(t, err)
	_, err = http.Get(s.Endpoint() + "/exit") //nolint:bodyclose // the response is nil
	require.Error(t, err)
	<-s.Ended()
	require.EqualError(t, s.Failure(), "DynamoDB Local exited unexpectedly: exit status 7\nended as asked")
	s.Close()
}

// If the context ends before the server answers, the server ends and frees its folder.
func TestCancelledWhileItStarts(t *testing.T) {
	setPath(t, map[string]string{"java": "exec sleep 1000", "mvn": mvnCopies})
	data := t.TempDir()
	_, err := Start(within(t, time.Second), Options{Data: data})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	claimed, err := claim(within(t, 100*time.Millisecond), data)
	require.NoError(t, err, "the program is gone")
	require.NoError(t, claimed.Close())
}

// A server ends when the process that started it is killed.
func TestServerEndsWithItsProcess(t *testing.T) {
	setFakeJava(t)
	starter, lines := startProgram(t, "starter")
	endpoint := nextEndpoint(t, lines)
	require.True(t, listening(endpoint))
	require.NoError(t, starter.Process.Kill())
	_ = starter.Wait()
	waitGone(endpoint)
}

// within returns a context that ends after d, which must be before claim gives up.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// After its owner has ended, a server keeps its folder locked until the server itself has
// ended. A server that ignores SIGTERM is killed.
func TestFolderStaysWithTheServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	claimed, err := claim(t.Context(), data)
	require.NoError(t, err)
	const pidOfNoProcess = "2147483647"
	s := &Server{ended: make(chan struct{})}
	require.NoError(t, s.run([]string{"-c", guard, "guard", pidOfNoProcess, "", "5", "/bin/sh", "-c", "trap '' TERM; exec sleep 1000"}, claimed))
	require.NoError(t, claimed.Close())
	_, err = claim(within(t, 100*time.Millisecond), data)
	require.ErrorContains(t, err, "another server keeps its data")
	again, err := claim(t.Context(), data)
	require.NoError(t, err, "it waits")
	require.NoError(t, again.Close())
}

// All processes in one "go test" share a server, even if an earlier "go test" with the same
// process id left its file behind. The server outlives the process that started it, and
// ends with the "go test".
func TestShare(t *testing.T) {
	setFakeJava(t)
	goTest, lines := startProgram(t, "go test")
	endpoint := nextEndpoint(t, lines)
	assert.Equal(t, endpoint, nextEndpoint(t, lines), "of the second process")
	assert.True(t, listening(endpoint), "the first process has ended")
	require.NoError(t, goTest.Process.Kill())
	require.Error(t, goTest.Wait())
	waitGone(endpoint)
}

// The defaults apply only to an endpoint on this machine, and only to unset variables.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"http://127.0.0.1:8000":             "us-east-1",
		"http://localhost:8000":             "us-east-1",
		"http://[::1]:8000":                 "us-east-1",
		"":                                  "",
		"localhost:8000":                    "",
		"http://dynamodb:8000":              "",
		"http://192.0.2.1:8000":             "",
		"http://localhost.example.com:8000": "",
		"https://dynamodb.us-east-1.amazonaws.com": "",
		"http://%": "",
	} {
		getenv := Environment(func(name string) string {
			return map[string]string{EndpointVariable: endpoint, "TRANSACTIONS_TABLE": "mine"}[name]
		})
		assert.Equal(t, want, getenv("AWS_REGION"), endpoint)
		assert.Equal(t, "mine", getenv("TRANSACTIONS_TABLE"), endpoint)
	}
}
