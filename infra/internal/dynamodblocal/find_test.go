package dynamodblocal

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a person is told where no way works.
func TestWhatIsMissing(t *testing.T) {
	const allWays = `(?s)no way to run DynamoDB Local here.*Java 17 or later and Maven.*Docker.*AWS_ENDPOINT_URL_DYNAMODB`
	for name, c := range map[string]struct {
		scripts map[string]string
		want    []string
	}{
		"nothing":  {nil, []string{`exec: "java"`, `exec: "docker"`}},
		"no Maven": {map[string]string{"java": java17}, []string{`exec: "mvn"`}},
		"old Java": {map[string]string{"java": `echo 'openjdk version "11.0.2"'`}, []string{"java is version 11"}},
		"Java 8":   {map[string]string{"java": `echo 'java version "1.8.0_392"'`}, []string{"java is version 1"}},
		"no Java":  {map[string]string{"java": "echo hello"}, []string{"no version hello"}},
		"macOS's stand-in for Java": {
			map[string]string{"java": "echo 'Unable to locate a Java Runtime.' >&2; exit 1"},
			[]string{"Unable to locate a Java Runtime."},
		},
		"Docker without its engine": {
			map[string]string{"docker": "echo 'Cannot connect to the Docker daemon' >&2; exit 1"},
			[]string{`exec: "java"`, "Cannot connect to the Docker daemon"},
		},
		"Docker without a network": {
			map[string]string{"docker": `case $1 in image) exit 1;; pull) echo 'no such host' >&2; exit 1;; esac`},
			[]string{`exec: "java"`, "docker pull " + image, "no such host"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			setPath(t, c.scripts)
			_, err := Start(t.Context(), Options{})
			require.Error(t, err)
			assert.Regexp(t, allWays, err.Error())
			for _, want := range c.want {
				assert.ErrorContains(t, err, want)
			}
		})
	}
}

// The Java of JAVA_HOME goes before that of PATH.
func TestJavaHome(t *testing.T) {
	cache := setPath(t, map[string]string{"java": "exit 1"})
	require.NoError(t, os.Mkdir(filepath.Join(cache, "dynamodb-local-"+version), 0o755))
	home := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, "bin"), 0o755))
	java := filepath.Join(home, "bin", "java")
	require.NoError(t, os.WriteFile(java, []byte("#!/bin/sh\n"+java17), 0o755))
	t.Setenv("JAVA_HOME", home)
	from, err := find(t.Context(), io.Discard)
	require.NoError(t, err)
	assert.Equal(t, java, from(8000, "", "origin")[0])
}

// A container is started and ended where there is no Maven.
func TestDocker(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	self, err := os.Executable()
	require.NoError(t, err)
	setPath(t, map[string]string{"java": java17, "docker": "echo \"$*\" >>'" + calls + `'
case $1 in
image) exit 1 ;;
run) exec env ` + roleVariable + "=server '" + self + `' "$@" ;;
esac
`})
	data := t.TempDir()
	var log bytes.Buffer
	s, err := Start(t.Context(), Options{Data: data, Log: &log})
	require.NoError(t, err)
	assert.JSONEq(t, `{"TableNames":[]}`, call(t, s, "ListTables", `{}`))
	require.NoError(t, s.Close())
	assert.False(t, listening(s.Endpoint()))

	assert.Equal(t, "downloading the Docker image amazon/dynamodb-local:2.6.1\n", log.String())
	did, err := os.ReadFile(calls)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(string(did)), "\n")
	require.Len(t, lines, 4)
	assert.Equal(t, []string{"version", "image inspect " + image, "pull --quiet " + image}, lines[:3])
	assert.Regexp(t, `^run --rm --init -p `+strings.TrimPrefix(s.Endpoint(), "http://")+
		`:8000 --user \d+:\d+ --mount type=bind,source=`+data+`,target=/data `+image+
		` -jar DynamoDBLocal.jar -sharedDb -disableTelemetry -cors \S+ -dbPath /data$`, lines[3])
}
