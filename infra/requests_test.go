package infra_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// The requests to DynamoDB stay the same to the byte, apart from member order in
// objects, which the SDK leaves to chance.
func TestRequestsStayTheSame(t *testing.T) {
	t.Parallel()
	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	var requests bytes.Buffer
	books.Network.Always(recordTo(t, &requests))
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	l := ledger.New(books.Store, func() time.Time { return now })
	caller := ledger.NewCaller("direct")
	post := func(key string, kind ledger.Type, amount string) {
		now = now.Add(time.Millisecond)
		fmt.Fprintf(&requests, "# %s of %s with key %s\n", kind, amount, key)
		_, _ = l.Post(t.Context(), by(caller, infratest.Request(t, "1", key, kind, amount)))
	}
	post("credit", ledger.Credit, "10.50")
	post("credit", ledger.Credit, "10.5") // a replay
	post("credit", ledger.Debit, "10.5")  // reused
	post("within opening", ledger.Debit, "100")
	post("beyond opening", ledger.Debit, "100.01") // declined
	post("beyond opening", ledger.Debit, "100.01") // a replay of the decline
	post("largest", ledger.Credit, "1000000000000")
	post("beyond opening, posted", ledger.Debit, "100.01")

	user := infratest.Request(t, "1", "credit", ledger.Credit, "1").UserID()
	fmt.Fprintln(&requests, "# balance")
	_, err := l.Balance(t.Context(), user)
	require.NoError(t, err)
	fmt.Fprintln(&requests, "# transaction")
	_, err = l.Transaction(t.Context(), ledger.TransactionID{1})
	require.ErrorIs(t, err, ledger.ErrNotFound)
	fmt.Fprintln(&requests, "# history, two pages")
	page, err := l.History(t.Context(), user, ledger.Cursor{}, 2)
	require.NoError(t, err)
	_, err = l.History(t.Context(), user, page.Next, 2)
	require.NoError(t, err)
	fmt.Fprintln(&requests, "# warm")
	require.NoError(t, books.Store.Start(t.Context()))

	// These postings have several entries. The requests above must not change.
	order, err := ledger.NewMetadata(map[string]string{"order": "7", "note": "<用>"})
	require.NoError(t, err)
	postAll := func(key string, m ledger.Metadata, entries ...string) {
		fmt.Fprintf(&requests, "# %s with key %s\n", strings.Join(entries, ", "), key)
		r := by(caller, infratest.Entries(t, key, entries...))
		r.Metadata = m
		_, _ = l.Post(t.Context(), r)
	}
	none := ledger.Metadata{}
	postAll("transfer", none, "a debit 10", "b credit 10")
	postAll("transfer", none, "a debit 10", "b credit 10") // a replay
	postAll("transfer", none, "a debit 10")                // reused
	postAll("fee", order, "a debit 10.50", "b credit 9.5", "shop credit 1")
	postAll("credit needed", none, "a credit 50", "a debit 120", "a credit 20")
	postAll("nothing in the end", none, "a debit 5", "a credit 5")
	postAll("beyond opening", none, "new debit 100", "new debit 0.01", "b credit 100.01") // declined
	postAll("b first", order, "b debit 1", "a debit 1000", "shop credit 1001")            // declined
	postAll("b first", order, "b debit 1", "a debit 1000", "shop credit 1001")            // a replay of the decline
	postAll("one with metadata", order, "a credit 1")
	postAll("one with metadata, declined", order, "a debit 1000")
	fmt.Fprintln(&requests, "# transaction of several entries, and one of them")
	whole := infratest.Entries(t, "fee", "a debit 10.5").TransactionID()
	for _, id := range []ledger.TransactionID{whole, whole.Entry(2)} {
		_, err = l.Transaction(t.Context(), id)
		require.NoError(t, err)
	}

	// These are holds. The requests above must not change.
	pend := func(key string, entries ...string) ledger.EndRequest {
		fmt.Fprintf(&requests, "# %s on hold with key %s\n", strings.Join(entries, ", "), key)
		r := by(caller, infratest.Entries(t, key, entries...))
		r.ExpiresIn = time.Minute
		_, _ = l.Post(t.Context(), r)
		return ledger.EndRequest{TransactionID: r.TransactionID(), PostedBy: caller}
	}
	capture := func(hold ledger.EndRequest, amount string) {
		fmt.Fprintf(&requests, "# capture of %q\n", amount)
		var a ledger.Amount
		if amount != "" {
			a, err = ledger.ParseAmount(amount)
			require.NoError(t, err)
		}
		_, err = l.Capture(t.Context(), hold, a)
		require.NoError(t, err)
	}
	void := func(hold ledger.EndRequest) {
		fmt.Fprintln(&requests, "# void")
		_, err = l.Void(t.Context(), hold)
		require.NoError(t, err)
	}
	hold := pend("hold", "h debit 40")
	pend("hold", "h debit 40") // a replay
	payment := pend("payment", "h debit 20", "i credit 20")
	other := pend("other", "h debit 10.50")
	pend("beyond opening, on hold", "h debit 1000") // declined
	fmt.Fprintln(&requests, "# pending transaction")
	_, err = l.Transaction(t.Context(), hold.TransactionID)
	require.NoError(t, err)
	capture(hold, "")
	capture(hold, "40") // a replay
	capture(payment, "12.5")
	void(other)
	part := pend("part", "h debit 30")
	capture(part, "5")
	pend("expires", "h debit 10")
	pend("expires, too", "h debit 12")
	now = now.Add(time.Minute + time.Second)
	postAll("releases", none, "h debit 42.5", "i credit 42.5")
	late := pend("late", "i debit 1")
	now = now.Add(time.Minute)
	fmt.Fprintln(&requests, "# capture at the expiry")
	_, err = l.Capture(t.Context(), late, ledger.Amount{})
	require.ErrorIs(t, err, ledger.ErrHoldEnded)

	// These are refunds. The requests above must not change.
	original := func(id ledger.TransactionID) ledger.Original {
		fmt.Fprintln(&requests, "# transaction to refund")
		o, err := l.Original(t.Context(), id)
		require.NoError(t, err)
		return o
	}
	refund := func(o ledger.Original, key string, parts ...string) {
		fmt.Fprintf(&requests, "# refund of %q with key %s\n", parts, key)
		_, _ = l.Post(t.Context(), by(caller, infratest.Refund(t, o, key, parts...)))
	}
	fee := original(whole)
	refund(fee, "part", "0 2", "2 0.5")
	refund(fee, "part", "0 2", "2 0.5") // a replay
	refund(fee, "whole")                // more than is left
	refund(original(payment.TransactionID), "whole")
	refund(original(infratest.Entries(t, "largest", "1 credit 1").TransactionID()), "all of it") // declined
	fmt.Fprintln(&requests, "# refunds")
	_, _, err = l.Refunds(t.Context(), whole)
	require.NoError(t, err)

	// These are rule changes. The requests above must not change.
	rule := func(user, key string, changes ...string) {
		fmt.Fprintf(&requests, "# rules of %s: %s with key %s\n", user, strings.Join(changes, ", "), key)
		r := infratest.Rules(t, user, key, changes...)
		r.PostedBy = caller
		_, _ = l.ChangeRules(t.Context(), r)
	}
	rule("r", "block", "debits blocked")
	rule("r", "block", "debits blocked") // a replay
	postAll("blocked", none, "r debit 1")
	rule("r", "lend", "debits allowed", "credits blocked", "limit 50.5")
	rule("r", "nothing", "limit 50.50")
	postAll("spend", none, "r debit 120")
	rule("r", "in use", "limit 10") // declined
	rule("r", "lower", "credits allowed", "limit 20")
	postAll("back", none, "r credit 20")
	rule("r", "end", "limit 0")

	golden(t, "testdata/requests.txt", requests.String())
}

// golden compares a text with a file's, or rewrites the file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// by returns the request as that caller sends it.
func by(caller ledger.Caller, r ledger.Request) ledger.Request {
	r.PostedBy = caller
	return r
}

// recordTo returns a fault that records each request and then delivers it.
func recordTo(t *testing.T, w io.Writer) faults.Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		body, err := faults.Body(r)
		if err != nil {
			return nil, err
		}
		var members map[string]any
		assert.NoError(t, json.Unmarshal(body, &members), "%s", body)
		sorted := compact(t, members)
		assert.Len(t, body, len(sorted), "not only the order of members differs: %s", body)
		if members["ClientRequestToken"] != nil {
			members["ClientRequestToken"] = "drawn for each call"
		}
		fmt.Fprintf(w, "%s %s %s\n%s\n", r.Method, r.URL.Path, faults.Operation(r), compact(t, members))
		return deliver()
	}
}

// compact returns v as JSON on one line, with sorted members.
func compact(t *testing.T, v any) string {
	t.Helper()
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	assert.NoError(t, encoder.Encode(v))
	return strings.TrimSuffix(text.String(), "\n")
}
