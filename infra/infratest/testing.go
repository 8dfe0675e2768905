package infratest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"onewrite/infra/internal/dynamodblocal"
	"onewrite/ledger"
)

const endpointVariable = dynamodblocal.EndpointVariable

// Main runs a package's tests against the DynamoDB at AWS_ENDPOINT_URL_DYNAMODB. If that variable
// is empty, Main starts DynamoDB Local, which it downloads if needed. All packages in one "go test"
// share that server. Main also removes the tests' temporary files.
func Main(m *testing.M) {
	code, err := runTests(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func runTests(m *testing.M) (code int, err error) {
	ctx, endpoint := context.Background(), os.Getenv(endpointVariable)
	switch {
	case endpoint != "":
	case dynamodblocal.UnderGoTest():
		if endpoint, err = dynamodblocal.Share(ctx, os.Stderr); err != nil {
			return 1, err
		}
	default:
		server, err := dynamodblocal.Start(ctx, dynamodblocal.Options{Log: os.Stderr})
		if err != nil {
			return 1, err
		}
		defer server.Close()
		endpoint = server.Endpoint()
	}
	dir, err := os.MkdirTemp("", "onewrite")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	if err := errors.Join(os.Setenv(endpointVariable, endpoint), os.Setenv("TMPDIR", dir)); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// checkAtEnd checks the books when t ends. After [Books.Damage] the check must find something;
// otherwise it must find nothing.
func (b *Books) checkAtEnd(t testing.TB) {
	t.Cleanup(func() {
		err := b.Check(context.WithoutCancel(t.Context()))
		if _, found := errors.AsType[Findings](err); b.damaged && found {
			return
		} else if b.damaged {
			t.Errorf("the books are damaged, but the check found no damage: %v", err)
		} else if err != nil {
			t.Error(err)
		}
	})
}

// Balance returns the user's balance.
func (b *Books) Balance(t testing.TB, user string) string {
	t.Helper()
	id, err := ledger.ParseUserID(user)
	noError(t, err)
	funds, err := b.Ledger.Balance(t.Context(), id)
	noError(t, err)
	return funds.Balance.String()
}

// Request returns a request with one entry.
func Request(t testing.TB, user, key string, kind ledger.Type, amount string) ledger.Request {
	t.Helper()
	return request(t, key, entry(t, user, kind, amount))
}

// Entries returns a request with these entries. Each is written like "alice debit 12.50".
func Entries(t testing.TB, key string, entries ...string) ledger.Request {
	t.Helper()
	var parsed []ledger.Entry
	for _, text := range entries {
		words := strings.Fields(text)
		if len(words) != 3 {
			t.Fatalf("%q is no entry", text)
		}
		parsed = append(parsed, entry(t, words[0], ledger.Type(words[1]), words[2]))
	}
	return request(t, key, parsed...)
}

func request(t testing.TB, key string, entries ...ledger.Entry) ledger.Request {
	t.Helper()
	parsed, err := ledger.ParseIdempotencyKey(key)
	noError(t, err)
	return ledger.Request{IdempotencyKey: parsed, Entries: entries}
}

func entry(t testing.TB, user string, kind ledger.Type, amount string) ledger.Entry {
	t.Helper()
	id, userErr := ledger.ParseUserID(user)
	parsed, amountErr := ledger.ParseAmount(amount)
	noError(t, errors.Join(userErr, amountErr))
	return ledger.Entry{UserID: id, Type: kind, Amount: parsed}
}

// Refund returns a request that refunds the given parts of a transaction, or all of it if there are
// none. A part is an entry's number and an amount, such as "0 12.50".
func Refund(t testing.TB, o ledger.Original, key string, parts ...string) ledger.Request {
	t.Helper()
	refunded := o.Whole()
	if parts != nil {
		refunded = nil
	}
	for _, text := range parts {
		var p ledger.Part
		var amount string
		_, err := fmt.Sscan(text, &p.Entry, &amount)
		noError(t, err)
		p.Amount, err = ledger.ParseAmount(amount)
		noError(t, err)
		refunded = append(refunded, p)
	}
	r := o.Request(refunded)
	var err error
	r.IdempotencyKey, err = ledger.ParseIdempotencyKey(key)
	noError(t, err)
	return r
}

// Rules returns a request to change rules. Each change is written as "debits blocked", "credits
// allowed" or "limit 50".
func Rules(t testing.TB, user, key string, changes ...string) (r ledger.RulesRequest) {
	t.Helper()
	var userErr, keyErr error
	r.UserID, userErr = ledger.ParseUserID(user)
	r.IdempotencyKey, keyErr = ledger.ParseIdempotencyKey(key)
	noError(t, errors.Join(userErr, keyErr))
	for _, change := range changes {
		var err error
		switch name, value, _ := strings.Cut(change, " "); name {
		case "debits":
			r.Change.Debits, err = ledger.ParsePermission(value)
		case "credits":
			r.Change.Credits, err = ledger.ParsePermission(value)
		case "limit":
			r.Change.CreditLimit = new(ledger.Balance)
			*r.Change.CreditLimit, err = ledger.ParseCreditLimit(value)
		default:
			t.Fatalf("%q is no rule", change)
		}
		noError(t, err)
	}
	return r
}

// Rows returns the number of stored transaction rows, declined ones included. The settings row and
// rule changes have no user_id, and are not counted.
func (b *Books) Rows(t testing.TB) (rows int) {
	t.Helper()
	all, err := scan(t.Context(), b.direct, b.opened.TransactionsTable)
	noError(t, err)
	for _, row := range all {
		if row["user_id"] != nil {
			rows++
		}
	}
	return rows
}

// Settings parses settings, such as "USD", "2" and "100".
func Settings(t testing.TB, currency, places, opening string) ledger.Settings {
	t.Helper()
	s, err := ledger.ParseSettings(currency, places, opening)
	noError(t, err)
	return s
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
