package dynamodblocal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
)

func TestEnvironment(t *testing.T) {
	t.Parallel()
	environment := func(endpoint string) func(string) string {
		return Environment(func(name string) string {
			return map[string]string{EndpointVariable: endpoint, "TRANSACTIONS_TABLE": "mine"}[name]
		})
	}
	config, err := infra.ConfigFromEnv(environment("http://127.0.0.1:8000"))
	require.NoError(t, err)
	assert.Equal(t, "mine", config.TransactionsTable)
	assert.Equal(t, "transactions_aggregate", config.AggregateTable)
	assert.Equal(t, "http://127.0.0.1:8000", config.Endpoint)
	for _, endpoint := range []string{"", "https://dynamodb.us-east-1.amazonaws.com"} {
		_, err := infra.ConfigFromEnv(environment(endpoint))
		assert.ErrorContains(t, err, "AWS_ACCESS_KEY_ID", "%q is not on this machine", endpoint)
	}
}
