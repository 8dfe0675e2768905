package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSoak(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-minutes", "0.02", "-seed", "1"}, &out, io.Discard), "%s", &out)
	assert.Contains(t, out.String(), "seed 1\n")
	assert.Contains(t, out.String(), "it held\n")
}

// A process that grows is told from one that plays.
func TestFlat(t *testing.T) {
	t.Parallel()
	was := health{residentBytes: 20 << 20, threads: 6, files: 10}
	for _, c := range []struct {
		later health
		flat  bool
	}{
		{was, true},
		{health{29 << 20, 10, 14}, true},
		{health{30 << 20, 6, 10}, false},
		{health{20 << 20, 11, 10}, false},
		{health{20 << 20, 6, 15}, false},
	} {
		assert.Equal(t, c.flat, was.flat(c.later), "%s", c.later)
	}
}

func TestHealthOf(t *testing.T) {
	t.Parallel()
	h, err := healthOf(os.Getpid())
	require.NoError(t, err)
	assert.Positive(t, h.residentBytes)
	assert.Positive(t, h.threads)
	assert.Positive(t, h.files)

	gone := exec.Command("true")
	require.NoError(t, gone.Run())
	_, err = healthOf(gone.Process.Pid)
	assert.Error(t, err)
}
