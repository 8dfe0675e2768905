package infra_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// No value in a template or in samconfig.toml changes by accident, because
// testdata/templates.txt lists them all.
func TestTemplates(t *testing.T) {
	t.Parallel()
	var values strings.Builder
	for _, path := range []string{"../template.yaml", "audit/template.yaml", "events/template.yaml"} {
		fmt.Fprintf(&values, "# %s\n", path)
		writeValues(&values, "", readYAML(t, path))
	}
	fmt.Fprintln(&values, "# ../samconfig.toml")
	writeValues(&values, "", samconfig(t))
	golden(t, "testdata/templates.txt", values.String())
}

// writeValues writes one line for each value at the path or below, such as
// "Resources.AggregateTable.Type: AWS::DynamoDB::Table".
func writeValues(to *strings.Builder, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if !isProse(name) {
				writeValues(to, strings.TrimPrefix(path+"."+name, "."), value[name])
			}
		}
		if len(value) > 0 {
			return
		}
	case []any:
		for i, item := range value {
			writeValues(to, fmt.Sprintf("%s.%d", path, i), item)
		}
		if len(value) > 0 {
			return
		}
	}
	fmt.Fprintf(to, "%s: %s\n", path, text(value))
}

// isProse reports whether a member contains text for people, or is checked elsewhere:
// .ci/stack runs the smoke test, and .ci/template runs checkov.
func isProse(name string) bool {
	return slices.Contains([]string{"Description", "AlarmDescription", "AssertDescription", "Label", "checkov", "InlineCode"}, name)
}

// text returns a value as one line, without prose.
func text(value any) string {
	switch value := value.(type) {
	case map[string]any:
		var members []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if !isProse(name) {
				members = append(members, name+": "+text(value[name]))
			}
		}
		return "{" + strings.Join(members, ", ") + "}"
	case []any:
		var items []string
		for _, item := range value {
			items = append(items, text(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case function:
		if _, ok := value.of.(string); ok {
			return value.name + " " + text(value.of)
		}
		return value.name + text(value.of)
	}
	return strings.Join(strings.Fields(fmt.Sprint(value)), " ")
}

// function is a CloudFormation function, such as !Ref.
type function struct {
	name string
	of   any
}

// readYAML reads a template as maps, lists, strings and functions.
func readYAML(t *testing.T, path string) map[string]any {
	t.Helper()
	source, err := os.ReadFile(path)
	require.NoError(t, err)
	var node yaml.Node
	require.NoError(t, yaml.Unmarshal(source, &node))
	template, ok := valueOf(node.Content[0]).(map[string]any)
	require.True(t, ok, path)
	return template
}

func valueOf(node *yaml.Node) any {
	var value any
	switch node.Kind {
	case yaml.MappingNode:
		members := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			members[node.Content[i].Value] = valueOf(node.Content[i+1])
		}
		value = members
	case yaml.SequenceNode:
		items := []any{}
		for _, item := range node.Content {
			items = append(items, valueOf(item))
		}
		value = items
	case yaml.DocumentNode, yaml.ScalarNode, yaml.AliasNode:
		value = node.Value
	}
	if strings.HasPrefix(node.Tag, "!") && !strings.HasPrefix(node.Tag, "!!") {
		return function{node.Tag, value}
	}
	return value
}

func samconfig(t *testing.T) map[string]any {
	t.Helper()
	file, err := os.Open("../samconfig.toml")
	require.NoError(t, err)
	defer file.Close()
	settings, section := map[string]any{}, ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		name, value, ok := strings.Cut(line, " = ")
		switch {
		case strings.HasPrefix(line, "["):
			section = strings.TrimSuffix(strings.Trim(line, "[]"), ".parameters") + "."
		case ok && !strings.HasPrefix(line, "#"):
			settings[section+name] = strings.Trim(value, `"`)
		}
	}
	return settings
}

// No caller can forge a line in the access log. Each line begins with API Gateway's own
// JSON, and a token's sub or an error's text can't change that.
func TestAccessLogCannotBeForged(t *testing.T) {
	t.Parallel()
	safe := regexp.MustCompile(`\$context\.(requestTime|requestId|apiId|routeKey|status|responseLatency|identity\.sourceIp|identity\.userArn|error\.responseType|integration\.status)\b`)
	for _, api := range []string{"Api", "ServiceApi"} {
		settings, _ := dig(readYAML(t, "../template.yaml"), "Resources", api, "Properties", "AccessLogSettings", "Format").(string)
		line := safe.ReplaceAllString(settings, "-")
		line = regexp.MustCompile(`\$context\.[\w.]+`).ReplaceAllString(line, `","status":"200","x":"`)
		var got map[string]string
		require.NoError(t, json.NewDecoder(strings.NewReader(line)).Decode(&got), line)
		for name, value := range got {
			assert.Equal(t, "-", value, "%s holds a text that callers word", name)
		}
		assert.Len(t, got, 10)
	}
}

// dig returns the value at a path of names.
func dig(value any, names ...string) any {
	for _, name := range names {
		members, _ := value.(map[string]any)
		value = members[name]
	}
	return value
}

// The dashboard's body is valid JSON with and without the metrics of the API for services.
func TestDashboardIsJSON(t *testing.T) {
	t.Parallel()
	body, ok := dig(readYAML(t, "../template.yaml"), "Resources", "Dashboard", "Properties", "DashboardBody").(function)
	require.True(t, ok)
	parts := body.of.([]any)
	choice := dig(parts[1], "ServiceMetrics").(function).of.([]any)
	for _, metrics := range []any{choice[1].(function).of, choice[2]} { // with the API for services, and without
		text := strings.Replace(parts[0].(string), "${ServiceMetrics}", metrics.(string), 1)
		var dashboard struct{ Widgets []any }
		require.NoError(t, json.Unmarshal([]byte(text), &dashboard), text)
		assert.Len(t, dashboard.Widgets, 6)
	}
}
