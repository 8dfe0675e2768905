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

// The tables in templates_tables_test.go have every setting in the templates and in
// samconfig.toml.
func TestTemplates(t *testing.T) {
	t.Parallel()
	for path, want := range templateTables {
		assert.Equal(t, want, rows(readYAML(t, path)), path)
	}
	assert.Equal(t, samconfigTable, samconfig(t))
}

// Changing, removing or adding any value in a template changes its rows.
func TestTemplateTablesHoldEveryValue(t *testing.T) {
	t.Parallel()
	for path := range templateTables {
		changes := 0
		for _, part := range parts(readYAML(t, path)) {
			want := rows(part)
			eachChange(part, func(what string) {
				changes++
				assert.NotEqual(t, want, rows(part), "%s: no table holds %s", path, what)
			})
		}
		assert.Greater(t, changes, 200, path)
	}
}

// parts returns a template for each member of a section. Their rows are those of the whole.
func parts(template map[string]any) (parts []map[string]any) {
	for section, value := range template {
		members, ok := value.(map[string]any)
		if !ok {
			parts = append(parts, map[string]any{section: value})
		}
		for name, member := range members {
			parts = append(parts, map[string]any{section: map[string]any{name: member}})
		}
	}
	return parts
}

// rows returns a template as rows: one for a parameter, a rule, a condition, an output,
// a role's statement, another resource's property, an alarm's metric.
func rows(template map[string]any) map[string]string {
	rows := map[string]string{}
	for section, value := range template {
		members, ok := value.(map[string]any)
		if !ok {
			if section != "Description" {
				rows[section] = text(value)
			}
			continue
		}
		for name, member := range members {
			resource, ok := member.(map[string]any)
			if section == "Resources" && ok {
				addResource(rows, name, resource)
				continue
			}
			rows[section+"."+name] = text(member)
		}
	}
	return rows
}

func addResource(rows map[string]string, name string, resource map[string]any) {
	for member, value := range resource {
		properties, ok := value.(map[string]any)
		if member != "Properties" || !ok {
			rows[name+" "+member] = text(value)
			continue
		}
		for property, value := range properties {
			key := name + "." + property
			if isProse(property) {
				continue
			}
			switch list, _ := value.([]any); {
			case property == "Metrics" || property == "Policies" && len(list) > 0:
				for i, item := range list {
					addItem(rows, fmt.Sprintf("%s.%d", key, i), item)
				}
			case property == "Events", property == "DefinitionBody", property == "Environment":
				addMembers(rows, key, value)
			default:
				rows[key] = text(value)
			}
		}
	}
}

// addItem adds a row for an alarm's metric, and for each statement in a policy.
func addItem(rows map[string]string, key string, item any) {
	policy, _ := item.(map[string]any)
	document, _ := policy["PolicyDocument"].(map[string]any)
	statements, ok := document["Statement"].([]any)
	if !ok {
		rows[key] = text(item)
		return
	}
	for i, statement := range statements {
		rows[fmt.Sprintf("%s %v.%d", key, policy["PolicyName"], i)] = text(statement)
	}
	rest := maps.Clone(policy)
	rest["PolicyDocument"] = without(document, "Statement")
	rows[key] = text(rest)
}

// addMembers adds a row for each map member, two levels deep.
func addMembers(rows map[string]string, key string, value any) {
	members, ok := value.(map[string]any)
	if !ok {
		rows[key] = text(value)
		return
	}
	for name, member := range members {
		inner, ok := member.(map[string]any)
		if !ok {
			rows[key+"."+name] = text(member)
			continue
		}
		if len(inner) == 0 {
			rows[key+"."+name] = "{}"
		}
		for innerName, innerMember := range inner {
			rows[key+"."+name+"."+innerName] = text(innerMember)
		}
	}
}

func without(from map[string]any, name string) map[string]any {
	rest := maps.Clone(from)
	delete(rest, name)
	return rest
}

// isProse reports whether a member is text for people, or code: .ci/stack runs the
// smoke test, and .ci/template the scanner that reads the reasons.
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

// readYAML reads a template as maps, lists, texts and functions.
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

// eachChange makes every change to a value in turn, calls do, and takes it back.
func eachChange(value any, do func(what string)) { eachChangeAt("", value, func(any) {}, do) }

func eachChangeAt(path string, value any, set func(any), do func(what string)) {
	changed := func(what string, to any) {
		set(to)
		do(what)
		set(value)
	}
	switch value := value.(type) {
	case map[string]any:
		value["Added"] = "x"
		do(path + " with a member more")
		delete(value, "Added")
		for _, name := range slices.Sorted(maps.Keys(value)) {
			if isProse(name) {
				continue
			}
			member := value[name]
			delete(value, name)
			do(path + " without " + name)
			value[name] = member
			eachChangeAt(path+"."+name, member, func(to any) { value[name] = to }, do)
			value[name] = member
		}
	case []any:
		changed(path+" with an item more", append(slices.Clone(value), "x"))
		for i, item := range value {
			changed(fmt.Sprintf("%s without item %d", path, i), slices.Delete(slices.Clone(value), i, i+1))
			eachChangeAt(fmt.Sprintf("%s.%d", path, i), item, func(to any) { value[i] = to }, do)
		}
	case function:
		changed(path+" by another function", function{"!Other", value.of})
		eachChangeAt(path, value.of, func(to any) { set(function{value.name, to}) }, do)
	default:
		changed(path, fmt.Sprint(value, "x"))
	}
}

func samconfig(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.Open("../samconfig.toml")
	require.NoError(t, err)
	defer file.Close()
	settings, section := map[string]string{}, ""
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

// No caller can forge a line in the access log: each line begins with API Gateway's own
// JSON, whatever is in a token's sub or an error's text.
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

// dig returns the value under a path of names.
func dig(value any, names ...string) any {
	for _, name := range names {
		members, _ := value.(map[string]any)
		value = members[name]
	}
	return value
}

// The dashboard's body is JSON after CloudFormation has inserted the names.
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
