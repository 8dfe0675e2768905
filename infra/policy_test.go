package infra_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// The template's role allows exactly the requests that the function sends.
func TestPolicyAllowsWhatIsRequested(t *testing.T) {
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
	require.ErrorContains(t, infra.NewStore(books.Client, other).Start(t.Context()), "the tables were begun with currency USD")
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

// template is what these tests read of template.yaml.
type template struct {
	Resources struct {
		Function struct {
			Properties struct {
				Environment struct {
					Variables map[string]any `yaml:"Variables"`
				} `yaml:"Environment"`
			} `yaml:"Properties"`
		} `yaml:"Function"`
		Role struct {
			Properties struct {
				Policies []struct {
					Document struct {
						Statement []struct {
							Effect   string    `yaml:"Effect"`
							Action   yaml.Node `yaml:"Action"`
							Resource yaml.Node `yaml:"Resource"`
						} `yaml:"Statement"`
					} `yaml:"PolicyDocument"`
				} `yaml:"Policies"`
			} `yaml:"Properties"`
		} `yaml:"Role"`
	} `yaml:"Resources"`
}

func readTemplate(t *testing.T) (read template) {
	t.Helper()
	source, err := os.ReadFile("../template.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(source, &read))
	return read
}

func allowed(t *testing.T) map[faults.Access]bool {
	t.Helper()
	accesses := map[faults.Access]bool{}
	for _, policy := range readTemplate(t).Resources.Role.Properties.Policies {
		for _, statement := range policy.Document.Statement {
			require.Equal(t, "Allow", statement.Effect)
			var actions []string
			if err := statement.Action.Decode(&actions); err != nil {
				actions = []string{statement.Action.Value}
			}
			for _, action := range actions {
				if !strings.HasPrefix(action, "dynamodb:") {
					continue
				}
				// !If [MakesTables, the stack's own, one that exists], of which the first is
				// !GetAtt Table.Arn, or !Sub ${Table.Arn}/index/name.
				require.Equal(t, "!If", statement.Resource.Tag)
				own, existing := statement.Resource.Content[1].Value, statement.Resource.Content[2].Value
				table, index, _ := strings.Cut(strings.NewReplacer("${", "", "}", "", ".Arn", "").Replace(own), "/index/")
				_, resource, _ := strings.Cut(existing, ":table/")
				name, existingIndex, _ := strings.Cut(resource, "/index/")
				assert.Equal(t, "${Existing"+table+"}", name)
				assert.Equal(t, index, existingIndex)
				accesses[faults.Access{Action: action, Table: table, Index: index}] = true
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
			return "" // they have defaults
		}
		return string(handler.JWT)
	}
	_, err := infra.ConfigFromEnv(getenv)
	require.NoError(t, err)
	_, err = handler.AccessFromEnv(getenv)
	require.NoError(t, err)
	var given []string
	for name := range readTemplate(t).Resources.Function.Properties.Environment.Variables {
		given = append(given, name)
	}
	assert.ElementsMatch(t, read, given)
}
