package client

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A program that knows the ledger by its document alone moves money, sends a
// call again, is declined, and reads it all back.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	ledger, err := NewClientWithResponses(os.Getenv("LEDGER_URL"))
	require.NoError(t, err)
	const user = "generated client"
	post := func(key string, kind Type, amount string) *PostTransactionResponse {
		answer, err := ledger.PostTransactionWithResponse(t.Context(), &PostTransactionParams{IdempotentKey: key},
			NewTransaction{UserId: user, Type: kind, Ammount: amount})
		require.NoError(t, err, "%s %s", kind, amount)
		return answer
	}
	balance := func() string {
		answer, err := ledger.ReadBalanceWithResponse(t.Context(), &ReadBalanceParams{UserId: user})
		require.NoError(t, err)
		require.NotNil(t, answer.JSON200, "%s", answer.Body)
		return answer.JSON200.Data.Balance
	}
	assert.Equal(t, "100", balance())

	first := post("1", Credit, "10.50")
	require.NotNil(t, first.JSON201, "%s", first.Body)
	posted := first.JSON201.Data
	assert.Equal(t, "10.5", posted.Ammount)
	assert.Equal(t, Posted, posted.Status)
	again := post("1", Credit, "10.50")
	assert.Equal(t, "true", again.HTTPResponse.Header.Get("Idempotent-Replayed"))
	assert.Equal(t, first.JSON201, again.JSON201)
	assert.Equal(t, "110.5", balance())

	declined := post("2", Debit, "1000")
	require.NotNil(t, declined.ApplicationproblemJSON422, "%s", declined.Body)
	problem, err := declined.ApplicationproblemJSON422.ValueByDiscriminator()
	require.NoError(t, err)
	require.IsType(t, InsufficientFundsProblem{}, problem)
	assert.Equal(t, "110.5", problem.(InsufficientFundsProblem).Balance)
	rejected := post("3", "transfer", "0")
	require.NotNil(t, rejected.ApplicationproblemJSON400, "%s", rejected.Body)
	assert.Len(t, rejected.ApplicationproblemJSON400.Properties, 2)

	read, err := ledger.ReadTransactionWithResponse(t.Context(), posted.Id)
	require.NoError(t, err)
	require.NotNil(t, read.JSON200, "%s", read.Body)
	assert.Equal(t, posted, read.JSON200.Data)

	limit := 1
	page, err := ledger.ListTransactionsWithResponse(t.Context(), &ListTransactionsParams{UserId: user, Limit: &limit})
	require.NoError(t, err)
	require.NotNil(t, page.JSON200, "%s", page.Body)
	assert.Equal(t, Declined, page.JSON200.Data[0].Status)
	require.NotNil(t, page.JSON200.Next)
	page, err = ledger.ListTransactionsWithResponse(t.Context(), &ListTransactionsParams{UserId: user, Cursor: page.JSON200.Next})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, page.StatusCode(), "%s", page.Body)
	assert.Equal(t, []Transaction{posted}, page.JSON200.Data)
	assert.Nil(t, page.JSON200.Next)
}

// The answers of API Gateway itself, which are no problem documents, are known
// to the client by status and Content-Type.
func TestGatewayAnswers(t *testing.T) {
	t.Parallel()
	status := http.StatusUnauthorized
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"message":"from the gateway"}`)
	}))
	t.Cleanup(gateway.Close)
	ledger, err := NewClientWithResponses(gateway.URL)
	require.NoError(t, err)
	for _, status = range []int{401, 403, 404, 413, 429, 500, 502, 503, 504} {
		answer, err := ledger.PostTransactionWithResponse(t.Context(), &PostTransactionParams{IdempotentKey: "1"}, NewTransaction{})
		require.NoError(t, err, status)
		var message *GatewayMessage
		switch status {
		case 401:
			message = answer.JSON401
		case 403:
			message = answer.JSON403
		case 404:
			message = answer.JSON404
		case 413:
			message = answer.JSON413
		case 429:
			message = answer.JSON429
		case 500:
			message = answer.JSON500
		case 503:
			message = answer.JSON503
		default:
			message = answer.JSON5XX
		}
		require.NotNil(t, message, status)
		assert.Equal(t, "from the gateway", message.Message, status)
		assert.Nil(t, answer.ApplicationproblemJSON403, status)
		assert.Nil(t, answer.ApplicationproblemJSON503, status)
	}
}
