package cli

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInRepository(t *testing.T) { // not parallel: the working folder is the process's
	require.NoError(t, InRepository(t.Context()))
	t.Chdir(t.TempDir())
	err := InRepository(t.Context())
	assert.EqualError(t, err, "this builds packages of the repository; run it in a folder of that")
	assert.Equal(t, statusUsage, finish(t.Context(), "try", t.Output(), err))
	t.Setenv("PATH", "")
	assert.ErrorContains(t, InRepository(t.Context()), `"go": executable file not found`)
}
