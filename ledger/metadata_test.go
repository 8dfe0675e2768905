package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"onewrite/ledger"
)

type members = map[string]string

// The limit counts bytes in compact UTF-8 JSON without needless escapes: three for
// U+2028, six for a control character.
func TestMetadataBounds(t *testing.T) {
	t.Parallel()
	numbered := func(n int) members {
		m := members{}
		for i := range n {
			m[fmt.Sprint(i)] = ""
		}
		return m
	}
	half := strings.Repeat("\u2028", 83) // 249 bytes
	type row struct{ most, more members }
	rows := map[string]row{
		"members": {numbered(20), numbered(21)},
		"a name":  {members{half + half: strings.Repeat("x", 7)}, members{half + half: strings.Repeat("x", 8)}},
		"several": {members{half: "", "n": half}, members{half: "x", "n": half}},
	}
	for one, size := range map[string]int{"x": 1, "<": 1, "é": 2, "用": 3, "\u2028": 3, "\u2029": 3, "😀": 4, `"`: 2, "\n": 2, "\x01": 6} {
		room := 512 - len(`{"n":""}`)
		most := strings.Repeat(one, room/size) + strings.Repeat("x", room%size)
		rows[fmt.Sprintf("%q", one)] = row{members{"n": most}, members{"n": most + "x"}}
	}
	for name, c := range rows {
		m := metadata(t, c.most)
		again, err := ledger.ParseMetadata(m.String())
		require.NoError(t, err, name)
		assert.Equal(t, m, again, name)
		_, err = ledger.NewMetadata(c.more)
		require.ErrorIs(t, err, ledger.ErrInvalid, name)
		want := "invalid metadata: must have at most 512 bytes as JSON"
		if name == "members" {
			want = "invalid metadata: must have at most 20 members"
		}
		assert.EqualError(t, err, want, name)
	}
}

// Metadata is read back as written, with any text, and is as long as the shortest JSON.
func TestMetadataReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.MapOfN(rapid.String(), rapid.String(), 0, 24).Draw(t, "members")
		shortest, err := json.Marshal(in)
		require.NoError(t, err)
		m, err := ledger.NewMetadata(in)
		if len(in) > 20 || len(shortest) > 512 {
			require.ErrorIs(t, err, ledger.ErrInvalid)
			return
		}
		require.NoError(t, err)
		if len(in) == 0 {
			require.Equal(t, ledger.Metadata{}, m)
			return
		}
		again, err := ledger.ParseMetadata(m.String())
		require.NoError(t, err)
		require.Equal(t, m, again)
		var read members
		require.NoError(t, json.Unmarshal([]byte(m.String()), &read))
		require.Equal(t, in, read)
	})
}
