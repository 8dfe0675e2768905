package dynamodblocal

import (
	"bufio"
	"context"
	"fmt"
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
	case "starter that ends":
		play(startOne)
	case "sharer":
		play(func() (string, error) { return Share(context.Background(), os.Stderr) })
	case "go test":
		cache, _ := cacheFolder()
		left := "http://127.0.0.1:1 onewrite-gone, and more text than the new one, which is cut off\n"
		_ = os.WriteFile(fmt.Sprintf("%s/shared-%d", cache, os.Getpid()), []byte(left), 0o600)
		for range 2 {
			sharer := exec.Command(os.Args[0])
			sharer.Env = append(os.Environ(), roleVariable+"=sharer")
			sharer.Stdout = os.Stdout
			_ = sharer.Run()
		}
		select {}
	case "java":
		playJava(os.Args[1:])
	}
}

// play prints a server's endpoint when the server is ready.
func play(start func() (endpoint string, err error)) {
	endpoint, err := start()
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(endpoint)
}

func startOne() (endpoint string, err error) {
	s, err := Start(context.Background(), Options{})
	if err != nil {
		return "", err
	}
	return s.Endpoint(), nil
}

// playJava answers as DynamoDB Local does. A request for /exit ends it.
func playJava(args []string) {
	after := func(flag string) string { return args[slices.Index(args, flag)+1] }
	err := http.ListenAndServe("127.0.0.1:"+after("-port"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/exit" {
			fmt.Println("ended as asked")
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

// These scripts stand in for programs.
const (
	java17 = `[ "$1" = -version ] && { echo 'openjdk version "17.0.15"' >&2; exit 0; }` + "\n"
	// mvnCopies makes the folder that it is given, as Maven does, in two steps.
	mvnCopies = `echo >>"$HOME/called"
for arg; do case $arg in -DoutputDirectory=*) out=${arg#*=};; esac; done
mkdir -p "$out" && touch "$out/first.jar" && touch "$out/last.jar"
`
)

// setPath makes PATH a folder with these scripts, by name, and the few programs that
// they need. The cache is empty.
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

func setFakeJava(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	setPath(t, map[string]string{"java": java17 + "exec env " + roleVariable + "=java '" + self + "' \"$@\"\n", "mvn": mvnCopies})
}

// startProcess starts this binary again to play a role, and returns the lines that it
// prints.
func startProcess(t *testing.T, role string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	process := exec.Command(self)
	process.Env = append(os.Environ(), roleVariable+"="+role)
	out, err := process.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, process.Start())
	t.Cleanup(func() { _, _ = process.Process.Kill(), process.Wait() })
	return process, bufio.NewScanner(out)
}

func nextEndpoint(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	require.True(t, lines.Scan())
	require.True(t, strings.HasPrefix(lines.Text(), "http://"), lines.Text())
	return lines.Text()
}

func listening(endpoint string) bool {
	var port int
	_, err := fmt.Sscanf(endpoint, "http://127.0.0.1:%d", &port)
	return err == nil && inUse(port)
}

// waitGone returns when no process listens at an endpoint.
func waitGone(endpoint string) {
	for listening(endpoint) {
		time.Sleep(10 * time.Millisecond)
	}
}
