package events_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patterns has, for each pattern in patterns.json, a function that reports whether the
// pattern selects a record. Match.java compares the results with AWS's own matcher.
var patterns = map[string]func(r record, isBalance bool) bool{
	"every transaction":              func(_ record, isBalance bool) bool { return !isBalance },
	"every balance":                  func(_ record, isBalance bool) bool { return isBalance },
	"one user's balance":             func(r record, isBalance bool) bool { return isBalance && r.is("user_id", "shop") },
	"users with a common prefix":     func(r record, _ bool) bool { return strings.HasPrefix(r.Change.NewImage.text("user_id"), "order.") },
	"a user's first balance":         func(r record, isBalance bool) bool { return isBalance && r.Change.OldImage == nil },
	"balances with open holds":       func(r record, isBalance bool) bool { return isBalance && !r.is("holds", "", "0") },
	"users whose debits are blocked": func(r record, isBalance bool) bool { return isBalance && r.Change.NewImage["debits_blocked"] != nil },
	"declined transactions":          func(r record, isBalance bool) bool { return !isBalance && r.is("status", "declined") },
	"money received": func(r record, isBalance bool) bool {
		return !isBalance && r.is("type", "credit") && r.is("status", "posted")
	},
	"holds that end":             func(r record, isBalance bool) bool { return !isBalance && r.is("type", "capture", "void", "expiry") },
	"transactions with metadata": func(r record, isBalance bool) bool { return !isBalance && !r.is("metadata", "") },
	"transactions with an entry of one user": func(r record, isBalance bool) bool {
		entries, _ := json.Marshal(r.Change.NewImage["entries"])
		return !isBalance && strings.Contains(string(entries), `{"S":"shop"}`)
	},
}

// is reports whether an attribute has one of the values in texts. "" means absent.
func (r record) is(name string, texts ...string) bool {
	return slices.Contains(texts, r.Change.NewImage.text(name))
}

func matches(r record, isBalance bool) (names []string) {
	for name, isFor := range patterns {
		if isFor(r, isBalance) {
			names = append(names, name)
		}
	}
	return names
}

func TestEveryPatternIsTested(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("patterns.json")
	require.NoError(t, err)
	var documented map[string]any
	require.NoError(t, json.Unmarshal(text, &documented))
	assert.ElementsMatch(t, slices.Collect(maps.Keys(documented)), slices.Collect(maps.Keys(patterns)))
}
