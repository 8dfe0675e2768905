package dynamodblocal

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roleVariable makes the test binary play another program.
const roleVariable = "DYNAMODBLOCAL_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "starter":
		play(startOne)
		select {}
	case "ends":
		play(startOne)
	case "sharer":
		play(func() (string, error) { return Share(context.Background(), os.Stderr) })
	case "go test":
		for range 2 {
			sharer := exec.Command(os.Args[0])
			sharer.Env = append(os.Environ(), roleVariable+"=sharer")
			sharer.Stdout = os.Stdout
			_ = sharer.Run()
		}
		select {}
	case "server":
		playServer(os.Args[1:])
	}
}

// play prints the endpoint of a server when it is ready.
func play(start func() (endpoint string, err error)) {
	endpoint, err := start()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready", endpoint)
}

func startOne() (endpoint string, err error) {
	s, err := Start(context.Background(), Options{})
	if err != nil {
		return "", err
	}
	return s.Endpoint(), nil
}

// playServer answers as DynamoDB Local does with the same arguments, or as the docker
// that runs it. A request for /exit ends it.
func playServer(args []string) {
	after := func(flag string) string {
		if i := slices.Index(args, flag); i >= 0 {
			return args[i+1]
		}
		return ""
	}
	addr := "127.0.0.1:" + after("-port")
	if published := after("-p"); published != "" {
		addr = strings.TrimSuffix(published, ":8000")
	}
	err := http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/exit" {
			fmt.Println("ended as told")
			os.Exit(7)
		}
		if origin := r.Header.Get("Origin"); origin == after("-cors") {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		fmt.Fprint(w, `{"TableNames":[]}`)
	}))
	fmt.Println(err)
	os.Exit(1)
}

// played is the source of servers that this binary plays.
func played(t *testing.T) source {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return func(port int, _, origin string) []string {
		return []string{"env", roleVariable + "=server", self, "-port", fmt.Sprint(port), "-cors", origin}
	}
}

// launchPlayed launches such a server until the test ends.
func launchPlayed(t *testing.T) *Server {
	t.Helper()
	port, err := freePort()
	require.NoError(t, err)
	s, err := launch(t.Context(), played(t), port, nil, owner{}, io.Discard)
	require.NoError(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// setPath makes PATH a folder of these scripts, by name, and of the few programs that
// they need. The cache is an empty one.
func setPath(t *testing.T, scripts map[string]string) (cache string) {
	t.Helper()
	dir, home := t.TempDir(), t.TempDir()
	for _, name := range []string{"env", "rm", "sleep", "mkdir", "touch"} {
		program, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(program, filepath.Join(dir, name)))
	}
	for name, script := range scripts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755))
	}
	for name, value := range map[string]string{"PATH": dir, "HOME": home, "XDG_CACHE_HOME": filepath.Join(home, "cache"), "JAVA_HOME": ""} {
		t.Setenv(name, value)
	}
	cache, err := cacheFolder()
	require.NoError(t, err)
	return cache
}

// Scripts that stand for programs.
const (
	java17 = `[ "$1" = -version ] && { echo 'openjdk version "17.0.15"' >&2; exit 0; }` + "\n"
	// mvnCopies makes the folder that it is told to, as Maven does, in two steps.
	mvnCopies = `for arg; do case $arg in -DoutputDirectory=*) out=${arg#*=};; esac; done
mkdir -p "$out" && touch "$out/first.jar" && touch "$out/last.jar"
`
)

// setFakeJava makes this binary play Java, with jars in the cache.
func setFakeJava(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cache := setPath(t, map[string]string{
		"java": java17 + "exec env " + roleVariable + "=server '" + self + "' \"$@\"\n",
	})
	require.NoError(t, os.MkdirAll(filepath.Join(cache, "dynamodb-local-"+version), 0o755))
}

// call makes one call of DynamoDB's API and returns its answer.
func call(t *testing.T, s *Server, operation, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Endpoint(), strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20120810/test/dynamodb/aws4_request, SignedHeaders=host, Signature=none")
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, "%s: %s", operation, answer)
	return string(answer)
}

// listening reports whether a process listens at an endpoint.
func listening(endpoint string) bool {
	c, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// waitGone returns when no process listens at an endpoint.
func waitGone(endpoint string) {
	for listening(endpoint) {
		time.Sleep(10 * time.Millisecond)
	}
}
