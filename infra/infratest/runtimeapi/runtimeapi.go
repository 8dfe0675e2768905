// Package runtimeapi simulates the Lambda Runtime API, so that tests and measurements can invoke
// the built function as Lambda does.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
package runtimeapi

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync/atomic"
	"time"
)

// Build compiles a function's package, which must be in the working folder's module. It uses fewer
// flags than the deployment, so that it can reuse packages that `go test` compiled. Compiling all
// dependencies with the deployment's flags takes 40 s of CPU.
func Build(ctx context.Context, pkg, binary string) error {
	output, err := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-o", binary, pkg).CombinedOutput()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("build %s: %w\n%s", pkg, err, output)
	}
	return nil
}

// Function is a running function. Like one Lambda environment, it is a process that serves one
// event at a time.
type Function struct {
	process *exec.Cmd
	api     *http.Server
	ended   chan struct{}
	events  chan *invocation
	serving atomic.Pointer[invocation]
}

type invocation struct {
	payload  []byte
	deadline time.Time
	answer   chan []byte
}

// Start runs the binary with only the environment variables in env and those that Lambda adds. The
// function's output goes to log.
func Start(binary string, env []string, log io.Writer) (*Function, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &Function{ended: make(chan struct{}), events: make(chan *invocation)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", f.answer)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", f.answer)
	f.api = &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	go f.api.Serve(listener) //nolint:errcheck // returns when Close is called

	f.process = exec.Command(binary)
	f.process.Env = append(env, "AWS_LAMBDA_RUNTIME_API="+listener.Addr().String(),
		"AWS_LAMBDA_FUNCTION_NAME=onewrite", "AWS_LAMBDA_FUNCTION_VERSION=$LATEST")
	f.process.Stdout, f.process.Stderr = log, log
	if err := f.process.Start(); err != nil {
		_ = f.api.Close()
		return nil, err
	}
	go func() {
		_ = f.process.Wait() // ProcessState has the reason
		close(f.ended)
	}()
	return f, nil
}

// Invoke sends an event to the function and returns its answer. It waits while the function serves
// another event. The function's deadline is the one in ctx, or else 10 seconds from now.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(10 * time.Second)
	}
	event := &invocation{payload, deadline, make(chan []byte, 1)}
	select {
	case f.events <- event:
	case <-f.ended:
		return nil, f.endedError()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case answer := <-event.answer:
		return answer, nil
	case <-f.ended:
		return nil, f.endedError()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// PID returns the process's id.
func (f *Function) PID() int { return f.process.Process.Pid }

// Ended returns a channel that is closed when the process has ended.
func (f *Function) Ended() <-chan struct{} { return f.ended }

// Kill kills the process, as in a crash, and waits until it has ended.
func (f *Function) Kill() {
	_ = f.process.Process.Kill()
	<-f.ended
	_ = f.api.Close()
}

// endedError returns the error for an event that the function did not answer before it ended.
func (f *Function) endedError() error {
	return fmt.Errorf("the function has ended: %v", f.process.ProcessState)
}

// next handles the function's request for the next event. It waits until there is one.
func (f *Function) next(w http.ResponseWriter, r *http.Request) {
	select {
	case event := <-f.events:
		f.serving.Store(event)
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", rand.Text())
		w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(event.deadline.UnixMilli(), 10))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:onewrite")
		_, _ = w.Write(event.payload)
	case <-r.Context().Done():
	}
}

// answer handles the function's answer to an event, or its error.
func (f *Function) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.serving.Load().answer <- body
	w.WriteHeader(http.StatusAccepted)
}
