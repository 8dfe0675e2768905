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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

var update = flag.Bool("update", false, "rewrite the files in testdata")

// The requests to DynamoDB stay as they are in testdata/requests.txt, except for the random
// ClientRequestToken, and the order of JSON members, which the SDK leaves open.
func TestRequestsStayTheSame(t *testing.T) {
	t.Parallel()
	books := infratest.NewInMemory(t, ledger.DefaultSettings())
	var requests bytes.Buffer
	books.Network.Always(recordTo(t, &requests))
	calls := script.New(books)
	calls.PostedBy = ledger.NewCaller("direct")
	// send makes the call on each line, and ignores its outcome.
	send := func(steps string) {
		for step := range strings.Lines(steps) {
			if step = strings.TrimSpace(step); step != "" {
				fmt.Fprintf(&requests, "# %s\n", step)
				_, _ = calls.Send(t.Context(), t, step)
			}
		}
	}
	lookup := func(name string) {
		fmt.Fprintf(&requests, "# lookup of %s\n", name)
		_, err := calls.Ledger.Transaction(t.Context(), calls.ID(name))
		require.NoError(t, err)
	}
	for _, step := range []string{
		"credit: 1 credit 10.50", "credit", "credit: 1 debit 10.5",
		"within opening: 1 debit 100", "beyond opening: 1 debit 100.01", "beyond opening",
		"largest: 1 credit 1000000000000", "beyond opening, posted: 1 debit 100.01",
	} {
		calls.Play(t, "1ms")
		send(step)
	}
	fmt.Fprintln(&requests, "# balance")
	calls.Play(t, "1 999999999910.49")
	fmt.Fprintln(&requests, "# transaction")
	_, err := calls.Ledger.Transaction(t.Context(), ledger.TransactionID{1})
	require.ErrorIs(t, err, ledger.ErrNotFound)
	fmt.Fprintln(&requests, "# history, two pages")
	user := infratest.Request(t, "1", "credit", ledger.Credit, "1").UserID()
	page, err := calls.Ledger.History(t.Context(), user, ledger.Cursor{}, 2)
	require.NoError(t, err)
	_, err = calls.Ledger.History(t.Context(), user, page.Next, 2)
	require.NoError(t, err)
	fmt.Fprintln(&requests, "# warm")
	require.NoError(t, books.Store.Start(t.Context()))

	// Add new calls at the end of the test, so that the earlier requests stay the same.
	send(`
		transfer: a debit 10, b credit 10
		transfer
		transfer: a debit 10
		fee: a debit 10.50, b credit 9.5, shop credit 1 for order 7
		credit needed: a credit 50, a debit 120, a credit 20
		nothing in the end: a debit 5, a credit 5
		beyond opening: new debit 100, new debit 0.01, b credit 100.01
		b first: b debit 1, a debit 1000, shop credit 1001 for order 7
		b first
		one with metadata: a credit 1 for order 7
		one with metadata, declined: a debit 1000 for order 7`)
	lookup("fee")
	lookup("fee/2")

	send(`
		hold: hold h debit 40
		hold
		payment: hold h debit 20, i credit 20
		other: hold h debit 10.50
		beyond opening, on hold: hold h debit 1000`)
	lookup("hold")
	send(`
		c: capture hold
		c: capture hold 40
		p: capture payment 12.5
		v: void other
		part: hold h debit 30
		c: capture part 5
		expires: hold h debit 10
		expires, too: hold h debit 12`)
	calls.Play(t, "1m1s")
	send(`
		releases: h debit 42.5, i credit 42.5
		late: hold i debit 1`)
	calls.Play(t, "1m")
	send("at the expiry: capture late")

	send(`
		part: refund fee 0 2, 2 0.5
		part
		whole: refund fee
		whole: refund payment
		all of it: refund largest`)
	fmt.Fprintln(&requests, "# refunds")
	_, _, err = calls.Ledger.Refunds(t.Context(), calls.ID("fee"))
	require.NoError(t, err)

	send(`
		block: rules r debits blocked
		block
		blocked: r debit 1
		lend: rules r debits allowed, credits blocked, limit 50.5
		nothing: rules r limit 50.50
		spend: r debit 120
		in use: rules r limit 10
		lower: rules r credits allowed, limit 20
		back: r credit 20
		end: rules r limit 0`)

	golden(t, "testdata/requests.txt", requests.String())
}

// golden requires that the file contains got. With -update it first writes got to the file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

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
