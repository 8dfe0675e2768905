package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// retries has books in which callers made calls, and a restore's books that lost rows.
type retries struct {
	live, restored *infratest.Books
	now            time.Time
	lost           map[string]bool
}

// on returns a ledger on the books at the test's time.
func (r *retries) on(b *infratest.Books) *ledger.Ledger {
	return ledger.New(b.Store, func() time.Time { r.now = r.now.Add(time.Second); return r.now })
}

func (r *retries) lose(ids ...ledger.TransactionID) {
	for _, id := range ids {
		r.lost[id.String()] = true
	}
}

// replayed sends a call again and requires the first answer, marked.
func replayed(t *testing.T, first, again ledger.Result, err error) {
	t.Helper()
	require.NoError(t, err)
	assert.Equal(t, ledger.Result{Transaction: first.Transaction, Replayed: true}, again)
}

// Each row in restore.md's table shows what a caller finds who sends the call again after a restore
// that lost rows, and a rebuild. Each has its own users, who begin with 100, so that the money
// afterwards shows how often a call counts.
func TestRetriesAfterRestore(t *testing.T) {
	t.Parallel()
	r := &retries{live: infratest.NewInMemory(t, ledger.DefaultSettings()), restored: infratest.New(t), now: lastYear, lost: map[string]bool{}}
	ctx, live, restored, part := t.Context(), r.on(r.live), r.on(r.restored), amountOf(t, "25")
	post := func(entries ...string) (ledger.Request, ledger.Result) {
		request := infratest.Entries(t, "k", entries...)
		result, err := outcomeOf(live.Post(ctx, request))
		require.NoError(t, err)
		return request, result
	}
	held := func(entries ...string) (ledger.Request, ledger.EndRequest, ledger.Result) {
		request := infratest.Entries(t, "k", entries...)
		request.ExpiresIn = time.Hour
		result, err := live.Post(ctx, request)
		require.NoError(t, err)
		return request, ledger.EndRequest{TransactionID: request.TransactionID()}, result
	}
	has := func(user, want string) {
		t.Helper()
		assert.Equal(t, want, fundsOf(t, r.restored, user), user)
	}

	// Each call is made and loses its rows now, and returns its retry.
	calls := map[string]func() (again func()){
		"posted before the restore's time": func() func() {
			request, first := post("a debit 10")
			return func() {
				again, err := restored.Post(ctx, request)
				replayed(t, first, again, err)
				has("a", "90")
			}
		},
		"torn, its first row is there": func() func() {
			request, first := post("b debit 10", "b-shop credit 10")
			r.lose(request.TransactionID().Entry(1))
			return func() {
				again, err := restored.Post(ctx, request)
				replayed(t, first, again, err)
				has("b", "90")
				has("b-shop", "110")
			}
		},
		"torn, its first row is missing": func() func() {
			request, _ := post("c debit 10", "c-shop credit 10")
			r.lose(request.TransactionID())
			return func() {
				has("c-shop", "100")
				again, err := restored.Post(ctx, request)
				require.NoError(t, err)
				assert.False(t, again.Replayed)
				has("c", "90")
				has("c-shop", "110")
			}
		},
		"posted later": func() func() {
			request, first := post("d debit 10")
			r.lose(first.Transaction.ID)
			poor, _ := post("d2 debit 10")
			r.lose(poor.TransactionID())
			return func() {
				_, err := restored.Transaction(ctx, first.Transaction.ID)
				require.ErrorIs(t, err, ledger.ErrNotFound)
				has("d", "100")
				again, err := restored.Post(ctx, request)
				require.NoError(t, err)
				assert.False(t, again.Replayed)
				has("d", "90")
				_, err = restored.Post(ctx, infratest.Entries(t, "now", "d2 debit 95"))
				require.NoError(t, err)
				_, err = restored.Post(ctx, poor)
				require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
			}
		},
		"declined before the time": func() func() {
			request, first := post("e debit 1000")
			return func() {
				_, err := restored.Post(ctx, infratest.Entries(t, "rich", "e credit 5000"))
				require.NoError(t, err)
				again, err := restored.Post(ctx, request)
				require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
				again, err = outcomeOf(again, err)
				replayed(t, first, again, err)
				has("e", "5100")
			}
		},
		"declined later": func() func() {
			request, first := post("f debit 1000")
			r.lose(first.Transaction.ID)
			return func() {
				_, err := restored.Post(ctx, infratest.Entries(t, "rich", "f credit 5000"))
				require.NoError(t, err)
				again, err := restored.Post(ctx, request)
				require.NoError(t, err)
				assert.Equal(t, ledger.Posted, again.Transaction.Status)
				has("f", "4100")
			}
		},
		"held before the time, not ended by then": func() func() {
			request, end, first := held("g debit 40")
			return func() {
				again, err := restored.Post(ctx, request)
				replayed(t, first, again, err)
				_, err = restored.Capture(ctx, end, ledger.Amount{})
				require.NoError(t, err)
				has("g", "60")
			}
		},
		"held later": func() func() {
			request, _, first := held("h debit 40")
			r.lose(first.Transaction.ID)
			return func() {
				again, err := restored.Post(ctx, request)
				require.NoError(t, err)
				assert.False(t, again.Replayed)
				assert.True(t, again.Transaction.ExpiresAt.After(first.Transaction.ExpiresAt))
				has("h", "100")
			}
		},
		"captured, the end is there": func() func() {
			_, end, _ := held("i debit 40", "i-shop credit 40")
			first, err := live.Capture(ctx, end, part)
			require.NoError(t, err)
			r.lose(end.TransactionID.Entry(1))
			return func() {
				again, err := restored.Capture(ctx, end, part)
				replayed(t, first, again, err)
				has("i", "75")
				has("i-shop", "125")
			}
		},
		"captured, the end is missing": func() func() {
			_, open, _ := held("j debit 40", "j-shop credit 40")
			_, expired, _ := held("j2 debit 40")
			for _, end := range []ledger.EndRequest{open, expired} {
				_, err := live.Capture(ctx, end, part)
				require.NoError(t, err)
				r.lose(end.TransactionID.End())
			}
			return func() {
				has("j-shop", "100")
				again, err := restored.Capture(ctx, open, part)
				require.NoError(t, err)
				assert.False(t, again.Replayed)
				has("j", "75")
				has("j-shop", "125")
				r.now = r.now.Add(2 * time.Hour)
				_, err = restored.Capture(ctx, expired, part)
				require.ErrorIs(t, err, ledger.ErrHoldEnded)
				has("j2", "100")
			}
		},
		"captured, the hold is missing": func() func() {
			_, end, first := held("k debit 40", "k-shop credit 40")
			_, err := live.Capture(ctx, end, part)
			require.NoError(t, err)
			r.lose(first.Transaction.ID)
			return func() {
				_, err := restored.Capture(ctx, end, part)
				require.ErrorIs(t, err, ledger.ErrNotFound)
				has("k", "100")
				has("k-shop", "100")
			}
		},
		"refunded, the refund and its original are there": func() func() {
			sale := saleOf(t, live, "k", "m debit 10", "m-shop credit 10")
			refund := infratest.Refund(t, sale, "r", "0 4", "1 4")
			first, err := live.Post(ctx, refund)
			require.NoError(t, err)
			r.lost[infra.RefundsKey(sale.ID)] = true
			return func() {
				again, err := restored.Post(ctx, refund)
				replayed(t, first, again, err)
				_, err = restored.Post(ctx, infratest.Refund(t, sale, "more", "0 6.01"))
				require.ErrorIs(t, err, ledger.ErrRefundLimit)
				has("m", "94")
				has("m-shop", "106")
			}
		},
		"refunded, the original or its capture is missing": func() func() {
			sale := saleOf(t, live, "k", "n debit 10", "n-shop credit 10")
			payment, end, _ := held("n2 debit 10", "n2-shop credit 10")
			_, err := live.Capture(ctx, end, ledger.Amount{})
			require.NoError(t, err)
			captured, err := live.Original(ctx, end.TransactionID)
			require.NoError(t, err)
			for _, o := range []ledger.Original{sale, captured} {
				_, err := live.Post(ctx, infratest.Refund(t, o, "r"))
				require.NoError(t, err)
			}
			r.lose(sale.ID, payment.TransactionID().End())
			return func() {
				_, err := restored.Original(ctx, sale.ID)
				require.ErrorIs(t, err, ledger.ErrNotFound)
				_, err = restored.Original(ctx, end.TransactionID)
				require.ErrorIs(t, err, ledger.ErrNotRefundable)
				has("n", "100")
				has("n2-shop", "100")
				_, err = restored.Post(ctx, infratest.Entries(t, "k", "n debit 10", "n-shop credit 10"))
				require.NoError(t, err)
				_, err = restored.Capture(ctx, end, ledger.Amount{})
				require.NoError(t, err)
				for _, o := range []ledger.Original{sale, captured} {
					again, err := restored.Post(ctx, infratest.Refund(t, o, "r"))
					require.NoError(t, err)
					assert.False(t, again.Replayed)
				}
				has("n", "100")
				has("n2", "100")
				has("n-shop", "100")
			}
		},
		"a change of account rules, its row is there": func() func() {
			request := infratest.Rules(t, "o", "k", "debits blocked", "limit 50")
			first, err := live.ChangeRules(ctx, request)
			require.NoError(t, err)
			r.lost["o"] = true // the balance
			return func() {
				again, err := restored.ChangeRules(ctx, request)
				replayed(t, first, again, err)
				_, err = restored.Post(ctx, infratest.Entries(t, "now", "o debit 1"))
				require.ErrorIs(t, err, ledger.ErrAccountBlocked)
			}
		},
		"a change of account rules that is lost": func() func() {
			request := infratest.Rules(t, "p", "k", "limit 50")
			_, err := live.ChangeRules(ctx, request)
			require.NoError(t, err)
			r.lose(request.TransactionID())
			return func() {
				_, err := restored.Post(ctx, infratest.Entries(t, "now", "p debit 1"))
				require.ErrorIs(t, err, ledger.ErrAccountBlocked)
				again, err := restored.ChangeRules(ctx, request)
				require.NoError(t, err)
				assert.False(t, again.Replayed)
				_, err = restored.ChangeRules(ctx, infratest.Rules(t, "p", "open", "debits allowed", "credits allowed"))
				require.NoError(t, err)
				_, err = restored.Post(ctx, infratest.Entries(t, "later", "p debit 150"))
				require.NoError(t, err)
			}
		},
		"voided, the end is missing": func() func() {
			_, open, _ := held("l debit 40")
			_, expired, _ := held("l2 debit 40")
			for _, end := range []ledger.EndRequest{open, expired} {
				_, err := live.Void(ctx, end)
				require.NoError(t, err)
				r.lose(end.TransactionID.End())
			}
			return func() {
				again, err := restored.Void(ctx, open)
				require.NoError(t, err)
				assert.False(t, again.Replayed)
				r.now = r.now.Add(2 * time.Hour)
				_, err = restored.Void(ctx, expired)
				require.ErrorIs(t, err, ledger.ErrHoldEnded)
				has("l", "100")
				has("l2", "100")
			}
		},
	}
	var retry []func()
	begun := r.now
	for _, row := range rowsOfRestore(t) {
		require.Contains(t, calls, row, "a row of restore.md without a test")
		retry = append(retry, calls[row]())
		delete(calls, row)
	}
	assert.Empty(t, calls, "rows that restore.md lacks")

	back := rowsOf(t, r.live)
	for lost := range r.lost {
		delete(back, lost)
	}
	back.writeTo(t, r.restored)
	status, out, _ := command(t, r.restored, "-rebuild", "-write", "-settle", "0s")
	require.Equal(t, exitRight, status, out)
	rebuilt := rowsOf(t, r.restored)
	r.restored = infratest.NewInMemory(t, ledger.DefaultSettings())
	restored = r.on(r.restored)
	rebuilt.writeTo(t, r.restored)
	for _, again := range retry {
		r.now = begun.Add(10 * time.Minute) // before the holds expire
		again()
	}
}

// rowsOfRestore returns the transactions in restore.md's table.
func rowsOfRestore(t *testing.T) (rows []string) {
	t.Helper()
	text, err := os.ReadFile("../restore.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| the transaction | a retry is answered | it counts |\n| --- | --- | --- |\n")
	require.True(t, found)
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 {
			break
		}
		rows = append(rows, strings.TrimPrefix(cells[0], "| "))
	}
	return rows
}
