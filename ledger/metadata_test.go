package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

type members = map[string]string

// numbered returns n equally long members.
func numbered(n int) members {
	m := members{}
	for i := range n {
		m[fmt.Sprintf("m%02d", i)] = ""
	}
	return m
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   members
		want string
	}{
		{nil, ""},
		{members{}, ""},
		{members{"order": "7"}, `{"order":"7"}`},
		{members{"b": "2", "a": "1", "ab": "", "": "0"}, `{"":"0","a":"1","ab":"","b":"2"}`},
		{members{"quote": `"\/`, "html": "<&>", "用": "户😀"}, `{"html":"<&>","quote":"\"\\/","用":"户😀"}`},
		{members{"controls": "\x00\b\f\n\r\t\x1f\x7f"}, `{"controls":"\u0000\b\f\n\r\t\u001f` + "\x7f" + `"}`},
		{members{"null": "null", "number": "1"}, `{"null":"null","number":"1"}`},
	} {
		m, err := ledger.NewMetadata(c.in)
		require.NoError(t, err, "%q", c.in)
		assert.Equal(t, c.want, m.String(), "%q", c.in)
		assert.Equal(t, len(c.in) == 0, m == ledger.Metadata{}, "%q", c.in)
		if c.want == "" {
			continue
		}
		again, err := ledger.ParseMetadata(m.String())
		require.NoError(t, err, "%q", c.in)
		assert.Equal(t, m, again, "%q", c.in)
	}
}

// The limit counts bytes in compact UTF-8 JSON without needless escapes: three for
// U+2028, six for a control character.
func TestMetadataBounds(t *testing.T) {
	t.Parallel()
	frame := len(`{"n":""}`)
	for name, c := range map[string]struct{ one, filler string }{
		"letters":           {"x", "x"},
		"two bytes":         {"é", "x"},
		"three bytes":       {"用", "x"},
		"line separators":   {"\u2028", "x"},
		"paragraphs":        {"\u2029", "x"},
		"quotes":            {`"`, "x"},
		"escaped":           {"\n", "x"},
		"in six bytes":      {"\x01", "x"},
		"four bytes":        {"😀", "x"},
		"that HTML escapes": {"<", "x"},
	} {
		size := map[string]int{`"`: 2, "\n": 2, "\x01": 6}[c.one]
		if size == 0 {
			size = len(c.one)
		}
		count := (512 - frame) / size
		text := strings.Repeat(c.one, count) + strings.Repeat(c.filler, 512-frame-count*size)
		m, err := ledger.NewMetadata(members{"n": text})
		require.NoError(t, err, name)
		again, err := ledger.ParseMetadata(m.String())
		require.NoError(t, err, name)
		assert.Equal(t, m, again, name)
		_, err = ledger.NewMetadata(members{"n": text + c.filler})
		require.ErrorIs(t, err, ledger.ErrInvalidMetadata, name)
		assert.EqualError(t, err, "invalid metadata: must have at most 512 bytes as JSON", name)
	}
	// Names count like values.
	_, err := ledger.NewMetadata(members{strings.Repeat("\u2028", 168): "x"})
	assert.NoError(t, err, "504 bytes of name and 8 of the rest")
	_, err = ledger.NewMetadata(members{strings.Repeat("\u2028", 168): "xx"})
	assert.ErrorIs(t, err, ledger.ErrInvalidMetadata)
	half := strings.Repeat("\u2028", 83)
	_, err = ledger.NewMetadata(members{half: "", "n": half})
	assert.NoError(t, err, "249 bytes of either, 1 of the other name and 13 of the rest")
	_, err = ledger.NewMetadata(members{half: "x", "n": half})
	assert.ErrorIs(t, err, ledger.ErrInvalidMetadata)

	_, err = ledger.NewMetadata(numbered(20))
	assert.NoError(t, err)
	_, err = ledger.NewMetadata(numbered(21))
	require.ErrorIs(t, err, ledger.ErrInvalidMetadata)
	assert.EqualError(t, err, "invalid metadata: must have at most 20 members")
}

// Stored metadata has one notation.
func TestParseMetadataRejects(t *testing.T) {
	t.Parallel()
	twentyOne := strings.TrimSuffix(strings.Repeat(`"%02d":"",`, 21), ",")
	places := make([]any, 21)
	for i := range places {
		places[i] = i
	}
	for _, in := range []string{
		"", " ", "{}", "null", "[]", `"text"`, "1", "{", `{"a":"1"`, `{"a":"1"}{}`, `{"a":"1"} `, ` {"a":"1"}`, `{"a": "1"}`, `{"a":"1",}`,
		`{"b":"1","a":"2"}`, `{"a":"1","a":"1"}`, `{"a":"1","a":"2"}`, `{"a":1}`, `{"a":null}`, `{"a":{}}`, `{"a":["1"]}`, `{"a":true}`,
		`{"\u0061":"1"}`, `{"a":"\/"}`, `{"a":"\u003c"}`, `{"a":"\u000A"}`, "{\"a\":\"\u2028\"}", "{\"a\":\"\xff\"}", `{"a":"\ud800"}`,
		`{"n":"` + strings.Repeat("x", 505) + `"}`, fmt.Sprintf("{"+twentyOne+"}", places...),
	} {
		m, err := ledger.ParseMetadata(in)
		require.ErrorIs(t, err, ledger.ErrInvalidMetadata, "ParseMetadata(%q)", in)
		assert.EqualError(t, err, "invalid metadata: must be the JSON of metadata")
		assert.Zero(t, m, "ParseMetadata(%q)", in)
	}
}
