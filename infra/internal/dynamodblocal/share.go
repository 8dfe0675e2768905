package dynamodblocal

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// keeperVariable makes a process a keeper. Its value is the path of the socket at
// which the keeper is found.
const keeperVariable = "ONEWRITE_KEEPER_OF_DYNAMODB"

// Shared is a process's share in a DynamoDB Local.
type Shared struct {
	endpoint string
	hold     io.Closer // the kernel closes it with the process
}

// Share returns a share in the DynamoDB Local that processes have together, with the
// tables in memory, and starts that if there is none. It writes progress to log. A ctx
// that ends while another process starts the server ends the wait. The server ends soon
// after the last process has closed its share or is gone, however that ends.
//
// The packages of one "go test" are processes that come and go: with a server for each,
// it takes a quarter longer.
//
// The server is kept by a process of its own, which runs this program again: its main
// must call [KeepShared] before anything else.
func Share(ctx context.Context, log io.Writer) (*Shared, error) {
	parent, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	unlock, err := lock(ctx, filepath.Join(parent, "shared.lock"), func() {})
	if err != nil {
		return nil, fmt.Errorf("share DynamoDB Local: %w", err)
	}
	defer unlock()
	socket := sharedSocket(parent)
	if s, err := join(socket); err == nil {
		return s, nil // else there is no keeper, or it is about to end
	}
	return startKeeper(socket, log)
}

// sharedSocket returns the path at which a keeper of this version is found.
func sharedSocket(cache string) string {
	return filepath.Join(cache, "shared-"+version+".socket")
}

// Endpoint returns the address to call, "http://127.0.0.1:PORT".
func (s *Shared) Endpoint() string { return s.endpoint }

// Close gives the share back.
func (s *Shared) Close() error { return s.hold.Close() }

// join takes a share from the keeper at a socket.
func join(socket string) (*Shared, error) {
	keeper, err := net.Dial("unix", socket)
	if err != nil {
		return nil, err
	}
	return shareOf(keeper, keeper)
}

// startKeeper starts a keeper, whose first share is its standard input.
func startKeeper(socket string, log io.Writer) (*Shared, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), keeperVariable+"="+socket)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it outlives a Ctrl-C, if others have shares
	cmd.Stderr = struct{ io.Writer }{log}                 // not log's own file, which "go test" reads to its end
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s, err := shareOf(said, hold)
	if err != nil {
		return nil, fmt.Errorf("the process that is to keep DynamoDB Local: %w", cmp.Or(cmd.Wait(), err))
	}
	return s, nil
}

// shareOf returns the share whose keeper says the endpoint.
func shareOf(keeper io.Reader, hold io.Closer) (*Shared, error) {
	endpoint, err := bufio.NewReader(keeper).ReadString('\n')
	if err != nil {
		return nil, errors.Join(err, hold.Close())
	}
	return &Shared{strings.TrimSpace(endpoint), hold}, nil
}

// KeepShared keeps a server in a process that [Share] has started for that, and returns
// when nobody has a share any more. In any other process it returns false at once.
func KeepShared() (kept bool, err error) {
	socket := os.Getenv(keeperVariable)
	if socket == "" {
		return false, nil
	}
	if err := os.Unsetenv(keeperVariable); err != nil { // its children are none
		return true, err
	}
	server, err := Start(context.Background(), Options{Log: os.Stderr})
	if err != nil {
		return true, err
	}
	defer server.Close()                                                         //nolint:errcheck // there is nobody left to tell
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) { // of a keeper that was killed
		return true, err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return true, err
	}
	defer listener.Close() //nolint:errcheck // likewise
	fmt.Println(server.Endpoint())
	return true, server.keep(listener)
}

// keep gives shares to those who ask, until nobody has one.
func (s *Server) keep(listener net.Listener) error {
	came, left := make(chan struct{}), make(chan struct{})
	share := func(holder io.Reader) {
		_, _ = io.Copy(io.Discard, holder) // which sends nothing
		left <- struct{}{}
	}
	go share(os.Stdin)
	go func() {
		for {
			holder, err := listener.Accept()
			if err != nil {
				return // it is closed
			}
			came <- struct{}{}
			fmt.Fprintln(holder, s.Endpoint())
			go share(holder)
		}
	}()
	for holders := 1; holders > 0; {
		select {
		case <-came:
			holders++
		case <-left:
			holders--
		case <-s.Ended():
			return s.Close()
		}
	}
	return nil
}
