package dynamodblocal

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const createBooks = `{"TableName":"books","BillingMode":"PAY_PER_REQUEST",
	"AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],
	"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]}`

func TestStart(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{})
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })

	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.Endpoint())
	assert.JSONEq(t, `{"TableNames":[]}`, call(t, s, "ListTables", `{}`))

	require.NoError(t, s.Close())
	assert.False(t, listening(s.Endpoint()), "after Close the port is free")
	require.NoError(t, s.Close(), "a second Close")
}

func TestDataIsKept(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "a folder", "to be made")
	first, err := Start(t.Context(), Options{Data: data})
	require.NoError(t, err)
	t.Cleanup(func() { first.Close() })
	call(t, first, "CreateTable", createBooks)
	call(t, first, "PutItem", `{"TableName":"books","Item":{"id":{"S":"1"}}}`)
	require.NoError(t, first.Close())

	second, err := Start(t.Context(), Options{Data: data})
	require.NoError(t, err)
	t.Cleanup(func() { second.Close() })
	assert.JSONEq(t, `{"TableNames":["books"]}`, call(t, second, "ListTables", `{}`))
	assert.JSONEq(t, `{"Item":{"id":{"S":"1"}}}`, call(t, second, "GetItem", `{"TableName":"books","Key":{"id":{"S":"1"}}}`))
}

func TestDataFolderThatCannotBe(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := Start(t.Context(), Options{Data: file})
	require.ErrorContains(t, err, "data folder of DynamoDB Local")
}

// Damaged data end a start at once, with SQLite's own words.
func TestDamagedData(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(data, "shared-local-instance.db"), bytes.Repeat([]byte("no database "), 1000), 0o600))
	_, err := Start(t.Context(), Options{Data: data})
	require.ErrorContains(t, err, "start DynamoDB Local: SQLite cannot open its data: [26] ")
	assert.True(t, strings.HasSuffix(err.Error(), "[file is encrypted or is not a database]"), "%v", err)
}

func TestDataFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	folder := "/proc" // where even root makes no file
	if runtime.GOOS != "linux" {
		folder = filepath.Join(t.TempDir(), "read only")
		require.NoError(t, os.Mkdir(folder, 0o500))
	}
	_, err := Start(t.Context(), Options{Data: folder})
	require.ErrorContains(t, err, "data folder of DynamoDB Local: open "+folder)
}

// TestDataFolderIsOneServers starts a second server on the folder of a first one.
func TestDataFolderIsOneServers(t *testing.T) {
	setFakeJava(t)
	data := t.TempDir()
	first, err := Start(t.Context(), Options{Data: data})
	require.NoError(t, err)
	t.Cleanup(func() { first.Close() })
	_, err = Start(t.Context(), Options{Data: data})
	require.EqualError(t, err, "data folder of DynamoDB Local: another server keeps its data in "+data+"; end it, or choose another folder")

	require.NoError(t, first.Close())
	second, err := Start(t.Context(), Options{Data: data})
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

// The server holds the folder, not its owner: a killed owner's server may still write.
func TestDataFolderStaysWithTheServer(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	claimed, err := openFolder(data)
	require.NoError(t, err)
	program, err := startChild([]string{"/bin/sh", "-c", "trap '' TERM; exec sleep 1000"}, claimed, owner{})
	require.NoError(t, err)
	require.NoError(t, claimed.Close())
	require.NoError(t, program.pipe.Close()) // as the kernel does when the owner is killed
	_, err = openFolder(data)
	require.ErrorContains(t, err, "another server keeps its data")

	program.end(owner{}) // kills it after a while
	again, err := openFolder(data)
	require.NoError(t, err)
	require.NoError(t, again.Close())
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

// Another server, of the same answers, takes the port between its choice and its use.
func TestPortTaken(t *testing.T) {
	setFakeJava(t)
	taken := portOf(t, launchPlayed(t))
	choices := 0
	s, err := start(t.Context(), Options{}, owner{}, func() (int, error) {
		if choices++; choices == 1 {
			return taken, nil
		}
		return freePort()
	})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	assert.Equal(t, 2, choices)

	_, err = start(t.Context(), Options{}, owner{}, func() (int, error) { choices++; return taken, nil })
	require.EqualError(t, err, "start DynamoDB Local: other processes took 3 ports")
	assert.Equal(t, 2+startsMax, choices)
}

// TestServerEndsByItself plays the crash of a server that was ready.
func TestServerEndsByItself(t *testing.T) {
	t.Parallel()
	s := launchPlayed(t)
	response, err := http.Get(s.Endpoint() + "/exit")
	if err == nil {
		response.Body.Close()
	}
	require.Error(t, err)
	<-s.Ended()

	err = s.Close()
	require.ErrorContains(t, err, "ended by itself")
	assert.ErrorContains(t, err, "exit status 7")
	assert.ErrorContains(t, err, "ended as told")
	assert.Equal(t, err, s.Close(), "a second Close")
}

func TestServerThatDiesAtOnce(t *testing.T) {
	setPath(t, map[string]string{"java": java17 + "echo 'no memory' >&2; exit 3", "mvn": mvnCopies})
	_, err := Start(t.Context(), Options{})
	require.ErrorContains(t, err, "no memory")
	assert.ErrorContains(t, err, "exit status 3")
}

// The end of the context ends a server that is slow to start.
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

// portOf returns the port of a server.
func portOf(t *testing.T, s *Server) int {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", s.Endpoint()[len("http://"):])
	require.NoError(t, err)
	return addr.Port
}
