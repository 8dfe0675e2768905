package tables_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/internal/tables"
)

func TestTemplateHasTheSameTables(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../../template.yaml")
	require.NoError(t, err)
	var template struct {
		Resources map[string]struct {
			Type       string         `yaml:"Type"`
			Properties map[string]any `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	require.NoError(t, yaml.Unmarshal(source, &template))
	made := 0
	for _, resource := range template.Resources {
		if resource.Type == "AWS::DynamoDB::Table" {
			made++
		}
	}
	definitions := tables.Definitions(infra.Config{TransactionsTable: "TransactionsTable", AggregateTable: "AggregateTable"})
	assert.Len(t, definitions, made)
	for _, definition := range definitions {
		encoded, err := json.Marshal(definition) // CloudFormation uses the same names as the SDK
		require.NoError(t, err)
		var want map[string]any
		require.NoError(t, json.Unmarshal(encoded, &want))
		for _, name := range []string{"BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes"} {
			got := template.Resources[*definition.TableName].Properties[name]
			assert.Equal(t, shape(want[name]), shape(got), "%s of %s", name, *definition.TableName)
		}
	}
}

// shape removes null members, and throughput, which only the template sets.
func shape(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for name, member := range value {
			if value[name] = shape(member); member == nil || strings.HasSuffix(name, "Throughput") {
				delete(value, name)
			}
		}
	case []any:
		for i, item := range value {
			value[i] = shape(item)
		}
	}
	return value
}

func TestCreateTablesTwice(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	require.NoError(t, tables.Create(t.Context(), books.Client, books.Config))
}
