package dynamodblocal

import (
	"bytes"
	"io"
	"net"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestShare has three processes share a server, of which the one that started it is
// killed first. It ends when the last of them is gone.
func TestShare(t *testing.T) {
	l := newLifeline(t)
	setFakeJava(t, l.hold())
	starter := startOwner(t, "sharer")
	endpoint := starter.waitReady(t)
	waitReleased := l.waitHeld(t)
	second := startOwner(t, "sharer")
	assert.Equal(t, endpoint, second.waitReady(t))
	require.NoError(t, starter.cmd.Process.Kill())
	require.Error(t, starter.cmd.Wait(), "killed")

	third := startOwner(t, "sharer")
	assert.Equal(t, endpoint, third.waitReady(t))
	require.NoError(t, second.cmd.Process.Kill())
	require.Error(t, second.cmd.Wait(), "killed")
	assert.True(t, listening(endpoint))

	_, err := io.WriteString(third.in, "return\n")
	require.NoError(t, err)
	waitReleased()
	waitGone(endpoint)
}

// TestShareAtOnce has processes ask at once: one starts the server.
func TestShareAtOnce(t *testing.T) {
	setFakeJava(t, "")
	var owners []owner
	for range 4 {
		owners = append(owners, startOwner(t, "sharer"))
	}
	endpoints := map[string]bool{}
	for _, o := range owners {
		endpoints[o.waitReady(t)] = true
	}
	assert.Len(t, endpoints, 1)
}

// TestShareAfterAKeeperThatWasKilled starts another server: the socket that it
// left answers nobody.
func TestShareAfterAKeeperThatWasKilled(t *testing.T) {
	listener := listenAsKeeper(t)
	listener.SetUnlinkOnClose(false)
	require.NoError(t, listener.Close())
	require.FileExists(t, listener.Addr().String())

	assertShareStarts(t)
}

// TestShareWithAKeeperThatEnds starts another server: the keeper at the socket
// hangs up.
func TestShareWithAKeeperThatEnds(t *testing.T) {
	listener := listenAsKeeper(t)
	go func() {
		if holder, err := listener.Accept(); err == nil {
			listener.Close()
			holder.Close()
		}
	}()

	assertShareStarts(t)
}

// TestShareWithoutDynamoDBLocal holds that the person who runs the tests is told why
// there is no server.
func TestShareWithoutDynamoDBLocal(t *testing.T) {
	setPath(t, nil)
	var log bytes.Buffer
	_, err := Share(t.Context(), &log)
	require.EqualError(t, err, "the process that is to keep DynamoDB Local: exit status 1")
	assert.Contains(t, log.String(), "no way to run DynamoDB Local here")
}

// listenAsKeeper listens at the socket of a keeper, in a cache of its own.
func listenAsKeeper(t *testing.T) *net.UnixListener {
	t.Helper()
	setFakeJava(t, "")
	cache, err := cacheFolder()
	require.NoError(t, err)
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: sharedSocket(cache)})
	require.NoError(t, err)
	return listener
}

// assertShareStarts asserts that a share is in a server that answers, and ends with it.
func assertShareStarts(t *testing.T) {
	t.Helper()
	s, err := Share(t.Context(), io.Discard)
	require.NoError(t, err)
	assert.True(t, listening(s.Endpoint()))
	require.NoError(t, s.Close())
	waitGone(s.Endpoint())
}

// waitGone returns when nobody listens at an endpoint.
func waitGone(endpoint string) {
	for listening(endpoint) { // a dying process closes its files one by one
		runtime.Gosched()
	}
}
