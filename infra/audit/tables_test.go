package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// A wrong environment is an error that names the variable. It is not reported as damage.
func TestWrongEnvironment(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10")
	transactions, balances := b.Config.TransactionsTable, b.Config.AggregateTable
	for _, c := range []struct {
		transactions, balances, endpoint string
		status                           int
		want                             string
	}{
		{"missing", balances, b.Config.Endpoint, exitUsage, "TRANSACTIONS_TABLE is missing, but there is no such table in http://"},
		{transactions, "missing", b.Config.Endpoint, exitUsage, "TRANSACTIONS_AGGREGATE_TABLE is missing, but there is no such table"},
		{balances, transactions, b.Config.Endpoint, exitUsage, "whose key is user_id, not id: it is the wrong table"},
		{transactions, transactions, b.Config.Endpoint, exitUsage, "whose key is id, not user_id: it is the wrong table"},
		{transactions, balances, "http://127.0.0.1:1", exitUnfinished, "in http://127.0.0.1:1 (AWS_ENDPOINT_URL_DYNAMODB): dial tcp 127.0.0.1:1: connect: connection refused"},
	} {
		other := infratest.Books{Config: b.Config}
		other.Config.TransactionsTable, other.Config.AggregateTable, other.Config.Endpoint = c.transactions, c.balances, c.endpoint
		for _, task := range [][]string{nil, {"-user", "1"}, {"-export", "balances"}, {"-rebuild"}} {
			status, out, log := command(t, &other, task...)
			assert.Equal(t, c.status, status, "%v %v", c, task)
			assert.Contains(t, out+log, c.want, "%v", task)
			assert.NotContains(t, out+log, "wrong      ", "%v", task)
			assert.NotContains(t, out+log, "https response error", "%v", task)
		}
	}
}

// The audit rejects a table with a replica.
func TestReplicas(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	for _, table := range []string{b.Config.TransactionsTable, b.Config.AggregateTable} {
		a, network := auditor(b)
		network.Always(on("DescribeTable", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			return faults.Rewrite(func(answer string) string {
				return strings.Replace(answer, `"TableName":"`+table+`"`, `"Replicas":[{"RegionName":"eu-west-1","ReplicaStatus":"ACTIVE"}],"TableName":"`+table+`"`, 1)
			})(r, deliver)
		}))
		err := a.open(t.Context())
		assert.ErrorContains(t, err, "is "+table+", which has a replica in eu-west-1: ")
		assert.Equal(t, exitUsage, statusOf(t, err))
	}
}

// For a DynamoDB on this machine, only AWS_ENDPOINT_URL_DYNAMODB must be set.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	endpoint := infratest.New(t).Config.Endpoint
	err := execute(t.Context(), nil, func(name string) string {
		return map[string]string{"AWS_ENDPOINT_URL_DYNAMODB": endpoint}[name]
	}, &out, &out)
	assert.Equal(t, exitUsage, statusOf(t, err))
	assert.EqualError(t, err, "TRANSACTIONS_TABLE is transactions, but there is no such table in "+endpoint+" (AWS_ENDPOINT_URL_DYNAMODB)")
}

// tablesOnly is a getenv that names the tables and an endpoint, without region or keys.
func tablesOnly(name string) string {
	return map[string]string{"TRANSACTIONS_TABLE": "t", "TRANSACTIONS_AGGREGATE_TABLE": "a", "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.invalid"}[name]
}

// withoutAWS clears the process's AWS settings, and makes the SDK look for its files in folder.
func withoutAWS(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
		"AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_WEB_IDENTITY_TOKEN_FILE",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(folder, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(folder, "credentials"))
	return folder
}

// Outside Lambda, a profile supplies the region and the credentials. Keys in the environment take
// precedence.
func TestCredentials(t *testing.T) {
	folder := withoutAWS(t)
	_, _, err := connect(t.Context(), tablesOnly)
	assert.ErrorContains(t, err, "find credentials for AWS (set AWS_PROFILE, or sign in again)")
	_, config, err := connect(t.Context(), orElse(tablesOnly, map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDOWN", "AWS_SECRET_ACCESS_KEY": "secret",
	}))
	require.NoError(t, err)
	assert.Equal(t, "AKIDOWN", config.Credentials.AccessKeyID)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "config"), []byte(
		"[profile books]\nregion = eu-north-1\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = secret\n"), 0o600))
	t.Setenv("AWS_PROFILE", "books")
	client, config, err := connect(t.Context(), tablesOnly)
	require.NoError(t, err)
	assert.Equal(t, "eu-north-1", config.Region)
	assert.Equal(t, "t", config.TransactionsTable)
	keys, err := client.Options().Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "AKIDPROFILE", keys.AccessKeyID)
}

func TestCredentialsAreRenewed(t *testing.T) {
	withoutAWS(t)
	served := 0
	role := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		served++
		fmt.Fprintf(w, `{"AccessKeyId":"AKID%d","SecretAccessKey":"secret","Token":"token","Expiration":%q}`,
			served, time.Now().Add(time.Second).UTC().Format(time.RFC3339))
	}))
	defer role.Close()
	t.Setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", role.URL)
	t.Setenv("AWS_DEFAULT_REGION", "eu-north-1")
	client, config, err := connect(t.Context(), tablesOnly)
	require.NoError(t, err)
	assert.Equal(t, "eu-north-1", config.Region)
	assert.Equal(t, aws.Credentials{AccessKeyID: "AKID1", SecretAccessKey: "secret", SessionToken: "token"}, config.Credentials)
	time.Sleep(1100 * time.Millisecond)
	keys, err := client.Options().Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, "AKID1", keys.AccessKeyID)
}

func TestExpiredCredentials(t *testing.T) {
	t.Parallel()
	expired := &smithy.GenericAPIError{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}
	err := failed(errors.Join(expired), "scan %s", "transactions")
	assert.ErrorContains(t, err, "scan transactions: the credentials have expired (ExpiredTokenException); sign in and start again")
}

// The audit, statements and the rebuild use the settings in the tables, not the environment's.
func TestSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ currency, places, opening, unit string }{
		{"JPY", "0", "0", "1"},
		{"EUR", "2", "0", "0.01"},
		{"KWD", "3", "0.5", "0.001"},
		{"POINTS", "0", "100", "1"},
		{"XBT", "8", "0", "0.00000001"},
	} {
		books := infratest.NewWith(t, infratest.Settings(t, c.currency, c.places, c.opening))
		post(t, ledger.New(books.Store, at(lastYear)), "1", "+10", "+"+c.unit, "-1000")
		post(t, ledger.New(books.Store, at(lastYear)), "2", "+1")
		post(t, ledger.New(books.Store, at(lastYear)), "declined", "-1000")
		balance := books.Balance(t, "1")
		for _, task := range []struct{ args, want string }{
			{"", "every balance matches its history"},
			{"-user 1 -csv", fmt.Sprintf(",opening,,%s,", c.opening)},
			{"-user 1 -csv", fmt.Sprintf(",closing,,%s,", balance)},
			{"-user nobody -csv", fmt.Sprintf(",closing,,%s,", c.opening)},
			{"-user declined -csv", fmt.Sprintf(",closing,,%s,", c.opening)},
		} {
			status, out, _ := command(t, books, strings.Fields(task.args)...)
			assert.Equal(t, exitRight, status, out)
			assert.Contains(t, out, task.want)
		}
		books.Execute(t, books.Config.AggregateTable, "DELETE FROM ? WHERE user_id = '1'")
		status, out, _ := command(t, books, "-rebuild", "-write", "-settle", "0s")
		assert.Equal(t, exitRight, status, out)
		assert.Equal(t, balance, books.Balance(t, "1"))
	}
}

// If the settings row is missing or damaged, the audit reports it, and the rebuild writes nothing.
func TestDamagedSettings(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		"DELETE FROM ? WHERE id = 'settings'":                    "the settings row is missing",
		"UPDATE ? REMOVE currency WHERE id = 'settings'":         "currency: is missing",
		"UPDATE ? SET places = 9 WHERE id = 'settings'":          `decimal places are "9", must be a digit from 0 to 8`,
		"UPDATE ? SET opening = 'nothing' WHERE id = 'settings'": "opening: is of type S, must be N",
	} {
		books := infratest.New(t)
		post(t, ledger.New(books.Store, at(lastYear)), "1", "+10")
		books.Damage(t, books.Config.TransactionsTable, change)
		status, out, _ := command(t, books, "-settle", "0s")
		assert.Equal(t, exitWrong, status)
		assert.Contains(t, out, `transaction "settings": settings: `+want)
		assert.Contains(t, out, "this audit uses the settings in the environment: currency USD, decimal places 2, opening balance 100")
		assert.NotContains(t, out, "balance: the balance")

		books.Execute(t, books.Config.AggregateTable, "DELETE FROM ? WHERE user_id = '1'")
		status, out, log := command(t, books, "-rebuild", "-write", "-settle", "0s")
		assert.Equal(t, exitWrong, status)
		assert.Empty(t, out)
		assert.Contains(t, log, want)
		assert.Equal(t, "100", books.Balance(t, "1"), "nothing was written")
	}
	listed := infratest.New(t) // the settings row is in a user's history, which then can't be read
	listed.Damage(t, listed.Config.TransactionsTable, "UPDATE ? SET user_id = '1' WHERE id = 'settings'")
	status, out, _ := command(t, listed, "-settle", "0s")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, out, `user "1", transaction "settings": transaction-row: id: is "settings", must be a UUID`)

	books := infratest.New(t) // the settings are readable but changed, so every balance is wrong
	post(t, ledger.New(books.Store, at(lastYear)), "1", "+10")
	books.Damage(t, books.Config.TransactionsTable, "UPDATE ? SET opening = 50 WHERE id = 'settings'")
	status, out, _ = command(t, books, "-settle", "0s")
	assert.Equal(t, exitWrong, status)
	assert.Contains(t, out, "the balance is 110 at version 1, but the history adds up to 60 at version 1")
}
