// Command record writes the figures of the documents anew.
//
//	go run ./infra/proof/record [-only REGEXP] [FILE ...]
//
// Every figure stands in a console block below the command that prints it:
//
//	```console
//	$ go run ./infra/proof/bench cost
//	what it printed
//	```
//
// record runs these commands one after the other, in their order, by bash at the
// root of the repository, and puts what each prints in the place of what it
// printed before. Without files it goes through the documents that hold
// figures. What a command writes to standard error is not recorded.
//
// It ends with status 1 at the first command that fails, and leaves the figures
// of that one as they were.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"

	"onewrite/infra/internal/cli"
)

// documents are those that hold figures.
var documents = []string{"infra/proof/README.md", "infra/operations.md"}

func main() { cli.Main("record", run) }

func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := cli.NewFlags("record", "[file ...]", "Writes the figures of the documents anew.")
	only := flags.String("only", "", "run the commands that match this `regexp` only")
	if err := flags.Parse(args, out); err != nil {
		return err
	}
	chosen, err := regexp.Compile(*only)
	if err != nil {
		return cli.Usagef("-only: %w", err)
	}
	paths := flags.Args()
	if len(paths) == 0 {
		paths = documents
	}
	texts := map[string][]byte{}
	for _, path := range paths {
		if texts[path], err = os.ReadFile(path); err != nil {
			return err
		}
	}
	for _, path := range paths {
		if err := record(ctx, path, texts[path], chosen, out, log); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// block matches a console block, and in it the command.
var block = regexp.MustCompile("(?ms)^```console\n\\$ ([^\n]+)\n.*?^```$")

// record runs the chosen commands of a document of this text. It writes the
// document after each, so that a later one that fails takes nothing from those
// before it.
func record(ctx context.Context, path string, text []byte, chosen *regexp.Regexp, out, log io.Writer) error {
	for at := 0; ; {
		found := block.FindSubmatchIndex(text[at:])
		if found == nil {
			return nil
		}
		begin, end, command := at+found[0], at+found[1], string(text[at+found[2]:at+found[3]])
		at = end
		if !chosen.MatchString(command) {
			continue
		}
		fmt.Fprintf(out, "$ %s\n", command)
		began := time.Now()
		printed, err := output(ctx, command, log)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%s-- %s\n", printed, time.Since(began).Round(time.Second))
		filled := fmt.Appendf(nil, "```console\n$ %s\n%s```", command, printed)
		text = append(text[:begin:begin], append(filled, text[end:]...)...)
		at = begin + len(filled)
		if err := os.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // a document
			return err
		}
	}
}

// output runs a command and returns what it printed, in whole lines.
func output(ctx context.Context, command string, log io.Writer) (string, error) {
	var printed bytes.Buffer
	c := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", command)
	c.Stdout, c.Stderr = &printed, log
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", command, err, &printed)
	}
	text := strings.Trim(printed.String(), "\n")
	switch {
	case text == "":
		return "", fmt.Errorf("%s: it printed nothing", command)
	case strings.Contains("\n"+text, "\n```"):
		return "", fmt.Errorf("%s: a line that begins with ``` would end its block", command)
	}
	return text + "\n", nil
}
