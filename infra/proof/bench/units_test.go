package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnits(t *testing.T) {
	t.Parallel()
	put := func(text string) string { return `{"Put":{"Item":{"id":{"S":"` + text + `"}}}}` }
	const update = `{"Update":{"Key":{"user_id":{"S":"1"}}}}`
	kB := strings.Repeat("x", 1024)
	for _, c := range []struct {
		operation, sent, received string
		applied                   bool
		want                      units
	}{
		{"TransactWriteItems", `{"TransactItems":[` + put("1") + `,` + update + `]}`, `{}`, true, units{1, 5, 0}},
		{"TransactWriteItems", `{"TransactItems":[` + put("1") + `,` + update + `]}`, `{}`, false, units{1, 4, 0}},
		{"TransactWriteItems", `{"TransactItems":[` + put(kB) + `,` + update + `]}`, `{}`, true, units{1, 8, 0}},
		{"TransactWriteItems", `{"TransactItems":[` + put("1") + `,` + put("2") + `,` + update + `]}`, `{}`, true, units{1, 8, 0}},
		{"PutItem", `{"Item":{"id":{"S":"1"}}}`, `{}`, true, units{1, 2, 0}},
		{"PutItem", `{"Item":{"id":{"S":"1"}}}`, `{}`, false, units{1, 1, 0}},
		{"GetItem", `{"ConsistentRead":true}`, `{}`, true, units{1, 0, 1}},
		{"GetItem", `{}`, `{}`, true, units{1, 0, 0.5}},
		{"GetItem", `{"ConsistentRead":true}`, `{"Item":{"id":{"S":"` + strings.Repeat(kB, 4) + `"}}}`, true, units{1, 0, 2}},
		{"Query", `{}`, `{"Items":[{"id":{"S":"` + kB + `"}},{"id":{"S":"` + kB + kB + kB + `"}}]}`, true, units{1, 0, 1}},
	} {
		m := &meter{}
		require.NoError(t, m.count(c.operation, []byte(c.sent), []byte(c.received), c.applied))
		assert.Equal(t, c.want, m.units, "%s %.80s", c.operation, c.sent)
	}
}

// Lists and maps take three bytes, and one for each in them.
func TestBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		item string
		want int
	}{
		{`{"id":{"S":"äb"}}`, 2 + 3},
		{`{"n":{"N":"12345"}}`, 1 + 4},
		{`{"l":{"L":[{"S":"a"},{"N":"12"}]}}`, 1 + 3 + 2 + 1 + 2},
		{`{"entries":{"L":[{"M":{"user_id":{"S":"1"},"ammount":{"N":"9"}}}]}}`, 7 + 3 + 1 + 3 + 2 + 7 + 1 + 7 + 2},
	} {
		var a attributes
		require.NoError(t, json.Unmarshal([]byte(c.item), &a))
		assert.Equal(t, c.want, a.bytes(), c.item)
	}
}

// The longest names there are fit a row into 1 KB, so no write costs more than
// the table of costs says.
func TestLongestRow(t *testing.T) {
	t.Parallel()
	n := names{strings.Repeat("𝄞", 128), strings.Repeat("k", 255)}
	longest := wire(row(n, "credit", "999999999999.99", "declined", "999999999999999.99").Item())
	assert.LessOrEqual(t, longest.bytes(), 1024)
}
