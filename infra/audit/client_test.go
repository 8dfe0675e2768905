package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tablesOnly is an environment that names the tables and another DynamoDB.
func tablesOnly(name string) string {
	return map[string]string{"TRANSACTIONS_TABLE": "t", "TRANSACTIONS_AGGREGATE_TABLE": "a", "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.invalid"}[name]
}

// withoutAWS clears the process's AWS settings, and points its files elsewhere.
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

// Outside Lambda, a profile gives the region and the credentials.
func TestCredentialsOfAProfile(t *testing.T) {
	folder := withoutAWS(t)
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

// The credentials of a role are renewed before they end.
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

// The environment's own keys are used as they are.
func TestCredentialsOfTheEnvironment(t *testing.T) {
	withoutAWS(t)
	_, config, err := connect(t.Context(), orElse(tablesOnly, map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDOWN", "AWS_SECRET_ACCESS_KEY": "secret",
	}))
	require.NoError(t, err)
	assert.Equal(t, "AKIDOWN", config.Credentials.AccessKeyID)
}

func TestNoCredentials(t *testing.T) {
	withoutAWS(t)
	_, _, err := connect(t.Context(), tablesOnly)
	assert.ErrorContains(t, err, "find credentials for AWS (set AWS_PROFILE, or sign in again)")
}

func TestExpiredCredentials(t *testing.T) {
	t.Parallel()
	expired := &smithy.GenericAPIError{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}
	err := failed(errors.Join(expired), "scan %s", "transactions")
	assert.ErrorContains(t, err, "scan transactions: the credentials have expired (ExpiredTokenException); sign in again")
}
