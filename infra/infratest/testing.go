package infratest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/internal/books"
	"onewrite/infra/internal/dynamodblocal"
	"onewrite/ledger"
)

const endpointVariable = dynamodblocal.EndpointVariable

// Main runs a package's tests against the DynamoDB in AWS_ENDPOINT_URL_DYNAMODB, or else against a
// DynamoDB Local, which it downloads if it is missing. The packages in one "go test" share one.
// Main removes temporary files.
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
		defer server.Close() //nolint:errcheck // the tests are done
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

// New makes books for t, as [Open] does, and checks them when t ends. The package's TestMain must
// call [Main].
func New(t testing.TB) *Books {
	t.Helper()
	return NewWith(t, ledger.DefaultSettings())
}

// NewWith makes books with these settings, as New does.
func NewWith(t testing.TB, settings ledger.Settings) *Books {
	t.Helper()
	b, err := OpenWith(t.Context(), os.Getenv(endpointVariable), settings)
	noError(t, err)
	t.Cleanup(func() { noError(t, b.Close(t.Context())) })
	b.checkAtEnd(t)
	return b
}

// NewOnModel makes books for t, as [OpenOnModel] does, and checks them when t ends.
func NewOnModel(t testing.TB, moment dynamodbmodel.Moment) (*Books, *dynamodbmodel.Model) {
	t.Helper()
	return NewOnModelWith(t, moment, ledger.DefaultSettings())
}

// NewOnModelWith makes books with these settings, as NewOnModel does.
func NewOnModelWith(t testing.TB, moment dynamodbmodel.Moment, settings ledger.Settings) (*Books, *dynamodbmodel.Model) {
	t.Helper()
	b, model := OpenOnModel(moment, settings)
	b.checkAtEnd(t)
	return b, model
}

// NewInMemory makes books with these settings on a model to which nothing happens.
func NewInMemory(t testing.TB, settings ledger.Settings) *Books {
	t.Helper()
	b, _ := NewOnModelWith(t, dynamodbmodel.Moment{}, settings)
	return b
}

// checkAtEnd fails t at its end if the books are wrong, or if they were damaged and the check finds
// nothing.
func (b *Books) checkAtEnd(t testing.TB) {
	t.Cleanup(func() {
		err := b.Check(context.WithoutCancel(t.Context()))
		if _, found := errors.AsType[Findings](err); b.damaged && found {
			return
		} else if b.damaged {
			t.Errorf("the books are damaged, and the check says: %v", err)
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

// Request returns a request with one entry, as [NewRequest] does.
func Request(t testing.TB, user, key string, kind ledger.Type, amount string) ledger.Request {
	t.Helper()
	r, err := NewRequest(user, key, kind, amount)
	noError(t, err)
	return r
}

// Entries returns a request with the entries, each written as "alice debit 12.50".
func Entries(t testing.TB, key string, entries ...string) (r ledger.Request) {
	t.Helper()
	var err error
	r.IdempotencyKey, err = ledger.ParseIdempotencyKey(key)
	noError(t, err)
	for _, text := range entries {
		words := strings.Fields(text)
		if len(words) != 3 {
			t.Fatalf("%q is no entry", text)
		}
		entry, err := NewEntry(words[0], ledger.Type(words[1]), words[2])
		noError(t, err)
		r.Entries = append(r.Entries, entry)
	}
	return r
}

// Refund returns the request to refund parts of a transaction, each written as "place amount", or
// all of it without parts.
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

// Rules returns a change of rules, as [NewRules] does.
func Rules(t testing.TB, user, key string, changes ...string) ledger.RulesRequest {
	t.Helper()
	r, err := NewRules(user, key, changes...)
	noError(t, err)
	return r
}

// Rows returns how many transactions are stored, posted and declined.
func (b *Books) Rows(t testing.TB) int {
	t.Helper()
	rows, err := b.CountRows(t.Context())
	noError(t, err)
	return rows
}

// Settings parses settings.
func Settings(t testing.TB, currency, places, opening string) ledger.Settings {
	t.Helper()
	s, err := ledger.ParseSettings(currency, places, opening)
	noError(t, err)
	return s
}

// Fill gives a new user a balance of 100 below the limit: that of a thousand credits, without their
// rows, which take long to write.
func (b *Books) Fill(t testing.TB, user string) {
	t.Helper()
	amounts := slices.Repeat([]string{"1000000000000"}, 1000)
	first, err := ledger.ParseAmount("999999999900")
	noError(t, err)
	amounts[0] = books.SumOf(first).Minus(books.SumOf(b.opened.Settings.Opening)).String()
	noError(t, b.WriteBalance(t.Context(), user, amounts...))
}

// Credit gives a new user these credits, as [Books.WriteCredits] does.
func (b *Books) Credit(t testing.TB, user string, amounts ...string) {
	t.Helper()
	noError(t, b.WriteCredits(t.Context(), user, amounts...))
}

// Damage executes statements on a table, as [Books.Execute] does. When the test ends, the check
// must find something.
func (b *Books) Damage(t testing.TB, table string, statements ...string) {
	t.Helper()
	noError(t, b.Execute(t.Context(), table, statements...))
	b.damaged = true
}

// noError fails t now if there is an error.
func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
