// Package dynamodblocal gets, starts and ends DynamoDB Local, Amazon's imitation of
// DynamoDB for one machine, for tests and for the command infra/local.
//
// Start takes the first of these ways that works:
//
//  1. Java 17 or later, of JAVA_HOME or of PATH. Maven downloads the jars once (about
//     50 MB) into os.UserCacheDir()/onewrite.
//  2. Docker, with the image of the same version.
//
// DynamoDB Local ends with the process that started it, or with the "go test" whose
// packages share it ([Share]), however that ends, SIGKILL included: a few lines of sh
// ([guard]) wait for that end. A killed database loses its last answered writes to a
// data folder, so the guard asks it to end first. It has a process group of its own, so
// Ctrl-C in a terminal reaches its owner alone.
//
// With Java it listens on every interface of the machine: 2.6.1 has no option for the
// address. It takes any credentials, never reports TransactionConflict and never
// throttles. The package needs sh and flock: Linux, macOS or WSL.
package dynamodblocal

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// version is DynamoDB Local's, of the jars and of the image. 2.6.1 posts about twice as
// many transactions a second as 3.x.
const version = "2.6.1"

const (
	// startsMax bounds the starts of one Start. A further start is for a port that
	// another process took before DynamoDB Local did.
	startsMax = 3
	// readyWithin bounds the wait for the first answer. A JVM takes about a second, and
	// one on a busy machine took longer than a minute.
	readyWithin = 3 * time.Minute
	askEvery    = 20 * time.Millisecond
)

// Options says how Start starts DynamoDB Local.
type Options struct {
	// Data is the folder that keeps the tables from one start to the next. "" keeps
	// them in memory. One server at a time may have a folder.
	Data string
	// Log gets lines for a person, such as that a download is going on. It may be nil.
	Log io.Writer
}

// Server is a running DynamoDB Local.
type Server struct {
	endpoint string
	origin   string // the web origin that this server alone allows
	child    *child
	close    func() error // once
}

// Start starts DynamoDB Local on a free port and returns when it answers. The end of
// ctx ends a start that is under way, and has no effect later. Close ends the server.
func Start(ctx context.Context, o Options) (*Server, error) {
	return start(ctx, o, owner{}, freePort)
}

// start does as Start, for an owner and with a choice of the port.
func start(ctx context.Context, o Options, owner owner, port func() (int, error)) (*Server, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	data, err := openFolder(o.Data)
	if err != nil {
		return nil, err
	}
	defer data.Close() // the child holds it from here on
	from, err := find(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	for range startsMax {
		at, err := port()
		if err != nil {
			return nil, err
		}
		s, failed := launch(ctx, from, at, data, owner, o.Log)
		if failed == nil {
			return s, nil
		}
		if err = fmt.Errorf("start DynamoDB Local: %w", failed); ctx.Err() != nil || !inUse(at) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("start DynamoDB Local: other processes took %d ports", startsMax)
}

// launch starts DynamoDB Local once and waits until it answers. Nothing of it is left
// after a failure.
func launch(ctx context.Context, from source, port int, data *os.File, owner owner, log io.Writer) (*Server, error) {
	folder := ""
	if data != nil {
		folder = data.Name()
	}
	s := &Server{endpoint: fmt.Sprintf("http://127.0.0.1:%d", port), origin: "onewrite-" + rand.Text()}
	var err error
	if s.child, err = startChild(from(port, folder, s.origin), data, owner); err != nil {
		return nil, err
	}
	s.close = sync.OnceValue(func() error {
		if s.child.ended() {
			return fmt.Errorf("DynamoDB Local ended by itself: %w", s.child.failure())
		}
		s.child.end(owner)
		return nil
	})
	notReady := s.waitReady(ctx, log)
	if notReady == nil {
		return s, nil
	}
	s.child.end(owner)
	return nil, cmp.Or(ctx.Err(), notReady)
}

// sqliteFailed finds the words of SQLite in a line of DynamoDB Local, which then tries
// again for ever.
var sqliteFailed = regexp.MustCompile(`SQLiteException: (.*)`)

// waitReady returns nil when the server answers. It logs a wait that is long.
func (s *Server) waitReady(ctx context.Context, log io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	began := time.Now()
	for {
		notReady := s.ask(ctx)
		if notReady == nil {
			return nil
		}
		select {
		case <-s.child.done:
			return fmt.Errorf("%w: %w", notReady, s.child.failure())
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w\n%s", readyWithin, notReady, s.child.words())
		case now := <-look.C:
			if failed := sqliteFailed.FindStringSubmatch(s.child.words()); failed != nil {
				return fmt.Errorf("SQLite cannot open its data: %s", failed[1])
			}
			if waited := now.Sub(began).Round(time.Second); waited%(10*time.Second) == 0 {
				fmt.Fprintf(log, "waiting for DynamoDB Local for %s: %v\n", waited, notReady)
			}
		case <-time.After(askEvery):
		}
	}
}

// asking bounds a question, for a stranger on the port that never answers.
var asking = http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// ask asks for the names of the tables and returns nil if this very server answers.
// Another process on the port may well be another DynamoDB Local: each is made to
// allow one web origin that is hard to guess, and is known by that. It also keeps web
// pages out, which the default lets in.
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

// Endpoint returns the address to call, "http://127.0.0.1:PORT".
func (s *Server) Endpoint() string { return s.endpoint }

// Ended returns a channel that is closed when DynamoDB Local has ended.
func (s *Server) Ended() <-chan struct{} { return s.child.done }

// Close ends DynamoDB Local and returns when its port is free. The error says that it
// had ended by itself. Further calls return the same.
func (s *Server) Close() error { return s.close() }

// freePort returns a port of this machine that is free.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// inUse reports whether a process listens on the port.
func inUse(port int) bool {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	c.Close()
	return true
}
