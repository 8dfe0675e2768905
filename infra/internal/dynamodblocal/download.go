package dynamodblocal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// pom asks Maven for DynamoDB Local and everything it needs to run. What it needs has
// SQLite's native library for Linux and macOS on x86-64 only; the one for Apple
// silicon is ganadist's build of the same version.
const pom = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>onewrite</groupId>
  <artifactId>dynamodb-local</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>com.amazonaws</groupId>
      <artifactId>DynamoDBLocal</artifactId>
      <version>` + version + `</version>
    </dependency>
    <dependency>
      <groupId>io.github.ganadist.sqlite4java</groupId>
      <artifactId>libsqlite4java-osx-aarch64</artifactId>
      <version>1.0.392</version>
      <type>dylib</type>
    </dependency>
  </dependencies>
</project>
`

// copyGoal is the Maven goal that gathers the jars in one folder, of a pinned plugin.
const copyGoal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

// lockEvery is the pause between two attempts at a lock that another process holds.
const lockEvery = 100 * time.Millisecond

// jars returns the folder of the jars, after downloading them if it is not there. It
// is errMissing if that takes Maven, which is not here. A folder that is there is whole.
func jars(ctx context.Context, log io.Writer) (string, error) {
	parent, err := cacheFolder()
	if err != nil {
		return "", err
	}
	lib := filepath.Join(parent, "dynamodb-local-"+version)
	if isDir(lib) {
		return lib, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("%w: %w", errMissing, err)
	}
	unlock, err := lock(ctx, filepath.Join(parent, "download.lock"), func() {
		fmt.Fprintf(log, "waiting for another process that downloads DynamoDB Local %s\n", version)
	})
	if err != nil {
		return "", fmt.Errorf("download DynamoDB Local: %w", err)
	}
	defer unlock()
	if isDir(lib) { // whoever held the lock has downloaded it
		return lib, nil
	}
	title := fmt.Sprintf("DynamoDB Local %s (about 50 MB, once) to %s", version, lib)
	err = showProgress(log, title, func() error { return download(ctx, mvn, lib) })
	if err != nil {
		return "", fmt.Errorf("download DynamoDB Local with %s: %w", mvn, err)
	}
	return lib, nil
}

// cacheFolder returns the folder in the user's cache, which it makes if it is missing.
func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err == nil {
		cache = filepath.Join(cache, "onewrite")
		err = os.MkdirAll(cache, 0o755)
	}
	if err != nil {
		return "", fmt.Errorf("where to keep DynamoDB Local: %w", err)
	}
	return cache, nil
}

// download makes the folder lib, all of it or none, whatever ends this process.
func download(ctx context.Context, mvn, lib string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(lib), "download-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	whole := filepath.Join(tmp, "lib")
	if err := os.WriteFile(filepath.Join(tmp, "pom.xml"), []byte(pom), 0o644); err != nil {
		return err
	}
	_, err = run(ctx, command{
		args: []string{
			mvn, "-B", "-q", "--strict-checksums", "-Dstyle.color=never", "-f", filepath.Join(tmp, "pom.xml"),
			copyGoal, "-DincludeScope=runtime", "-DoutputDirectory=" + whole,
		},
		undo: []string{"rm", "-rf", tmp},
	})
	if err != nil {
		return err
	}
	if err := os.Rename(whole, lib); err != nil && !isDir(lib) {
		return err
	}
	return nil
}

// lock takes the lock named by path, and returns its release. It calls waiting once if
// it waits for another process to release it.
//
// The cache is safe without it; it spares a second download or server, and two Mavens
// that write to one repository, which Maven does not promise to survive. It is flock's
// because the kernel releases that with the process, where a lock file would stay. A
// file system that knows no flock is no reason to stop.
func lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	pause := time.NewTicker(lockEvery)
	defer pause.Stop()
	for told := false; ; told = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return func() { f.Close() }, nil
		}
		if !told {
			waiting()
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		}
	}
}

// isDir reports whether path is a folder.
func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
