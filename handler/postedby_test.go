package handler_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/ledger"
)

// A door's caller is stored in the rows that it writes, and is in no answer.
func TestPostedBy(t *testing.T) {
	t.Parallel()
	none := handler.Access{Authorization: handler.None}
	for format, g := range gateways {
		for _, c := range []struct {
			access handler.Access
			event  func(request) object
			caller string
		}{
			{handler.Access{Authorization: handler.IAM}, g.signed, callerARN},
			{none, g.signed, callerARN},
			{byTokens, nil, "1"},
			{none, g.event, ""},
		} {
			h, books, _ := newHandlerFor(t, c.access)
			a, payer, payerName := g.scoped("1", h), g.user("2", h), "2"
			if c.access != byTokens {
				a.send = overEvents(c.event)(t, h)
				payer, payerName = a, c.caller
			}
			if format == "payload 1.0" && c.caller == "" {
				a.send = overHTTP(t, h) // this door knows no caller, either
			}
			id := a.pending(t, "credit", body("1", "10", "credit"))
			captured, voided := payer.pending(t, "captured", paymentBody("2", "1", "10")), payer.pending(t, "voided", paymentBody("2", "1", "10"))
			var declined problem
			all := ""
			for range 2 { // the second one is a replay
				got := a.post(t, "declined", body("1", "1000", "debit"))
				declined = got.problem(t)
				for _, got := range []answer{
					got, a.post(t, "credit", body("1", "10", "credit")), a.end(t, captured, "capture", ""), a.end(t, voided, "void", ""),
					a.get(t, "/transactions/"+id), a.get(t, "/transactions/"+captured), a.get(t, "/balance?userId=1"), a.get(t, "/transactions?userId=1"),
				} {
					require.Less(t, got.Status, 500, got.Body)
					all += got.Body + got.Header.Get("Location")
				}
			}
			assert.NotContains(t, all, "postedBy")
			assert.NotContains(t, all, "posted_by")
			assert.NotContains(t, all, callerARN)
			for _, stored := range []string{id, captured, voided, declined.ID} {
				parsed, err := ledger.ParseTransactionID(stored)
				require.NoError(t, err, stored)
				first, err := books.Store.Transaction(t.Context(), parsed)
				require.NoError(t, err)
				want := c.caller
				if first.Status == ledger.Pending {
					want = payerName
				}
				assert.Equal(t, want, first.PostedBy.String(), "%s: %+v", format, first)
				if first.Status == ledger.Pending {
					end, err := books.Store.Transaction(t.Context(), parsed.End())
					require.NoError(t, err)
					assert.Equal(t, c.caller, end.PostedBy.String(), "%s: %+v", format, end)
				}
			}
		}
	}
	h, books, _ := newHandlerFor(t, byTokens)
	got := invoke(t, h, encode(t, bare(request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1"}, body("1", "1", "credit")})))
	require.Equal(t, http.StatusCreated, got.Status)
	assert.NotContains(t, got.Body, "direct")
	id, err := ledger.ParseTransactionID(strings.TrimPrefix(got.Header.Get("Location"), "/transactions/"))
	require.NoError(t, err)
	stored, err := books.Store.Transaction(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, "direct", stored.PostedBy.String())
	got = gateways["payload 2.0"].user("direct", h).post(t, "1", body("direct", "1", "debit"))
	id, err = ledger.ParseTransactionID(strings.TrimPrefix(got.Header.Get("Location"), "/transactions/"))
	require.NoError(t, err)
	stored, err = books.Store.Transaction(t.Context(), id)
	require.NoError(t, err)
	assert.Equal(t, "sub:direct", stored.PostedBy.String())
}
