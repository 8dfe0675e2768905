// Command mutate shows that the tests find defects. It puts one after the other
// into a copy of the code, and runs the tests that must find it.
//
//	go run ./infra/proof/mutate [-in ledger,handler,infra] [-every 1] [machine|hand]
//
// machine lets gremlins (github.com/go-gremlins/gremlins) make all the mutants
// that it can of ledger, handler and infra: another operator wherever there is
// one. It prints how many of them the tests killed. It fails if that is under
// 90 % of those that any test executes, and also if a mutant survives without a
// reason in survivors.go, or a reason there no longer has a survivor. -every
// tries every n-th only, without those that have a reason, and judges their
// number alone.
//
// hand tries the defects of handmade.go, which are more than another operator,
// or every n-th of them. One named test must find each, within a minute.
//
// Without a word it does both.
package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/cli"
)

func main() {
	if filepath.Base(os.Args[0]) == "go" {
		os.Exit(standIn(os.Args[1:]))
	}
	cli.Main("mutate", run)
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := cli.NewFlags("mutate", "[machine|hand]", "Puts defects into the code, and says whether the tests find them.")
	in := flags.String("in", strings.Join(mutated, ","), "mutate these `packages` by machine")
	every := flags.Int("every", 1, "try every `n`-th of the mutants")
	if err := flags.Parse(args, out); err != nil {
		return err
	}
	packages := strings.Split(*in, ",")
	word := flags.Arg(0)
	switch {
	case flags.NArg() > 1 || !slices.Contains([]string{"", "machine", "hand"}, word):
		return cli.Usagef("want machine, hand or nothing, and not %q", flags.Args())
	case word == "hand" && slices.Contains(flags.Given(), "in"):
		return cli.Usagef("-in is for the mutants of the machine")
	case *every < 1:
		return cli.Usagef("-every must be at least 1")
	}
	for _, p := range packages {
		if !slices.Contains(mutated, p) {
			return cli.Usagef("-in: %q is none of %s", p, strings.Join(mutated, ", "))
		}
	}
	if err := cli.InRepository(ctx); err != nil {
		return err
	}

	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if word != "hand" {
		if err := byMachine(ctx, dir, packages, *every, out, log); err != nil {
			return err
		}
	}
	if word != "machine" {
		return withDatabase(ctx, log, func(environment []string) error { return byHand(ctx, dir, *every, environment, out) })
	}
	return nil
}

// withDatabase calls f with an environment that has a database.
func withDatabase(ctx context.Context, log io.Writer, f func(environment []string) error) (err error) {
	database, err := infratest.OpenDatabase(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }() // had it ended early, every test would have failed
	return f(append(os.Environ(), "AWS_ENDPOINT_URL_DYNAMODB="+database.Endpoint))
}
