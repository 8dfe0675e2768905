package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// isReadingOfOne reports whether a request reads one user's balance, and not the settings.
func isReadingOfOne(r *http.Request) bool {
	operation := faults.Operation(r)
	if operation != "GetItem" {
		return operation == "TransactGetItems"
	}
	body, _ := io.ReadAll(r.Body) // the request was sent whole
	r.Body = io.NopCloser(bytes.NewReader(body))
	return !bytes.Contains(body, []byte(infra.SettingsID))
}

// While a user is unsettled, no metric reports zero mismatches: an alarm on damage must
// not end because a user could not be read.
func TestMetricsOfUnsettledUser(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	credit := credits(t, b, "1")
	credit()
	moving := through(t, b, func(_ http.ResponseWriter, r *http.Request) bool {
		if isReadingOfOne(r) {
			credit()
		}
		return false
	})
	status, out, log := command(t, moving, "-emf", "-settle", "10ms")
	assert.Equal(t, exitUnsettled, status, log)
	values, _ := metricsOf(t, out)
	for _, count := range []string{"Transactions", "Users"} {
		assert.Positive(t, values[count])
		delete(values, count)
	}
	assert.Equal(t, map[string]int{"AuditFailed": 0, "AuditUnsettled": 1}, values)
}

func TestUnfinishedWithUnsettledUser(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	transfer := infratest.Entries(t, "t", "alice debit 10", "bob credit 10")
	_, err := ledger.New(b.Store, at(lastYear)).Post(t.Context(), transfer)
	require.NoError(t, err)
	credit := credits(t, b, "1")
	credit()
	b.Damage(t, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+transfer.TransactionID().Entry(1).String()+"'")
	b.Damage(t, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = 'bob'")
	fourthScan := nth(4, "Scan", forbid) // for the rest of the transfer
	partly := through(t, b, func(w http.ResponseWriter, r *http.Request) bool {
		if isReadingOfOne(r) {
			credit()
		}
		return fourthScan(w, r)
	})
	status, out, _ := command(t, partly, "-segments", "1", "-settle", "10ms")
	assert.Equal(t, exitUnfinished, status, out)
	assert.Contains(t, out, "unsettled  user \"1\": balance: ")
	assert.Contains(t, out, "0 wrong, 1 unsettled; the rest was not read\n")
}

// A user whom DynamoDB is too busy to read is unsettled: that may be this user's problem alone.
// DynamoDB's lasting faults are not.
func TestOneUserCanNotBeRead(t *testing.T) {
	t.Parallel()
	for answer, c := range map[string]struct{ code, status int }{
		"ThrottlingException": {http.StatusBadRequest, exitUnsettled},
		"InternalServerError": {http.StatusInternalServerError, exitUnfinished},
		"ServiceUnavailable":  {http.StatusServiceUnavailable, exitUnfinished},
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			onModel(t, func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network) {
				postAt(t, b, model, dynamodbmodel.Moment{}, "1")
				network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
					if !isReadingOfOne(r) {
						return deliver()
					}
					return faults.Exception(c.code, answer, "no")(r, deliver)
				})
				found := a.run(t.Context())
				assert.Equal(t, c.status, found.status())
				assert.Contains(t, fmt.Sprint(found), answer)
			})
		})
	}
}

// An end whose balance is still moving replaces a missing one, so that rows and balance agree by
// chance.
func TestEndInFlightStandsInForMissingOne(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	begun := ledger.New(b.Store, at(time.Now().Add(-30*time.Minute)))
	first, second := hold(t, begun, "1", "alice debit 10"), hold(t, begun, "2", "alice debit 10")
	_, err := begun.Void(t.Context(), ledger.EndRequest{TransactionID: first})
	require.NoError(t, err)

	scans, earlier := atomic.Int32{}, ""
	aggregates := func(use func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error)) faults.Fault {
		scans.Store(0)
		return on("Scan", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			if scans.Add(1) == 2 {
				return use(r, deliver)
			}
			return deliver()
		})
	}
	a, network := auditor(b)
	a.tables.segments = 1
	network.Always(aggregates(func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		answer, err := deliver()
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(answer.Body)
		earlier, answer.Body = string(body), io.NopCloser(bytes.NewReader(body))
		return answer, err
	}))
	require.Equal(t, exitRight, a.run(t.Context()).status())
	require.Contains(t, earlier, `"90"`)

	_, err = b.Ledger.Void(t.Context(), ledger.EndRequest{TransactionID: second})
	require.NoError(t, err)
	b.Damage(t, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+first.End().String()+"'")
	a, network = auditor(b)
	a.tables.segments = 1
	network.Always(aggregates(faults.Rewrite(func(string) string { return earlier })))
	found := a.run(t.Context())
	assert.Equal(t, exitWrong, found.status(), "%+v", found)
}

// An end in another user's history makes no sum wrong if that user's own end is missing.
func TestEndOfAnotherUser(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	l := ledger.New(b.Store, at(lastYear))
	alice, carol := hold(t, l, "1", "alice debit 5"), hold(t, l, "1", "carol debit 5")
	_, err := l.Void(t.Context(), ledger.EndRequest{TransactionID: carol})
	require.NoError(t, err)
	b.Damage(t, b.Config.TransactionsTable,
		"DELETE FROM ? WHERE id = '"+carol.End().String()+"'",
		fmt.Sprintf("INSERT INTO ? VALUE {'id': '%s', 'user_id': 'carol', 'ammount': 5, 'type': 'void', 'status': 'voided', 'created_at': '2025-11-22T12:00:03.000Z', 'transaction_id': '%s'}", alice.End(), alice))
	status, out, _ := command(t, b, "-settle", "10ms")
	assert.Equal(t, exitWrong, status, out)
	assert.Contains(t, out, fmt.Sprintf("user %q, transaction %q: hold: the end of a hold is not of the user and the sum of its pending row\n", "carol", alice.End()))
	assert.Contains(t, out, fmt.Sprintf("user %q, transaction %q: hold: the balance has it as an open hold", "alice", alice))
	assert.Equal(t, 3, strings.Count(out, "wrong  "), out)
	assert.Contains(t, out, `user "carol": mover: `, "its end is gone")
}
