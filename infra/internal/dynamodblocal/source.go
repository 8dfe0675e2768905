package dynamodblocal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
)

// source returns the command that runs DynamoDB Local on a port, with its tables in a
// folder or in memory (""). origin is the web origin that it allows.
type source func(port int, data, origin string) []string

// errMissing marks a source for which this machine lacks a program.
var errMissing = errors.New("missing")

// find returns the first source that works here.
func find(ctx context.Context, log io.Writer) (source, error) {
	java, javaErr := findJava(ctx, log)
	if !errors.Is(javaErr, errMissing) {
		return java, javaErr
	}
	docker, dockerErr := findDocker(ctx, log)
	if dockerErr == nil || ctx.Err() != nil {
		return docker, dockerErr
	}
	return nil, fmt.Errorf(`no way to run DynamoDB Local here; any one of these will do:
  - install Java 17 or later and Maven (%w)
  - install Docker and start it (%w)
  - set AWS_ENDPOINT_URL_DYNAMODB to the address of a running one`, javaErr, dockerErr)
}

var javaVersion = regexp.MustCompile(`version "(\d+)`)

// findJava returns the source that runs the jars by Java 17 or later. The serial
// collector answers 10 % more transactions a second than the default one on two cores.
// The first compiler alone starts 0.3 s sooner, for 1.5 s of CPU instead of 2.7. The
// JVM's counters would be a file, for which it waits on a busy disk.
func findJava(ctx context.Context, log io.Writer) (source, error) {
	if !slices.Contains([]string{"linux/amd64", "darwin/amd64", "darwin/arm64"}, runtime.GOOS+"/"+runtime.GOARCH) {
		return nil, fmt.Errorf("%w: its SQLite for %s/%s is not on Maven Central", errMissing, runtime.GOOS, runtime.GOARCH)
	}
	java := "java"
	if home := os.Getenv("JAVA_HOME"); home != "" {
		java = filepath.Join(home, "bin", "java")
	}
	said, err := exec.CommandContext(ctx, java, "-version").CombinedOutput()
	version := javaVersion.FindSubmatch(said)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil || version == nil: // the java of a macOS without Java is one that fails
		return nil, fmt.Errorf("%w: %s -version: %w %s", errMissing, java, cmp.Or(err, errors.New("no version")), said)
	}
	if major, _ := strconv.Atoi(string(version[1])); major < 17 {
		return nil, fmt.Errorf("%w: %s is version %d", errMissing, java, major)
	}
	lib, err := jars(ctx, log)
	if err != nil {
		return nil, err
	}
	return func(port int, data, origin string) []string {
		return append([]string{
			java, "-XX:+UseSerialGC", "-Xmx512m", "-XX:-UsePerfData", "-XX:TieredStopAtLevel=1",
			"-Djava.library.path=" + lib, "-cp", filepath.Join(lib, "*"),
			"com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-port", strconv.Itoa(port),
		}, serverArgs(data, origin)...)
	}, nil
}

// serverArgs returns the arguments of DynamoDB Local that all sources have.
func serverArgs(data, origin string) []string {
	args := []string{"-sharedDb", "-disableTelemetry", "-cors", origin}
	if data == "" {
		return append(args, "-inMemory")
	}
	return append(args, "-dbPath", data)
}

// pom asks Maven for DynamoDB Local and its dependencies. They have SQLite's native
// library for x86-64 only; ganadist builds the same version for Apple silicon.
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

// jars returns the folder of the jars. Maven downloads them once, into another folder
// that becomes this one when it is whole.
func jars(ctx context.Context, log io.Writer) (string, error) {
	cache, err := cacheFolder()
	if err != nil {
		return "", err
	}
	lib := filepath.Join(cache, "dynamodb-local-"+version)
	if isThere(lib) {
		return lib, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("%w: %w", errMissing, err)
	}
	downloading, err := lock(filepath.Join(cache, "download.lock")) // two Mavens may harm their repository
	if err != nil {
		return "", err
	}
	defer downloading.Close()
	if isThere(lib) {
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
	said, err := exec.CommandContext(ctx, mvn, "-B", "-q", "--strict-checksums", "-Dstyle.color=never", "-f", tmp,
		"org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(tmp, "lib")).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("download DynamoDB Local with %s: %w\n%s", mvn, cmp.Or(ctx.Err(), err), said)
	}
	return lib, os.Rename(filepath.Join(tmp, "lib"), lib)
}

// image is Amazon's own.
const image = "amazon/dynamodb-local:" + version

// findDocker returns the source that runs the image, which it pulls. The container
// writes the data folder as this process's user. It ends by the signal that ends its
// docker, which passes it on.
func findDocker(ctx context.Context, log io.Writer) (source, error) {
	if said, err := exec.CommandContext(ctx, "docker", "version").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("docker version: %w %s", err, said)
	}
	if exec.CommandContext(ctx, "docker", "image", "inspect", image).Run() != nil {
		fmt.Fprintf(log, "downloading the Docker image %s\n", image)
		if said, err := exec.CommandContext(ctx, "docker", "pull", "--quiet", image).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("docker pull %s: %w\n%s", image, err, said)
		}
	}
	return func(port int, data, origin string) []string {
		args := []string{"docker", "run", "--rm", "--init", "-p", fmt.Sprintf("127.0.0.1:%d:8000", port)}
		if data != "" {
			args = append(args, "--user", fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()), "--mount", "type=bind,source="+data+",target=/data")
			data = "/data"
		}
		return append(append(args, image, "-jar", "DynamoDBLocal.jar"), serverArgs(data, origin)...)
	}, nil
}
