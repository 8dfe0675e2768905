package dynamodblocal

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
)

// javaMin is the oldest Java that DynamoDB Local 2.x runs on.
const javaMin = 17

// errMissing marks the error of a way to run DynamoDB Local for which this machine
// lacks something, so that the next way is tried.
var errMissing = errors.New("missing")

// findJava returns a java that can run DynamoDB Local, with the jars from the cache or,
// if they are not there, from Maven Central. Its error is errMissing if that takes a
// program that is not here.
func findJava(ctx context.Context, o Options) (source, error) {
	if !slices.Contains([]string{"linux/amd64", "darwin/amd64", "darwin/arm64"}, runtime.GOOS+"/"+runtime.GOARCH) {
		return nil, fmt.Errorf("%w: its SQLite for %s/%s is not on Maven Central", errMissing, runtime.GOOS, runtime.GOARCH)
	}
	program, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMissing, err)
	}
	// macOS has a java that only says that there is no Java.
	said, err := run(ctx, command{args: []string{program, "-version"}})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: java -version: %w", errMissing, err)
	}
	if major := javaMajor(said); major < javaMin {
		return nil, fmt.Errorf("%w: java is version %d", errMissing, major)
	}
	lib, err := jars(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	return func(port int, data, origin string) command {
		return javaCommand(program, lib, o.Throughput, port, data, origin)
	}, nil
}

// javaMajor returns 17 for the `openjdk version "17.0.15" …` of java -version, 1 for
// the 1.8.0 that Java 8 calls itself, and 0 for anything else.
func javaMajor(said string) int {
	m := regexp.MustCompile(`version "(\d+)`).FindStringSubmatch(said)
	if m == nil {
		return 0
	}
	major, _ := strconv.Atoi(m[1]) // digits; too many of them are no version
	return major
}

// javaCommand runs DynamoDB Local with the jars in lib.
//
// The serial collector answers 10 % more transactions a second than the default one on
// two cores and starts as fast; the tables are SQLite's and not on the heap, for which
// 512 MB are plenty. The JVM's counters would be a file in /tmp, whose pages a busy disk
// makes it wait for. The first compiler alone starts 0.3 s sooner, for 1.5 s of CPU in
// place of 2.7, and takes a third of the throughput.
func javaCommand(program, lib string, throughput bool, port int, data, origin string) command {
	args := []string{program, "-XX:+UseSerialGC", "-Xmx512m", "-XX:-UsePerfData"}
	if !throughput {
		args = append(args, "-XX:TieredStopAtLevel=1")
	}
	args = append(args,
		"-Djava.library.path="+lib, "-cp", filepath.Join(lib, "*"),
		"com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
		"-port", strconv.Itoa(port),
	)
	return command{args: append(args, serverArgs(data, origin)...)}
}

// serverArgs returns the arguments that DynamoDB Local takes wherever it runs.
func serverArgs(data, origin string) []string {
	args := []string{"-sharedDb", "-disableTelemetry", "-cors", origin}
	if data == "" {
		return append(args, "-inMemory")
	}
	return append(args, "-dbPath", data)
}
