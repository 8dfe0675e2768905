package dynamodblocal

import (
	"bufio"
	"cmp"
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

// If the test binary runs under another program's name, it acts as that program.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "java":
		playJava(os.Args[1:])
	case "starter":
		s, err := Start(context.Background(), Options{})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(s.Endpoint())
		select {}
	case "sharer":
		endpoint, err := Share(context.Background(), os.Stderr)
		fmt.Println(cmp.Or(endpoint, fmt.Sprint(err)))
	case "go test":
		cache, _ := cacheFolder()
		left := "http://127.0.0.1:1 onewrite-gone, and more text than the new one, which is cut off\n"
		_ = os.WriteFile(fmt.Sprintf("%s/shared-%d", cache, os.Getpid()), []byte(left), 0o600)
		for range 2 {
			sharer := program("sharer")
			sharer.Stdout = os.Stdout
			_ = sharer.Run()
		}
		select {}
	default:
		os.Exit(m.Run())
	}
}

func program(name string) *exec.Cmd {
	self, _ := os.Executable()
	return &exec.Cmd{Path: self, Args: []string{name}}
}

// playJava answers like DynamoDB Local. A request for /exit ends it.
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

// mvnCopies is a fake mvn that creates the output folder with two jars.
const mvnCopies = `for arg; do case $arg in -DoutputDirectory=*) out=${arg#*=};; esac; done
mkdir -p "$out" && touch "$out/first.jar" && touch "$out/last.jar"
`

// setPath sets PATH to a folder that contains only the given scripts and the few programs
// that they need. It returns that folder and an empty cache folder.
func setPath(t *testing.T, scripts map[string]string) (path, cache string) {
	t.Helper()
	path, home := t.TempDir(), t.TempDir()
	for _, name := range []string{"rm", "sleep", "mkdir", "touch"} {
		program, err := exec.LookPath(name)
		require.NoError(t, err)
		require.NoError(t, os.Symlink(program, filepath.Join(path, name)))
	}
	for name, script := range scripts {
		require.NoError(t, os.WriteFile(filepath.Join(path, name), []byte("#!/bin/sh\n"+script), 0o755))
	}
	for name, value := range map[string]string{"PATH": path, "HOME": home, "XDG_CACHE_HOME": filepath.Join(home, "cache"), "JAVA_HOME": ""} {
		t.Setenv(name, value)
	}
	cache, err := cacheFolder()
	require.NoError(t, err)
	return path, cache
}

func setFakeJava(t *testing.T) {
	t.Helper()
	path, _ := setPath(t, map[string]string{"mvn": mvnCopies})
	self, err := os.Executable()
	require.NoError(t, err)
	require.NoError(t, os.Symlink(self, filepath.Join(path, "java")))
}

// startProgram starts one of the programs in TestMain and returns the lines it prints.
func startProgram(t *testing.T, name string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	started := program(name)
	out, err := started.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, started.Start())
	t.Cleanup(func() { _, _ = started.Process.Kill(), started.Wait() })
	return started, bufio.NewScanner(out)
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

func waitGone(endpoint string) {
	for listening(endpoint) {
		time.Sleep(10 * time.Millisecond)
	}
}
