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

const (
	reasonNone   = `{"Code":"None"}`
	reasonFailed = `{"Code":"ConditionalCheckFailed"}`
)

// cancelledFor returns a fault that cancels a posting for the given reasons.
func cancelledFor(reasons ...string) faults.Fault {
	return func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return faults.Answer(r, http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
			`"Message":"Transaction cancelled","CancellationReasons":[`+strings.Join(reasons, ",")+`]}`), nil
	}
}

// reasonOf returns the cancellation reason for a failed condition on a user's balance. The
// reason includes the stored row.
func reasonOf(user, balance string) string {
	return fmt.Sprintf(`{"Code":"ConditionalCheckFailed","Item":{"user_id":{"S":%q},"balance":{"N":%q},"version":{"N":"1"}}}`, user, balance)
}

// If DynamoDB reports reasons that the posting can't cause, Post returns an internal error.
// It reads nothing and declines nothing, even if some conditions failed.
func TestImpossibleReasons(t *testing.T) {
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

// A further row without its first row means that the table is damaged. The call is neither
// a replay nor declined, and the error does not ask the caller to try again.
func TestFurtherRowWithoutItsFirst(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	r := infratest.Entries(t, "1", "1 debit 10", "2 credit 10")
	stray := with(furtherRow(), "id", s(r.TransactionID().Entry(1).String()))
	put(t, books, books.Config.TransactionsTable, stray)
	books.Network.Requests()
	for _, entries := range [][]string{{"1 debit 10", "2 credit 10"}, {"1 debit 1000", "2 credit 1000"}} {
		_, err := books.Ledger.Post(t.Context(), infratest.Entries(t, "1", entries...))
		defect(t, err, "transaction "+rowID+" has a row but no first row")
		assert.Equal(t, []string{"TransactWriteItems", "GetItem"}, books.Network.Requests())
	}
	assert.Equal(t, "100", books.Balance(t, "1"))
	remove(t, books, books.Config.TransactionsTable, "id", stray)
}

// Nothing is declined if the id of a further row is taken and the first row can't be read,
// because its reads fail or it is damaged.
func TestUnreadableFirstRow(t *testing.T) {
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

// If DynamoDB reports a failed condition without the row, the store reads the row before it
// decides. For example, an answer without a row does not prove that the user is new.
func TestFailedConditionsWithoutRows(t *testing.T) {
	t.Parallel()
	const allows = "store declined what the accounts allow: not allowed: 0 refunds were posted"
	posting, taken := cancelledFor(reasonNone, reasonFailed), cancelledFor(reasonFailed, reasonNone)
	refund := cancelledFor(reasonNone, reasonNone, reasonNone, reasonNone, reasonFailed)
	for _, c := range []struct {
		fault                    faults.Fault // injected into the call's first write
		before, meanwhile, steps string
	}{
		{posting, "credit: 1 credit 20", "", "k: 1 debit 110"},
		{posting, "credit: 1 credit 20", "", "k: 1 debit 120"},
		{posting, "credit: 1 credit 20", "", "k: 1 debit 120.01 = on 120"},
		{posting, "", "", "k: 1 debit 100.01 = on 100"},
		{posting, "", "credit: 1 credit 50", "k: 1 debit 150; 1 0"},
		{taken, "", "", "k: 1 credit 10 = idempotency_key: is missing"},
		{taken, "k: 1 credit 10", "", "k"},
		{refund, sale, "", "k: refund sale = " + allows},
		{refund, sale + "part: refund sale 1 4", "", "k: refund sale = refund limit: 6 is left of entry 1"},
	} {
		scene{before: c.before, meanwhile: c.meanwhile, steps: c.steps, fault: first(1, "TransactWriteItems", c.fault)}.play(t)
	}
	// If a decline's id is taken and DynamoDB omits the stored row, the store reads it.
	noRow := faults.Exception(http.StatusBadRequest, "ConditionalCheckFailedException", "The conditional request failed")
	refused := func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		switch faults.Operation(r) {
		case "TransactWriteItems":
			return cancelledFor(reasonNone, reasonOf("1", "100"))(r, deliver)
		case "PutItem":
			return noRow(r, deliver)
		}
		return deliver()
	}
	scene{before: "k: 1 debit 1000 = on 100", steps: "k", fault: refused}.play(t)
}
