package dynamodblocal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// readyWithin bounds the wait for the first answer: a JVM takes about a second,
	// many at once on a busy machine a good deal more, and one has been seen to take
	// longer than a minute.
	readyWithin = 3 * time.Minute
	// askEvery is the pause between two questions to a server that is not ready.
	askEvery = 20 * time.Millisecond
	// answerWithin bounds one of them, so that a stranger on the port who never
	// answers does not hide that our own process has ended.
	answerWithin = 5 * time.Second
)

// errPortTaken marks the error of a DynamoDB Local that ended before it was ready and on
// whose port somebody else listens.
var errPortTaken = errors.New("the port was taken by another process")

// launch starts DynamoDB Local once and waits until it answers. When it can't, nothing
// is left running; the error is errPortTaken if another port may help.
func launch(ctx context.Context, from source, data folder, choosePort func() (int, error)) (*Server, error) {
	port, err := choosePort()
	if err != nil {
		return nil, err
	}
	origin := "onewrite-" + rand.Text()
	program := from(port, data.path, origin)
	program.hold = data.claim
	c, err := startChild(program)
	if err != nil {
		return nil, fmt.Errorf("start DynamoDB Local: %w", err)
	}
	s := &Server{endpoint: fmt.Sprintf("http://127.0.0.1:%d", port), child: c}
	s.close = sync.OnceValue(s.end)
	notReady := s.waitReady(ctx, origin)
	if notReady == nil {
		return s, nil
	}
	byItself := c.ended()
	c.end()
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case byItself && inUse(port):
		err = fmt.Errorf("%w: %w", errPortTaken, c.failure())
	default:
		err = fmt.Errorf("%w: %w", notReady, c.failure())
	}
	return nil, fmt.Errorf("start DynamoDB Local: %w", err)
}

// end ends the server; see [Server.Close].
func (s *Server) end() error {
	if s.child.ended() {
		return fmt.Errorf("DynamoDB Local ended by itself: %w", s.child.failure())
	}
	s.child.end()
	return nil
}

// waitReady returns nil when the server answers, and what was wrong last when it ends
// or has had its time.
func (s *Server) waitReady(ctx context.Context, origin string) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	client := &http.Client{Timeout: answerWithin, Transport: &http.Transport{DisableKeepAlives: true}}
	pause := time.NewTicker(askEvery)
	defer pause.Stop()
	for {
		notReady := s.ask(ctx, client, origin)
		if notReady == nil {
			return nil
		}
		select {
		case <-s.child.done:
			return notReady
		case <-ctx.Done():
			return fmt.Errorf("not ready within %s: %w", readyWithin, notReady)
		case <-pause.C:
		}
	}
}

// ask asks for the tables' names and returns nil if this very server gave them.
//
// A 200 alone would not do: when another process has taken the port it may well be
// another DynamoDB Local, of a test that runs beside this one. So each server is given,
// by -cors, to allow one origin that nobody can guess, and knows itself by that. (It
// also keeps web pages out; the default allows them all.)
func (s *Server) ask(ctx context.Context, client *http.Client, origin string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20120810/local/dynamodb/aws4_request, SignedHeaders=host, Signature=none")
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	req.Header.Set("Origin", origin)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("ListTables answered %s", resp.Status)
	}
	if resp.Header.Get("Access-Control-Allow-Origin") != origin {
		return fmt.Errorf("another server answers at %s", s.endpoint)
	}
	return nil
}

// freePort returns a port of 127.0.0.1 that nobody listened on a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// inUse reports whether somebody listens on port.
func inUse(port int) bool {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	c.Close()
	return true
}
