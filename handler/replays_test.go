package handler_test

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
)

// TestReplaysOfEarlierVersions sends calls again whose rows an earlier version wrote.
// Today's code renders a replay from the row, and must give the first answer. No flag
// writes testdata/replays.json: its rows and answers are for ever.
func TestReplaysOfEarlierVersions(t *testing.T) {
	t.Parallel()
	var replays []struct {
		Name     string          `json:"name"`
		Rows     []string        `json:"rows"` // in PartiQL
		Call     string          `json:"call"`
		Key      string          `json:"key"`
		Body     json.RawMessage `json:"body"`
		Status   int             `json:"status"`
		Location string          `json:"location"`
		Answer   json.RawMessage `json:"answer"`
	}
	text, err := os.ReadFile("../testdata/replays.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &replays))
	require.NotEmpty(t, replays)
	for _, r := range replays {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			h, books, _ := handlerOf(infratest.New(t), handler.Access{Authorization: handler.None})
			for _, row := range r.Rows {
				books.Execute(t, books.Config.TransactionsTable, "INSERT INTO ? VALUE "+row)
			}
			if books.Check(t.Context()) != nil {
				books.Damage(t, books.Config.TransactionsTable) // the balances lack these rows
			}
			call := request{http.MethodPost, r.Call, map[string]string{}, string(r.Body)}
			if r.Key != "" {
				call.header["Idempotent-Key"] = r.Key
			}
			got := overEvents(event2)(t, h)(t, call)
			assert.Equal(t, r.Status, got.Status, got.Body)
			assert.Equal(t, "true", got.Header.Get("Idempotent-Replayed"))
			assert.Equal(t, r.Location, got.Header.Get("Location"))
			assert.JSONEq(t, string(r.Answer), got.Body)
		})
	}
}
