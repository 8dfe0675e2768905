package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/internal/cli"
)

func TestRunRejects(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"everything"}, {"machine", "hand"}, {"-every", "0"}, {"-in", "ledger,main"}, {"-in", "ledger", "hand"}, {"-x"}} {
		err := run(t.Context(), args, io.Discard, io.Discard)
		var exit *cli.ExitError
		require.ErrorAs(t, err, &exit, "%q", args)
		assert.Equal(t, 2, exit.Status, "%q", args)
	}
}

func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
}

func TestProfile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"coverage": `mode: set
m/ledger/a.go:3.10,5.2 2 0
m/ledger/a.go:5.2,7.3 3 0
m/ledger/a.go:5.2,7.3 3 1
m/ledger/a.go:9.1,9.9 1 0
m/ledger/below/b.go:1.1,2.2 7 1
`})
	ran, err := readProfile(filepath.Join(dir, "coverage"), "m")
	require.NoError(t, err)
	executed, all := ran.statements("ledger")
	assert.Equal(t, 3, executed)
	assert.Equal(t, 6, all)
	for at, want := range map[place]bool{
		{3, 9}:  true, // in no block
		{3, 10}: false,
		{4, 99}: false,
		{5, 1}:  false,
		{5, 2}:  true,
		{6, 1}:  true,
		{9, 5}:  false,
		{9, 9}:  true,
		{10, 1}: true,
	} {
		assert.Equal(t, want, ran.covers("ledger/a.go", at), "%v", at)
	}

	write(t, dir, map[string]string{"coverage": "mode: set\nm/ledger/a.go:what\n"})
	_, err = readProfile(filepath.Join(dir, "coverage"), "m")
	assert.ErrorContains(t, err, "m/ledger/a.go:what")
}

func TestReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, map[string]string{"report": `{"files":[{"file_name":"ledger/b.go","mutations":[{"type":"X","status":"LIVED","line":2,"column":3}]},
		{"file_name":"ledger/a.go","mutations":[{"type":"Y","status":"KILLED","line":20,"column":1},{"type":"X","status":"TIMED OUT","line":3,"column":1}]}]}`})
	mutants, err := readReport(filepath.Join(dir, "report"))
	require.NoError(t, err)
	assert.Equal(t, []mutant{
		{"ledger/a.go", place{3, 1}, "X", statusTimedOut},
		{"ledger/a.go", place{20, 1}, "Y", statusKilled},
		{"ledger/b.go", place{2, 3}, "X", statusLived},
	}, mutants)
}

// The defects made by hand stand where the code is now.
func TestDefectsFit(t *testing.T) {
	t.Chdir("../../..")
	b := bench{dir: t.TempDir()}
	for _, d := range defects {
		_, err := b.overlay("defect", d)
		assert.NoError(t, err, d.name)
	}
}

// Mutants of one place are tried together: gremlins knows places only.
func TestSample(t *testing.T) {
	t.Parallel()
	mutants := []mutant{
		{file: "a", at: place{1, 1}, kind: "X"},
		{file: "a", at: place{1, 1}, kind: "Y"},
		{file: "a", at: place{1, 2}, kind: "X"},
		{file: "b", at: place{1, 2}, kind: "X"},
		{file: "b", at: place{2, 2}, kind: "X"},
	}
	assert.Equal(t, mutants, sample(mutants, 1))
	assert.Equal(t, []mutant{mutants[0], mutants[1], mutants[3]}, sample(mutants, 2))
	assert.Equal(t, mutants[:2], sample(mutants, 4))
}

func TestScores(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		score score
		want  string
		err   string
	}{
		{score{killed: 9, lived: 1}, "90.0", ""},
		{score{killed: 9, timedOut: 1, notViable: 50}, "90.0", ""},
		{score{killed: 89, lived: 5, timedOut: 6}, "89.0", "89.0 %"},
		{score{notViable: 3}, "100.0", ""},
	} {
		assert.Equal(t, c.want, fmt.Sprintf("%.1f", c.score.efficacy()), "%+v", c.score)
		if err := c.score.judge("x"); c.err == "" {
			assert.NoError(t, err, "%+v", c.score)
		} else {
			assert.ErrorContains(t, err, c.err, "%+v", c.score)
		}
	}
}

func TestSurvivors(t *testing.T) {
	t.Parallel()
	text := sources{"a.go": "one + two\n\tthree && four && five\n"}
	const logical = "INVERT_LOGICAL"
	plus := mutant{"a.go", place{1, 5}, "ARITHMETIC_BASE", statusKilled}
	first := mutant{"a.go", place{2, 8}, logical, statusLived}
	second := mutant{"a.go", place{2, 16}, logical, statusTimedOut}
	assert.Equal(t, "&& four && five\n", text["a.go"][text.offset(first):])
	assert.Equal(t, "three && four && five", text.line(second))

	list := []survivor{{"a.go", logical, "three && four", "because"}, {"b.go", logical, "gone", "another package"}}
	assert.Equal(t, "because", text.reason(list, first))
	assert.Empty(t, text.reason(list, second), "the other operator of the line")
	assert.Empty(t, text.reason(list, plus), "another kind")
	assert.Empty(t, text.stale(list, []mutant{plus, first, second}))
	assert.Empty(t, text.stale(list, []mutant{plus, second}), "not tried")

	first.status = statusKilled
	for fragment, want := range map[string]string{
		"three && four": "is killed",
		"three || four": "0 times",
		"&&":            "2 times",
	} {
		lines := text.stale([]survivor{{"a.go", logical, fragment, "because"}}, []mutant{plus, first, second})
		assert.Contains(t, strings.Join(lines, "\n"), want, fragment)
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	text := sources{"ledger/a.go": "a && b\n"}
	tried := []mutant{{"ledger/a.go", place{1, 3}, "INVERT_LOGICAL", statusLived}}
	for range 19 {
		tried = append(tried, mutant{"ledger/a.go", place{1, 1}, "X", statusKilled})
	}
	var out strings.Builder
	assert.NoError(t, verdict(&out, text, tried, []string{"ledger"}, false), "95 % of a sample")
	assert.Contains(t, out.String(), "ledger/a.go:1:3 INVERT_LOGICAL lived: a && b\n  NO REASON")
	assert.ErrorContains(t, verdict(io.Discard, text, tried, []string{"ledger"}, true), "1 mutants survived without a reason")
	assert.ErrorContains(t, verdict(io.Discard, text, tried[:9], []string{"ledger"}, false), "88.9 %")
	assert.ErrorContains(t, verdict(io.Discard, text, tried[:9], []string{"ledger"}, true), "ledger were killed")
}

// A mutant is killed by a test that fails, and not by code that does not compile.
func TestStandIn(t *testing.T) {
	const fails = "package p\nimport \"testing\"\nfunc TestF(t *testing.T) { if !F(1) { t.Fail() } }\n"
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("GOTMPDIR", dir)
	for code, want := range map[string]int{
		"func F(a int) bool { return a == 1 }":                                     lived,
		"func F(a int) bool { return a != 1 }":                                     killed,
		"func F(a int) bool { return a |= 1 }":                                     notViable,
		"func F(a int) bool { panic(a) }":                                          killed,
		"var x = 1 / len(\"\"[:y]); var y = 0\nfunc F(a int) bool { return true }": killed, // before the first test
	} {
		write(t, dir, map[string]string{"go.mod": "module m\n", "p/p.go": "package p\n" + code + "\n", "p/p_test.go": fails})
		status, err := tryOn(t.Context(), "p")
		require.NoError(t, err, code)
		assert.Equal(t, want, status, code)
	}
	_, err := tryOn(t.Context(), "elsewhere")
	assert.Error(t, err, "what is no fault of the mutant")
}
