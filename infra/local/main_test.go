package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/internal/dynamodblocal"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "6") // the tests mostly wait; -parallel overrides this
	infratest.Main(m)
}

type server struct {
	address, database, audit string
	books                    *infratest.Books // nil if the server runs its own DynamoDB Local
	cancel                   context.CancelFunc
	ended                    <-chan error
}

// start starts a server on new tables. When the test ends, the tables are checked.
func start(t *testing.T) server {
	t.Helper()
	books := infratest.New(t)
	s := startIn(t, envOf(books))
	s.books = books
	return s
}

// envOf returns a getenv function for a server that uses the tables of books.
func envOf(books *infratest.Books) func(string) string {
	environment := map[string]string{}
	for _, variable := range books.Env() {
		name, value, _ := strings.Cut(variable, "=")
		environment[name] = value
	}
	return func(name string) string { return environment[name] }
}

func noEnv(string) string { return "" }

func startIn(t *testing.T, getenv func(string) string, args ...string) server {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	out, in := io.Pipe()
	ended := make(chan error, 1)
	log := &bytes.Buffer{}
	go func() {
		err := run(ctx, append(args, "-addr", "127.0.0.1:0"), getenv, in, log)
		_ = in.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(out)
	s := server{cancel: cancel, ended: ended}
	for examples := 0; s.audit == ""; {
		if !lines.Scan() {
			require.FailNow(t, "ended early", "%v\n%s", <-ended, log)
		}
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "dynamodb at http://"):
			s.database = strings.TrimPrefix(line, "dynamodb at http://")
		case strings.HasPrefix(line, "listening on http://"):
			s.address = strings.TrimPrefix(line, "listening on http://")
		case strings.HasPrefix(line, "  curl "):
			examples++
		case strings.HasSuffix(line, " go run ./infra/audit"):
			require.Equal(t, 3, examples)
			s.audit = line
		}
	}
	go io.Copy(io.Discard, out) //nolint:errcheck // run would block if nothing read its output
	require.NotEmpty(t, s.database)
	require.NotEmpty(t, s.address)
	return s
}

// stop stops the server, and checks that its port is closed. If the server ran its own
// database, stop checks the database's port too.
func (s server) stop(t *testing.T) {
	t.Helper()
	s.cancel()
	require.NoError(t, <-s.ended)
	assertClosed(t, s.address)
	if s.books == nil {
		assertClosed(t, s.database)
	}
}

// assertClosed waits until nothing listens at the address. It retries, because a process
// that another test is just starting may have inherited the listener until it calls exec.
func assertClosed(t *testing.T, address string) {
	t.Helper()
	closed := func() bool {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			_ = connection.Close()
		}
		return err != nil
	}
	assert.Eventually(t, closed, 5*time.Second, 10*time.Millisecond, "%s still listens", address)
}

// changing matches the parts of a response that differ from run to run.
var changing = regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:.]+Z|Date: .*`)

// On a new server, each document's commands print what the document shows.
func TestReadmeSession(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"../../README.md", "../../handler/README.md"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			playSession(t, path)
		})
	}
}

// playSession runs the commands in a document's console blocks, in order.
func playSession(t *testing.T, path string) {
	readme, err := os.ReadFile(path)
	require.NoError(t, err)
	s := start(t)
	commands := 0
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		for _, step := range strings.Split(block[1], "$ ")[1:] {
			command, want, _ := strings.Cut(step, "\n")
			got, err := exec.CommandContext(t.Context(), "bash", "-c", strings.ReplaceAll(command, "127.0.0.1:3000", s.address)).Output()
			require.NoError(t, err, command)
			same := func(text string) string {
				return strings.TrimSpace(changing.ReplaceAllString(strings.ReplaceAll(text, "\r", ""), ""))
			}
			assert.Equal(t, same(want), same(string(got)), command)
			commands++
		}
	}
	assert.GreaterOrEqual(t, commands, 5)
	s.stop(t)
}

// A server with its own database keeps the data in a folder, prints the command that audits
// it, and exits if the database is killed.
func TestOwnDatabase(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := startIn(t, noEnv, "-data", folder)
	s.text(t, http.MethodPost, "/transactions", `{"userId":"1","ammount":"1","type":"credit"}`, map[string]string{"Idempotent-Key": "1"})
	audit := exec.CommandContext(t.Context(), "env", "-i", "HOME="+os.Getenv("HOME"), "PATH="+os.Getenv("PATH"), "bash", "-c", s.audit)
	audit.Dir = "../.."
	output, err := audit.CombinedOutput()
	require.NoError(t, err, "%s", output)
	assert.Contains(t, string(output), "1 user, 1 transaction: every balance matches its history")
	s.stop(t)

	s = startIn(t, noEnv, "-data", folder)
	assert.Equal(t, `{"data":{"balance":"101"}}`, s.balance(t, "1"))
	_, port, err := net.SplitHostPort(s.database)
	require.NoError(t, err)
	processes, err := exec.CommandContext(t.Context(), "ps", "-eo", "pid=,args=").Output()
	require.NoError(t, err)
	killed := false
	for line := range strings.Lines(string(processes)) {
		fields := strings.Fields(line)
		if len(fields) > 1 && strings.HasSuffix(fields[1], "java") && strings.Contains(line, " -port "+port+" ") {
			pid, err := strconv.Atoi(fields[0])
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
			killed = true
		}
	}
	require.True(t, killed, "no Java is at port %s", port)
	assert.ErrorContains(t, <-s.ended, "DynamoDB Local exited unexpectedly")
}

// If the server did not start its own DynamoDB, the audit command contains nothing from the
// environment, so it can't reveal a secret.
func TestAuditLineOfAnotherDynamoDB(t *testing.T) {
	t.Parallel()
	d := database{endpoint: "http://127.0.0.1:1"}
	assert.Equal(t, "go run ./infra/audit", d.auditLine())
}

func TestCannotStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, c := range []struct {
		args     []string
		endpoint string
		want     string
	}{
		{[]string{"-addr", taken.Addr().String()}, "", "choose another address with -addr"},
		{[]string{"-addr", "127.0.0.1:0", "-data", t.TempDir()}, "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB names another"},
		{[]string{"-addr", "127.0.0.1:0", "-remote"}, "", "-remote needs AWS_ENDPOINT_URL_DYNAMODB, such as https://dynamodb."},
		{[]string{"-addr", "127.0.0.1:0", "-remote", "-data", t.TempDir()}, "", "-remote needs AWS_ENDPOINT_URL_DYNAMODB"},
		{[]string{"-addr", "127.0.0.1:0", "-remote", "-data", t.TempDir()}, "https://dynamodb.us-east-1.amazonaws.com", "-data is for the DynamoDB Local"},
		{[]string{"-addr", "127.0.0.1:0"}, "127.0.0.1:8000", `must be a URL such as http://127.0.0.1:8000, not "127.0.0.1:8000"`},
		{[]string{"-addr", "127.0.0.1:0"}, "localhost:8000", "must be a URL"},
		{[]string{"-addr", "127.0.0.1:0", "-remote"}, "dynamodb.us-east-1.amazonaws.com", "must be a URL"},
		{[]string{"-nothing"}, "", "not defined"},
		{[]string{"serve"}, "", `unexpected argument "serve"`},
		{[]string{"-addr", "3300"}, "", `-addr must be an address and a port, such as 127.0.0.1:3300, or :3300 for all addresses of this machine, not "3300"`},
		{[]string{"-addr", "127.0.0.1:0"}, "https://dynamodb.us-east-1.amazonaws.com", "not on this machine; -remote allows that"},
		{[]string{"-addr", "127.0.0.1:0", "-remote"}, "http://127.0.0.1:1", "missing in the environment: TRANSACTIONS_TABLE, TRANSACTIONS_AGGREGATE_TABLE, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"},
		{[]string{"-addr", "127.0.0.1:0", "-remote"}, "http://another.invalid:1", "AWS_ACCESS_KEY_ID"},
		{[]string{"-addr", "127.0.0.1:0"}, "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB is http://127.0.0.1:1: create table transactions: "},
	} {
		getenv := func(name string) string {
			if name == "AWS_ENDPOINT_URL_DYNAMODB" {
				return c.endpoint
			}
			return ""
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second) // less than the wait for an unreachable DynamoDB
		err := run(ctx, c.args, getenv, io.Discard, io.Discard)
		assert.ErrorContains(t, err, c.want, "%v", c.args)
		cancel()
	}
}

// -h describes every flag and variable, and does not start the server.
func TestHelp(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := run(t.Context(), []string{"-h"}, noEnv, &out, io.Discard)
	require.ErrorIs(t, err, flag.ErrHelp)
	for _, word := range []string{dynamodblocal.EndpointVariable, "TRANSACTIONS_TABLE", "TRANSACTIONS_AGGREGATE_TABLE",
		"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"CURRENCY", "DECIMAL_PLACES", "OPENING_BALANCE", "-addr", "-data", "-remote", "-currency", "-places", "-opening"} {
		assert.Contains(t, out.String(), word)
	}
	assert.NotContains(t, out.String(), "listening")
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:3000": "127.0.0.1:3000",
		"0.0.0.0:3000":   "127.0.0.1:3000",
		"[::]:3300":      "127.0.0.1:3300",
		"[::1]:3300":     "[::1]:3300",
	} {
		assert.Equal(t, want, reachable(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address))), address)
	}
}
