// Package dynamodblocal gets, starts and ends DynamoDB Local, Amazon's own imitation of
// DynamoDB for one machine: for tests (in TestMain) and for the command infra/local.
//
// # Where it comes from
//
// Start takes the first way that works:
//
//  1. Java 17 or later, with the jars of an earlier download.
//  2. The same Java, and Maven to download the jars (about 50 MB, once) from Maven
//     Central into os.UserCacheDir()/onewrite. They arrive in a folder of their own that
//     is renamed when it is whole, so a download that is killed leaves nothing that a
//     later one could take for complete, and of two at once the second takes the first's.
//  3. Docker, with the image of the same version.
//
// When there is none, the error names them all.
//
// # How it ends
//
// Nothing that Start starts outlives this process, however it ends: Close, a signal,
// a panic, os.Exit, SIGKILL. Every program runs under a few lines of sh ([watchdog])
// that wait on a pipe whose other end only this process holds. The kernel closes that
// end when the process is gone, and the watchdog then ends what it watches. In the
// other direction nothing is passed on: the programs are in a process group of their
// own, so Ctrl-C in a terminal reaches the server, which can finish its requests, but
// not its database.
//
// The server of Share is another process's, which ends when nobody has a share any more.
//
// The database is asked to end, and killed if it has not after 5 seconds: killed at
// once, it loses what it has answered for last and not yet written to a data folder.
//
// # Its limits
//
// With Java it listens on every interface of the machine (2.6.1 has neither an option
// nor a system property for the address); with Docker on 127.0.0.1 only. It takes any
// credentials. It never reports TransactionConflict and never throttles.
//
// The package needs sh, process groups and flock: Linux and macOS (on Windows, WSL).
package dynamodblocal

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// version is DynamoDB Local's: of the jars, of the Docker image and of the cache's folder.
// 2.6.1 posts about twice as many transactions a second as 3.x.
const version = "2.6.1"

// startsMax bounds the starts of one Start: after the first, each is because another
// process took the port between our choosing it and DynamoDB Local's binding it.
const startsMax = 3

// Options says how Start starts DynamoDB Local. The zero value keeps the tables in
// memory and reports nothing.
type Options struct {
	// Data is the folder that keeps the tables from one start to the next; it is made
	// if it is missing, and one server at a time may have it. "" keeps them in memory.
	Data string
	// Log receives lines for a person, such as that a download is going on. On a
	// terminal one of them is rewritten each second.
	Log io.Writer
	// Throughput is for minutes of load: a start costs more CPU, and a request less.
	Throughput bool
}

// Server is a running DynamoDB Local. Its methods may be called concurrently.
type Server struct {
	endpoint string
	child    *child
	close    func() error // once
}

// Start starts DynamoDB Local on a free port and returns when it answers, after
// downloading it if need be. A ctx that ends during Start ends everything that Start
// has begun; one that ends later has no effect. Close ends the server.
func Start(ctx context.Context, o Options) (*Server, error) {
	return start(ctx, o, freePort)
}

// start does as Start, with the choice of the port left to its caller.
func start(ctx context.Context, o Options, port func() (int, error)) (*Server, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	data, err := openFolder(o.Data)
	if err != nil {
		return nil, err
	}
	defer data.close()
	from, err := find(ctx, o)
	if err != nil {
		return nil, err
	}
	var s *Server
	for range startsMax {
		s, err = launch(ctx, from, data, port)
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	return s, err
}

// source is a way to run DynamoDB Local that is known to be there: the command that runs
// it on port, with the tables in data, an absolute path, or in memory if that is "".
// origin is what -cors shall allow.
type source func(port int, data, origin string) command

// find returns the best source that this machine has, downloading it if it must.
func find(ctx context.Context, o Options) (source, error) {
	java, javaErr := findJava(ctx, o)
	if !errors.Is(javaErr, errMissing) {
		return java, javaErr
	}
	docker, dockerErr := findDocker(ctx, o.Log)
	if dockerErr == nil || ctx.Err() != nil {
		return docker, dockerErr
	}
	return nil, fmt.Errorf(`no way to run DynamoDB Local here; any one of these will do:
  - install Java 17 or later and Maven (%w)
  - install Docker and start it (%w)
  - set AWS_ENDPOINT_URL_DYNAMODB to the address of a running one`, javaErr, dockerErr)
}

// Endpoint returns the address to call, "http://127.0.0.1:PORT".
func (s *Server) Endpoint() string { return s.endpoint }

// Ended returns a channel that is closed when DynamoDB Local has ended, by
// itself or by Close.
func (s *Server) Ended() <-chan struct{} { return s.child.done }

// Close ends DynamoDB Local and returns when it is gone and its port free. Its error
// says that it had ended before, with its last words. Further calls return the same.
func (s *Server) Close() error { return s.close() }
