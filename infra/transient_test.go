package infra_test

import (
	"net/http"
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

// clockAhead returns a fault that simulates a DynamoDB whose clock is ahead of the
// client's, and which rejects requests signed more than five minutes from its own time.
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

// The first answer corrects the client's wrong clock. The request is retried, and later
// requests succeed at once.
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

// A rejected signature is not retried if the clocks agree.
func TestRejectedSignature(t *testing.T) {
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
