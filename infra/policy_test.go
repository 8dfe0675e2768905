package infra_test

import (
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// The template's role allows exactly the requests to DynamoDB that the function sends.
func TestPolicyAllowsEveryRequest(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	tables := map[string]string{books.Config.TransactionsTable: "TransactionsTable", books.Config.AggregateTable: "AggregateTable"}
	var mu sync.Mutex
	requested := map[faults.Access]bool{}
	books.Network.Always(faults.Record(func(a faults.Access) {
		a.Table = tables[a.Table]
		mu.Lock()
		defer mu.Unlock()
		requested[a] = true
	}))

	h := handler.New(ledger.New(books.Store, time.Now), slog.New(slog.DiscardHandler), handler.Access{Authorization: handler.None})
	require.NoError(t, books.Store.Start(t.Context()))
	other := books.Config
	other.Settings = infratest.Settings(t, "EUR", "2", "0")
	require.ErrorContains(t, infra.NewStore(books.Client, other).Start(t.Context()), "the tables were created with currency USD")
	books.Execute(t, books.Config.TransactionsTable, "DELETE FROM ? WHERE id = 'settings'")
	require.NoError(t, infra.NewStore(books.Client, other).Start(t.Context()))
	books.Execute(t, books.Config.TransactionsTable, "DELETE FROM ? WHERE id = 'settings'")
	require.NoError(t, books.Store.Start(t.Context()))
	events, err := filepath.Glob("../testdata/events/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, events)
	for _, path := range events {
		payload, err := os.ReadFile(path)
		require.NoError(t, err)
		_, err = h.Invoke(t.Context(), payload)
		require.NoError(t, err)
	}
	for _, payload := range []string{
		`{"headers":{"Idempotent-Key":"declined"},"body":{"userId":"1","ammount":"1000","type":"debit"}}`,
		`{"headers":{"Idempotent-Key":"1"},"body":{"userId":"1","ammount":"11","type":"credit"}}`,
		`{"httpMethod":"GET","path":"/transactions","queryStringParameters":{"userId":"1","limit":"1"}}`,
		`{"httpMethod":"GET","path":"/transactions/47b9e303-c943-824b-a25b-f2db8fa4f6ab"}`,
	} {
		_, err := h.Invoke(t.Context(), []byte(payload))
		require.NoError(t, err)
	}
	assert.Equal(t, allowed(t), requested)
}

func allowed(t *testing.T) map[faults.Access]bool {
	t.Helper()
	accesses := map[faults.Access]bool{}
	for _, policy := range dig(readYAML(t, "../template.yaml"), "Resources", "Role", "Properties", "Policies").([]any) {
		for _, statement := range dig(policy, "PolicyDocument", "Statement").([]any) {
			require.Equal(t, "Allow", dig(statement, "Effect"))
			actions, ok := dig(statement, "Action").([]any)
			if !ok {
				actions = []any{dig(statement, "Action")}
			}
			for _, action := range actions {
				if !strings.HasPrefix(action.(string), "dynamodb:") {
					continue
				}
				// Resource is !If [MakesTables, the stack's own table, an existing table].
				// The own table is !GetAtt Table.Arn, and its index is !Sub
				// ${Table.Arn}/index/name.
				choice := dig(statement, "Resource").(function)
				require.Equal(t, "!If", choice.name)
				own, existing := choice.of.([]any)[1].(function), choice.of.([]any)[2].(function)
				table, index, _ := strings.Cut(strings.NewReplacer("${", "", "}", "", ".Arn", "").Replace(own.of.(string)), "/index/")
				_, resource, _ := strings.Cut(existing.of.(string), ":table/")
				name, existingIndex, _ := strings.Cut(resource, "/index/")
				assert.Equal(t, "${Existing"+table+"}", name)
				assert.Equal(t, index, existingIndex)
				accesses[faults.Access{Action: action.(string), Table: table, Index: index}] = true
			}
		}
	}
	return accesses
}

// The template sets every environment variable that the function reads.
func TestTemplateHasTheEnvironment(t *testing.T) {
	t.Parallel()
	reserved := []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} // set by Lambda
	var read []string
	getenv := func(name string) string {
		if !slices.Contains(reserved, name) {
			read = append(read, name)
		}
		if name == "DECIMAL_PLACES" || name == "OPENING_BALANCE" {
			return "" // the defaults apply
		}
		return string(handler.JWT)
	}
	_, err := infra.ConfigFromEnv(getenv)
	require.NoError(t, err)
	_, err = handler.AccessFromEnv(getenv)
	require.NoError(t, err)
	given := dig(readYAML(t, "../template.yaml"), "Resources", "Function", "Properties", "Environment", "Variables").(map[string]any)
	assert.ElementsMatch(t, read, slices.Collect(maps.Keys(given)))
}
