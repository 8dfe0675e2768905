package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// tornCall is calls to its own users, whose rows a restore can tear. Every call can be sent again.
type tornCall struct {
	name  string
	users []string
	rows  func() []ledger.TransactionID // from one write, or from a hold and its end
	call  func(t *testing.T, l *ledger.Ledger)
}

func idsOfEntries(t *testing.T, key string, entries ...string) []ledger.TransactionID {
	id := infratest.Entries(t, key, entries...).TransactionID()
	ids := []ledger.TransactionID{id}
	for place := 1; place < len(entries); place++ {
		ids = append(ids, id.Entry(place))
	}
	return ids
}

// tornCalls has one for each kind. Add one for a new kind of row.
func tornCalls(t *testing.T) (calls []tornCall) {
	entries := func(name string, users []string, entries ...string) {
		calls = append(calls, tornCall{name, users,
			func() []ledger.TransactionID { return idsOfEntries(t, name, entries...) },
			func(t *testing.T, l *ledger.Ledger) {
				r := infratest.Entries(t, name, entries...)
				metadata, err := ledger.ParseMetadata(`{"order":"7"}`)
				require.NoError(t, err)
				r.Metadata = metadata
				_, err = l.Post(t.Context(), r)
				require.NoError(t, err)
			}})
	}
	entries("circle", []string{"c1", "c2", "c3"}, "c1 debit 10", "c2 credit 10", "c2 debit 20", "c3 credit 20", "c3 debit 5", "c1 credit 5")
	entries("fee", []string{"f1", "f2", "f3"}, "f1 debit 100", "f2 credit 99.5", "f3 credit 0.5")
	var many, users []string
	for i := range 50 {
		users = append(users, fmt.Sprint("many-", i))
		many = append(many, fmt.Sprintf("many-%d credit 1.01", i))
	}
	entries("fifty users", users, many...)
	hold := func(name string, payer string, end func(t *testing.T, l *ledger.Ledger, id ledger.EndRequest), entries ...string) {
		id := infratest.Entries(t, name, entries...).TransactionID()
		calls = append(calls, tornCall{name, []string{payer, "shop-" + payer},
			func() []ledger.TransactionID { return []ledger.TransactionID{id, id.End(), id.Entry(1)} },
			func(t *testing.T, l *ledger.Ledger) {
				r := infratest.Entries(t, name, entries...)
				r.ExpiresIn = time.Hour
				_, err := l.Post(t.Context(), r)
				require.NoError(t, err)
				end(t, l, ledger.EndRequest{TransactionID: id})
			}})
	}
	part, err := ledger.ParseAmount("25")
	require.NoError(t, err)
	capture := func(t *testing.T, l *ledger.Ledger, r ledger.EndRequest) {
		_, err := l.Capture(t.Context(), r, part)
		require.NoError(t, err)
	}
	hold("open", "h1", func(*testing.T, *ledger.Ledger, ledger.EndRequest) {}, "h1 debit 40")
	hold("captured", "h2", capture, "h2 debit 40")
	hold("captured for a shop", "h3", capture, "h3 debit 40", "shop-h3 credit 40")
	hold("voided", "h4", func(t *testing.T, l *ledger.Ledger, r ledger.EndRequest) {
		_, err := l.Void(t.Context(), r)
		require.NoError(t, err)
	}, "h4 debit 40")
	refund := func(name string, rows []ledger.TransactionID, original func(t *testing.T, l *ledger.Ledger), users ...string) {
		calls = append(calls, tornCall{name, users,
			func() []ledger.TransactionID { return rows },
			func(t *testing.T, l *ledger.Ledger) {
				original(t, l)
				o, err := l.Original(t.Context(), rows[0])
				require.NoError(t, err)
				_, err = l.Post(t.Context(), infratest.Refund(t, o, "refund of "+name, "0 4", "1 4"))
				require.NoError(t, err)
			}})
	}
	refundID := infratest.Entries(t, "refund of sale", "r1 credit 4").TransactionID()
	sale := idsOfEntries(t, "sale", "r1 debit 10", "r2 credit 10")
	refund("sale", append(sale, refundID, refundID.Entry(1)), func(t *testing.T, l *ledger.Ledger) {
		_, err := l.Post(t.Context(), infratest.Entries(t, "sale", "r1 debit 10", "r2 credit 10"))
		require.NoError(t, err)
	}, "r1", "r2")
	refundID = infratest.Entries(t, "refund of payment", "p1 credit 4").TransactionID()
	payment := infratest.Entries(t, "payment", "p1 debit 40", "p2 credit 40")
	payment.ExpiresIn = time.Hour
	paid := payment.TransactionID()
	refund("payment", []ledger.TransactionID{paid, paid.End(), paid.Entry(1), refundID}, func(t *testing.T, l *ledger.Ledger) {
		_, err := l.Post(t.Context(), payment)
		require.NoError(t, err)
		capture(t, l, ledger.EndRequest{TransactionID: paid})
	}, "p1", "p2")
	expired := infratest.Entries(t, "expired", "e1 debit 90").TransactionID()
	debit := infratest.Entries(t, "spends the expired", "e1 debit 80").TransactionID()
	calls = append(calls, tornCall{"expired and released", []string{"e1"},
		func() []ledger.TransactionID { return []ledger.TransactionID{expired, expired.End(), debit} },
		func(t *testing.T, l *ledger.Ledger) {
			r := infratest.Entries(t, "expired", "e1 debit 90")
			r.ExpiresIn = time.Second
			held, err := outcomeOf(l.Post(t.Context(), r)) // declined if only the debit came back
			require.NoError(t, err)
			if held.Transaction.Status == ledger.Pending && !held.Replayed {
				time.Sleep(time.Until(held.Transaction.ExpiresAt.Add(1200 * time.Millisecond)))
			}
			_, err = l.Post(t.Context(), infratest.Entries(t, "spends the expired", "e1 debit 80"))
			require.NoError(t, err)
		}})
	return calls
}

// Transactions come back without any one row, or with one row alone, for every kind, with no
// balances or with later ones. The rebuild makes each whole or removes it, and the balances fit.
// Then each call is sent again, and every user has the same money as without a restore.
func TestTornTransactions(t *testing.T) {
	t.Parallel()
	live := infratest.New(t)
	calls := tornCalls(t)
	past := ledger.New(live.Store, at(time.Now().Add(-time.Minute)))
	for _, c := range calls {
		if c.name == "expired and released" {
			r := infratest.Entries(t, "expired", "e1 debit 90")
			r.ExpiresIn = time.Second
			_, err := past.Post(t.Context(), r)
			require.NoError(t, err)
			_, err = live.Ledger.Post(t.Context(), infratest.Entries(t, "spends the expired", "e1 debit 80"))
			require.NoError(t, err)
			continue
		}
		c.call(t, live.Ledger)
	}
	funds := map[string]string{}
	for _, c := range calls {
		for _, user := range c.users {
			funds[user] = fundsOf(t, live, user)
		}
	}
	for place := range 4 {
		for _, alone := range []bool{false, true} {
			withBalances := (place%2 == 0) != alone
			t.Run(fmt.Sprintf("row %d alone=%t balances=%t", place, alone, withBalances), func(t *testing.T) {
				t.Parallel()
				b := infratest.New(t)
				lost := map[string]bool{}
				for _, c := range calls {
					for i, id := range c.rows() {
						lost[id.String()] = (i == place) != alone
					}
				}
				copyRows(t, live, live.Config.TransactionsTable, b.Config.TransactionsTable, func(r row) bool { return !lost[books.TextOf(r, "id")] })
				if withBalances {
					copyRows(t, live, live.Config.AggregateTable, b.Config.AggregateTable, func(row) bool { return true })
				}
				rebuildAndSend(t, b, calls, funds)
			})
		}
	}
}

// rebuildAndSend rebuilds and sends the calls again. Each user has these funds then.
func rebuildAndSend(t *testing.T, b *infratest.Books, calls []tornCall, funds map[string]string) {
	t.Helper()
	before := contents(t, b)
	status, dry, _ := command(t, b, "-rebuild", "-settle", "0s")
	assert.Equal(t, exitWrong, status)
	assert.Equal(t, before, contents(t, b), "nothing is written unless -write says so")
	a, _ := auditor(b)
	a.maxWaiting = 0
	var again bytes.Buffer
	_, err := rebuildAll(t.Context(), a, options{rebuild: true}, &again)
	require.NoError(t, err)
	assert.ElementsMatch(t, strings.Split(dry, "\n"), strings.Split(again.String(), "\n"), "the same where other rows are looked up")
	status, out, _ := command(t, b, "-rebuild", "-write", "-settle", "0s")
	require.Equal(t, exitRight, status, "%s\n%s", dry, out)
	require.NoError(t, b.Check(t.Context()))
	status, out, _ = command(t, b, "-rebuild", "-write", "-settle", "0s")
	assert.Equal(t, exitRight, status, out)
	assert.Contains(t, out, "nothing to rebuild")
	status, out, _ = command(t, b, "-settle", "0s")
	assert.Equal(t, exitRight, status, out)
	for range 2 { // each call twice
		for _, c := range calls {
			c.call(t, b.Ledger)
		}
	}
	for _, c := range calls {
		for _, user := range c.users {
			assert.Equal(t, funds[user], fundsOf(t, b, user), "%s: %s", c.name, user)
		}
	}
}

// copyRows copies a table's rows that come back.
func copyRows(t *testing.T, live *infratest.Books, from, to string, comesBack func(row) bool) {
	t.Helper()
	client := infra.NewClient(live.Config, patient)
	out, err := client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &from, ConsistentRead: aws.Bool(true)})
	require.NoError(t, err)
	for _, item := range slices.Collect(slices.Values(out.Items)) {
		if comesBack(item) {
			_, err := client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &to, Item: item})
			require.NoError(t, err)
		}
	}
}

// contents returns the rows of both tables, without the settings.
func contents(t *testing.T, b *infratest.Books) (rows []row) {
	t.Helper()
	for _, table := range []string{b.Config.TransactionsTable, b.Config.AggregateTable} {
		out, err := infra.NewClient(b.Config, patient).Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
		require.NoError(t, err)
		rows = append(rows, slices.DeleteFunc(out.Items, infra.IsSettings)...)
	}
	return rows
}

// alter changes a table as a restore may have left it: unlike Damage, it leaves it to the test
// whether the books are right in the end.
func alter(t *testing.T, b *infratest.Books, table string, statements ...string) {
	t.Helper()
	b.Execute(t, table, statements...)
}
