package dynamodblocal

import (
	"bufio"
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
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// roleEnv makes the test binary play another part than running the tests.
const roleEnv = "DYNAMODBLOCAL_TEST_ROLE"

func TestMain(m *testing.M) {
	if kept, err := KeepShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	} else if kept {
		os.Exit(0)
	}
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "owner":
		playOwner(func() (holder, error) { return Start(context.Background(), Options{Log: os.Stdout}) })
	case "sharer":
		playOwner(func() (holder, error) { return Share(context.Background(), os.Stdout) })
	case "server":
		playServer(os.Args[1:])
	}
}

// holder is a [Server] or a share in one.
type holder interface{ Endpoint() string }

// playOwner plays a process that owns a DynamoDB Local, or has a share in one: it says
// "ready", and then goes as a line of its input tells it to.
func playOwner(start func() (holder, error)) {
	s, err := start()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("ready", s.Endpoint())
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
	switch line {
	case "panic\n":
		panic("as told")
	case "exit\n":
		os.Exit(0)
	}
}

// playServer answers like DynamoDB Local with the same arguments, or like Docker that
// runs it. A request for /exit ends it.
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
	origin := after("-cors")
	err := http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/exit" {
			fmt.Println("ended as told")
			os.Exit(7)
		}
		if r.Header.Get("Origin") == origin {
			w.Header().Set("Access-Control-Allow-Origin", origin)
		}
		fmt.Fprint(w, `{"TableNames":[]}`)
	}))
	fmt.Println(err)
	os.Exit(1)
}

// asServer returns a source of servers that start at once, played by this binary.
func asServer(t *testing.T) source {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	return func(port int, _, origin string) command {
		return command{args: []string{
			"env", roleEnv + "=server", self, "-port", fmt.Sprint(port), "-cors", origin,
		}}
	}
}

// lifeline is a named pipe that a program holds open for as long as it lives, as do its
// children. It tells of its end without a clock or a process id.
type lifeline struct{ path string }

func newLifeline(t *testing.T) lifeline {
	t.Helper()
	l := lifeline{filepath.Join(t.TempDir(), "lifeline")}
	require.NoError(t, syscall.Mkfifo(l.path, 0o600))
	return l
}

// hold returns the line of a sh script from which on it holds the lifeline.
func (l lifeline) hold() string { return fmt.Sprintf("exec 9<>'%s'; echo held >&9\n", l.path) }

// waitHeld returns, when a program holds the lifeline, what returns when none does.
func (l lifeline) waitHeld(t *testing.T) (waitReleased func()) {
	t.Helper()
	f, err := os.Open(l.path)
	require.NoError(t, err)
	r := bufio.NewReader(f)
	_, err = r.ReadString('\n')
	require.NoError(t, err)
	return func() {
		_, err := io.Copy(io.Discard, r)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
}

// setPath makes PATH a folder of these scripts, by name, and of the few programs that
// the scripts and the package need. The cache is an empty one.
func setPath(t *testing.T, scripts map[string]string) (cache string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"env", "rm", "sleep", "mkdir", "touch", "wc"} {
		program, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(program, filepath.Join(dir, name)))
	}
	for name, script := range scripts {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o755))
	}
	t.Setenv("PATH", dir)
	return setCache(t)
}

// setCache makes the user's cache an empty folder and returns the package's place in it.
func setCache(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	return filepath.Join(cache, "onewrite")
}

// Scripts that stand for programs.
const (
	java17 = `[ "$1" = -version ] && { echo 'openjdk version "17.0.15"' >&2; exit 0; }` + "\n"
	// mvnCopies makes the folder that it is told to, as Maven does, in two steps.
	mvnCopies = `for arg; do case $arg in -DoutputDirectory=*) out=${arg#*=};; esac; done
mkdir -p "$out" && touch "$out/first.jar" && touch "$out/last.jar"
`
	forever = "sleep 86400\n"
)

// setFakeJava makes this binary play Java, with jars in the cache. script is what it
// does before it starts a server.
func setFakeJava(t *testing.T, script string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cache := setPath(t, map[string]string{
		"java": java17 + script + "exec env " + roleEnv + "=server '" + self + "' \"$@\"\n",
	})
	require.NoError(t, os.MkdirAll(filepath.Join(cache, "dynamodb-local-"+version), 0o755))
}

// realJava returns the path of java, without which the tests are to fail.
func realJava(t *testing.T) string {
	t.Helper()
	program, err := exec.LookPath("java")
	require.NoError(t, err, "install Java 17 or later")
	return program
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

// listening reports whether somebody listens at the server's address.
func listening(endpoint string) bool {
	c, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// syncBuffer is a log that can be read while it is written.
type syncBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
