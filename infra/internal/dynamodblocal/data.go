package dynamodblocal

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
)

// folder is where a server keeps its tables.
type folder struct {
	path  string   // absolute; "" is memory
	claim *os.File // nil: none
}

// openFolder makes the data folder if it is missing, checks that it can be written,
// and claims it for one server. "" is no folder.
//
// The claim is flock's, on the folder itself. It is handed on to the program and ends
// with it, so that a server whose owner was killed, and which is still writing, keeps
// the next one out. A file system that knows no flock is no reason to stop.
func openFolder(dir string) (f folder, err error) {
	if dir == "" {
		return folder{}, nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("data folder of DynamoDB Local: %w", err)
		}
	}()
	if f.path, err = filepath.Abs(dir); err != nil {
		return folder{}, err
	}
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return folder{}, err
	}
	trial, err := os.CreateTemp(f.path, ".writable-")
	if err != nil {
		return folder{}, err
	}
	trial.Close()
	if err := os.Remove(trial.Name()); err != nil {
		return folder{}, err
	}
	if f.claim, err = os.Open(f.path); err != nil {
		return folder{}, err
	}
	if errors.Is(syscall.Flock(int(f.claim.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		f.close()
		return folder{}, fmt.Errorf("another server keeps its data in %s; end it, or choose another folder", f.path)
	}
	return f, nil
}

// close lets go of this process's part of the claim.
func (f folder) close() {
	if f.claim != nil {
		f.claim.Close()
	}
}

// OnThisMachine reports whether an endpoint is an address of this machine.
func OnThisMachine(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
