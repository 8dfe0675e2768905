package dynamodblocal

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"

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

func TestDataFolderThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	folder := "/proc" // for anybody, root included
	if runtime.GOOS != "linux" {
		folder = filepath.Join(t.TempDir(), "read only")
		require.NoError(t, os.Mkdir(folder, 0o500))
	}
	_, err := Start(t.Context(), Options{Data: folder})
	require.ErrorContains(t, err, "data folder of DynamoDB Local: open "+folder)
}

// TestDataFolderIsOneServers starts a second server on the folder of a first one.
func TestDataFolderIsOneServers(t *testing.T) {
	setFakeJava(t, "")
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

// TestDataFolderStaysWithTheProgram holds that the program has the folder, not the process
// that started it: a killed owner's server may still be writing.
func TestDataFolderStaysWithTheProgram(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	claimed, err := openFolder(data)
	require.NoError(t, err)
	l := newLifeline(t)
	program, err := startChild(command{
		args: []string{"/bin/sh", "-c", "trap '' TERM\n" + l.hold() + forever},
		hold: claimed.claim,
	})
	require.NoError(t, err)
	claimed.close()
	l.waitHeld(t)
	program.pipe.Close() // as the kernel does when the owner is killed
	_, err = openFolder(data)
	require.ErrorContains(t, err, "another server keeps its data")

	program.end() // kills it after a while
	again, err := openFolder(data)
	require.NoError(t, err)
	again.close()
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

// TestPortTaken loses the port to another server, of the same answers, between its
// choice and its use.
func TestPortTaken(t *testing.T) {
	t.Parallel()
	other, err := launch(t.Context(), asServer(t), folder{}, freePort)
	require.NoError(t, err)
	t.Cleanup(func() { other.Close() })
	taken := portOf(t, other)
	choices := 0
	port := func() (int, error) {
		choices++
		if choices == 1 {
			return taken, nil
		}
		return freePort()
	}

	s, err := start(t.Context(), Options{}, port)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	assert.Equal(t, 2, choices)
	assert.NotEqual(t, other.Endpoint(), s.Endpoint())
	call(t, s, "CreateTable", createBooks)
}

func TestPortTakenEachTime(t *testing.T) {
	setFakeJava(t, "")
	other, err := launch(t.Context(), asServer(t), folder{}, freePort)
	require.NoError(t, err)
	t.Cleanup(func() { other.Close() })
	choices := 0
	taken := portOf(t, other)
	_, err = start(t.Context(), Options{}, func() (int, error) { choices++; return taken, nil })
	require.ErrorIs(t, err, errPortTaken)
	assert.ErrorContains(t, err, "address already in use", "the server's own words")
	assert.Equal(t, startsMax, choices)
}

// TestServerEndsByItself plays the crash of a server that was ready.
func TestServerEndsByItself(t *testing.T) {
	t.Parallel()
	s, err := launch(t.Context(), asServer(t), folder{}, freePort)
	require.NoError(t, err)
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
	t.Parallel()
	dies := func(int, string, string) command {
		return command{args: []string{"/bin/sh", "-c", "echo 'no memory' >&2; exit 3"}}
	}
	_, err := launch(t.Context(), dies, folder{}, freePort)
	require.ErrorContains(t, err, "no memory")
	assert.ErrorContains(t, err, "exit status 3")
	assert.NotErrorIs(t, err, errPortTaken)
}

func TestCancelledWhileItStarts(t *testing.T) {
	t.Parallel()
	l := newLifeline(t)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := launch(ctx, func(int, string, string) command {
			return command{args: []string{"/bin/sh", "-c", l.hold() + forever}}
		}, folder{}, freePort)
		failed <- err
	}()
	waitReleased := l.waitHeld(t)
	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	waitReleased()
}

func TestCancelledBeforeItStarts(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Start(ctx, Options{})
	require.ErrorIs(t, err, context.Canceled)
}

// portOf returns the port of a server.
func portOf(t *testing.T, s *Server) int {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", s.Endpoint()[len("http://"):])
	require.NoError(t, err)
	return addr.Port
}
