package events_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// resource is the part of a template's resource that these tests read.
type resource struct {
	Type       string `yaml:"Type"`
	Properties struct {
		StreamSpecification yaml.Node `yaml:"StreamSpecification"`
		SourceParameters    struct {
			Stream struct {
				StartingPosition string `yaml:"StartingPosition"`
				MaximumRecordAge int    `yaml:"MaximumRecordAgeInSeconds"`
				MaximumRetries   int    `yaml:"MaximumRetryAttempts"`
				DeadLetters      any    `yaml:"DeadLetterConfig"`
			} `yaml:"DynamoDBStreamParameters"`
		} `yaml:"SourceParameters"`
	} `yaml:"Properties"`
}

func resources(t *testing.T, path string) map[string]resource {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var template struct {
		Resources map[string]resource `yaml:"Resources"`
	}
	require.NoError(t, yaml.Unmarshal(text, &template))
	return template.Resources
}

// The ledger's stack turns on the streams that the tests here read.
func TestTemplateHasTheSameStreams(t *testing.T) {
	t.Parallel()
	made := resources(t, "../../template.yaml")
	for table, view := range map[string]string{"TransactionsTable": "NEW_IMAGE", "AggregateTable": "NEW_AND_OLD_IMAGES"} {
		specification := made[table].Properties.StreamSpecification // !If [HasStreams, the stream, none]
		require.Len(t, specification.Content, 3, table)
		var stream map[string]string
		require.NoError(t, specification.Content[1].Decode(&stream))
		assert.Equal(t, map[string]string{"StreamViewType": view}, stream, table)
	}
}

// Pipes begin with the oldest record, and never drop one by themselves.
func TestPipesLoseNothing(t *testing.T) {
	t.Parallel()
	pipes := 0
	for name, r := range resources(t, "template.yaml") {
		if r.Type != "AWS::Pipes::Pipe" {
			continue
		}
		pipes++
		stream := r.Properties.SourceParameters.Stream
		assert.Equal(t, "TRIM_HORIZON", stream.StartingPosition, name)
		assert.Equal(t, -1, stream.MaximumRecordAge, name)
		assert.Equal(t, -1, stream.MaximumRetries, name)
		assert.NotNil(t, stream.DeadLetters, name)
	}
	assert.Equal(t, 2, pipes)
}

// The README's filter for a reader's own function is the pipe's.
func TestReadmeHasThePipesFilter(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	template, err := os.ReadFile("template.yaml")
	require.NoError(t, err)
	filter := regexp.MustCompile(`Pattern: ('.*?')`).FindStringSubmatch(string(readme))
	require.NotNil(t, filter)
	assert.Contains(t, string(template), "- Pattern: "+filter[1]+"\n")
}
