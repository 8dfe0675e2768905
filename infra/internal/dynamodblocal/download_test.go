package dynamodblocal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDownload(t *testing.T) {
	cache := setPath(t, map[string]string{"mvn": mvnCopies})
	var log bytes.Buffer
	lib, err := jars(t.Context(), &log)
	require.NoError(t, err)
	assertOnlyIn(t, lib, "first.jar", "last.jar")
	assertOnlyIn(t, cache, "download.lock", "dynamodb-local-"+version)
	assert.Regexp(t, `^downloading DynamoDB Local 2\.6\.1 \(about 50 MB, once\) to \S+/onewrite/dynamodb-local-2\.6\.1
downloaded in \d+ s\n$`, log.String())

	log.Reset()
	t.Setenv("PATH", "")
	again, err := jars(t.Context(), &log)
	require.NoError(t, err, "from the cache, without Maven")
	assert.Equal(t, lib, again)
	assert.Empty(t, log.String())
}

// TestDownloadsAtOnce has four callers find an empty cache: one downloads, and the
// others say that they wait and take what it brought.
func TestDownloadsAtOnce(t *testing.T) {
	l := newLifeline(t)
	goOn := filepath.Join(t.TempDir(), "go on")
	calls := filepath.Join(t.TempDir(), "calls")
	setPath(t, map[string]string{
		"mvn": "echo called >>'" + calls + "'\n" + l.hold() + "until [ -e '" + goOn + "' ]; do sleep 0.02; done\n" + mvnCopies,
	})
	const callers = 4
	var log syncBuffer
	type result struct {
		lib string
		err error
	}
	results := make(chan result, callers)
	for range callers {
		go func() {
			lib, err := jars(t.Context(), &log)
			results <- result{lib, err}
		}()
	}
	waitReleased := l.waitHeld(t)
	for strings.Count(log.String(), "waiting for another process") < callers-1 {
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, os.WriteFile(goOn, nil, 0o600))
	waitReleased()
	for range callers {
		r := <-results
		require.NoError(t, r.err)
		assertOnlyIn(t, r.lib, "first.jar", "last.jar")
	}
	called, err := os.ReadFile(calls)
	require.NoError(t, err)
	assert.Equal(t, "called\n", string(called))
}

// TestDownloadsAtOnceWithoutLock does the same on a file system without locks: both
// download, and the second takes what the first brought.
func TestDownloadsAtOnceWithoutLock(t *testing.T) {
	both := t.TempDir()
	cache := setPath(t, map[string]string{
		// Each waits until the other has begun too.
		"mvn": "touch '" + both + "'/$$\nuntil [ $(echo '" + both + "'/* | wc -w) -eq 2 ]; do sleep 0.02; done\n" + mvnCopies,
	})
	require.NoError(t, os.MkdirAll(cache, 0o755))
	mvn := filepath.Join(os.Getenv("PATH"), "mvn")
	lib := filepath.Join(cache, "lib")
	results := make(chan error, 2)
	for range 2 {
		go func() { results <- download(t.Context(), mvn, lib) }()
	}
	require.NoError(t, <-results)
	assertOnlyIn(t, lib, "first.jar", "last.jar")
	require.NoError(t, <-results)
	assertOnlyIn(t, lib, "first.jar", "last.jar")
	assertOnlyIn(t, cache, "lib")
}

func TestDownloadFails(t *testing.T) {
	cache := setPath(t, map[string]string{
		"java": java17,
		"mvn":  mvnCopies + "echo '[ERROR] Could not transfer artifact'; echo '[ERROR] Unknown host' >&2; exit 1\n",
	})
	var log bytes.Buffer
	_, err := Start(t.Context(), Options{Log: &log})
	require.ErrorContains(t, err, "download DynamoDB Local with ")
	assert.ErrorContains(t, err, "[ERROR] Could not transfer artifact\n[ERROR] Unknown host", "Maven's last lines")
	assert.Contains(t, log.String(), "download failed after")
	assertOnlyIn(t, cache, "download.lock")
}

func TestDownloadCancelled(t *testing.T) {
	l := newLifeline(t)
	cache := setPath(t, map[string]string{"java": java17, "mvn": mvnCopies + l.hold() + forever})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := Start(ctx, Options{})
		failed <- err
	}()
	waitReleased := l.waitHeld(t)
	waiting, cancelWaiting := context.WithCancel(t.Context())
	cancelWaiting()
	_, err := jars(waiting, io.Discard)
	require.ErrorIs(t, err, context.Canceled, "one that waits for the lock")

	cancel()
	require.ErrorIs(t, <-failed, context.Canceled)
	waitReleased()
	assertOnlyIn(t, cache, "download.lock")
}

func TestProgress(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		takes time.Duration
		err   error
		want  string
	}{
		"short": {takes: 2 * time.Second, want: "downloading it\ndownloaded in 2 s\n"},
		"long": {takes: 21 * time.Second,
			want: "downloading it\nstill downloading: 10s\nstill downloading: 20s\ndownloaded in 21 s\n"},
		"fails": {takes: time.Second, err: errors.New("no network"),
			want: "downloading it\ndownload failed after 1 s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				err := showProgress(&log, "it", func() error {
					time.Sleep(c.takes)
					return c.err
				})
				assert.Equal(t, c.err, err)
				assert.Equal(t, c.want, log.String())
			})
		})
	}
}
