package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"onewrite/infra/internal/cli"
)

// mutated are the packages whose mutants are tried: all that runs on AWS but
// main, which has no logic.
var mutated = []string{"ledger", "handler", "infra"}

// mutantsPerDatabase is how many mutants are tried before DynamoDB Local is
// started anew. Each table that is made and deleted slows it down: after 30
// mutants of handler the tests took two minutes instead of ten seconds.
const mutantsPerDatabase = 15

// byMachine tries every n-th of the mutants that gremlins makes of the packages.
// It fails if too many survive, or, if it tries all, others than those of the
// list of survivors.
func byMachine(ctx context.Context, dir string, packages []string, every int, out, log io.Writer) error {
	began := time.Now()
	progress := cli.ShowProgress(log)
	defer progress.Stop()
	progress.Begin("the tests without a mutant", 0)
	g, err := newGremlins(ctx, dir, progress, log)
	if err != nil {
		return err
	}
	ran, patience, err := g.cover(ctx, packages)
	if err != nil {
		return err
	}
	all, err := g.find(ctx, packages)
	if err != nil {
		return err
	}
	text, err := readSources(g.tree, all)
	if err != nil {
		return err
	}
	covered := slices.DeleteFunc(slices.Clone(all), func(m mutant) bool { return !ran.covers(m.file, m.at) })
	chosen, known := covered, 0
	if every > 1 {
		chosen = sample(covered, every)
		tried := len(chosen)
		chosen = slices.DeleteFunc(chosen, func(m mutant) bool { return text.reason(survivors, m) != "" })
		known = tried - len(chosen)
	}
	progress.Begin("mutants", len(chosen))
	var tried []mutant
	for some := range slices.Chunk(chosen, mutantsPerDatabase) {
		results, err := g.try(ctx, some, patience)
		if err != nil {
			return err
		}
		tried = append(tried, results...)
	}
	progress.Begin("", 0)
	printScores(out, packages, all, covered, tried, ran)
	fmt.Fprintf(out, "tried %d of %d mutants in %s", len(tried), len(all), time.Since(began).Round(time.Second))
	if known > 0 {
		fmt.Fprintf(out, ", and not %d that have a reason to survive", known)
	}
	fmt.Fprintln(out)
	return verdict(out, text, tried, packages, every == 1)
}

// cover runs all tests that may find a mutant of the packages. It returns what
// they executed, and how long those of one mutant may take.
func (g *gremlins) cover(ctx context.Context, packages []string) (profile, time.Duration, error) {
	began := time.Now()
	file := filepath.Join(g.dir, "coverage")
	args := []string{"test", "-count=1", "-trimpath", "-coverpkg=./" + strings.Join(packages, ",./"), "-coverprofile=" + file}
	for _, p := range packages {
		for _, suite := range suites[p] {
			if !slices.Contains(args, "./"+suite) {
				args = append(args, "./"+suite)
			}
		}
	}
	command := exec.CommandContext(ctx, "go", args...)
	command.Dir = g.tree
	err := withDatabase(ctx, g.log, func(environment []string) error {
		command.Env = environment
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("the tests fail without a mutant: %w\n%s", err, output)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	ran, err := readProfile(file, g.module)
	return ran, 3*time.Since(began) + time.Minute, err
}

// sample returns the mutants of every n-th place.
func sample(mutants []mutant, every int) (chosen []mutant) {
	places := -1
	for i, m := range mutants {
		if i == 0 || m.file != mutants[i-1].file || m.at != mutants[i-1].at {
			places++
		}
		if places%every == 0 {
			chosen = append(chosen, m)
		}
	}
	return chosen
}

// verdict prints each survivor with its reason. If all mutants were tried, the
// score of each package must reach the floor, each survivor must have a reason and
// each reason a survivor. If not, the score as a whole must reach the floor.
func verdict(out io.Writer, text sources, tried []mutant, packages []string, complete bool) error {
	unexplained := 0
	for _, m := range tried {
		if !m.survived() {
			continue
		}
		reason := text.reason(survivors, m)
		if reason == "" {
			reason = "NO REASON in survivors.go"
			unexplained++
		}
		fmt.Fprintf(out, "%s %s: %s\n  %s\n", m, strings.ToLower(m.status), text.line(m), reason)
	}
	stale := text.stale(survivors, tried)
	for _, line := range stale {
		fmt.Fprintln(out, "STALE in survivors.go:", line)
	}
	if !complete {
		return scoreOf(tried).judge("the sample")
	}
	var errs []error
	for _, p := range packages {
		errs = append(errs, scoreOf(in(p, tried)).judge(p))
	}
	if unexplained+len(stale) > 0 {
		errs = append(errs, fmt.Errorf("%d mutants survived without a reason, and %d reasons are stale", unexplained, len(stale)))
	}
	return errors.Join(errs...)
}
