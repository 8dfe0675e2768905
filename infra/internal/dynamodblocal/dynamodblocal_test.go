package dynamodblocal

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A server is alone at its folder, and no signal to its guard reaches it. infra/local
// tests that the folder keeps its tables.
func TestStart(t *testing.T) {
	setFakeJava(t)
	data := filepath.Join(t.TempDir(), "a folder", "to be made")
	s, err := Start(t.Context(), Options{Data: data})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.Endpoint())
	_, err = Start(soon(t), Options{Data: data})
	require.EqualError(t, err, "data folder of DynamoDB Local: another server keeps its data in "+data+"; end it, or choose another folder")
	group, err := syscall.Getpgid(s.guard.Process.Pid)
	require.NoError(t, err)
	assert.Equal(t, s.guard.Process.Pid, group, "a group of its own")
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, syscall.Kill(s.guard.Process.Pid, signal))
	}
	require.NoError(t, s.ask(t.Context()))

	require.NoError(t, s.Close())
	assert.False(t, listening(s.Endpoint()), "after Close the port is free")
	require.NoError(t, s.Close(), "a second Close")
	again, err := Start(t.Context(), Options{Data: data})
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

// Damaged data end a start at once, with SQLite's message.
func TestDamagedData(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(data, "shared-local-instance.db"), bytes.Repeat([]byte("no database "), 1000), 0o600))
	_, err := Start(t.Context(), Options{Data: data})
	require.ErrorContains(t, err, "start DynamoDB Local: SQLite cannot open its data: [26] ")
	assert.True(t, strings.HasSuffix(err.Error(), "[file is encrypted or is not a database]"), "%v", err)
}

func TestCannotStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	const noWay = "no way to run DynamoDB Local: "
	for name, c := range map[string]struct {
		scripts map[string]string
		data    string
		want    string
	}{
		"nothing":  {nil, "", noWay + `java -version: exec: "java"`},
		"no Maven": {map[string]string{"java": java17}, "", noWay + `exec: "mvn"`},
		"old Java": {map[string]string{"java": `echo 'openjdk version "11.0.2"'`}, "", noWay + "java is version 11"},
		"Java 8":   {map[string]string{"java": `echo 'java version "1.8.0_392"'`}, "", noWay + "java is version 1"},
		"no Java":  {map[string]string{"java": "echo hello"}, "", "no version hello"},
		"macOS":    {map[string]string{"java": "echo 'Unable to locate a Java Runtime.' >&2; exit 1"}, "", "Unable to locate a Java Runtime."},
		"no network": {
			map[string]string{"java": java17, "mvn": mvnCopies + "echo '[ERROR] Could not transfer artifact'; echo '[ERROR] Unknown host' >&2; exit 1\n"}, "",
			"download DynamoDB Local with Maven: exit status 1\n[ERROR] Could not transfer artifact\n[ERROR] Unknown host",
		},
		"server that dies": {map[string]string{"java": java17 + "echo 'no memory' >&2; exit 3", "mvn": mvnCopies}, "", "exit status 3\nno memory"},
		"file as folder":   {map[string]string{"java": java17, "mvn": mvnCopies}, file, "data folder of DynamoDB Local"},
	} {
		t.Run(name, func(t *testing.T) {
			cache := setPath(t, c.scripts)
			_, err := Start(t.Context(), Options{Data: c.data})
			require.ErrorContains(t, err, c.want)
			if strings.HasPrefix(c.want, noWay) {
				assert.ErrorContains(t, err, "Java 17 or later and Maven")
				assert.ErrorContains(t, err, "AWS_ENDPOINT_URL_DYNAMODB")
			}
			if name == "no network" {
				assertOnlyIn(t, cache, "download.lock")
			}
		})
	}
}

// JAVA_HOME's Java goes before PATH's.
func TestJavaHome(t *testing.T) {
	setPath(t, map[string]string{"java": "exit 1", "mvn": mvnCopies})
	home := t.TempDir()
	java := filepath.Join(home, "bin", "java")
	require.NoError(t, os.Mkdir(filepath.Dir(java), 0o755))
	require.NoError(t, os.WriteFile(java, []byte("#!/bin/sh\n"+java17), 0o755))
	t.Setenv("JAVA_HOME", home)
	command, err := findJava(t.Context(), &bytes.Buffer{})
	require.NoError(t, err)
	assert.Equal(t, java, command[0])
}

// Of callers that find an empty cache at once, one downloads.
func TestDownload(t *testing.T) {
	cache := setPath(t, map[string]string{"mvn": mvnCopies})
	logs, failed := make([]bytes.Buffer, 4), make(chan error)
	for i := range logs {
		go func() {
			_, err := jars(t.Context(), &logs[i])
			failed <- err
		}()
	}
	all := ""
	for range logs {
		require.NoError(t, <-failed)
	}
	for i := range logs {
		all += logs[i].String()
	}
	lib := filepath.Join(cache, "dynamodb-local-"+version)
	assert.Equal(t, "downloading DynamoDB Local 2.6.1 (about 50 MB, once) to "+lib+"\n", all)
	called, err := os.ReadFile(filepath.Join(os.Getenv("HOME"), "called"))
	require.NoError(t, err)
	assert.Equal(t, "\n", string(called))
	assertOnlyIn(t, lib, "first.jar", "last.jar")
	assertOnlyIn(t, cache, "download.lock", filepath.Base(lib))

	t.Setenv("PATH", "")
	again, err := jars(t.Context(), &logs[0])
	require.NoError(t, err, "from the cache, without Maven")
	assert.Equal(t, lib, again)
}

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

// Another DynamoDB Local takes the port after it was chosen and before it is used.
func TestPortTaken(t *testing.T) {
	setFakeJava(t)
	other, err := Start(t.Context(), Options{})
	require.NoError(t, err)
	t.Cleanup(func() { other.Close() })
	var taken int
	_, err = fmt.Sscanf(other.Endpoint(), "http://127.0.0.1:%d", &taken)
	require.NoError(t, err)
	choices := 0
	s, err := start(t.Context(), Options{}, os.Getpid(), "", func() (int, error) {
		if choices++; choices == 1 {
			return taken, nil
		}
		return freePort()
	})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	assert.Equal(t, 2, choices)

	_, err = start(t.Context(), Options{}, os.Getpid(), "", func() (int, error) { return taken, nil })
	require.EqualError(t, err, "start DynamoDB Local: other processes took 3 ports")
}

func TestServerEndsByItself(t *testing.T) {
	setFakeJava(t)
	s, err := Start(t.Context(), Options{})
	require.NoError(t, err)
	_, err = http.Get(s.Endpoint() + "/exit") //nolint:bodyclose // there is none
	require.Error(t, err)
	<-s.Ended()
	err = s.Close()
	require.ErrorContains(t, err, "DynamoDB Local ended by itself: exit status 7\nended as asked")
	assert.Equal(t, err, s.Close(), "a second Close")
}

// When the context ends, a server that is slow to start ends, too.
func TestCancelledWhileItStarts(t *testing.T) {
	setPath(t, map[string]string{"java": java17 + "echo $$ >started; while :; do sleep 0.1; done", "mvn": mvnCopies})
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := Start(ctx, Options{})
		failed <- err
	}()
	var pid int
	for {
		started, _ := os.ReadFile("started")
		if n, _ := fmt.Sscan(string(started), &pid); n == 1 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	assert.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH, "the program is gone")
	_, err := Start(ctx, Options{})
	require.ErrorIs(t, err, context.Canceled, "one that is cancelled before")
}

// No server outlives its starter, however that ends.
func TestNoServerIsLeft(t *testing.T) {
	setFakeJava(t)
	starter, lines := startProcess(t, "starter")
	endpoint := nextEndpoint(t, lines)
	require.True(t, listening(endpoint))
	require.NoError(t, starter.Process.Kill())
	_ = starter.Wait()
	waitGone(endpoint)

	starter, lines = startProcess(t, "starter that ends")
	endpoint = nextEndpoint(t, lines)
	require.NoError(t, starter.Wait())
	waitGone(endpoint)
}

// soon returns a context that ends before a claim of a folder does.
func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// A server whose owner is gone keeps its folder until it has ended. If it ignores the
// request to end, it is killed.
func TestFolderStaysWithTheServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	claimed, err := claim(t.Context(), data)
	require.NoError(t, err)
	const pidOfNoProcess = "2147483647"
	s := &Server{ended: make(chan struct{})}
	require.NoError(t, s.run([]string{"-c", guard, "guard", pidOfNoProcess, "", "5", "/bin/sh", "-c", "trap '' TERM; exec sleep 1000"}, claimed))
	require.NoError(t, claimed.Close())
	_, err = claim(soon(t), data)
	require.ErrorContains(t, err, "another server keeps its data")
	again, err := claim(t.Context(), data)
	require.NoError(t, err, "it waits")
	require.NoError(t, again.Close())
}

// All processes in one "go test" share a server, even if an earlier "go test" with the
// same number left a file. The server outlives its starter, and ends with the "go test".
func TestShare(t *testing.T) {
	setFakeJava(t)
	goTest, lines := startProcess(t, "go test")
	endpoint := nextEndpoint(t, lines)
	assert.Equal(t, endpoint, nextEndpoint(t, lines), "of the second process")
	assert.True(t, listening(endpoint), "the first process has ended")
	require.NoError(t, goTest.Process.Kill())
	require.Error(t, goTest.Wait())
	waitGone(endpoint)
}

func TestOnThisMachine(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]bool{
		"http://127.0.0.1:8000":             true,
		"http://localhost:8000":             true,
		"http://[::1]:8000":                 true,
		"":                                  false,
		"localhost:8000":                    false,
		"http://dynamodb:8000":              false,
		"http://192.0.2.1:8000":             false,
		"http://localhost.example.com:8000": false,
		"https://dynamodb.us-east-1.amazonaws.com": false,
		"http://%": false,
	} {
		assert.Equal(t, want, OnThisMachine(endpoint), endpoint)
	}
}
