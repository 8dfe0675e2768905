package infra_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// settingsOf parses settings such as "USD 2 100".
func settingsOf(t *testing.T, text string) ledger.Settings {
	t.Helper()
	fields := strings.Fields(text)
	return infratest.Settings(t, fields[0], fields[1], fields[2])
}

func opened(t *testing.T, books *infratest.Books, settings string) *infra.Store {
	t.Helper()
	c := books.Config
	c.Settings = settingsOf(t, settings)
	return infra.NewStore(books.Client, c)
}

const withoutSettings = "DELETE FROM ? WHERE id = 'settings'"

// newTables returns books for the settings, whose tables have no settings row yet, as
// before the first start. The test must start a store with the same settings, because the
// books' final check expects them in the tables.
func newTables(t *testing.T, settings string) *infratest.Books {
	t.Helper()
	books := infratest.NewWith(t, settingsOf(t, settings))
	books.Execute(t, books.Config.TransactionsTable, withoutSettings)
	return books
}

func settingsRow(t *testing.T, books *infratest.Books) row {
	t.Helper()
	out, err := books.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &books.Config.TransactionsTable, Key: row{"id": s("settings")}})
	require.NoError(t, err)
	return out.Item
}

// The first start stores the settings in new tables. Each later start is one read.
func TestStartBeginsNewTables(t *testing.T) {
	t.Parallel()
	for settings, requests := range map[string]string{
		"USD 2 100":        "GetItem PutItem",
		"EUR 2 0":          "GetItem Scan PutItem",
		"KWD 3 0.125":      "GetItem Scan PutItem",
		"POINTS 0 100":     "GetItem Scan PutItem",
		"XBT 8 0.00000001": "GetItem Scan PutItem",
	} {
		books := newTables(t, settings)
		for _, want := range []string{requests, "GetItem"} {
			books.Network.Requests() // discard the earlier requests
			require.NoError(t, opened(t, books, settings).Start(t.Context()), settings)
			assert.Equal(t, want, strings.Join(books.Network.Requests(), " "), settings)
		}
		stored, fields := settingsRow(t, books), strings.Fields(settings)
		assert.Equal(t, row{"id": s("settings"), "currency": s(fields[0]), "places": n(fields[1]), "opening": n(fields[2])}, with(stored, "created_at", nil))
		assert.NotNil(t, stored["created_at"])
	}
}

// A store rejects every call if its settings differ from the tables' settings. The error
// contains both.
func TestStartRejectsOtherSettings(t *testing.T) {
	t.Parallel()
	books := infratest.NewWith(t, settingsOf(t, "EUR 2 0"))
	credit, debit := infratest.Request(t, "1", "k", ledger.Credit, "1"), infratest.Request(t, "1", "k", ledger.Debit, "1000")
	for _, other := range []string{"USD 2 0", "EUR 3 0", "EUR 2 100", "USD 2 100"} {
		store := opened(t, books, other)
		const want = "the tables were created with currency EUR, decimal places 2, opening balance 0, but the configuration has "
		refused(t, store.Start(t.Context()), want+store.Settings().String()+"; settings can't change")
		_, err := store.Transaction(t.Context(), ledger.TransactionID{1})
		refused(t, err, want)
		_, err = store.Account(t.Context(), credit.UserID())
		refused(t, err, want)
		_, err = store.History(t.Context(), credit.UserID(), ledger.Cursor{}, 1)
		refused(t, err, want)
		_, err = store.Refunds(t.Context(), ledger.TransactionID{1})
		refused(t, err, want)
		for _, r := range []ledger.Request{credit, debit} {
			_, err = ledger.New(store, time.Now).Post(t.Context(), r)
			refused(t, err, want)
		}
		refused(t, store.Decline(t.Context(), ledger.Transaction{}), want)
	}
	assert.Zero(t, books.Rows(t))
}

func refused(t *testing.T, err error, why string) {
	t.Helper()
	var other *infra.SettingsError
	require.ErrorAs(t, err, &other)
	require.ErrorContains(t, err, why)
	require.NotErrorIs(t, err, ledger.ErrTryAgain)
}

// Tables with rows but no settings row are older than that row, or lost it. They accept
// only a store with the default settings.
func TestStartWithoutSettingsRow(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "k", ledger.Credit, "10"))
	require.NoError(t, err)
	books.Execute(t, books.Config.TransactionsTable, withoutSettings)
	for _, other := range []string{"EUR 2 100", "USD 3 100", "USD 2 0"} {
		refused(t, opened(t, books, other).Start(t.Context()), "the settings row is missing, but there are transactions. Tables from before settings have currency USD")
		assert.Empty(t, settingsRow(t, books))
	}
	require.NoError(t, opened(t, books, "USD 2 100").Start(t.Context()))
	assert.NotEmpty(t, settingsRow(t, books))
	refused(t, opened(t, books, "USD 2 0").Start(t.Context()), "the tables were created with currency USD, decimal places 2, opening balance 100")
}

// If the settings row is damaged or was changed by hand, Start fails and names the fault.
func TestStartRejectsDamagedSettings(t *testing.T) {
	t.Parallel()
	books := infratest.NewWith(t, settingsOf(t, "KWD 3 0.5"))
	whole := settingsRow(t, books)
	for _, c := range []struct {
		row  row
		want string
	}{
		{with(whole, "places", nil), "the row is damaged: places: is missing"},
		{with(whole, "opening", n("0.25")), "the tables were created with currency KWD, decimal places 3, opening balance 0.25, " +
			"but the configuration has currency KWD, decimal places 3, opening balance 0.5"},
		{with(whole, "currency", s("KWR")), "the tables were created with currency KWR"},
		{with(whole, "places", n("4")), "decimal places 4, opening balance 0.5, but the configuration has"},
	} {
		put(t, books, books.Config.TransactionsTable, c.row)
		refused(t, opened(t, books, "KWD 3 0.5").Start(t.Context()), c.want)
	}
	put(t, books, books.Config.TransactionsTable, whole)
	require.NoError(t, opened(t, books, "KWD 3 0.5").Start(t.Context()))
}

// If processes with two different settings start at once, the first one to write decides.
// Processes with the other settings do not start.
func TestStartsAtOnce(t *testing.T) {
	t.Parallel()
	for range 8 {
		books := newTables(t, "EUR 2 0")
		errs := make(chan error, 16)
		for i := range cap(errs) {
			store := opened(t, books, []string{"EUR 2 0", "USD 2 100"}[i%2])
			go func() { errs <- store.Start(context.WithoutCancel(t.Context())) }()
		}
		serving, ended := 0, 0
		for range cap(errs) {
			if err := <-errs; err == nil {
				serving++
			} else {
				refused(t, err, "the tables were created with currency")
				ended++
			}
		}
		assert.Equal(t, 8, serving)
		assert.Equal(t, 8, ended)
		if currency, _ := settingsRow(t, books)["currency"].(*types.AttributeValueMemberS); currency.Value == "USD" {
			books.Execute(t, books.Config.TransactionsTable, withoutSettings)
			require.NoError(t, opened(t, books, "EUR 2 0").Start(t.Context())) // the books' final check expects these settings
		}
	}
}

// A store that could not read the settings tries again before each call, until it succeeds.
func TestCallsReadTheSettings(t *testing.T) {
	t.Parallel()
	for _, fault := range []faults.Fault{
		faults.LoseRequest, faults.LoseResponse, faults.Exception(http.StatusBadRequest, "ThrottlingException", "slow down"),
	} {
		onModel(t, dynamodbmodel.Moment{}, func(t *testing.T, books *infratest.Books, _ *dynamodbmodel.Model) {
			user := infratest.Request(t, "1", "k", ledger.Credit, "10").UserID()
			store, other := opened(t, books, "USD 2 100"), opened(t, books, "EUR 2 0")
			books.Network.Always(fault)
			began := time.Now()
			require.ErrorIs(t, store.Start(t.Context()), ledger.ErrTryAgain)
			assert.LessOrEqual(t, time.Since(began), 3*time.Second, "of the 10 of a Lambda's init")
			require.ErrorIs(t, other.Start(t.Context()), ledger.ErrTryAgain)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err := store.Account(ctx, user)
			require.ErrorIs(t, err, ledger.ErrTryAgain)
			books.Network.Always(nil)

			books.Network.Requests() // discard the earlier requests
			for range 2 {
				_, err = store.Account(t.Context(), user)
				require.NoError(t, err)
			}
			assert.Equal(t, "GetItem GetItem GetItem", strings.Join(books.Network.Requests(), " "), "settings, and two balances")
			_, err = other.Account(t.Context(), user)
			refused(t, err, "the tables were created with currency USD")
		})
	}
}

// If the first start's Put gets no answer, the start finds the row that it wrote.
func TestStartAfterLostAnswer(t *testing.T) {
	t.Parallel()
	books := newTables(t, "EUR 2 0")
	books.Network.Next(nil, nil, faults.LoseResponse) // lose the answer to the Put
	require.NoError(t, opened(t, books, "EUR 2 0").Start(t.Context()))
	books.Network.Next(faults.Exception(http.StatusBadRequest, "AccessDeniedException", "not authorized"))
	require.ErrorContains(t, opened(t, books, "EUR 2 0").Start(t.Context()), "not authorized")
}
