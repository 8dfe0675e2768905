// Package infratest sets up a ledger for tests, trials and measurements. A [Books] has two new
// tables on DynamoDB Local, the real client over a network that can fail, the store and the ledger.
//
// Tests call [New], which also checks the tables when the test ends.
package infratest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/internal/dynamodblocal"
	"onewrite/infra/internal/tables"
	"onewrite/ledger"
)

// Books is a ledger with its two tables.
type Books struct {
	Config  infra.Config
	Client  *dynamodb.Client // sends its requests through Network
	Network *faults.Network
	Store   *infra.Store
	Ledger  *ledger.Ledger

	// Answered lists transactions that callers received. Check requires that each is stored
	// unchanged.
	Answered []ledger.Transaction

	opened  infra.Config              // the original Config: a test may change Config
	options []func(*dynamodb.Options) // for all clients except direct
	direct  *dynamodb.Client          // bypasses Network
	filled  []ledger.Transaction      // the credits whose rows [Books.Fill] did not write
	damaged bool
}

// numbers counts this process's books, so that each has its own table names.
var numbers atomic.Int64

// New creates books for t with the default settings, and checks them when t ends. The package's
// TestMain must call [Main].
func New(t testing.TB) *Books {
	t.Helper()
	return NewWith(t, ledger.DefaultSettings())
}

// NewWith is like [New], but with the given settings.
func NewWith(t testing.TB, settings ledger.Settings) *Books {
	t.Helper()
	endpoint := os.Getenv(endpointVariable)
	if !dynamodblocal.OnThisMachine(endpoint) {
		t.Fatalf("only DynamoDB on this machine may be used here, and not %q", endpoint)
	}
	c := infra.Config{
		TransactionsTable: fmt.Sprintf("transactions-%d-%d", os.Getpid(), numbers.Add(1)),
		Region:            "us-east-1",
		Credentials:       aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"},
		Endpoint:          endpoint,
		Settings:          settings,
	}
	c.AggregateTable = strings.Replace(c.TransactionsTable, "transactions", "transactions_aggregate", 1)
	b := open(c, infra.NewClient(c, tables.Patient))
	t.Cleanup(func() { b.deleteTables(t) })
	noError(t, tables.Create(t.Context(), b.direct, c))
	noError(t, b.begin(t.Context()))
	b.checkAtEnd(t)
	return b
}

func (b *Books) deleteTables(t testing.TB) {
	for _, table := range tables.Definitions(b.opened) {
		_, err := b.direct.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: table.TableName})
		if missing := (*types.ResourceNotFoundException)(nil); err != nil && !errors.As(err, &missing) {
			t.Errorf("delete table %s: %v", *table.TableName, err)
		}
	}
}

// begin writes the settings row, as the function does when it starts.
func (b *Books) begin(ctx context.Context) error {
	row, err := infra.EncodeSettings(b.opened.Settings, time.Now())
	if err != nil {
		return err
	}
	if _, err := b.direct.PutItem(ctx, &dynamodb.PutItemInput{TableName: &b.opened.TransactionsTable, Item: row}); err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}

// NewOnModel is like [OpenOnModel] with the default settings, and checks the books when t ends.
func NewOnModel(t testing.TB, moment dynamodbmodel.Moment) (*Books, *dynamodbmodel.Model) {
	t.Helper()
	return NewOnModelWith(t, moment, ledger.DefaultSettings())
}

// NewOnModelWith is like [NewOnModel], but with the given settings.
func NewOnModelWith(t testing.TB, moment dynamodbmodel.Moment, settings ledger.Settings) (*Books, *dynamodbmodel.Model) {
	t.Helper()
	b, model := OpenOnModel(moment, settings)
	b.checkAtEnd(t)
	return b, model
}

// NewInMemory is like [NewOnModelWith], but its model adds no delays or refusals.
func NewInMemory(t testing.TB, settings ledger.Settings) *Books {
	t.Helper()
	b, _ := NewOnModelWith(t, dynamodbmodel.Moment{}, settings)
	return b
}

// OpenOnModel creates books on an in-memory model of DynamoDB. The moment applies to all requests
// except those for the set-up and for Check.
func OpenOnModel(moment dynamodbmodel.Moment, settings ledger.Settings) (*Books, *dynamodbmodel.Model) {
	c := infra.Config{TransactionsTable: "transactions", AggregateTable: "transactions_aggregate", Region: "us-east-1", Settings: settings}
	model := dynamodbmodel.New(tables.Definitions(c))
	unsigned := func(o *dynamodb.Options) { o.Credentials = aws.AnonymousCredentials{} } // the model ignores credentials
	direct := infra.NewClient(c, unsigned, faults.Over(model))
	b := open(c, direct, unsigned, faults.Over(model.At(moment)))
	if err := b.begin(context.Background()); err != nil {
		panic(err) // cannot happen: the model accepts this row
	}
	return b, model
}

// open creates books. direct bypasses Network; the options apply to every other client.
func open(c infra.Config, direct *dynamodb.Client, options ...func(*dynamodb.Options)) *Books {
	b := &Books{Config: c, opened: c, Network: &faults.Network{}, direct: direct, options: options}
	b.Client = infra.NewClient(c, append(slices.Clone(options), faults.Under(b.Network))...)
	b.Store = infra.NewStore(b.Client, c)
	b.Ledger = ledger.New(b.Store, time.Now)
	return b
}

// Over returns another store for the same tables. It uses the given transport, like a store in
// another process.
func (b *Books) Over(transport http.RoundTripper, options ...infra.Option) *infra.Store {
	return infra.NewStore(infra.NewClient(b.Config, append(slices.Clone(b.options), faults.Over(transport))...), b.Config, options...)
}

// Env returns the environment variables for a process that uses the same tables.
func (b *Books) Env() []string {
	return []string{
		"TRANSACTIONS_TABLE=" + b.Config.TransactionsTable,
		"TRANSACTIONS_AGGREGATE_TABLE=" + b.Config.AggregateTable,
		"AWS_REGION=" + b.Config.Region,
		"AWS_ACCESS_KEY_ID=" + b.Config.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + b.Config.Credentials.SecretAccessKey,
		endpointVariable + "=" + b.Config.Endpoint,
		"AUTHORIZATION=NONE",
		"CURRENCY=" + b.Config.Settings.Currency,
		fmt.Sprint("DECIMAL_PLACES=", b.Config.Settings.Places),
		"OPENING_BALANCE=" + b.Config.Settings.Opening.String(),
	}
}

// RequestOf returns the request that made a transaction, given the transaction's first row.
func RequestOf(t ledger.Transaction) ledger.Request {
	return ledger.Request{IdempotencyKey: t.IdempotencyKey, Entries: t.AllEntries(), Metadata: t.Metadata, ExpiresIn: t.ExpiresIn()}
}
