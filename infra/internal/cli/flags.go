package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
)

// Flags are a command's flags.
type Flags struct{ *flag.FlagSet }

// NewFlags returns the flags of a command that takes no other arguments. -h prints the
// usage, which includes the text in about.
func NewFlags(name, about string) *Flags {
	f := &Flags{flag.NewFlagSet(name, flag.ContinueOnError)}
	f.Usage = func() {
		fmt.Fprintf(f.Output(), "usage: %s [flags]\n\n%s\n\nflags:\n", name, about)
		f.PrintDefaults()
	}
	return f
}

// Parse parses the flags. With -h among them, it writes the usage to out and returns
// [flag.ErrHelp]. Any other error is from [Usagef].
func (f *Flags) Parse(args []string, out io.Writer) error {
	usage := f.Usage
	f.Usage = func() {} // otherwise package flag would print the usage after each error
	f.SetOutput(io.Discard)
	err := f.FlagSet.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		f.SetOutput(out)
		usage()
		return err
	case err != nil:
		return Usagef("%w (-h lists the flags)", err)
	case f.NArg() > 0:
		return Usagef("unexpected argument %q (-h lists the flags)", f.Arg(0))
	}
	f.Visit(func(set *flag.Flag) {
		value, ok := set.Value.(flag.Getter)
		if ok && value.Get() == "" { // usually because a shell variable is unset
			err = Usagef("-%s is empty; leave it out, or give it a value", set.Name)
		}
	})
	return err
}

// Given returns the names of the flags on the command line, except those set to false.
func (f *Flags) Given() (names []string) {
	f.Visit(func(set *flag.Flag) {
		if value, ok := set.Value.(flag.Getter); !ok || value.Get() != false {
			names = append(names, set.Name)
		}
	})
	return names
}
