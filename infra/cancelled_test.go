package infra_test

import (
	"context"
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
	for _, reason := range []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} {
		onModel(t, dynamodbmodel.Moment{Refusals: []string{"", reason}}, func(t *testing.T, books *infratest.Books, model *dynamodbmodel.Model) {
			credit := infratest.Request(t, "1", "k", ledger.Credit, "10")
			_, err := ledger.New(books.Over(model), time.Now).Post(t.Context(), credit)
			require.NoError(t, err)
			again, err := books.Ledger.Post(t.Context(), credit)
			require.NoError(t, err, reason)
			assert.True(t, again.Replayed, reason)
			assert.Equal(t, []string{"TransactWriteItems"}, books.Network.Requests(), reason)
		})
	}
}

// Under contention a refused balance proves nothing: the posting beside it may change
// it, or be another attempt by this call.
func TestFailedConditionBesideContention(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"} {
		onModel(t, dynamodbmodel.Moment{Refusals: []string{reason, ""}}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := books.Ledger.Post(ctx, infratest.Request(t, "1", "k", ledger.Debit, "1000"))
			require.ErrorIs(t, err, ledger.ErrTryAgain, reason)
			assert.NotErrorIs(t, err, ledger.ErrInsufficientFunds)
			requests := books.Network.Requests()
			assert.Greater(t, len(requests), 1, reason)
			assert.NotContains(t, requests, "PutItem", reason)
		})
	}
}

// cancelledFor returns the fault that cancels a posting for these reasons, in JSON.
func cancelledFor(reasons ...string) faults.Fault {
	return func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return faults.Answer(r, http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
			`"Message":"Transaction cancelled","CancellationReasons":[`+strings.Join(reasons, ",")+`]}`), nil
	}
}

// Reasons that a posting can't have are a defect and decline nothing.
func TestReasonsThatCannotBe(t *testing.T) {
	t.Parallel()
	const none, failed, invalid = `{"Code":"None"}`, `{"Code":"ConditionalCheckFailed"}`, `{"Code":"ValidationError","Message":"Item size has exceeded"}`
	for _, reasons := range [][]string{
		{}, {none}, {failed}, {none, none}, {none, failed, none}, {failed, none, none},
		{none, invalid}, {invalid, none}, {invalid, failed}, {none, `{"Code":"ItemCollectionSizeLimitExceeded"}`}, {none, `{}`}, {`{}`, failed},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			books.Network.Next(cancelledFor(reasons...))
			_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", ledger.Debit, "1000"))
			defect(t, err, "TransactionCanceledException")
			var cancelled *types.TransactionCanceledException
			require.ErrorAs(t, err, &cancelled, "%v", reasons)
			assert.Len(t, cancelled.CancellationReasons, len(reasons))
			assert.Equal(t, []string{"TransactWriteItems"}, books.Network.Requests(), "%v", reasons)
		})
	}
}

func TestTakenIDWithoutItsRow(t *testing.T) {
	t.Parallel()
	onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
		books.Network.Next(cancelledFor(`{"Code":"ConditionalCheckFailed"}`, `{"Code":"None"}`))
		_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", ledger.Credit, "10"))
		defect(t, err, "id: is missing")
	})
}

// A decline that the balance allows is neither stored nor reported, even if the
// store asks for it.
func TestDeclineThatTheBalanceAllows(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind            ledger.Type
		amount, balance string
	}{
		{ledger.Debit, "1000", "1000"},
		{ledger.Debit, "0.01", "105"},
		{ledger.Credit, "1000000000000", "999000000000000"},
		{ledger.Credit, "0.01", "0"},
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			books.Network.Next(cancelledFor(`{"Code":"None"}`, fmt.Sprintf(
				`{"Code":"ConditionalCheckFailed","Item":{"user_id":{"S":"1"},"balance":{"N":%q},"version":{"N":"1"}}}`, c.balance)))
			_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", c.kind, c.amount))
			defect(t, err, fmt.Sprintf("store declined what the accounts allow: not allowed: 1 has %s and 0 holds", c.balance))
			assert.Equal(t, []string{"TransactWriteItems"}, books.Network.Requests(), "%+v", c)
		})
	}
}
