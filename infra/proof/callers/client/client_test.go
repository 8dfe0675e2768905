package client

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/proof/callers/gateway"
)

// A program that knows only the ledger's document moves money, sends a call again, is declined, and
// reads it all back.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	ledger, err := NewClientWithResponses(newGateway(t))
	require.NoError(t, err)
	const user = "generated client"
	post := func(key string, kind EntryType, amount string) *PostTransactionResponse {
		answer, err := ledger.PostTransactionWithResponse(t.Context(), &PostTransactionParams{IdempotentKey: key},
			one(t, OneEntryInput{UserId: user, Type: kind, Ammount: amount}))
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

	first := post("1", EntryTypeCredit, "10.50")
	require.NotNil(t, first.JSON201, "%s", first.Body)
	posted := first.JSON201.Data
	assert.Equal(t, "10.5", posted.Ammount)
	assert.Equal(t, TransactionStatusPosted, posted.Status)
	again := post("1", EntryTypeCredit, "10.50")
	assert.Equal(t, "true", again.HTTPResponse.Header.Get("Idempotent-Replayed"))
	assert.Equal(t, first.JSON201, again.JSON201)
	assert.Equal(t, "110.5", balance())

	declined := post("2", EntryTypeDebit, "1000")
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
	assert.Equal(t, TransactionStatusDeclined, page.JSON200.Data[0].Status)
	require.NotNil(t, page.JSON200.Next)
	page, err = ledger.ListTransactionsWithResponse(t.Context(), &ListTransactionsParams{UserId: user, Cursor: page.JSON200.Next})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, page.StatusCode(), "%s", page.Body)
	assert.Equal(t, []Transaction{posted}, page.JSON200.Data)
	assert.Nil(t, page.JSON200.Next)
}

func one(t *testing.T, entry OneEntryInput) (body TransactionInput) {
	require.NoError(t, body.FromOneEntryInput(entry))
	return body
}

// Such a program pays another user, and holds money and captures a part.
func TestTransfersAndHolds(t *testing.T) {
	t.Parallel()
	ledger, err := NewClientWithResponses(newGateway(t))
	require.NoError(t, err)
	const user = "generated client that holds"
	post := func(key string, body TransactionInput) Transaction {
		answer, err := ledger.PostTransactionWithResponse(t.Context(), &PostTransactionParams{IdempotentKey: key}, body)
		require.NoError(t, err)
		require.NotNil(t, answer.JSON201, "%s", answer.Body)
		return answer.JSON201.Data
	}
	funds := func() (string, *string) {
		answer, err := ledger.ReadBalanceWithResponse(t.Context(), &ReadBalanceParams{UserId: user})
		require.NoError(t, err)
		require.NotNil(t, answer.JSON200, "%s", answer.Body)
		return answer.JSON200.Data.Balance, answer.JSON200.Data.Held
	}

	var entries TransactionInput
	require.NoError(t, entries.FromEntriesInput(EntriesInput{Entries: []EntryInput{
		{UserId: user, Type: EntryTypeDebit, Ammount: "10.50"},
		{UserId: user + "'s friend", Type: EntryTypeCredit, Ammount: "10.50"},
	}}))
	transfer := post("1", entries)
	require.NotNil(t, transfer.Entries)
	assert.Len(t, *transfer.Entries, 2)

	seconds := 60
	hold := post("2", one(t, OneEntryInput{UserId: user, Type: EntryTypeDebit, Ammount: "40", ExpiresIn: &seconds}))
	assert.Equal(t, TransactionStatusPending, hold.Status)
	balance, held := funds()
	assert.Equal(t, "49.5", balance)
	require.NotNil(t, held)
	assert.Equal(t, "40", *held)

	part := "25"
	captured, err := ledger.CaptureTransactionWithResponse(t.Context(), hold.Id, CaptureInput{Ammount: &part})
	require.NoError(t, err)
	require.NotNil(t, captured.JSON200, "%s", captured.Body)
	require.NotNil(t, captured.JSON200.Data.Captured)
	assert.Equal(t, "25", *captured.JSON200.Data.Captured)
	balance, held = funds()
	assert.Equal(t, "64.5", balance)
	assert.Nil(t, held)

	voided, err := ledger.VoidTransactionWithResponse(t.Context(), hold.Id)
	require.NoError(t, err)
	require.NotNil(t, voided.ApplicationproblemJSON422, "%s", voided.Body)
	problem, err := voided.ApplicationproblemJSON422.ValueByDiscriminator()
	require.NoError(t, err)
	assert.IsType(t, HoldEndedProblem{}, problem)
}

// Such a program refunds a payment in parts, of which one is by entries.
func TestRefunds(t *testing.T) {
	t.Parallel()
	ledger, err := NewClientWithResponses(newGateway(t))
	require.NoError(t, err)
	const user, shop = "generated client that refunds", "its shop"
	var payment TransactionInput
	require.NoError(t, payment.FromEntriesInput(EntriesInput{Entries: []EntryInput{
		{UserId: user, Type: EntryTypeDebit, Ammount: "10"},
		{UserId: shop, Type: EntryTypeCredit, Ammount: "10"},
	}}))
	paid, err := ledger.PostTransactionWithResponse(t.Context(), &PostTransactionParams{IdempotentKey: "1"}, payment)
	require.NoError(t, err)
	require.NotNil(t, paid.JSON201, "%s", paid.Body)
	id := paid.JSON201.Data.Id
	refund := func(key string, body RefundInput) *RefundTransactionResponse {
		answer, err := ledger.RefundTransactionWithResponse(t.Context(), id, &RefundTransactionParams{IdempotentKey: key}, body)
		require.NoError(t, err)
		return answer
	}

	part, tooMuch := "4", "6.01"
	first := refund("2", RefundInput{Ammount: &part})
	require.NotNil(t, first.JSON201, "%s", first.Body)
	assert.Equal(t, &id, first.JSON201.Data.RefundOf)
	again := refund("2", RefundInput{Ammount: &part})
	assert.Equal(t, "true", again.HTTPResponse.Header.Get("Idempotent-Replayed"))
	assert.Equal(t, first.JSON201, again.JSON201)
	more := refund("3", RefundInput{Ammount: &tooMuch})
	require.NotNil(t, more.ApplicationproblemJSON422, "%s", more.Body)
	problem, err := more.ApplicationproblemJSON422.ValueByDiscriminator()
	require.NoError(t, err)
	require.IsType(t, RefundLimitProblem{}, problem)
	assert.Equal(t, "6", problem.(RefundLimitProblem).Refundable)
	ofShop := refund("3", RefundInput{Entries: &[]RefundEntryInput{{Entry: 1, Ammount: "0.50"}}})
	require.NotNil(t, ofShop.JSON201, "%s", ofShop.Body)
	assert.Equal(t, EntryTypeDebit, EntryType(ofShop.JSON201.Data.Type))

	read, err := ledger.ReadRefundsWithResponse(t.Context(), id)
	require.NoError(t, err)
	require.NotNil(t, read.JSON200, "%s", read.Body)
	assert.Equal(t, Refunds{Refunds: 2, Entries: []RefundedEntry{
		{Entry: 0, Ammount: "10", Refunded: "4"}, {Entry: 1, Ammount: "10", Refunded: "4.5"},
	}}, read.JSON200.Data)
}

// Such a program lends money to an account and blocks its debits.
func TestAccountRules(t *testing.T) {
	t.Parallel()
	ledger, err := NewClientWithResponses(newGateway(t))
	require.NoError(t, err)
	const user = "generated client that is blocked"
	debits, limit := Blocked, "50.00"
	changed, err := ledger.ChangeAccountWithResponse(t.Context(), &ChangeAccountParams{IdempotentKey: "1"},
		AccountInput{UserId: user, Debits: &debits, CreditLimit: &limit})
	require.NoError(t, err)
	require.NotNil(t, changed.JSON201, "%s", changed.Body)
	assert.Equal(t, &debits, changed.JSON201.Data.Debits)

	declined, err := ledger.PostTransactionWithResponse(t.Context(), &PostTransactionParams{IdempotentKey: "2"},
		one(t, OneEntryInput{UserId: user, Type: EntryTypeDebit, Ammount: "1"}))
	require.NoError(t, err)
	require.NotNil(t, declined.ApplicationproblemJSON422, "%s", declined.Body)
	problem, err := declined.ApplicationproblemJSON422.ValueByDiscriminator()
	require.NoError(t, err)
	require.IsType(t, AccountBlockedProblem{}, problem)
	blocked := BlockedEntries{Debits}
	assert.Equal(t, blocked, problem.(AccountBlockedProblem).Blocked)

	read, err := ledger.ReadBalanceWithResponse(t.Context(), &ReadBalanceParams{UserId: user})
	require.NoError(t, err)
	require.NotNil(t, read.JSON200, "%s", read.Body)
	lent := "50"
	assert.Equal(t, UserBalance{Balance: "150", CreditLimit: &lent, Blocked: &blocked}, read.JSON200.Data)
}

// The client recognises API Gateway's own answers, which are no problem documents, by status and
// Content-Type.
func TestGatewayAnswers(t *testing.T) {
	t.Parallel()
	server := newGateway(t)
	for status, message := range gateway.Messages {
		ledger, err := NewClientWithResponses(server + "/" + strconv.Itoa(status))
		require.NoError(t, err)
		answer, err := ledger.PostTransactionWithResponse(t.Context(), &PostTransactionParams{IdempotentKey: "1"}, TransactionInput{})
		require.NoError(t, err, status)
		assert.Equal(t, status, answer.StatusCode())
		got := map[int]*GatewayMessage{
			403: answer.JSON403, 413: answer.JSON413, 500: answer.JSON500, 503: answer.JSON503,
		}[status]
		if got == nil {
			got = answer.JSONDefault
		}
		require.NotNil(t, got, status)
		assert.Equal(t, message, got.Message, status)
		assert.Nil(t, answer.ApplicationproblemJSON403, status)
		assert.Nil(t, answer.ApplicationproblemJSON503, status)
	}
}

// newGateway returns the URL to an API Gateway stand-in before the ledger.
func newGateway(t *testing.T) string { return newGatewayOf(t, "LEDGER_URL") }

// newGatewayOf does the same as newGateway, before the ledger that a variable names.
func newGatewayOf(t *testing.T, variable string) string {
	require.NotEmpty(t, os.Getenv(variable), "%s must be the URL of a new local server: .ci/callers starts it", variable)
	handler, err := gateway.New(os.Getenv(variable))
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// The clients that openapi-python-client and openapi-typescript generate do the same, each in a
// program in its own language. So does a client for a ledger in dinars, generated from the
// description that it serves.
func TestOtherLanguages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ program, script, server, path, currency string }{
		"Python":            {os.Getenv("PYTHON"), "round_trip.py", "LEDGER_URL", os.Getenv("PYTHONPATH"), ""},
		"Python, in dinars": {os.Getenv("PYTHON"), "round_trip.py", "DINARS_URL", os.Getenv("DINARS_PYTHONPATH"), "KWD"},
		"TypeScript":        {os.Getenv("NODE"), filepath.Join(os.Getenv("TYPESCRIPT"), "round_trip.js"), "LEDGER_URL", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, c.program, "PYTHON, NODE and TYPESCRIPT must be set: .ci/callers does")
			messages, err := json.Marshal(gateway.Messages)
			require.NoError(t, err)
			command := exec.CommandContext(t.Context(), c.program, c.script, newGatewayOf(t, c.server), string(messages), c.currency)
			command.Env = append(os.Environ(), "PYTHONPATH="+c.path)
			output, err := command.CombinedOutput()
			require.NoError(t, err, "%s", output)
			assert.Equal(t, "all answers as expected\n", string(output))
		})
	}
}
