package dynamodblocal

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// dockerScript writes a Docker whose containers this binary plays. It writes
// each call's arguments to the file calls, a line each.
func dockerScript(t *testing.T, calls string) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return "echo \"$*\" >>'" + calls + `'
case $1 in
image) exit 1 ;;
run) exec env ` + roleEnv + "=server '" + self + `' "$@" ;;
esac
`
}

func TestNothingHere(t *testing.T) {
	setPath(t, nil)
	_, err := Start(t.Context(), Options{})
	require.EqualError(t, err, `no way to run DynamoDB Local here; any one of these will do:
  - install Java 17 or later and Maven (missing: exec: "java": executable file not found in $PATH)
  - install Docker and start it (exec: "docker": executable file not found in $PATH)
  - set AWS_ENDPOINT_URL_DYNAMODB to the address of a running one`)
}

func TestWhatIsMissing(t *testing.T) {
	const allWays = `(?s)Java 17 or later and Maven.*Docker.*AWS_ENDPOINT_URL_DYNAMODB`
	for name, c := range map[string]struct {
		scripts map[string]string
		want    []string
	}{
		"no Maven": {map[string]string{"java": java17}, []string{`exec: "mvn"`}},
		"old Java": {map[string]string{"java": `echo 'openjdk version "11.0.2"'`}, []string{"java is version 11"}},
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

// TestDocker starts and ends a container where there is no Maven.
func TestDocker(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	setPath(t, map[string]string{"java": java17, "docker": dockerScript(t, calls)})
	data := t.TempDir()
	var log bytes.Buffer
	s, err := Start(t.Context(), Options{Data: data, Log: &log})
	require.NoError(t, err)
	assert.JSONEq(t, `{"TableNames":[]}`, call(t, s, "ListTables", `{}`))
	require.NoError(t, s.Close())
	assert.False(t, listening(s.Endpoint()))

	assert.Regexp(t, `^downloading DynamoDB Local 2\.6\.1 \(Docker image amazon/dynamodb-local:2\.6\.1\)
downloaded in \d+ s\n$`, log.String())
	did, err := os.ReadFile(calls)
	require.NoError(t, err)
	name := regexp.MustCompile(`onewrite-dynamodb-\w+`).FindString(string(did))
	lines := strings.Split(strings.TrimSpace(string(did)), "\n")
	require.Len(t, lines, 5)
	assert.Equal(t, "version", lines[0])
	assert.Equal(t, "image inspect "+image, lines[1])
	assert.Equal(t, "pull --quiet "+image, lines[2])
	assert.Regexp(t, `^run --rm --name `+name+` -p `+strings.TrimPrefix(s.Endpoint(), "http://")+
		`:8000 --user \d+:\d+ --mount type=bind,source=`+data+`,target=/data `+image+
		` -jar DynamoDBLocal.jar -sharedDb -disableTelemetry -cors \S+ -dbPath /data$`, lines[3])
	assert.Equal(t, "rm --force --volumes "+name, lines[4])
}

// TestNoContainerIsLeft kills the process that runs a container; the container does not
// end with the docker that runs it.
func TestNoContainerIsLeft(t *testing.T) {
	calls := filepath.Join(t.TempDir(), "calls")
	removed := newLifeline(t).path
	setPath(t, map[string]string{
		"docker": dockerScript(t, calls) + `case $1 in rm) echo "$*" >'` + removed + "' ;; esac\n",
	})
	o := startOwner(t, "owner")
	endpoint := o.waitReady(t)
	require.NoError(t, o.cmd.Process.Kill())
	did, err := os.ReadFile(removed) // returns when it has been written
	require.NoError(t, err)
	assert.Regexp(t, `^rm --force --volumes onewrite-dynamodb-\w+\n$`, string(did))
	assert.False(t, listening(endpoint))
}

// TestJarsInTheCache needs neither Maven nor Docker.
func TestJarsInTheCache(t *testing.T) {
	cache := setPath(t, map[string]string{"java": java17})
	lib := filepath.Join(cache, "dynamodb-local-"+version)
	require.NoError(t, os.MkdirAll(lib, 0o755))
	from, err := find(t.Context(), Options{Log: io.Discard})
	require.NoError(t, err)
	args := from(8000, "", "origin").args
	assert.Equal(t, filepath.Join(os.Getenv("PATH"), "java"), args[0])
	assert.Contains(t, args, filepath.Join(lib, "*"))
	assert.Contains(t, args, "-inMemory")
	assert.Contains(t, args, "-XX:TieredStopAtLevel=1")
	from, err = find(t.Context(), Options{Log: io.Discard, Throughput: true})
	require.NoError(t, err)
	assert.NotContains(t, from(8000, "", "origin").args, "-XX:TieredStopAtLevel=1")
}

func TestJavaMajor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		said string
		want int
	}{
		{"openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment", 17},
		{"Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"21\" 2023-09-19", 21},
		{"java version \"1.8.0_392\"", 1},
		{"no java here", 0},
		{"", 0},
	} {
		assert.Equal(t, c.want, javaMajor(c.said), "javaMajor(%q)", c.said)
	}
}

func TestTail(t *testing.T) {
	t.Parallel()
	var out tail
	for range 3 {
		n, err := out.Write(bytes.Repeat([]byte("x"), outputLimitBytes))
		require.NoError(t, err)
		assert.Equal(t, outputLimitBytes, n)
	}
	_, err := out.Write([]byte("the end\n"))
	require.NoError(t, err)
	assert.Equal(t, outputLimitBytes, out.Len())
	assert.True(t, strings.HasSuffix(out.String(), "xthe end"))
}
