package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// Flags is the flags of a command, and what -h prints of it.
type Flags struct {
	*flag.FlagSet
	words, about string
}

// NewFlags returns flags for a command. words names what may follow the flags,
// such as "[part ...]"; "" is nothing. about says what the command does.
func NewFlags(name, words, about string) *Flags {
	return &Flags{flag.NewFlagSet(name, flag.ContinueOnError), words, about}
}

// Parse reads the flags. The error is [flag.ErrHelp] if -h was among them, with
// the usage written to out, and otherwise one of [Usagef].
func (f *Flags) Parse(args []string, out io.Writer) error {
	f.SetOutput(io.Discard) // or it would print the error too
	err := f.FlagSet.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.printUsage(out)
		return err
	case err != nil:
		return Usagef("%w (-h lists the flags)", err)
	case f.words == "" && f.NArg() > 0:
		return Usagef("unexpected %q (-h says what there is)", f.Arg(0))
	}
	return nil
}

func (f *Flags) printUsage(out io.Writer) {
	usage := "usage: " + f.Name()
	hasFlags := false
	f.VisitAll(func(*flag.Flag) { hasFlags = true })
	if hasFlags {
		usage += " [flags]"
	}
	if f.words != "" {
		usage += " " + f.words
	}
	fmt.Fprintf(out, "%s\n\n%s\n", usage, f.about)
	if hasFlags {
		fmt.Fprintln(out, "\nflags:")
		f.SetOutput(out)
		f.PrintDefaults()
	}
}
