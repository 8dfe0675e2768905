package main

import (
	"bufio"
	"cmp"
	"fmt"
	"os"
	"path"
	"strings"
)

// place is a line and a column of it in bytes, both from 1.
type place struct{ line, column int }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
}

// block is a run of statements that are executed together, up to the place to,
// which is not in it.
type block struct{ from, to place }

// counts says how many statements a block has and how often tests executed it.
type counts struct{ statements, times int }

// profile is what go test -coverprofile found out, by file. Files are named from
// the module's root.
type profile map[string]map[block]counts

// readProfile reads a file that go test -coverprofile wrote. Each test binary has
// a line for each block there, and one of them is enough.
func readProfile(file, module string) (profile, error) {
	text, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer text.Close()
	p := profile{}
	lines := bufio.NewScanner(text)
	lines.Scan() // mode: set
	for lines.Scan() {
		name, rest, _ := strings.Cut(strings.TrimPrefix(lines.Text(), module+"/"), ":")
		var (
			b block
			c counts
		)
		_, err := fmt.Sscanf(rest, "%d.%d,%d.%d %d %d", &b.from.line, &b.from.column, &b.to.line, &b.to.column, &c.statements, &c.times)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", file, lines.Text(), err)
		}
		if p[name] == nil {
			p[name] = map[block]counts{}
		}
		c.times += p[name][b].times
		p[name][b] = c
	}
	return p, lines.Err()
}

// covers reports whether tests may have executed what stands at the place of the
// file. No block holds the conditions of a switch's cases, nor the values that
// variables of a package start with: they count as covered.
func (p profile) covers(file string, at place) bool {
	for b, c := range p[file] {
		if c.times == 0 && b.from.compare(at) <= 0 && at.compare(b.to) < 0 {
			return false
		}
	}
	return true
}

// statements returns how many statements the files of a folder have, not those
// below it, and how many of them tests executed.
func (p profile) statements(dir string) (executed, all int) {
	for file, blocks := range p {
		if path.Dir(file) != dir {
			continue
		}
		for _, c := range blocks {
			all += c.statements
			if c.times > 0 {
				executed += c.statements
			}
		}
	}
	return executed, all
}

// writeProfile writes a coverage profile by which tests executed the places of
// these mutants and nothing else.
func writeProfile(file, module string, mutants []mutant) error {
	var text strings.Builder
	text.WriteString("mode: set\n")
	for _, m := range mutants {
		fmt.Fprintf(&text, "%s/%s:%d.%d,%d.%d 1 1\n", module, m.file, m.at.line, m.at.column, m.at.line, m.at.column)
	}
	return os.WriteFile(file, []byte(text.String()), 0o600)
}
