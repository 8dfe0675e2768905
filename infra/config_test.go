package infra_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
)

func TestConfigFromEnv(t *testing.T) {
	t.Parallel()
	env := map[string]string{
		"TRANSACTIONS_TABLE":           "t",
		"TRANSACTIONS_AGGREGATE_TABLE": "a",
		"AWS_REGION":                   "eu-central-1",
		"AWS_ACCESS_KEY_ID":            "id",
		"AWS_SECRET_ACCESS_KEY":        "secret",
		"AWS_SESSION_TOKEN":            "token",
		"AWS_ENDPOINT_URL_DYNAMODB":    "http://localhost:8000",
	}
	c, err := infra.ConfigFromEnv(func(name string) string { return env[name] })
	require.NoError(t, err)
	assert.Equal(t, "t", c.TransactionsTable)
	assert.Equal(t, "a", c.AggregateTable)
	assert.Equal(t, "eu-central-1", c.Region)
	assert.Equal(t, "id", c.Credentials.AccessKeyID)
	assert.Equal(t, "secret", c.Credentials.SecretAccessKey)
	assert.Equal(t, "token", c.Credentials.SessionToken)
	assert.Equal(t, "http://localhost:8000", c.Endpoint)
}

func TestConfigNamesEveryMissingVariable(t *testing.T) {
	t.Parallel()
	_, err := infra.ConfigFromEnv(func(string) string { return "" })
	assert.EqualError(t, err, "missing in the environment: "+
		"TRANSACTIONS_TABLE, TRANSACTIONS_AGGREGATE_TABLE, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY")
}
