package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
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

func TestPackageOf(t *testing.T) {
	t.Parallel()
	for symbol, want := range map[string]string{
		"github.com/aws/smithy-go.(*Schema).Member":   "github.com/aws/smithy-go",
		"type:.eq.net/http.http2Frame":                "net/http",
		"runtime.mallocgc":                            "runtime",
		"slices.SortFunc[go.shape.[]net/http.Cookie]": "slices",
		"go:func.*":         "go:func",
		"_cgo_topofstack":   "(no package)",
		"onewrite/ledger.x": "onewrite/ledger",
	} {
		assert.Equal(t, want, packageOf(symbol), symbol)
	}
}

// A broken bound fails the run, and a figure that moved is said.
func TestBoundsAndComparison(t *testing.T) {
	t.Parallel()
	r := &report{
		Share: []ownShare{{Outcome: "posted", Allocations: maxOwnAllocations}},
		Size:  &size{Bytes: maxBinaryBytes, ZipBytes: maxZipBytes},
		Cost:  []bill{{Outcome: "posted", units: units{1, 5, 0}}},
	}
	assert.Empty(t, r.broken())
	file := filepath.Join(t.TempDir(), "earlier.json")
	text, err := json.Marshal(r)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	earlier, err := readReport(file)
	require.NoError(t, err)

	r.EntryShare = []ownShare{{Outcome: "10 entries", Entries: 10, Allocations: maxOwnAllocations + 10*maxEntryAllocations}}
	assert.Empty(t, r.broken())
	r.EntryShare[0].Allocations++
	assert.Equal(t, []string{"own allocations, 10 entries: 401, of at most 400"}, r.broken())
	r.EntryShare = nil

	r.Share[0].Allocations *= 2
	r.Size.ZipBytes++
	assert.Len(t, r.broken(), 2)
	var out bytes.Buffer
	r.compare(&out, earlier)
	assert.Contains(t, out.String(), "own allocations, posted: 200, was 100")
	assert.Contains(t, out.String(), "4 figures are the same within a tenth")
}

// What can't be done is said before anything is measured.
func TestOptions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "no.json")
	require.NoError(t, os.WriteFile(file, []byte("no"), 0o600))
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"speed"}, `no part "speed"; the parts are latency, entries, holds, cpu,`},
		{[]string{"-for", "0s"}, "not defined: -for"},
		{[]string{"cost", "-quick"}, `-quick comes after "cost"`},
		{[]string{"-compare", "missing.json"}, "-compare: open missing.json: no such file"},
		{[]string{"-compare", file}, file + " is no report of bench -json"},
		{[]string{"-prices", "missing.json"}, "-prices: open missing.json"},
	} {
		var log bytes.Buffer
		err := run(t.Context(), c.args, io.Discard, &log)
		assert.ErrorContains(t, err, c.want, "%q", c.args)
		assert.Empty(t, log.String(), "%q", c.args)
	}
}

// The prices are parameters, and their date and sources are told with them.
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
