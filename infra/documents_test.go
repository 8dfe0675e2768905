package infra_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	linkPattern = regexp.MustCompile(`\]\(([^)]+)\)|src(?:set)?="([^"]+)"`)
	pathPattern = regexp.MustCompile(`(?:^|[\s(\x60"=])((?:\./)?(?:infra|handler|ledger|testdata|\.ci|\.github)/[\w./-]*\w)`)
	// overridesPattern matches the parameters that a command sets, and parameterPattern the
	// names in them.
	overridesPattern = regexp.MustCompile(`--parameter-overrides((?:\\\n|[^\n\x60])+)`)
	parameterPattern = regexp.MustCompile(`[\s'"]([A-Z]\w+)=`)
	// parameterRowPattern matches the first cell of a row about parameters.
	parameterRowPattern = regexp.MustCompile("(?m)^\\| (`[^|\n]+) \\|")
	problemPattern      = regexp.MustCompile(`/problems/([a-z-]+)`)
	problemNamePattern  = regexp.MustCompile("`([a-z]+(?:-[a-z]+)+)`")
	headingPattern      = regexp.MustCompile(`(?m)^#+ (.+)$`)
	// notInSlug matches the characters that GitHub removes from a heading's anchor.
	notInSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Every relative link in a document points to an existing file, and to an existing heading
// if it names one. Every path in a document exists.
func TestDocuments(t *testing.T) {
	t.Parallel()
	for path, text := range documents(t) {
		for _, match := range linkPattern.FindAllStringSubmatch(text, -1) {
			link := match[1] + match[2]
			if strings.Contains(link, "://") {
				continue
			}
			file, heading, _ := strings.Cut(link, "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			assert.FileExists(t, target, "%s links to %s", path, link)
			if heading != "" {
				assert.Contains(t, anchors(t, target), heading, "%s links to %s", path, link)
			}
		}
		for _, match := range pathPattern.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join("..", match[1]))
			assert.NoError(t, err, "%s names %s", path, match[1])
		}
	}
}

func documents(t *testing.T) map[string]string {
	texts := map[string]string{}
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(name, ".") && name != ".." && name != ".github":
			return filepath.SkipDir
		case filepath.Ext(name) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		texts[path] = string(text)
		return err
	}))
	require.Contains(t, texts, "../README.md")
	require.Contains(t, texts, "../.github/CONTRIBUTING.md")
	return texts
}

// anchors returns the anchors that GitHub gives a document's headings.
func anchors(t *testing.T, path string) (all []string) {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, heading := range headingPattern.FindAllStringSubmatch(string(text), -1) {
		slug := notInSlug.ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, strings.ReplaceAll(slug, " ", "-"))
	}
	return all
}

// Commands set only parameters that a template has, and deploy.md's table describes only those.
func TestDocumentsNameParameters(t *testing.T) {
	t.Parallel()
	parameters := map[string]any{}
	for _, path := range []string{"../template.yaml", "audit/template.yaml", "events/template.yaml"} {
		maps.Copy(parameters, dig(readYAML(t, path), "Parameters").(map[string]any))
	}
	texts := documents(t)
	for path, text := range texts {
		for _, overrides := range overridesPattern.FindAllString(text, -1) {
			for _, match := range parameterPattern.FindAllStringSubmatch(overrides, -1) {
				assert.Contains(t, parameters, match[1], path)
			}
		}
	}
	rows := parameterRowPattern.FindAllStringSubmatch(texts["../infra/deploy.md"], -1)
	assert.NotEmpty(t, rows)
	for _, row := range rows {
		for name := range strings.SplitSeq(row[1], ", ") {
			assert.Contains(t, parameters, strings.Trim(name, "`"))
		}
	}
}

// The API's table of problems has every type in openapi.yaml, and no other. It has the
// problems of a wrong call by their status alone.
func TestDocumentsNameProblems(t *testing.T) {
	t.Parallel()
	description, err := os.ReadFile("../handler/openapi.yaml")
	require.NoError(t, err)
	types := map[string]bool{}
	for _, match := range problemPattern.FindAllStringSubmatch(string(description), -1) {
		types[match[1]] = true
	}
	_, text, _ := strings.Cut(documents(t)["../handler/README.md"], "## Problems")
	table, _, found := strings.Cut(text, "```console")
	require.True(t, found)
	for _, match := range problemNamePattern.FindAllStringSubmatch(table, -1) {
		assert.Contains(t, types, match[1])
	}
	for _, byStatus := range []string{"invalid-request", "forbidden", "not-found", "method-not-allowed", "body-too-large"} {
		assert.Contains(t, types, byStatus)
		delete(types, byStatus)
	}
	for kind := range types {
		assert.Contains(t, table, "`"+kind+"`")
	}
}

func TestRunbookHasEveryAlarm(t *testing.T) {
	t.Parallel()
	runbook, err := os.ReadFile("operations.md")
	require.NoError(t, err)
	for _, path := range []string{"../template.yaml", "audit/template.yaml", "events/template.yaml"} {
		alarms := 0
		for name, kind := range kindsOf(t, path) {
			if kind == "AWS::CloudWatch::Alarm" {
				alarms++
				assert.Regexp(t, `(?m)^\| ([^|\n]* )?`+strings.TrimSuffix(name, "Alarm")+`\b[^|\n]*\|`, string(runbook))
			}
		}
		assert.Positive(t, alarms, path)
	}
}
