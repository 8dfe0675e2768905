// Package mutate checks that the tests find defects. It puts hand-made defects into the code, one
// at a time, and runs the test that must then fail.
package mutate

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
)

var every = flag.Int("every", 20, "try each `n`-th defect")

func TestMain(m *testing.M) { infratest.Main(m) }

// Each defect's edits still match the code.
func TestDefectsFit(t *testing.T) {
	t.Parallel()
	for _, d := range defects {
		_, err := d.texts()
		assert.NoError(t, err, d.name)
	}
}

// Each tried defect makes its test fail. Without a defect, the same test passes.
func TestDefectsAreFound(t *testing.T) {
	t.Parallel()
	require.Positive(t, *every)
	tests := map[string][]string{} // test names by folder
	for i := 0; i < len(defects); i += *every {
		d := defects[i]
		dir, name, _ := strings.Cut(d.kills, " ")
		tests[dir] = append(tests[dir], name)
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			texts, err := d.texts()
			require.NoError(t, err)
			output, err := run(t, texts, dir, name)
			require.Error(t, err, "%s does not find it", name)
			assert.Contains(t, output, "--- FAIL: "+name)
		})
	}
	for dir, names := range tests {
		t.Run("without a defect/"+dir, func(t *testing.T) {
			t.Parallel()
			output, err := run(t, nil, dir, names...)
			assert.NoError(t, err, "%s", output)
		})
	}
}

// texts returns the edited files' new contents by path. Each edit must match exactly once.
func (d defect) texts() (map[string]string, error) {
	texts := map[string]string{}
	for _, e := range d.edits {
		path, err := filepath.Abs(filepath.Join("../../..", e.file))
		if err != nil {
			return nil, err
		}
		if texts[path] == "" {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			texts[path] = string(text)
		}
		if n := strings.Count(texts[path], e.before); n != 1 {
			return nil, fmt.Errorf("%s holds %q %d times, not once", e.file, e.before, n)
		}
		texts[path] = strings.Replace(texts[path], e.before, e.after, 1)
	}
	return texts, nil
}

// run runs these tests in the folder dir, with the files in texts replaced by their new contents.
func run(t *testing.T, texts map[string]string, dir string, tests ...string) (output string, err error) {
	t.Helper()
	work := t.TempDir()
	replace := map[string]string{}
	for file, text := range texts {
		replace[file] = filepath.Join(work, fmt.Sprintf("%d.go", len(replace)))
		require.NoError(t, os.WriteFile(replace[file], []byte(text), 0o600))
	}
	names, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	overlay := filepath.Join(work, "overlay.json")
	require.NoError(t, os.WriteFile(overlay, names, 0o600))
	var patterns []string
	for _, name := range tests {
		patterns = append(patterns, "^"+strings.ReplaceAll(name, "/", "$/^")+"$")
	}
	command := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-vet=off", "-ldflags=-s -w",
		"-count=1", "-failfast", "-timeout=5m", "-run", strings.Join(patterns, "|"), ".")
	command.Dir = filepath.Join("../../..", dir)
	printed, err := command.CombinedOutput()
	return string(printed), err
}
