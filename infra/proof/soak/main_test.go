package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
)

func TestSoak(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-minutes", "0.02", "-seed", "1"}, &out, io.Discard), "%s", &out)
	assert.Contains(t, out.String(), "seed 1\n")
	assert.Contains(t, out.String(), "it held\n")
}

// What is wrong is said in lines of its own, and nothing of how that was tested.
func TestSoakFindsDamage(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	books.Damage(t, books.Config.AggregateTable, "INSERT INTO ? VALUE {'user_id': 'nobody', 'balance': 100, 'version': 0}")
	books.Damage(t, books.Config.TransactionsTable, "INSERT INTO ? VALUE {'id': 'nothing'}")
	err := soak(t.Context(), books, 1, time.Second, io.Discard, io.Discard)
	require.Error(t, err)
	assert.Regexp(t, `^it did not hold:
  \d+ rows, and the answers to \d+ postings come to \d+
  the books are wrong:
  attributes: .*nothing.*
(  attributes: .*nothing.*
)*  no history: .*nobody.*$`, err.Error())
}

func TestSoakWithoutTime(t *testing.T) {
	t.Parallel()
	for _, minutes := range []string{"0", "-1", "NaN", "Inf", "1e-12", "1e300"} {
		err := run(t.Context(), []string{"-minutes", minutes}, io.Discard, io.Discard)
		assert.EqualError(t, err, "-minutes must be from 0.01 to 1e+06")
	}
}

func TestSoakInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithTimeout(t.Context(), 2*time.Second)
	defer interrupt()
	err := run(ctx, nil, io.Discard, io.Discard) // of 10 minutes
	assert.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	var m mistakes
	m.expect(true, "nothing")
	require.NoError(t, m.err())
	for i := range mistakesShown + 3 {
		m.expect(false, "mistake %d", i)
	}
	assert.Regexp(t, `(?s)^it did not hold:\n  mistake 0\n.*  mistake 19\n  and 3 more$`, m.err().Error())
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
