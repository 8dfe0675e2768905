package infra_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

// faultyCalls has a call of each kind, with the operations that it sends. The last of them
// writes or reads the outcome. The field before has the steps to play first, and the field
// between has those to play before TestLastingFault repeats the call.
var faultyCalls = []struct{ step, requests, before, between string }{
	{step: "k: 1 credit 10", requests: "TransactWriteItems"},
	{step: "k: 1 debit 110", requests: "TransactWriteItems GetItem PutItem", between: "credit: 1 credit 10"}, // the credit makes the debit possible
	{step: "k: hold 1 debit 10", requests: "TransactWriteItems"},
	{step: "k: capture h", requests: "GetItem TransactWriteItems", before: "h: hold 1 debit 40, 2 credit 40"},
	{step: "k: refund sale", requests: "GetItem TransactWriteItems", before: sale},
	{step: "k: rules 1 debits blocked, limit 50", requests: "GetItem TransactWriteItems"},
	{step: "lookup", requests: "GetItem", before: "sale: 1 credit 10"},
	{step: "balance", requests: "GetItem"},
	{step: "refunds", requests: "GetItem GetItem", before: sale},
	{step: "history", requests: "Query"},
}

// makeCall makes the call in a step, or the read that the step names.
func makeCall(ctx context.Context, t *testing.T, s *script.Script, step string) (result ledger.Result, err error) {
	user := infratest.Request(t, "1", "k", ledger.Credit, "1").UserID()
	switch step {
	case "lookup":
		_, err = s.Ledger.Transaction(ctx, s.ID("sale"))
	case "balance":
		_, err = s.Ledger.Balance(ctx, user)
	case "refunds":
		_, _, err = s.Ledger.Refunds(ctx, s.ID("sale"))
	case "history":
		_, err = s.Ledger.History(ctx, user, ledger.Cursor{}, 1)
	default:
		return script.Stored(s.Send(ctx, t, step))
	}
	return result, err
}

// eachFaultyCall runs f with each of faultyCalls, on new books.
func eachFaultyCall(t *testing.T, f func(t *testing.T, s *script.Script, step, between string, requests []string)) {
	for _, c := range faultyCalls {
		t.Run(c.step, func(t *testing.T) {
			onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
				s := script.InTime(books)
				s.Play(t, c.before)
				books.Network.Requests() // discard the earlier requests
				f(t, s, c.step, c.between, strings.Fields(c.requests))
			})
		})
	}
}

// A transient error that occurs once is retried once, and does not change the answer.
func TestTransientErrors(t *testing.T) {
	t.Parallel()
	transient := map[string]faults.Fault{}
	for _, code := range []string{"ThrottlingException", "ProvisionedThroughputExceededException", "TransactionConflictException"} {
		transient[code] = faults.Exception(http.StatusBadRequest, code, "rejected")
	}
	for _, status := range []int{500, 502, 503, 504, 599} {
		for _, body := range []string{"<html><body>failed</body></html>", ""} {
			transient[fmt.Sprint(status, body)] = func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
				return faults.Answer(r, status, body), nil
			}
		}
	}
	for _, kind := range faults.All {
		transient[kind.Name] = kind.Fault
	}
	for name, fault := range transient {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachFaultyCall(t, func(t *testing.T, s *script.Script, step, _ string, requests []string) {
				var trace ledger.Trace
				s.Network.Next(append(make([]faults.Fault, len(requests)-1), fault)...)
				result, err := makeCall(ledger.WithTrace(t.Context(), &trace), t, s, step)
				require.NoError(t, err)
				last := requests[len(requests)-1]
				if last == "TransactWriteItems" {
					assert.False(t, result.Replayed, "the first answer that its caller gets")
				}
				assert.Equal(t, append(requests, last), s.Network.Requests())
				assert.Equal(t, 1, trace.Retries)
			})
		})
	}
}

// If a fault lasts longer than the call, the call returns ErrTryAgain. Sending it again
// later settles the outcome. No money moves twice, and every reported decline is stored.
func TestLastingFault(t *testing.T) {
	t.Parallel()
	for _, kind := range faults.All {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			eachFaultyCall(t, func(t *testing.T, s *script.Script, step, between string, requests []string) {
				for place := range requests {
					// The caller cancels the call at the second fault.
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					met := 0
					s.Network.Next(make([]faults.Fault, place)...)
					s.Network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
						if met++; met == 2 {
							defer cancel()
						}
						return kind.Fault(r, deliver)
					})
					_, err := makeCall(ctx, t, s, step)
					require.ErrorIs(t, err, ledger.ErrTryAgain)
					s.Network.Always(nil)
				}
				s.Play(t, between)
				again, err := makeCall(t.Context(), t, s, step)
				require.NoError(t, err)
				isStored := kind.Applied && strings.Contains(step, ":")
				assert.Equal(t, isStored, again.Replayed)
				if between != "" && isStored {
					assert.Equal(t, ledger.Declined, again.Transaction.Status)
				}
			})
		})
	}
}

// Permanent errors are not retried, and never reported as ErrTryAgain.
func TestPermanentErrors(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"ValidationException", "AccessDeniedException", "ResourceNotFoundException", "IdempotentParameterMismatchException",
		"UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException", "ItemCollectionSizeLimitExceededException", "Unheard",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			eachFaultyCall(t, func(t *testing.T, s *script.Script, step, _ string, requests []string) {
				var trace ledger.Trace
				rejected := faults.Exception(http.StatusBadRequest, code, "rejected")
				s.Network.Next(append(make([]faults.Fault, len(requests)-1), rejected)...)
				_, err := makeCall(ledger.WithTrace(t.Context(), &trace), t, s, step)
				defect(t, err, code)
				assert.Equal(t, requests, s.Network.Requests())
				assert.Zero(t, trace.Retries)
			})
		})
	}
}

// The store refuses the first of two equal requests, but the second posts before the
// first's decline is stored. Then the first request also returns the posted transaction.
func TestSecondCallPostsBeforeDecline(t *testing.T) {
	t.Parallel()
	const debit = "k: 1 debit 109"
	scene{before: "row: 1 debit 1", meanwhile: "credit: 1 credit 10;" + debit, steps: debit + " = replayed; 1 0"}.play(t)
}
