package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// survivor is a mutant, or several with one reason, that no test can kill, or that
// is not worth a test. The fragment stands in the file exactly once and holds the
// operator.
type survivor struct{ file, kind, fragment, reason string }

var survivors = []survivor{
	{"ledger/posting.go", "CONDITIONALS_BOUNDARY", "most.Cmp(&m.Most.d) < 0", "it sets an equal sum again"},
	{"ledger/posting.go", "CONDITIONALS_BOUNDARY", "least.Cmp(&m.Least.d) > 0", "it sets an equal sum again"},
	{"ledger/end.go", "CONDITIONALS_BOUNDARY", "len(t.Entries) > 1", "a transaction of one entry has none in the list"},
	{"infra/store.go", "ARITHMETIC_BASE", "len(p.Rows)+len(p.Moves))", "too small a capacity grows"},
	{"infra/client.go", "ARITHMETIC_BASE", "500 * time.Millisecond", "no test has a network that swallows packets; without this bound the attempt's own ends the dial"},
	{"handler/event_path.go", "CONDITIONALS_BOUNDARY", "before < 0", "a path as long as its template comes back whole either way"},
}

// sources holds the text of the files that have mutants.
type sources map[string]string

func readSources(tree string, mutants []mutant) (sources, error) {
	s := sources{}
	for _, m := range mutants {
		if s[m.file] != "" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(tree, m.file))
		if err != nil {
			return nil, err
		}
		s[m.file] = string(text)
	}
	return s, nil
}

// line returns the line that a mutant is in.
func (s sources) line(m mutant) string {
	return strings.TrimSpace(strings.Split(s[m.file], "\n")[m.at.line-1])
}

// offset returns where in its file a mutant is, in bytes from 0.
func (s sources) offset(m mutant) int {
	offset := m.at.column - 1
	for line := range strings.Lines(s[m.file]) {
		if m.at.line--; m.at.line == 0 {
			break
		}
		offset += len(line)
	}
	return offset
}

// is reports whether the mutant is that survivor.
func (s sources) is(m mutant, known survivor) bool {
	if m.file != known.file || m.kind != known.kind {
		return false
	}
	begin, at := strings.Index(s[m.file], known.fragment), s.offset(m)
	return begin <= at && at < begin+len(known.fragment)
}

// reason returns why a mutant of the list survives, and "" for any other.
func (s sources) reason(list []survivor, m mutant) string {
	for _, known := range list {
		if s.is(m, known) {
			return known.reason
		}
	}
	return ""
}

// stale returns a line for each survivor of the list that does not stand once in
// the code, or whose mutants were tried and killed.
func (s sources) stale(list []survivor, tried []mutant) (lines []string) {
	for _, known := range list {
		text, ok := s[known.file]
		if !ok {
			continue // of a package that is not mutated now
		}
		if n := strings.Count(text, known.fragment); n != 1 {
			lines = append(lines, fmt.Sprintf("%s holds %q %d times, not once", known.file, known.fragment, n))
			continue
		}
		found, survived := false, false
		for _, m := range tried {
			if s.is(m, known) {
				found, survived = true, survived || m.survived()
			}
		}
		if found && !survived {
			lines = append(lines, fmt.Sprintf("%s: %s in %q is killed", known.file, known.kind, known.fragment))
		}
	}
	return lines
}
