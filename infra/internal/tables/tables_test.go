package tables_test

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/internal/tables"
)

// table is a definition, in the template's words.
type table struct {
	BillingMode          string      `yaml:"BillingMode"`
	AttributeDefinitions []attribute `yaml:"AttributeDefinitions"`
	KeySchema            []key       `yaml:"KeySchema"`
	Indexes              []index     `yaml:"GlobalSecondaryIndexes"`
}

type attribute struct {
	Name string `yaml:"AttributeName"`
	Type string `yaml:"AttributeType"`
}

type key struct {
	Name string `yaml:"AttributeName"`
	Type string `yaml:"KeyType"`
}

type index struct {
	Name       string `yaml:"IndexName"`
	KeySchema  []key  `yaml:"KeySchema"`
	Projection struct {
		Type string `yaml:"ProjectionType"`
	} `yaml:"Projection"`
}

func TestTemplateHasTheSameTables(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../../template.yaml")
	require.NoError(t, err)
	var template struct {
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	require.NoError(t, yaml.Unmarshal(source, &template))
	got := map[string]table{}
	for name, resource := range template.Resources {
		if resource.Type == "AWS::DynamoDB::Table" {
			var properties table
			require.NoError(t, resource.Properties.Decode(&properties))
			got[name] = properties
		}
	}
	want := map[string]table{}
	for _, definition := range tables.Definitions(infra.Config{TransactionsTable: "TransactionsTable", AggregateTable: "AggregateTable"}) {
		want[*definition.TableName] = describe(definition)
	}
	assert.Equal(t, want, got)
}

func describe(definition dynamodb.CreateTableInput) (d table) {
	d.BillingMode = string(definition.BillingMode)
	for _, a := range definition.AttributeDefinitions {
		d.AttributeDefinitions = append(d.AttributeDefinitions, attribute{*a.AttributeName, string(a.AttributeType)})
	}
	for _, k := range definition.KeySchema {
		d.KeySchema = append(d.KeySchema, key{*k.AttributeName, string(k.KeyType)})
	}
	for _, i := range definition.GlobalSecondaryIndexes {
		described := index{Name: aws.ToString(i.IndexName)}
		for _, k := range i.KeySchema {
			described.KeySchema = append(described.KeySchema, key{*k.AttributeName, string(k.KeyType)})
		}
		described.Projection.Type = string(i.Projection.ProjectionType)
		d.Indexes = append(d.Indexes, described)
	}
	return d
}

func TestCreateTablesTwice(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	require.NoError(t, tables.Create(t.Context(), books.Client, books.Config))
}
