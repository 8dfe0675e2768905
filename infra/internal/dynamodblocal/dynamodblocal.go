// Package dynamodblocal downloads, starts and stops DynamoDB Local, Amazon's DynamoDB for a
// single machine. Tests and the command infra/local use it.
//
// It needs Java 17 or later, in JAVA_HOME or in PATH. Maven downloads the jars once (about
// 50 MB) into os.UserCacheDir()/onewrite.
//
// DynamoDB Local ends when its owner ends, even if the owner is killed: a small shell
// script ([guard]) watches the owner. The owner is the process that calls [Start], or the
// "go test" whose packages [Share] a server.
//
// DynamoDB Local listens on all network interfaces: 2.6.1 has no option for the address. It
// accepts any credentials, never reports TransactionConflict and never throttles. The
// package needs sh and flock, so it runs on Linux, macOS and WSL.
package dynamodblocal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// version is the version of DynamoDB Local. With 2.6.1 the ledger posts about twice as many
// transactions a second as with 3.x.
const version = "2.6.1"

const (
	// startsMax limits the attempts in one Start. Start tries again if another process took
	// the port before DynamoDB Local did.
	startsMax = 3
	// readyWithin limits the wait for the first answer. A JVM needs about a second, but on
	// a busy machine one took more than a minute.
	readyWithin = 3 * time.Minute
	askEvery    = 20 * time.Millisecond
)

// Options are the options of [Start].
type Options struct {
	// Data is the folder that keeps the tables from one start to the next. If it is "",
	// they are kept in memory. Only one server at a time can use a folder.
	Data string
	// Log receives a line when a download begins. It may be nil.
	Log io.Writer
}

// Server is a running DynamoDB Local.
type Server struct {
	endpoint string
	origin   string // a random web origin that only this server allows
	guard    *exec.Cmd
	output   *os.File
	ended    chan struct{}
}

// Start starts DynamoDB Local on a free port and returns when it answers. If ctx ends
// before that, Start leaves nothing running. Close ends the server.
func Start(ctx context.Context, o Options) (*Server, error) {
	return start(ctx, o, os.Getpid(), "", freePort)
}

// start is like [Start], but the function port chooses the port. The server ends when the
// process with the id owner has ended. The server's guard then removes file, unless it is
// "".
func start(ctx context.Context, o Options, owner int, file string, port func() (int, error)) (*Server, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	java, err := findJava(ctx, o.Log)
	if err != nil {
		return nil, fmt.Errorf(orInstall, err)
	}
	data, err := claim(ctx, o.Data)
	if err != nil {
		return nil, fmt.Errorf("data folder of DynamoDB Local: %w", err)
	}
	defer data.Close() // the guard inherits it and keeps it open
	for range startsMax {
		at, err := port()
		if err != nil {
			return nil, err
		}
		s := &Server{endpoint: fmt.Sprintf("http://127.0.0.1:%d", at), origin: "onewrite-" + rand.Text(), ended: make(chan struct{})}
		command := append([]string{"-c", guard, "guard", strconv.Itoa(owner), file, "25"}, java...)
		command = append(command, "-port", strconv.Itoa(at), "-sharedDb", "-disableTelemetry", "-cors", s.origin)
		if o.Data == "" {
			command = append(command, "-inMemory")
		} else {
			command = append(command, "-dbPath", data.Name())
		}
		if err = s.run(command, data); err != nil {
			return nil, err
		}
		if err = s.waitReady(ctx); err == nil {
			return s, nil
		}
		s.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !inUse(at) {
			return nil, fmt.Errorf("start DynamoDB Local: %w", err)
		}
	}
	return nil, fmt.Errorf("start DynamoDB Local: other processes took its port %d times", startsMax)
}

// guard is the shell script that runs DynamoDB Local. When the owner has ended, the script
// sends SIGTERM to DynamoDB Local, because SIGKILL would lose its last writes to a data
// folder. If DynamoDB Local is still running after the given number of checks, one every
// 0.2 s, the script kills it. The script ignores signals, because a signal may be sent to
// all processes at once.
const guard = `
owner=$1 file=$2 tries=$3
shift 3
trap '' HUP INT QUIT TERM
(trap - HUP INT QUIT TERM; exec "$@") </dev/null &
child=$!
{
	while kill -0 "$owner" && kill -0 "$child"; do sleep 0.2; done
	kill "$child"
	while [ "$tries" -gt 0 ] && kill -0 "$child"; do sleep 0.2; tries=$((tries - 1)); done
	kill -s KILL "$child"
} >/dev/null 2>&1
rm -f "$file"
wait "$child"
`

// run starts sh with the arguments in a process group of its own, so that Ctrl-C does not
// reach it. sh and its children keep the data folder open, if there is one.
func (s *Server) run(arguments []string, data *os.File) (err error) {
	if s.output, err = os.CreateTemp("", "dynamodb-local-"); err != nil {
		return err
	}
	if err := os.Remove(s.output.Name()); err != nil {
		return err
	}
	s.guard = exec.Command("/bin/sh", arguments...)
	s.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.guard.Stdout, s.guard.Stderr = s.output, s.output
	if data != nil {
		s.guard.ExtraFiles = []*os.File{data}
	}
	if err := s.guard.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.guard.Wait() // Failure reports the exit status
		close(s.ended)
	}()
	return nil
}

// Close sends SIGTERM to DynamoDB Local, kills it if it is still running after 5 seconds,
// and returns when its port is free.
func (s *Server) Close() {
	_ = syscall.Kill(-s.guard.Process.Pid, syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(5 * time.Second):
		_ = syscall.Kill(-s.guard.Process.Pid, syscall.SIGKILL)
		<-s.ended
	}
}

// Failure returns an error with the exit status and last output of a server that ended.
func (s *Server) Failure() error {
	return fmt.Errorf("DynamoDB Local exited unexpectedly: %s\n%s", s.guard.ProcessState, s.printed())
}

func (s *Server) printed() string {
	const most = 4 << 10
	all, _ := io.ReadAll(io.NewSectionReader(s.output, 0, math.MaxInt64))
	return strings.TrimSpace(string(all[max(0, len(all)-most):]))
}

// sqliteFailed matches an SQLite error in DynamoDB Local's output. After such an error,
// DynamoDB Local retries forever.
var sqliteFailed = regexp.MustCompile(`SQLiteException: (.*)\n`)

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		notReady := s.ask(ctx)
		if notReady == nil {
			return nil
		}
		if failed := sqliteFailed.FindStringSubmatch(s.printed()); failed != nil {
			return fmt.Errorf("SQLite cannot open its data: %s", failed[1])
		}
		select {
		case <-s.ended:
			return fmt.Errorf(orInstall, s.Failure())
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w\n%s", readyWithin, notReady, s.printed())
		case <-time.After(askEvery):
		}
	}
}

// asking is ask's HTTP client. It has a timeout in case another process has the port.
var asking = http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// ask returns nil if this server answers. Another DynamoDB Local may have taken the port,
// so ask checks that the answer allows this server's own random web origin. If no origin
// were set, DynamoDB Local would accept requests from any web page.
func (s *Server) ask(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20120810/local/dynamodb/aws4_request, SignedHeaders=host, Signature=none")
	request.Header.Set("Content-Type", "application/x-amz-json-1.0")
	request.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	request.Header.Set("Origin", s.origin)
	response, err := asking.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ListTables answered %s", response.Status)
	}
	if response.Header.Get("Access-Control-Allow-Origin") != s.origin {
		return fmt.Errorf("another server answers at %s", s.endpoint)
	}
	return nil
}

// Endpoint returns the server's address, such as "http://127.0.0.1:8000".
func (s *Server) Endpoint() string { return s.endpoint }

// Ended returns a channel that is closed when DynamoDB Local has ended.
func (s *Server) Ended() <-chan struct{} { return s.ended }

// claimWithin limits how long claim waits. A guard needs less time to end a server.
const claimWithin = 7 * time.Second

// claim creates the data folder if needed, and locks it for one server. It returns nil if
// dir is "". The server inherits the lock. So even if the process that called [Start] is
// killed, the next server waits until this server has stopped writing.
func claim(ctx context.Context, dir string) (*os.File, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	folder, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, claimWithin)
	defer cancel()
	for errors.Is(syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		select {
		case <-time.After(askEvery):
		case <-ctx.Done():
			folder.Close()
			return nil, fmt.Errorf("another server keeps its data in %s; stop it, or choose another folder", dir)
		}
	}
	return folder, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func inUse(port int) bool {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	c.Close()
	return true
}
