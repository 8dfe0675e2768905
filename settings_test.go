package main_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
)

// A version with other settings than the tables ends at its start, with both in its
// log, and no call reaches it.
func TestFunctionEndsWithOtherSettings(t *testing.T) {
	t.Parallel()
	books, log := infratest.New(t), &bytes.Buffer{}
	other := *books
	other.Config.Settings = infratest.Settings(t, "EUR", "2", "0")
	function := start(t, &other, log)
	_, err := function.Invoke(t.Context(), []byte(`{"queryStringParameters":{"userId":"1"}}`))
	require.Error(t, err)
	function.Kill()
	assert.Contains(t, log.String(), `"level":"ERROR"`)
	assert.Contains(t, log.String(), "the tables were begun with "+books.Config.Settings.String()+", and are opened with "+other.Config.Settings.String())
}

// Every reader reports the opening balance for a user without a row: the function, the
// local server, the audit's statement, and each after a rebuild of all balances. Each
// runs as its binary, with only the environment.
func TestEveryReaderHasTheOpening(t *testing.T) {
	t.Parallel()
	function, err := build()
	require.NoError(t, err)
	dir := t.TempDir()
	local, audit := filepath.Join(dir, "local"), filepath.Join(dir, "audit")
	require.NoError(t, runtimeapi.Build(t.Context(), "onewrite/infra/local", local))
	require.NoError(t, runtimeapi.Build(t.Context(), "onewrite/infra/audit", audit))
	for _, c := range [][3]string{{"JPY", "0", "0"}, {"EUR", "2", "0"}, {"KWD", "3", "0"}, {"POINTS", "0", "100"}, {"XBT", "8", "0.00000001"}, {"USD", "2", "100"}} {
		t.Run(c[0], func(t *testing.T) {
			t.Parallel()
			books := infratest.NewWith(t, infratest.Settings(t, c[0], c[1], c[2]))
			running, err := runtimeapi.Start(function, books.Env(), io.Discard)
			require.NoError(t, err)
			t.Cleanup(running.Kill)
			invoke := func(event string) (got answer) {
				output, err := running.Invoke(t.Context(), []byte(event))
				require.NoError(t, err)
				require.NoError(t, json.Unmarshal(output, &got), "%s", output)
				return got
			}
			balance := `"balance":"` + c[2] + `"`
			const post = `{"headers":{"Idempotent-Key":"k"},"body":{"userId":"%s","ammount":"%s","type":"%s"}}`
			got := invoke(fmt.Sprintf(post, "declined", "1000000000000", "debit"))
			require.Equal(t, 422, got.StatusCode)
			assert.Contains(t, got.Body, balance)
			require.Equal(t, 201, invoke(fmt.Sprintf(post, "rich", "1", "credit")).StatusCode)

			address := serve(t, local, books.Env())
			run := func(args ...string) string {
				command := exec.CommandContext(t.Context(), audit, args...)
				command.Env = books.Env()
				var log bytes.Buffer
				command.Stderr = &log
				output, err := command.Output()
				require.NoError(t, err, "%s%s", output, &log)
				return string(output)
			}
			check := func() {
				run()
				for _, user := range []string{"declined", "nobody"} {
					assert.Contains(t, invoke(`{"queryStringParameters":{"userId":"`+user+`"}}`).Body, balance, user)
					assert.Contains(t, fetch(t, address+"/balance?userId="+user), balance, user)
					lines, err := csv.NewReader(strings.NewReader(run("-user", user, "-csv"))).ReadAll()
					require.NoError(t, err)
					for _, line := range lines[1:] {
						if kind, balance := line[1], line[3]; kind != "credits" && kind != "debits" {
							assert.Equal(t, c[2], balance, "%s: %q", user, line)
						}
					}
				}
			}
			check()
			rich := books.Balance(t, "rich")
			books.Execute(t, books.Config.AggregateTable, "DELETE FROM ? WHERE user_id = 'rich'")
			run("-rebuild", "-write", "-settle", "0s")
			assert.Equal(t, rich, books.Balance(t, "rich"))
			check()
		})
	}
}

// serve starts the local server, and returns its address.
func serve(t *testing.T, binary string, environment []string) string {
	t.Helper()
	server := exec.CommandContext(t.Context(), binary, "-addr", "127.0.0.1:0")
	server.Env = environment
	out, err := server.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, server.Start())
	t.Cleanup(func() { _ = server.Wait() }) // the test's context has ended it
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if address, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			return address
		}
	}
	require.Fail(t, "the local server has ended")
	return ""
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}
