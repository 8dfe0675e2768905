package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"onewrite/infra"
)

const root = "../.."

// The Dockerfile copies everything that its build needs, and uses go.mod's Go version.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	dockerfile, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	image := regexp.MustCompile(`FROM golang:(\S+)`).FindSubmatch(dockerfile)
	require.NotNil(t, image)
	assert.Regexp(t, `(?m)^go `+regexp.QuoteMeta(string(image[1]))+`\b`, string(module))

	work := t.TempDir()
	for line := range strings.Lines(string(dockerfile)) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "COPY" || strings.HasPrefix(words[1], "--from") {
			continue
		}
		for _, source := range words[1 : len(words)-1] {
			target := filepath.Join(work, words[len(words)-1])
			if info, err := os.Stat(filepath.Join(root, source)); err == nil && info.IsDir() {
				require.NoError(t, os.CopyFS(target, os.DirFS(filepath.Join(root, source))), line)
				continue
			}
			body, err := os.ReadFile(filepath.Join(root, source))
			require.NoError(t, err, line)
			require.NoError(t, os.WriteFile(filepath.Join(target, source), body, 0o600), line)
		}
	}
	build := regexp.MustCompile(`RUN CGO_ENABLED=0 go build -o (\S+) (\S+)\n`).FindSubmatch(dockerfile)
	require.NotNil(t, build)
	assert.Contains(t, string(dockerfile), "COPY --from=build "+string(build[1])+" "+string(build[1])+"\n")
	assert.Contains(t, string(dockerfile), `ENTRYPOINT ["`+string(build[1])+`"]`)
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", string(build[2]))
	list.Dir = work
	output, err := list.CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Contains(t, string(output), "onewrite/infra/local\n")
}

// The flags and variables in compose.yaml are valid, and its version of DynamoDB Local is
// the one that the tests use.
func TestCompose(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("compose.yaml")
	require.NoError(t, err)
	var compose struct {
		Services map[string]struct {
			Image       string
			Build       struct{ Context, Dockerfile string }
			Command     []string
			Environment map[string]string
			Ports       []string
			DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
			Healthcheck struct{ Test []string }
		}
	}
	require.NoError(t, yaml.Unmarshal(file, &compose))
	ledger := compose.Services["ledger"]
	o, err := parseOptions(ledger.Command, io.Discard)
	require.NoError(t, err)
	assert.Equal(t, options{addr: ":3000", remote: true, settings: o.settings}, o)
	assert.Equal(t, []string{"127.0.0.1:3000" + o.addr}, ledger.Ports, "no other machine can reach it")
	assert.FileExists(t, filepath.Join(ledger.Build.Context, ledger.Build.Dockerfile))
	assert.FileExists(t, filepath.Join(ledger.Build.Context, "go.mod"))
	require.Equal(t, "service_healthy", ledger.DependsOn["dynamodb"].Condition)
	require.NotEmpty(t, compose.Services["dynamodb"].Healthcheck.Test)
	config, err := infra.ConfigFromEnv(func(name string) string { return ledger.Environment[name] })
	require.NoError(t, err, "all that -remote needs is there")
	assert.Equal(t, "http://dynamodb:8000", config.Endpoint)

	source, err := os.ReadFile("../internal/dynamodblocal/dynamodblocal.go")
	require.NoError(t, err)
	name, version, ok := strings.Cut(compose.Services["dynamodb"].Image, ":")
	require.True(t, ok)
	assert.Equal(t, "amazon/dynamodb-local", name)
	assert.Contains(t, string(source), `const version = "`+version+`"`)
}
