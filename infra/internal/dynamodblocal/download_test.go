package dynamodblocal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

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
	assert.Equal(t, "downloading DynamoDB Local 2.6.1 (about 50 MB, once) to "+lib+"\n", log.String())

	log.Reset()
	t.Setenv("PATH", "")
	again, err := jars(t.Context(), &log)
	require.NoError(t, err, "from the cache, without Maven")
	assert.Equal(t, lib, again)
	assert.Empty(t, log.String())
}

// Of callers that find an empty cache at once, one downloads.
func TestDownloadsAtOnce(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	setPath(t, map[string]string{"mvn": "echo called >>'" + calls + "'\n" + mvnCopies})
	failed := make(chan error)
	for range 4 {
		go func() {
			_, err := jars(t.Context(), &bytes.Buffer{})
			failed <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-failed)
	}
	called, err := os.ReadFile(calls)
	require.NoError(t, err)
	assert.Equal(t, "called\n", string(called))
}

func TestDownloadFails(t *testing.T) {
	cache := setPath(t, map[string]string{
		"java": java17,
		"mvn":  mvnCopies + "echo '[ERROR] Could not transfer artifact'; echo '[ERROR] Unknown host' >&2; exit 1\n",
	})
	_, err := Start(t.Context(), Options{})
	require.ErrorContains(t, err, "download DynamoDB Local with ")
	assert.ErrorContains(t, err, "[ERROR] Could not transfer artifact\n[ERROR] Unknown host")
	assertOnlyIn(t, cache, "download.lock")
}

// assertOnlyIn asserts that a folder holds these names and no others.
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
