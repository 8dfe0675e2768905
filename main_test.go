package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
)

func TestMain(m *testing.M) { infratest.Main(m) }

var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "onewrite")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "bootstrap")
	return binary, runtimeapi.Build(context.Background(), "onewrite", binary)
})

// start runs the built function on these books, with additional environment variables.
func start(t *testing.T, books *infratest.Books, log io.Writer, more ...string) *runtimeapi.Function {
	t.Helper()
	binary, err := build()
	require.NoError(t, err)
	function, err := runtimeapi.Start(binary, append(books.Env(), more...), log)
	require.NoError(t, err)
	t.Cleanup(function.Kill)
	return function
}

type answer struct {
	StatusCode int
	Headers    map[string]string
	Body       string
}

func invoke(t *testing.T, function *runtimeapi.Function, event string) (a answer) {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("testdata", "events", event+".json"))
	require.NoError(t, err)
	output, err := function.Invoke(t.Context(), payload)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(output, &a), "%s", output)
	return a
}

// The built function, run by a local Runtime API, answers events of every supported shape.
func TestFunction(t *testing.T) {
	t.Parallel()
	books, log := infratest.New(t), &bytes.Buffer{}
	function := start(t, books, log)
	for _, c := range []struct {
		event    string
		status   int
		replayed bool
		body     string
	}{
		{"bare-balance", 200, false, `{"data":{"balance":"100"}}`},
		{"bare-post", 201, false, `"ammount":"10","status":"posted"`},
		{"bare-post-string", 201, true, `"ammount":"10","status":"posted"`},
		{"bare-balance", 200, false, `{"data":{"balance":"110"}}`},
		{"sam-http-post", 201, false, `"ammount":"12.5"`},
		{"sam-rest-post", 201, true, `"ammount":"12.5"`},
		{"function-url-post", 201, true, `"ammount":"12.5"`},
		{"http-api-v1-post", 201, true, `"ammount":"12.5"`},
		{"http-api-post-base64", 201, true, `"ammount":"12.5"`},
		{"sam-http-balance", 200, false, `{"data":{"balance":"97.5"}}`},
		{"unreadable-array", 400, false, `/problems/invalid-request`},
	} {
		got := invoke(t, function, c.event)
		assert.Equal(t, c.status, got.StatusCode, c.event)
		assert.Contains(t, got.Body, c.body, c.event)
		assert.Equal(t, c.replayed, got.Headers["Idempotent-Replayed"] == "true", c.event)
	}
	function.Kill()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	assert.Len(t, lines, 11, "one line a request: %s", log)
	for _, line := range lines {
		assert.True(t, json.Valid([]byte(line)), line)
		assert.Contains(t, line, `"timestamp"`)
		assert.Contains(t, line, `"service":"onewrite","version":"$LATEST"`, "as Lambda names them")
	}
}

// The environment determines which calls are allowed.
func TestFunctionAuthorizes(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	for environment, statuses := range map[string]map[string]int{
		"AUTHORIZATION=AWS_IAM": {
			"bare-balance": 200, "http-api-iam-balance": 200, "function-url-iam-post": 201, "sam-http-balance": 403, "http-api-jwt-credit": 403,
		},
		"AUTHORIZATION=JWT": {
			"bare-balance": 200, "http-api-iam-balance": 200, "rest-api-jwt-balance": 200, "sam-http-balance": 403, "http-api-jwt-credit": 403,
		},
		"AUTHORIZATION=JWT CREDIT_SCOPE=ledger/credit": {"rest-api-jwt-balance": 200, "http-api-jwt-credit": 201},
	} {
		function := start(t, books, io.Discard, strings.Fields(environment)...)
		for event, status := range statuses {
			assert.Equal(t, status, invoke(t, function, event).StatusCode, "%s %s", environment, event)
		}
	}
}

// If the environment has faults, the function exits and names them all.
func TestFunctionExitsOnBadEnvironment(t *testing.T) {
	t.Parallel()
	binary, err := build()
	require.NoError(t, err)
	function := exec.Command(binary)
	function.Env = []string{
		"AWS_REGION=us-east-1", "TRANSACTIONS_TABLE=t", "CURRENCY=dollars", "DECIMAL_PLACES=two", "OPENING_BALANCE=-1", "AUTHORIZATION=open",
	}
	output, err := function.CombinedOutput()
	require.Error(t, err)
	for _, want := range []string{
		"missing in the environment: TRANSACTIONS_AGGREGATE_TABLE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
		"CURRENCY, DECIMAL_PLACES or OPENING_BALANCE in the environment",
		`currency is \"dollars\", must be three to twelve capital letters and digits, a letter first`,
		`decimal places are \"two\", must be a digit from 0 to 8`,
		`opening balance is \"-1\", must be a plain decimal`,
		"AUTHORIZATION in the environment must be AWS_IAM, JWT or NONE",
	} {
		assert.Contains(t, string(output), want)
	}
}

// Without DynamoDB the function starts, logs a warning, and answers 503.
func TestFunctionWithoutDynamoDB(t *testing.T) {
	t.Parallel()
	books, log := infratest.New(t), &bytes.Buffer{}
	function := start(t, books, log, "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	output, err := function.Invoke(ctx, []byte(`{"queryStringParameters":{"userId":"1"}}`))
	require.NoError(t, err)
	assert.Contains(t, string(output), `"statusCode":503`)
	function.Kill()
	first, _, _ := strings.Cut(log.String(), "\n")
	assert.Contains(t, first, `"level":"WARN"`)
	assert.Contains(t, first, `"message":"warm up","service":"onewrite","version":"$LATEST","cause":"read the settings of table `+books.Config.TransactionsTable+`: try again: `)
}

// The function must not import packages that only tests or commands need. The commands must
// not import packages that only tests need.
func TestFunctionDependsOnLittle(t *testing.T) {
	t.Parallel()
	tests := []string{"testing", "github.com/stretchr/", "onewrite/infra/infratest", "onewrite/infra/proof", "net/http/httptest"}
	commands := []string{
		"onewrite/infra/", "go.yaml.in/", "github.com/aws/aws-sdk-go-v2/config", "github.com/aws/aws-sdk-go-v2/service/sts", "github.com/aws/aws-sdk-go-v2/feature/ec2", "html/template", "text/template", "net/http/pprof",
	}
	for _, c := range []struct {
		pkg     string
		foreign []string
	}{
		{".", append(commands, tests...)},
		{"./infra/local", tests},
		{"./infra/audit", tests},
	} {
		output, err := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", c.pkg).Output()
		require.NoError(t, err, c.pkg)
		for _, dependency := range strings.Fields(string(output)) {
			for _, foreign := range c.foreign {
				assert.False(t, strings.HasPrefix(dependency, foreign), "%s imports %s", c.pkg, dependency)
			}
		}
	}
}

// The function uses the settings in the environment. If the tables have other settings, it
// logs both settings and exits before any call reaches it.
func TestFunctionSettings(t *testing.T) {
	t.Parallel()
	books, log := infratest.NewWith(t, infratest.Settings(t, "KWD", "3", "0.125")), &bytes.Buffer{}
	balance := invoke(t, start(t, books, io.Discard), "bare-balance")
	assert.Equal(t, `{"data":{"balance":"0.125","currency":"KWD"}}`, balance.Body)
	other := *books
	other.Config.Settings = infratest.Settings(t, "EUR", "2", "0")
	function := start(t, &other, log)
	_, err := function.Invoke(t.Context(), []byte(`{"queryStringParameters":{"userId":"1"}}`))
	require.Error(t, err)
	function.Kill()
	assert.Contains(t, log.String(), `"level":"ERROR"`)
	assert.Contains(t, log.String(), "the tables were created with "+books.Config.Settings.String()+", but the configuration has "+other.Config.Settings.String())
}
