package main

import (
	"fmt"
	"io"
	"path"
	"slices"
	"text/tabwriter"
)

// floorPercent is how many of the covered mutants must be killed.
const floorPercent = 90

// score counts what became of mutants.
type score struct{ killed, lived, timedOut, notViable int }

func scoreOf(mutants []mutant) (s score) {
	for _, m := range mutants {
		switch m.status {
		case statusKilled:
			s.killed++
		case statusLived:
			s.lived++
		case statusTimedOut:
			s.timedOut++
		case statusNotViable:
			s.notViable++
		}
	}
	return s
}

// efficacy returns how many percent of the mutants that compile were killed. One
// that makes the tests run for too long is not.
func (s score) efficacy() float64 { return percent(s.killed, s.killed+s.lived+s.timedOut) }

// judge returns an error if too few were killed.
func (s score) judge(name string) error {
	if s.efficacy() < floorPercent {
		return fmt.Errorf("%.1f %% of the covered mutants of %s were killed, and at least %d %% must be", s.efficacy(), name, floorPercent)
	}
	return nil
}

// percent returns a part of a whole in percent, and 100 if there is nothing.
func percent(part, whole int) float64 {
	if whole == 0 {
		return 100
	}
	return 100 * float64(part) / float64(whole)
}

// in returns the mutants of one package.
func in(dir string, mutants []mutant) []mutant {
	return slices.DeleteFunc(slices.Clone(mutants), func(m mutant) bool { return path.Dir(m.file) != dir })
}

// printScores prints a line for each package, and one for all.
func printScores(out io.Writer, packages []string, all, covered, tried []mutant, ran profile) {
	columns := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(columns, "\tmutants\tcovered\ttried\tnot viable\tkilled\tlived\ttimed out\tkilled of covered\tcovered of all\tstatements covered\t")
	line := func(name string, all, covered, tried []mutant, executed, statements int) {
		s := scoreOf(tried)
		fmt.Fprintf(columns, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%.1f %%\t%.1f %%\t%.1f %%\t\n",
			name, len(all), len(covered), len(tried), s.notViable, s.killed, s.lived, s.timedOut,
			s.efficacy(), percent(len(covered), len(all)), percent(executed, statements))
	}
	executed, statements := 0, 0
	for _, p := range packages {
		e, n := ran.statements(p)
		line(p, in(p, all), in(p, covered), in(p, tried), e, n)
		executed, statements = executed+e, statements+n
	}
	if len(packages) > 1 {
		line("all", all, covered, tried, executed, statements)
	}
	columns.Flush()
}
