package main

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestQuantiles(t *testing.T) {
	t.Parallel()
	var all []time.Duration
	for i := range 100 {
		all = append(all, time.Duration(100-i)*time.Millisecond)
	}
	assert.Equal(t, quantiles{P50: 51, P95: 96, P99: 100}, quantilesOf(all))
	assert.Equal(t, quantiles{P50: 1, P95: 1, P99: 1}, quantilesOf([]time.Duration{time.Millisecond}))
}

// The function as it is deployed is one small file.
func TestSize(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-C", "../../..", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	output, err := build.CombinedOutput()
	require.NoError(t, err, "%s", output)
	content, err := os.ReadFile(binary)
	require.NoError(t, err)
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	file, err := w.Create("bootstrap")
	require.NoError(t, err)
	_, err = file.Write(content)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	t.Logf("%d bytes, %d zipped", len(content), archive.Len())
	assert.LessOrEqual(t, len(content), 9_000_000, "bytes")
	assert.LessOrEqual(t, archive.Len(), 4_000_000, "bytes, zipped")
}

// A command line that bench does not take is an error before anything is measured.
func TestOptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"speed"}, `want one of cost, hotaccount and hotentries, and not ["speed"]`},
		{[]string{"cost", "-quick"}, `and not ["cost" "-quick"]`},
		{nil, "want one of"},
		{[]string{"-for", "0s"}, "not defined: -for"},
		{[]string{"-prices", "missing.json", "cost"}, "-prices: open missing.json"},
	} {
		var out bytes.Buffer
		assert.ErrorContains(t, run(t.Context(), c.args, &out, io.Discard), c.want, "%q", c.args)
		assert.Empty(t, out.String(), "%q", c.args)
	}
}

// The table of costs.md has these units.
func TestCost(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"cost"}, &out, io.Discard))
	for _, row := range []string{
		"posted +1 +5 +0", "posted, replayed +1 +4 +0", "declined +2 +6 +0", "balance read +1 +0 +1",
		"transfer +1 +10 +0", "sale with a fee +1 +15 +0", "50 credits of one user +1 +158 +0",
		"history of 50, of 50 entries +1 +0 +1\\d(\\.5)?", "hold +1 +5 +0", "capture +2 +5 +1", "void +2 +5 +1",
		"debit, releases 1 +2 +12 +0", "debit, releases 16 +2 +57 +0",
	} {
		assert.Regexp(t, `(?m)^ *`+row+` +\d`, out.String())
	}
}

// The prices are parameters, and their date and sources stand with them.
func TestPrices(t *testing.T) {
	t.Parallel()
	p, err := readPrices("")
	require.NoError(t, err)
	assert.NotEmpty(t, p.Date)
	assert.NotEmpty(t, p.Sources)
	template, err := os.ReadFile("../../../template.yaml")
	require.NoError(t, err)
	assert.Contains(t, string(template), fmt.Sprintf("MemorySize: %g\n", p.MemoryMB))

	p.PerMillionWriteUnits, p.PerMillionReadUnits, p.PerMillionInvocations = 2, 3, 5
	p.MemoryMB, p.BilledMs, p.PerGBSecond, p.PerMillionHTTPRequests = 512, 1000, 1e-5, 7
	p.PerGBLogged, p.PerMillionTraces, p.TracedShare = 0.5, 10, 0.1
	assert.Equal(t, bill{"any", units{2, 4, 1}, 2000, 11, 10, 7, 2, 30}, p.bill("any", units{2, 4, 1}, 2000))
}
