package dynamodblocal

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// orInstall is an error format that explains how to get DynamoDB Local.
const orInstall = `%w
Install Java 17 or later and Maven, or set AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000 and run
  docker run --rm -p 127.0.0.1:8000:8000 amazon/dynamodb-local:` + version

// findJava returns the command that runs DynamoDB Local, and downloads the jars if they are
// missing. On two cores, the serial collector allows 10 % more transactions a second than
// the default one. With only the C1 compiler, DynamoDB Local starts 0.3 s sooner and uses
// 1.5 s of CPU instead of 2.7. Performance counters are off because the JVM would write
// them to a file, and wait if the disk is busy.
func findJava(ctx context.Context, log io.Writer) (command []string, err error) {
	java := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		java = filepath.Join(home, "bin", "java")
	}
	if _, err := exec.LookPath(java); err != nil {
		return nil, err
	}
	lib, err := jars(ctx, log)
	if err != nil {
		return nil, err
	}
	return []string{
		java, "-XX:+UseSerialGC", "-Xmx512m", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1",
		"-Djava.library.path=" + lib, "-cp", filepath.Join(lib, "*"),
		"com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
	}, nil
}

// pom makes Maven download DynamoDB Local and its dependencies. They include SQLite's
// native library for x86-64 only; ganadist publishes the same version for Apple silicon.
// Maven Central has no build for Linux on ARM.
const pom = `<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>onewrite</groupId>
  <artifactId>dynamodb-local</artifactId>
  <version>1</version>
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

// jars returns the folder with the jars. Maven downloads them once, into a temporary
// folder, which jars then renames.
func jars(ctx context.Context, log io.Writer) (string, error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	lib := filepath.Join(cache, "dynamodb-local-"+version)
	downloading, err := lock(filepath.Join(cache, "download.lock")) // two Maven processes could damage their shared repository
	if err != nil {
		return "", err
	}
	defer downloading.Close()
	if _, err := os.Stat(lib); err == nil {
		return lib, nil
	}
	tmp, err := os.MkdirTemp(cache, "download-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.WriteFile(filepath.Join(tmp, "pom.xml"), []byte(pom), 0o600); err != nil {
		return "", err
	}
	fmt.Fprintf(log, "downloading DynamoDB Local %s (about 50 MB, once) to %s\n", version, lib)
	printed, err := exec.CommandContext(ctx, "mvn", "-B", "-q", "--strict-checksums", "-Dstyle.color=never", "-f", tmp,
		"org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(tmp, "lib")).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("download DynamoDB Local with Maven: %w\n%s", cmp.Or(ctx.Err(), err), printed)
	}
	return lib, os.Rename(filepath.Join(tmp, "lib"), lib)
}

// cacheFolder returns this package's folder in the user's cache, and creates it if needed.
func cacheFolder() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "onewrite")
	return cache, os.MkdirAll(cache, 0o755)
}

// lock opens a file, which it creates if needed, and waits until it has locked it. Closing
// the file releases the lock. On a file system without flock, lock returns the file
// unlocked.
func lock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		_ = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	return f, err
}
