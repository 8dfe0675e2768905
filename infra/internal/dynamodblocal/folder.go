package dynamodblocal

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// cacheFolder returns the folder of the jars in the user's cache.
func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	cache = filepath.Join(cache, "onewrite")
	if err == nil {
		err = os.MkdirAll(cache, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("folder for DynamoDB Local: %w", err)
	}
	return cache, nil
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// lock waits for the lock on a file, which it makes if it is missing. The lock ends
// with the file that it returns, or with the process. A file system without flock is
// no reason to stop.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	return f, err
}

// openFolder makes the data folder if it is missing, and claims it for one server. ""
// is no folder. DynamoDB Local holds the folder too, so that a server whose owner was
// killed keeps the next one out while it still writes.
func openFolder(dir string) (*os.File, error) {
	if dir == "" {
		return nil, nil
	}
	path, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(path, 0o700)
	}
	trial, trialErr := os.CreateTemp(path, ".writable-")
	if err := cmp.Or(err, trialErr); err != nil {
		return nil, fmt.Errorf("data folder of DynamoDB Local: %w", err)
	}
	trial.Close()
	folder, err := os.Open(path)
	if err := cmp.Or(os.Remove(trial.Name()), err); err != nil {
		return nil, fmt.Errorf("data folder of DynamoDB Local: %w", err)
	}
	if errors.Is(syscall.Flock(int(folder.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		folder.Close()
		return nil, fmt.Errorf("data folder of DynamoDB Local: another server keeps its data in %s; end it, or choose another folder", path)
	}
	return folder, nil
}
