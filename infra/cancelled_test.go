package infra_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// A taken id is the answer at once, even under contention: a replay waits for no
// other call.
func TestTakenIDBesideContention(t *testing.T) {
	t.Parallel()
	for _, entries := range [][]string{{"a credit 10"}, {"a debit 100", "b credit 99", "shop credit 1"}} {
		for position := 1; position < 2*len(entries); position++ {
			for _, reason := range []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} {
				refusals := append(make([]string, position), reason)
				onModel(t, dynamodbmodel.Moment{Refusals: refusals}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
					direct(t, books, model).post("k", entries...)
					again, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", entries...))
					require.NoError(t, err, "%q", refusals)
					assert.True(t, again.Replayed, "%q", refusals)
					assert.Equal(t, []string{"TransactWriteItems"}, books.Network.Requests(), "%q", refusals)
				})
			}
		}
	}
}

// While any write contends, neither a balance, nor a taken further row, nor a refund
// account is an answer: nothing is read and nothing is declined. The posting beside it
// may change the balance, or be another attempt by this call.
func TestConditionsBesideContention(t *testing.T) {
	t.Parallel()
	transfer := []string{"a debit 100", "b credit 99", "shop credit 1"}
	for name, c := range map[string]struct {
		writes  int
		request func(*testing.T, caller) ledger.Request
	}{
		"a balance": {2, func(t *testing.T, _ caller) ledger.Request { return infratest.Entries(t, "k", "1 debit 1000") }},
		"balances": {6, func(t *testing.T, _ caller) ledger.Request {
			return infratest.Entries(t, "k", "a debit 1000", "b debit 1000", "c debit 1000")
		}},
		"taken rows": {6, func(t *testing.T, c caller) ledger.Request {
			c.post("k", transfer...)
			return infratest.Entries(t, "k", transfer...)
		}},
		"a refund account": {5, func(t *testing.T, c caller) ledger.Request {
			sale := saleOf(t, c.Ledger)
			_, err := c.Post(t.Context(), infratest.Refund(t, sale, "all"))
			require.NoError(t, err)
			return infratest.Refund(t, sale, "more")
		}},
	} {
		for position := range c.writes {
			refusals := append(make([]string, position), "TransactionConflict")
			moment := dynamodbmodel.Moment{Refusals: refusals, Unreported: []bool{true}} // a taken first row is an answer
			onModel(t, moment, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
				request := c.request(t, direct(t, books, model))
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				_, err := books.Ledger.Post(ctx, request)
				require.ErrorIs(t, err, ledger.ErrTryAgain, "%s, %q", name, refusals)
				assert.NotErrorIs(t, err, ledger.ErrInsufficientFunds)
				assert.NotErrorIs(t, err, ledger.ErrRefundLimit)
				requests := books.Network.Requests()
				assert.Greater(t, len(requests), 1, "%s, %q", name, refusals)
				for _, request := range requests {
					assert.Equal(t, "TransactWriteItems", request, "%s, %q", name, refusals)
				}
			})
		}
	}
}

// These are reasons, in JSON.
const (
	reasonNone   = `{"Code":"None"}`
	reasonFailed = `{"Code":"ConditionalCheckFailed"}`
)

// cancelledFor returns the fault that cancels a posting for these reasons.
func cancelledFor(reasons ...string) faults.Fault {
	return func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return faults.Answer(r, http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
			`"Message":"Transaction cancelled","CancellationReasons":[`+strings.Join(reasons, ",")+`]}`), nil
	}
}

// reasonOf returns the failed condition on a user's balance, which is reported.
func reasonOf(user, balance string) string {
	return fmt.Sprintf(`{"Code":"ConditionalCheckFailed","Item":{"user_id":{"S":%q},"balance":{"N":%q},"version":{"N":"1"}}}`, user, balance)
}

// Reasons that a posting can't have are a defect, whatever conditions are beside them:
// nothing is read and nothing is declined.
func TestReasonsThatCannotBe(t *testing.T) {
	t.Parallel()
	const invalid = `{"Code":"ValidationError","Message":"Item size has exceeded"}`
	for _, c := range []struct {
		entries []string
		reasons [][]string
	}{
		{[]string{"1 debit 1000"}, [][]string{
			{}, {reasonNone}, {reasonFailed}, {reasonNone, reasonNone}, {reasonNone, reasonFailed, reasonNone}, {reasonFailed, reasonNone, reasonNone},
			{reasonNone, invalid}, {invalid, reasonNone}, {invalid, reasonFailed}, {reasonNone, `{}`}, {`{}`, reasonFailed},
			{reasonNone, `{"Code":"ItemCollectionSizeLimitExceeded"}`},
		}},
		{[]string{"a debit 1000", "b credit 1000"}, [][]string{
			{reasonNone, reasonNone, reasonNone, reasonNone}, {reasonNone, reasonFailed}, {reasonNone, reasonFailed, reasonFailed},
			{reasonNone, reasonNone, reasonFailed, invalid}, {reasonNone, reasonFailed, invalid, reasonNone}, {reasonNone, `{}`, reasonFailed, reasonNone},
		}},
	} {
		for _, reasons := range c.reasons {
			onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
				books.Network.Next(cancelledFor(reasons...))
				_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", c.entries...))
				defect(t, err, "TransactionCanceledException")
				var cancelled *types.TransactionCanceledException
				require.ErrorAs(t, err, &cancelled, "%q", reasons)
				assert.Len(t, cancelled.CancellationReasons, len(reasons))
				assert.Equal(t, []string{"TransactWriteItems"}, books.Network.Requests(), "%q", reasons)
			})
		}
	}
}

// A decline that the balances allow is neither stored nor reported, even if the store
// asks for it.
func TestDeclineThatTheBalancesAllow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		entries []string
		reasons []string
		want    string
	}{
		{[]string{"1 debit 1000"}, []string{reasonNone, reasonOf("1", "1000")}, "1 has 1000 and 0 holds"},
		{[]string{"1 debit 0.01"}, []string{reasonNone, reasonOf("1", "105")}, "1 has 105 and 0 holds"},
		{[]string{"1 credit 1000000000000"}, []string{reasonNone, reasonOf("1", "999000000000000")}, "1 has 999000000000000 and 0 holds"},
		{[]string{"1 credit 0.01"}, []string{reasonNone, reasonOf("1", "0")}, "1 has 0 and 0 holds"},
		{[]string{"b credit 10", "a debit 50", "b debit 60"}, []string{reasonNone, reasonNone, reasonNone, reasonOf("a", "50"), reasonOf("b", "50")},
			"a has 50 and 0 holds, b has 50 and 0 holds"},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			books.Network.Next(cancelledFor(c.reasons...))
			_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "k", c.entries...))
			defect(t, err, "store declined what the accounts allow: not allowed: "+c.want)
			assert.Equal(t, []string{"TransactWriteItems"}, books.Network.Requests(), "%+v", c)
		})
	}
}

// A further row without its first row is damage: no replay, no decline, and no
// reason to try again.
func TestFurtherRowWithoutItsFirst(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	r := infratest.Entries(t, "1", "1 debit 10", "2 credit 10")
	stray := with(furtherRow(), "id", s(r.TransactionID().Entry(1).String()))
	put(t, books, books.Config.TransactionsTable, stray)
	books.Network.Requests()
	for _, entries := range [][]string{{"1 debit 10", "2 credit 10"}, {"1 debit 1000", "2 credit 1000"}} {
		_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "1", entries...))
		defect(t, err, "a row of transaction "+rowID+" is there without its first")
		assert.Equal(t, []string{"TransactWriteItems", "GetItem"}, books.Network.Requests())
	}
	assert.Equal(t, "100", books.Balance(t, "1"))
	remove(t, books, books.Config.TransactionsTable, "id", stray)
}

// The first row of a taken further row can't be read, for some time or because it is
// damaged: nothing is declined.
func TestFirstRowIsNotRead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault    faults.Fault
		want     string
		tryAgain bool
	}{
		{faults.LoseRequest, "request lost", true},
		{faults.Rewrite(func(string) string { return `{"Item":{"id":{"S":"1"}}}` }), "user_id: is missing", false},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			books.Network.Next(cancelledFor(reasonNone, reasonFailed, reasonNone, reasonNone))
			books.Network.Always(c.fault)
			_, err := books.Ledger.Post(ctx, infratest.Entries(t, "k", "a debit 10", "b credit 10"))
			require.ErrorContains(t, err, c.want)
			assert.Equal(t, c.tryAgain, errors.Is(err, ledger.ErrTryAgain), c.want)
			assert.NotContains(t, books.Network.Requests(), "PutItem", c.want)
			books.Network.Always(nil)
		})
	}
}

// A failed condition without its row does not prove a new user: the row is read
// before it declines anything.
func TestRefusalWithoutItsRow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		credit, debit string // "": none
		want          string // the balance in the decline; "": posted
	}{
		{"20", "110", ""}, {"20", "120", ""}, {"20", "120.01", "120"}, {"", "100.01", "100"},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			if c.credit != "" {
				usual(t, books).post("credit", "1 credit "+c.credit)
			}
			books.Network.Next(cancelledFor(reasonNone, reasonFailed))
			_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "debit", ledger.Debit, c.debit))
			if c.want == "" {
				require.NoError(t, err, "%+v", c)
				return
			}
			var declined *ledger.DeclinedError
			require.ErrorAs(t, err, &declined, "%+v", c)
			assert.Equal(t, c.want, declined.Result.Transaction.BalanceSeen.String(), "%+v", c)
		})
	}
}

// A new user gets a credit between the refusal and the read: the debit posts.
func TestNewUserIsCreditedAfterTheRefusal(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
		books.Network.Next(nil, beforeWrite(func() { direct(t, books, model).post("credit", "1 credit 50") }))
		usual(t, books).post("debit", "1 debit 150")
		assert.Equal(t, "0", books.Balance(t, "1"))
	})
}

// A taken id without its row is read.
func TestTakenIDIsRead(t *testing.T) {
	t.Parallel()
	noRow := faults.Exception(http.StatusBadRequest, "ConditionalCheckFailedException", "The conditional request failed")
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		books.Network.Next(cancelledFor(reasonFailed, reasonNone))
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "c", ledger.Credit, "10"))
		defect(t, err, "id: is missing")

		debit := infratest.Request(t, "1", "d", ledger.Debit, "1000")
		first := usual(t, books).post("c", "1 credit 10")
		_, err = books.Ledger.Post(t.Context(), debit)
		require.ErrorIs(t, err, ledger.ErrInsufficientFunds)

		books.Network.Next(cancelledFor(reasonFailed, reasonNone))
		again, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "c", ledger.Credit, "10"))
		require.NoError(t, err)
		assert.Equal(t, ledger.Result{Transaction: first, Replayed: true}, again)

		books.Network.Next(cancelledFor(reasonNone, reasonOf("1", "110")), noRow)
		_, err = books.Ledger.Post(t.Context(), debit)
		var declined *ledger.DeclinedError
		require.ErrorAs(t, err, &declined)
		assert.True(t, declined.Result.Replayed)
	})
}
