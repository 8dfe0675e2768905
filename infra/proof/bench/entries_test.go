package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/internal/dynamodbmodel"
)

// The floor of an outcome sends what the ledger sends for it, but for the times.
func TestFloorSendsTheSame(t *testing.T) {
	t.Parallel()
	n := names{"1", "order-1"}
	for _, o := range slices.Concat(outcomes, several, onHold, []outcome{postedAll("sale", sale)}) {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			ours := sentFor(t, o, n, func(sub *subject) request { return sub.overEvents(o, n) })
			floor := sentFor(t, o, n, func(sub *subject) request { return o.floor(sub.floor, n) })
			assert.Equal(t, ours, floor)
		})
	}
}

// sentFor returns what is sent to a DynamoDB on which only what the outcome needs is.
func sentFor(t *testing.T, o outcome, n names, run func(*subject) request) (sent []string) {
	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	sub := &subject{
		Books:   books,
		handler: newHandler(infra.NewStore(books.Client, books.Config), io.Discard),
		floor:   &floor{books.Client, books.Config},
	}
	if o.before != nil {
		require.NoError(t, o.before(sub, n)(t.Context()))
	}
	books.Network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		sent = append(sent, faults.Operation(r)+" "+sorted(t, body))
		return deliver()
	})
	require.NoError(t, run(sub)(t.Context()))
	return sent
}

// differing is what differs from one call to the next: times, in text and in
// milliseconds, and the token of a write.
var differing = regexp.MustCompile(`20\d\d-\d\d-\d\dT[\d:.]{12}Z|\b1\d{12}\b|"ClientRequestToken":"[^"]*"`)

// sorted returns a body with its members in the order of their names, and without what
// is differing.
func sorted(t *testing.T, body []byte) string {
	var members map[string]any
	require.NoError(t, json.Unmarshal(body, &members))
	text, err := json.Marshal(members)
	require.NoError(t, err)
	return differing.ReplaceAllString(string(text), "…")
}
