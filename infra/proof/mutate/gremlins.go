package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"onewrite/infra/internal/cli"
)

// tool is gremlins, pinned.
const tool = "github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0"

// mutators turns on all of gremlins' but one: INVERT_NEGATIVES makes the same
// mutants as ARITHMETIC_BASE, + of -.
var mutators = []string{
	"--arithmetic-base", "--conditionals-boundary", "--conditionals-negation", "--increment-decrement",
	"--invert-assignments", "--invert-bitwise", "--invert-bwassign", "--invert-logical", "--invert-loopctrl",
	"--invert-negatives=false", "--remove-self-assignments",
}

// What gremlins says became of a mutant.
const (
	statusKilled    = "KILLED"
	statusLived     = "LIVED"
	statusTimedOut  = "TIMED OUT"
	statusNotViable = "NOT VIABLE" // does not compile
)

// mutant is one changed operator.
type mutant struct {
	file   string // from the module's root
	at     place
	kind   string // one of gremlins' mutators, such as ARITHMETIC_BASE
	status string
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d:%d %s", m.file, m.at.line, m.at.column, m.kind)
}

// survived reports whether no test found the mutant, in the time that it had.
func (m mutant) survived() bool { return m.status == statusLived || m.status == statusTimedOut }

// compare orders mutants by where they are.
func (m mutant) compare(n mutant) int {
	return cmp.Or(strings.Compare(m.file, n.file), m.at.compare(n.at), strings.Compare(m.kind, n.kind))
}

// gremlins runs the tool on a copy of the module.
type gremlins struct {
	dir, tree string // where its files are, and the copy
	module    string // its path
	progress  *cli.Progress
	log       io.Writer
}

// newGremlins copies the module, so that nobody's work in it meets the run, and
// installs the tool and the stand-in for go.
func newGremlins(ctx context.Context, dir string, progress *cli.Progress, log io.Writer) (*gremlins, error) {
	module, err := exec.CommandContext(ctx, "go", "list", "-m").Output()
	if err != nil {
		return nil, fmt.Errorf("name of the module: %w", err)
	}
	g := &gremlins{dir: dir, tree: filepath.Join(dir, "tree"), module: strings.TrimSpace(string(module)), progress: progress, log: log}
	if err := copyTree(g.tree, "."); err != nil {
		return nil, err
	}
	install := exec.CommandContext(ctx, "go", "install", tool)
	install.Env = append(os.Environ(), "GOBIN="+dir)
	if output, err := install.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("install %s: %w\n%s", tool, err, output)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(g.front(), 0o700); err != nil {
		return nil, err
	}
	if err := os.Symlink(self, filepath.Join(g.front(), "go")); err != nil {
		return nil, err
	}
	return g, nil
}

// front, profile and trouble return where the stand-in is, the coverage that it
// hands to gremlins, and its errors.
func (g *gremlins) front() string   { return filepath.Join(g.dir, "front") }
func (g *gremlins) profile() string { return filepath.Join(g.dir, "profile") }
func (g *gremlins) trouble() string { return filepath.Join(g.dir, "trouble") }

// find returns all mutants that gremlins can make of the packages, untried.
func (g *gremlins) find(ctx context.Context, packages []string) ([]mutant, error) {
	all, err := g.run(ctx, os.Environ(), nil, time.Second, "--dry-run")
	return slices.DeleteFunc(all, func(m mutant) bool { return !slices.Contains(packages, filepath.Dir(m.file)) }), err
}

// try returns the mutants with what became of each. patience is for the tests of
// one.
func (g *gremlins) try(ctx context.Context, mutants []mutant, patience time.Duration) ([]mutant, error) {
	var all []mutant
	err := withDatabase(ctx, g.log, func(environment []string) (err error) {
		all, err = g.run(ctx, environment, mutants, patience)
		return err
	})
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, m := range mutants {
		wanted[m.String()] = true
	}
	tried := slices.DeleteFunc(all, func(m mutant) bool { return !wanted[m.String()] })
	if len(tried) != len(mutants) {
		return nil, fmt.Errorf("gremlins tried %d of %d mutants", len(tried), len(mutants))
	}
	return tried, nil
}

// run returns what gremlins reports when it believes that tests cover the places
// of these mutants and no others.
func (g *gremlins) run(ctx context.Context, environment []string, covered []mutant, patience time.Duration, flags ...string) ([]mutant, error) {
	if err := writeProfile(g.profile(), g.module, covered); err != nil {
		return nil, err
	}
	report := filepath.Join(g.dir, "report.json")
	command := exec.CommandContext(ctx, filepath.Join(g.dir, "gremlins"), slices.Concat([]string{
		"unleash", ".", "--output", report, "--output-statuses", "lktv",
		"--timeout-coefficient", fmt.Sprint(int(patience / coverageTime)),
	}, mutators, flags)...)
	command.Dir = g.tree
	command.Env = append(environment,
		"TMPDIR="+g.dir, // what tests that are ended leave goes with it
		"GOFLAGS="+os.Getenv("GOFLAGS")+" -trimpath", // so that nothing is compiled anew only because it is in another copy
		"PATH="+g.front()+string(os.PathListSeparator)+os.Getenv("PATH"),
		realPath+"="+os.Getenv("PATH"),
		realModule+"="+g.module,
		givenProfile+"="+g.profile(),
		troubleFile+"="+g.trouble(),
	)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // gremlins ends and leaves its tests running
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	command.Stderr = command.Stdout
	if err := command.Start(); err != nil {
		return nil, err
	}
	last := g.show(output)
	if err := command.Wait(); err != nil {
		return nil, fmt.Errorf("gremlins: %w\n%s", err, last)
	}
	if trouble, err := os.ReadFile(g.trouble()); err == nil {
		return nil, fmt.Errorf("gremlins could not try all mutants:\n%s", trouble)
	}
	return readReport(report)
}

// show counts the mutants that gremlins speaks of, logs those that survived, and
// returns what else it says.
func (g *gremlins) show(output io.Reader) (rest string) {
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case !strings.Contains(line, " at "):
			rest += line + "\n"
		case strings.HasPrefix(line, statusLived), strings.HasPrefix(line, statusTimedOut):
			g.progress.Println(g.log, line)
			fallthrough
		default:
			g.progress.Add(1)
		}
	}
	return rest
}

// readReport reads the file that gremlins writes with --output.
func readReport(file string) ([]mutant, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var report struct {
		Files []struct {
			Name    string `json:"file_name"`
			Mutants []struct {
				Kind   string `json:"type"`
				Status string `json:"status"`
				Line   int    `json:"line"`
				Column int    `json:"column"`
			} `json:"mutations"`
		} `json:"files"`
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var mutants []mutant
	for _, f := range report.Files {
		for _, m := range f.Mutants {
			mutants = append(mutants, mutant{f.Name, place{m.Line, m.Column}, m.Kind, m.Status})
		}
	}
	slices.SortFunc(mutants, mutant.compare)
	return mutants, nil
}

// copyTree copies a folder, without what tools left in it.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case slices.Contains([]string{".git", ".cache", ".aws-sam"}, entry.Name()) && entry.IsDir():
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, path), 0o700)
		case entry.Type().IsRegular():
			return copyFile(filepath.Join(to, path), path)
		}
		return nil
	})
}
