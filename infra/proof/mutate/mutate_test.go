package mutate

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
)

// within is the time that a test has to find a defect.
const within = 3 * time.Minute

var every = flag.Int("every", 20, "try each `n`-th defect")

func TestMain(m *testing.M) { infratest.Main(m) }

// Each listed defect still fits the code.
func TestDefectsFit(t *testing.T) {
	t.Parallel()
	for _, d := range defects {
		_, err := d.texts()
		assert.NoError(t, err, d.name)
	}
}

// Each defect makes its test fail, and the same test passes without it.
func TestDefectsAreFound(t *testing.T) {
	t.Parallel()
	require.Positive(t, *every)
	chosen := []defect{}
	tests := map[string][]string{} // by folder
	for i := 0; i < len(defects); i += *every {
		d := defects[i]
		chosen, tests[d.kills.dir] = append(chosen, d), append(tests[d.kills.dir], d.kills.name)
	}
	for dir, names := range tests {
		t.Run("without a defect/"+dir, func(t *testing.T) {
			t.Parallel()
			binary := build(t, dir, nil)
			slices.Sort(names)
			for _, name := range slices.Compact(names) {
				output, err := runTest(t, binary, test{dir, name})
				assert.NoError(t, err, "%s fails without a defect:\n%s", name, output)
			}
		})
	}
	for _, d := range chosen {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			texts, err := d.texts()
			require.NoError(t, err)
			output, err := runTest(t, build(t, d.kills.dir, texts), d.kills)
			require.Error(t, err, "%s does not find it", d.kills.name)
			assert.Contains(t, output, "--- FAIL: "+d.kills.name)
		})
	}
	t.Logf("trying %d of the %d defects made by hand", len(chosen), len(defects))
}

// texts returns the changed text for each file that the defect edits.
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

// build compiles a folder's tests with these texts in place of the files'.
func build(t *testing.T, dir string, texts map[string]string) (binary string) {
	t.Helper()
	work := t.TempDir()
	replace := map[string]string{}
	for i, file := range slices.Sorted(maps.Keys(texts)) {
		replace[file] = filepath.Join(work, fmt.Sprintf("%d-%s", i, filepath.Base(file)))
		require.NoError(t, os.WriteFile(replace[file], []byte(texts[file]), 0o600))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	names := filepath.Join(work, "overlay.json")
	require.NoError(t, os.WriteFile(names, overlay, 0o600))
	binary = filepath.Join(work, "defect.test")
	command := exec.CommandContext(t.Context(), "go", "test", "-c", "-ldflags=-s -w", "-overlay", names, "-o", binary, ".")
	command.Dir = filepath.Join("../../..", dir)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "build the tests of %s:\n%s", dir, output)
	return binary
}

// runTest runs one test from a binary in its package's folder.
func runTest(t *testing.T, binary string, one test) (output string, err error) {
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	command := exec.CommandContext(ctx, binary, "-test.run", "^"+strings.ReplaceAll(one.name, "/", "$/^")+"$", "-test.failfast")
	command.Dir = filepath.Join("../../..", one.dir)
	printed, err := command.CombinedOutput()
	require.NoError(t, ctx.Err(), "%s takes more than %s", one.name, within)
	return string(printed), err
}
