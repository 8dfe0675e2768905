package client

import (
	"encoding/json"
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

// user makes one user's calls through the generated client.
type user struct {
	*ClientWithResponses
	t  *testing.T
	id string
}

func newUser(t *testing.T, id string) user {
	t.Helper()
	ledger, err := NewClientWithResponses(newGateway(t))
	require.NoError(t, err)
	return user{ledger, t, id}
}

func (u user) post(key string, body TransactionInput) *PostTransactionResponse {
	u.t.Helper()
	answer, err := u.PostTransactionWithResponse(u.t.Context(), &PostTransactionParams{IdempotentKey: key}, body)
	require.NoError(u.t, err, key)
	return answer
}

// posted posts a transaction, and requires a 201 answer.
func (u user) posted(key string, body TransactionInput) Transaction {
	u.t.Helper()
	answer := u.post(key, body)
	require.NotNil(u.t, answer.JSON201, "%s", answer.Body)
	return answer.JSON201.Data
}

func (u user) balance() UserBalance {
	u.t.Helper()
	answer, err := u.ReadBalanceWithResponse(u.t.Context(), &ReadBalanceParams{UserId: u.id})
	require.NoError(u.t, err)
	require.NotNil(u.t, answer.JSON200, "%s", answer.Body)
	return answer.JSON200.Data
}

func (u user) entry(kind EntryType, amount string) (body TransactionInput) {
	u.t.Helper()
	require.NoError(u.t, body.FromOneEntryInput(OneEntryInput{UserId: u.id, Type: kind, Ammount: amount}))
	return body
}

func (u user) payment(to, amount string) (body TransactionInput) {
	u.t.Helper()
	require.NoError(u.t, body.FromEntriesInput(EntriesInput{Entries: []EntryInput{
		{UserId: u.id, Type: EntryTypeDebit, Ammount: amount},
		{UserId: to, Type: EntryTypeCredit, Ammount: amount},
	}}))
	return body
}

// problem returns the problem in an answer with status 422, which must be of type P.
func problem[P any](t *testing.T, answer interface{ ValueByDiscriminator() (any, error) }) P {
	t.Helper()
	require.NotNil(t, answer)
	value, err := answer.ValueByDiscriminator()
	require.NoError(t, err)
	require.IsType(t, *new(P), value)
	return value.(P)
}

// The generated client can post and replay a credit, handle a declined and a rejected call,
// and read the transactions back.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	u := newUser(t, "generated client")
	assert.Equal(t, "100", u.balance().Balance)

	credit := u.entry(EntryTypeCredit, "10.50")
	posted := u.posted("1", credit)
	assert.Equal(t, "10.5", posted.Ammount)
	assert.Equal(t, TransactionStatusPosted, posted.Status)
	again := u.post("1", credit)
	assert.Equal(t, "true", again.HTTPResponse.Header.Get("Idempotent-Replayed"))
	assert.Equal(t, posted, again.JSON201.Data)
	assert.Equal(t, "110.5", u.balance().Balance)

	declined := u.post("2", u.entry(EntryTypeDebit, "1000"))
	assert.Equal(t, "110.5", problem[InsufficientFundsProblem](t, declined.ApplicationproblemJSON422).Balance)
	rejected := u.post("3", u.entry("transfer", "0"))
	require.NotNil(t, rejected.ApplicationproblemJSON400, "%s", rejected.Body)
	assert.Len(t, rejected.ApplicationproblemJSON400.Properties, 2)

	read, err := u.ReadTransactionWithResponse(t.Context(), posted.Id)
	require.NoError(t, err)
	require.NotNil(t, read.JSON200, "%s", read.Body)
	assert.Equal(t, posted, read.JSON200.Data)

	page, err := u.ListTransactionsWithResponse(t.Context(), &ListTransactionsParams{UserId: u.id, Limit: new(1)})
	require.NoError(t, err)
	require.NotNil(t, page.JSON200, "%s", page.Body)
	assert.Equal(t, TransactionStatusDeclined, page.JSON200.Data[0].Status)
	require.NotNil(t, page.JSON200.Next)
	page, err = u.ListTransactionsWithResponse(t.Context(), &ListTransactionsParams{UserId: u.id, Cursor: page.JSON200.Next})
	require.NoError(t, err)
	require.NotNil(t, page.JSON200, "%s", page.Body)
	assert.Equal(t, []Transaction{posted}, page.JSON200.Data)
	assert.Nil(t, page.JSON200.Next)
}

// The generated client can pay another user, hold money, and capture only part of it.
func TestTransfersAndHolds(t *testing.T) {
	t.Parallel()
	u := newUser(t, "generated client that holds")
	transfer := u.posted("1", u.payment("its friend", "10.50"))
	require.NotNil(t, transfer.Entries)
	assert.Len(t, *transfer.Entries, 2)

	var body TransactionInput
	require.NoError(t, body.FromOneEntryInput(OneEntryInput{UserId: u.id, Type: EntryTypeDebit, Ammount: "40", ExpiresIn: new(60)}))
	hold := u.posted("2", body)
	assert.Equal(t, TransactionStatusPending, hold.Status)
	assert.Equal(t, UserBalance{Balance: "49.5", Held: new("40")}, u.balance())

	captured, err := u.CaptureTransactionWithResponse(t.Context(), hold.Id, CaptureInput{Ammount: new("25")})
	require.NoError(t, err)
	require.NotNil(t, captured.JSON200, "%s", captured.Body)
	assert.Equal(t, new("25"), captured.JSON200.Data.Captured)
	assert.Equal(t, UserBalance{Balance: "64.5"}, u.balance())

	voided, err := u.VoidTransactionWithResponse(t.Context(), hold.Id)
	require.NoError(t, err)
	problem[HoldEndedProblem](t, voided.ApplicationproblemJSON422)
}

// The generated client can refund a payment in parts, by amount or by entry.
func TestRefunds(t *testing.T) {
	t.Parallel()
	u := newUser(t, "generated client that refunds")
	id := u.posted("1", u.payment("its shop", "10")).Id
	refund := func(key string, body RefundInput) *RefundTransactionResponse {
		answer, err := u.RefundTransactionWithResponse(t.Context(), id, &RefundTransactionParams{IdempotentKey: key}, body)
		require.NoError(t, err)
		return answer
	}

	first := refund("2", RefundInput{Ammount: new("4")})
	require.NotNil(t, first.JSON201, "%s", first.Body)
	assert.Equal(t, &id, first.JSON201.Data.RefundOf)
	again := refund("2", RefundInput{Ammount: new("4")})
	assert.Equal(t, "true", again.HTTPResponse.Header.Get("Idempotent-Replayed"))
	assert.Equal(t, first.JSON201, again.JSON201)
	more := refund("3", RefundInput{Ammount: new("6.01")})
	assert.Equal(t, "6", problem[RefundLimitProblem](t, more.ApplicationproblemJSON422).Refundable)
	ofShop := refund("3", RefundInput{Entries: &[]RefundEntryInput{{Entry: 1, Ammount: "0.50"}}})
	require.NotNil(t, ofShop.JSON201, "%s", ofShop.Body)
	assert.Equal(t, EntryTypeDebit, EntryType(ofShop.JSON201.Data.Type))

	read, err := u.ReadRefundsWithResponse(t.Context(), id)
	require.NoError(t, err)
	require.NotNil(t, read.JSON200, "%s", read.Body)
	assert.Equal(t, Refunds{Refunds: 2, Entries: []RefundedEntry{
		{Entry: 0, Ammount: "10", Refunded: "4"}, {Entry: 1, Ammount: "10", Refunded: "4.5"},
	}}, read.JSON200.Data)
}

// The generated client can give an account a credit limit, and block its debits.
func TestAccountRules(t *testing.T) {
	t.Parallel()
	u := newUser(t, "generated client that is blocked")
	changed, err := u.ChangeAccountWithResponse(t.Context(), &ChangeAccountParams{IdempotentKey: "1"},
		AccountInput{UserId: u.id, Debits: new(Blocked), CreditLimit: new("50.00")})
	require.NoError(t, err)
	require.NotNil(t, changed.JSON201, "%s", changed.Body)
	assert.Equal(t, new(Blocked), changed.JSON201.Data.Debits)

	declined := u.post("2", u.entry(EntryTypeDebit, "1"))
	blocked := BlockedEntries{Debits}
	assert.Equal(t, blocked, problem[AccountBlockedProblem](t, declined.ApplicationproblemJSON422).Blocked)
	assert.Equal(t, UserBalance{Balance: "150", CreditLimit: new("50"), Blocked: &blocked}, u.balance())
}

// The generated client recognises API Gateway's own answers by status and Content-Type.
// They are not problem documents.
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

// newGateway returns the URL of a stand-in for API Gateway, in front of the ledger.
func newGateway(t *testing.T) string { return newGatewayOf(t, "LEDGER_URL") }

// newGatewayOf is like newGateway, but for the ledger whose URL is in the given environment
// variable.
func newGatewayOf(t *testing.T, variable string) string {
	require.NotEmpty(t, os.Getenv(variable), "%s must be the URL of a new local server: .ci/callers starts it", variable)
	handler, err := gateway.New(os.Getenv(variable))
	require.NoError(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// Clients generated by openapi-python-client and openapi-typescript get the expected
// answers, each in a program in its own language. So does a Python client for a ledger in
// dinars, generated from that ledger's description.
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
