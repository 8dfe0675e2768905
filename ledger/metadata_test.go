package ledger_test

import (
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"onewrite/ledger"
)

type members = map[string]string

// Metadata with any text is read back as written. The limit counts bytes in the shortest
// JSON, with three for U+2028 and six for most control characters.
func TestMetadata(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		count := rapid.SampledFrom([]int{0, 1, 3, 20, 21}).Draw(t, "count")
		character := rapid.OneOf(rapid.SampledFrom([]rune("x<é用\u2028\u2029😀\"\n\x01")), rapid.Rune())
		text := rapid.StringOfN(character, 0, -1, 300/(count+1))
		in := rapid.MapOfN(text, text, count, count).Draw(t, "members")
		shortest, err := json.Marshal(in)
		require.NoError(t, err)
		if room := 512 - len(shortest) - len(`,"pad":""`); room > 0 && rapid.Bool().Draw(t, "up to the limit") {
			in["pad"] = strings.Repeat("x", room+rapid.IntRange(0, 2).Draw(t, "beyond it"))
			shortest, err = json.Marshal(in)
			require.NoError(t, err)
		}
		m, err := ledger.NewMetadata(in)
		switch {
		case len(in) > 20:
			require.EqualError(t, err, "invalid metadata: must have at most 20 members")
			return
		case len(shortest) > 512:
			require.EqualError(t, err, "invalid metadata: must have at most 512 bytes as JSON")
			return
		case len(in) == 0:
			require.Equal(t, ledger.Metadata{}, m)
			return
		}
		require.NoError(t, err)
		again, err := ledger.ParseMetadata(m.String())
		require.NoError(t, err)
		require.Equal(t, m, again)
		var read members
		require.NoError(t, json.Unmarshal([]byte(m.String()), &read))
		require.Equal(t, in, read)
	})
}
