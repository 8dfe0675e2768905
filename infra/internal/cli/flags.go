package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
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
	for _, word := range f.Args() {
		if strings.HasPrefix(word, "-") {
			return Usagef("%s comes after %q, and flags come before words", word, f.Arg(0))
		}
	}
	return f.rejectEmpty()
}

// rejectEmpty returns an error if a flag was given an empty text, which is most
// often a shell's variable that is not set.
func (f *Flags) rejectEmpty() (err error) {
	f.Visit(func(set *flag.Flag) {
		if value, ok := set.Value.(flag.Getter); ok && value.Get() == "" {
			err = Usagef("-%s is empty; leave it out, or say what it shall be", set.Name)
		}
	})
	return err
}

// Given returns the names of the flags that were given, but for those that were
// given as false.
func (f *Flags) Given() (names []string) {
	f.Visit(func(set *flag.Flag) {
		if value, ok := set.Value.(flag.Getter); !ok || value.Get() != false {
			names = append(names, set.Name)
		}
	})
	return names
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
