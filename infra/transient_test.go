package infra_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// onModel runs f with books over a model of DynamoDB, in virtual time.
func onModel(t *testing.T, moment dynamodbmodel.Moment, f func(*testing.T, *infratest.Books, *dynamodbmodel.Model)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		books, model := infratest.NewOnModel(t, moment)
		f(t, books, model)
	})
}

// calls has a ledger call for each operation, which is the call's last request.
var calls = []struct {
	requests []string
	make     func(ctx context.Context, l *ledger.Ledger, credit, debit ledger.Request) error
}{
	{[]string{"TransactWriteItems"}, func(ctx context.Context, l *ledger.Ledger, credit, _ ledger.Request) error {
		posted, err := l.Post(ctx, credit)
		if posted.Replayed { // it is the first answer to be heard
			err = errors.New("replayed")
		}
		return err
	}},
	{[]string{"TransactWriteItems", "GetItem", "PutItem"}, func(ctx context.Context, l *ledger.Ledger, _, debit ledger.Request) error {
		_, err := l.Post(ctx, debit)
		return err
	}},
	{[]string{"TransactWriteItems", "GetItem"}, func(ctx context.Context, l *ledger.Ledger, credit, _ ledger.Request) error {
		_, err := l.Post(ctx, credit)
		_, readErr := l.Transaction(ctx, credit.TransactionID())
		return errors.Join(err, readErr)
	}},
	{[]string{"GetItem"}, func(ctx context.Context, l *ledger.Ledger, credit, _ ledger.Request) error {
		_, err := l.Balance(ctx, credit.UserID())
		return err
	}},
	{[]string{"Query"}, func(ctx context.Context, l *ledger.Ledger, credit, _ ledger.Request) error {
		_, err := l.History(ctx, credit.UserID(), ledger.Cursor{}, 50)
		return err
	}},
}

// eachCall makes each call on new books, with a fault for the last request. It passes
// on the error, the requests, and the requests without the fault.
func eachCall(t *testing.T, fault faults.Fault, check func(t *testing.T, err error, retries int, sent, want []string)) {
	for _, call := range calls {
		last := len(call.requests) - 1
		t.Run(call.requests[last], func(t *testing.T) {
			onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
				var trace ledger.Trace
				books.Network.Next(append(make([]faults.Fault, last), fault)...)
				err := call.make(ledger.WithTrace(t.Context(), &trace), books.Ledger,
					infratest.Request(t, "1", "credit", ledger.Credit, "10"), infratest.Request(t, "1", "debit", ledger.Debit, "1000"))
				check(t, err, trace.Retries, books.Network.Requests(), call.requests)
			})
		})
	}
}

// Each transient code and status is retried, once if it occurs once.
func TestTransientErrors(t *testing.T) {
	t.Parallel()
	transient := map[string]faults.Fault{}
	for _, code := range []string{
		"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded",
		"TransactionConflictException", "TransactionInProgressException", "ReplicatedWriteConflictException",
	} {
		transient[code] = faults.Exception(http.StatusBadRequest, code, "rejected")
	}
	for name, status := range map[string]int{"InternalServerError": 500, "BadGateway": 502, "ServiceUnavailable": 503, "GatewayTimeout": 504, "Unheard": 599} {
		transient[name] = faults.Exception(status, name, "failed")
		transient[name+" as HTML"] = func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
			return faults.Answer(r, status, "<html><body>"+name+"</body></html>"), nil
		}
		transient[name+" without a body"] = func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
			return faults.Answer(r, status, ""), nil
		}
	}
	for _, kind := range faults.All {
		transient[kind.Name] = kind.Fault
	}
	for name, fault := range transient {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachCall(t, fault, func(t *testing.T, err error, retries int, sent, want []string) {
				if slices.Contains(want, "PutItem") {
					require.ErrorIs(t, err, ledger.ErrInsufficientFunds)
				} else {
					require.NoError(t, err)
				}
				assert.Equal(t, append(slices.Clone(want), want[len(want)-1]), sent)
				assert.Equal(t, 1, retries)
			})
		})
	}
}

// Permanent errors are not retried, and never reported as ErrTryAgain.
func TestErrorsThatStay(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"ValidationException", "AccessDeniedException", "ResourceNotFoundException", "IdempotentParameterMismatchException",
		"UnrecognizedClientException", "ExpiredTokenException", "InvalidSignatureException", "ItemCollectionSizeLimitExceededException", "Unheard",
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			eachCall(t, faults.Exception(http.StatusBadRequest, code, "rejected"), func(t *testing.T, err error, retries int, sent, want []string) {
				defect(t, err, code)
				assert.Equal(t, want, sent)
				assert.Zero(t, retries)
			})
		})
	}
}

// clockAhead returns a fault for a DynamoDB whose clock is ahead. It rejects requests
// that were not signed within five minutes of its time.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
func clockAhead(ahead time.Duration, code string) faults.Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		now := time.Now().Add(ahead).UTC()
		signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil {
			return nil, err
		}
		if now.Sub(signed).Abs() > 5*time.Minute {
			deliver = func() (*http.Response, error) {
				return faults.Exception(http.StatusBadRequest, code, "Signature expired")(r, nil)
			}
		}
		answer, err := deliver()
		if err == nil {
			answer.Header.Set("Date", now.Format(http.TimeFormat))
		}
		return answer, err
	}
}

// The first answer corrects a wrong clock. The request is sent again, and later
// ones are right at once.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"InvalidSignatureException", "RequestTimeTooSkewed"} {
		for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
			books := infratest.New(t)
			books.Network.Always(clockAhead(ahead, code))
			posted, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", ledger.Credit, "10"))
			require.NoError(t, err, "%s, ahead by %v", code, ahead)
			assert.False(t, posted.Replayed)
			assert.Equal(t, []string{"TransactWriteItems", "TransactWriteItems"}, books.Network.Requests())
			assert.Equal(t, "110", books.Balance(t, "1"))
			assert.Equal(t, []string{"GetItem"}, books.Network.Requests())
		}
	}
}

// A rejected signature whose clock agrees is wrong, not late.
func TestSignatureThatIsWrong(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	books.Network.Next(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		answer, err := faults.Exception(http.StatusBadRequest, "InvalidSignatureException", "The request signature we calculated does not match")(r, deliver)
		answer.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
		return answer, err
	})
	_, err := books.Ledger.Balance(t.Context(), infratest.Request(t, "1", "k", ledger.Credit, "10").UserID())
	var rejected smithy.APIError
	require.ErrorAs(t, err, &rejected)
	assert.NotErrorIs(t, err, ledger.ErrTryAgain)
	assert.Equal(t, []string{"GetItem"}, books.Network.Requests())
}
