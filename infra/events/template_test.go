package events_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The README's filter for other readers of the stream is the same as the pipe's.
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
