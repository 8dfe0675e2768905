package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRecord(t *testing.T) {
	t.Parallel()
	const head, between, tail = "# Figures\n\nSum:\n\n", "\n```sh\necho untouched\n```\n\nList:\n\n", "\nThe end.\n"
	block := func(command, printed string) string { return "```console\n$ " + command + "\n" + printed + "```\n" }
	const sum, list, fails = "echo $((1 + 2))", "printf '\\n a\\n\\n`b`\\n\\n'", "echo 7 && false"
	for _, c := range []struct {
		name     string
		in, want string
		args     []string
		err      string
	}{
		{"all", head + block(sum, "4\n5\n") + between + block(list, "`c`\n") + tail,
			head + block(sum, "3\n") + between + block(list, " a\n\n`b`\n") + tail, nil, ""},
		{"only one", block(sum, "4\n") + block(list, "c\n"), block(sum, "3\n") + block(list, "c\n"), []string{"-only", "^echo"}, ""},
		{"the first fails", block(fails, "6\n") + block(sum, "4\n"), block(fails, "6\n") + block(sum, "4\n"), nil, "exit status 1"},
		{"the second fails", block(sum, "4\n") + block(fails, "6\n"), block(sum, "3\n") + block(fails, "6\n"), nil, "exit status 1"},
		{"a pipe fails", block("false | cat", "6\n"), block("false | cat", "6\n"), nil, "exit status 1"},
		{"silence", block("true", "6\n"), block("true", "6\n"), nil, "printed nothing"},
		{"a fence", block("echo '```'", "6\n"), block("echo '```'", "6\n"), nil, "would end its block"},
		{"not a regexp", block(sum, "4\n"), block(sum, "4\n"), []string{"-only", "("}, "-only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "figures.md")
			require.NoError(t, os.WriteFile(path, []byte(c.in), 0o600))
			err := run(t.Context(), append(c.args, path), io.Discard, io.Discard)
			if c.err == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.err)
			}
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			assert.Equal(t, c.want, string(text))
		})
	}
}

// A document that is not there is told before any command is run.
func TestRecordOfMissingDocument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "figures.md")
	before := "```console\n$ echo 3\n4\n```\n"
	require.NoError(t, os.WriteFile(path, []byte(before), 0o600))
	err := run(t.Context(), []string{path, filepath.Join(dir, "missing.md")}, io.Discard, io.Discard)
	require.ErrorIs(t, err, os.ErrNotExist)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, before, string(text))
}

// The documents that are gone through without arguments hold figures, every
// block of theirs in the form that is recorded.
func TestDocumentsHoldFigures(t *testing.T) {
	t.Parallel()
	for _, path := range documents {
		text, err := os.ReadFile(filepath.Join("../../..", path))
		require.NoError(t, err)
		assert.NotEmpty(t, block.FindAll(text, -1), path)
	}
}
