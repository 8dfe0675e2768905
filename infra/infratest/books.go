// Package infratest is the kit for tests, trials and measurements. It makes books: two new tables
// on DynamoDB Local, the real client over a network that can fail, the store and the ledger.
//
// Tests call [New], which opens books, checks them at the end and closes them. [Open],
// [Books.Check] and [Books.Close] are its parts and return errors.
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

// Books is two tables, and a ledger that keeps them.
type Books struct {
	Config  infra.Config
	Client  *dynamodb.Client // over the Network
	Network *faults.Network
	Store   *infra.Store
	Ledger  *ledger.Ledger

	// Answered lists transactions that callers received in answers. Check looks for each.
	Answered []ledger.Transaction

	opened  infra.Config              // Config as it was: a test may change that
	options []func(*dynamodb.Options) // for all clients but direct
	direct  *dynamodb.Client          // not over the Network
	filled  []ledger.Transaction      // the rows that [Books.WriteBalance] has left out
	damaged bool
}

// numbers counts this process's books.
var numbers atomic.Int64

// Open makes books on a DynamoDB at an endpoint on this machine. Their tables are new, their time
// is the clock's, and they have the default settings.
func Open(ctx context.Context, endpoint string) (*Books, error) {
	return OpenWith(ctx, endpoint, ledger.DefaultSettings())
}

// OpenWith makes books with these settings, as Open does.
func OpenWith(ctx context.Context, endpoint string, settings ledger.Settings) (*Books, error) {
	if !dynamodblocal.OnThisMachine(endpoint) {
		return nil, fmt.Errorf("only DynamoDB on this machine may be used here, and not %q", endpoint)
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
	if err := tables.Create(ctx, b.direct, c); err != nil {
		return nil, errors.Join(err, b.Close(ctx))
	}
	if err := b.begin(ctx); err != nil {
		return nil, errors.Join(err, b.Close(ctx))
	}
	return b, nil
}

// begin writes the settings row, as a starting function does.
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

// OpenOnModel makes books on a model of DynamoDB. The moment applies to their requests, and not to
// the check's. They need no Close.
func OpenOnModel(moment dynamodbmodel.Moment, settings ledger.Settings) (*Books, *dynamodbmodel.Model) {
	c := infra.Config{TransactionsTable: "transactions", AggregateTable: "transactions_aggregate", Region: "us-east-1", Settings: settings}
	model := dynamodbmodel.New(tables.Definitions(c))
	unsigned := func(o *dynamodb.Options) { o.Credentials = aws.AnonymousCredentials{} } // the model does not look
	direct := infra.NewClient(c, unsigned, faults.Over(model))
	b := open(c, direct, unsigned, faults.Over(model.At(moment)))
	if err := b.begin(context.Background()); err != nil {
		panic(err) // the model puts every row
	}
	return b, model
}

// open makes books. All requests use the options, except the direct client's.
func open(c infra.Config, direct *dynamodb.Client, options ...func(*dynamodb.Options)) *Books {
	b := &Books{Config: c, opened: c, Network: &faults.Network{}, direct: direct, options: options}
	b.Client = infra.NewClient(c, append(slices.Clone(options), faults.Under(b.Network))...)
	b.Store = infra.NewStore(b.Client, c)
	b.Ledger = ledger.New(b.Store, time.Now)
	return b
}

// Close deletes the tables, also when ctx has ended.
func (b *Books) Close(ctx context.Context) error {
	var failed []error
	for _, table := range tables.Definitions(b.opened) {
		_, err := b.direct.DeleteTable(context.WithoutCancel(ctx), &dynamodb.DeleteTableInput{TableName: table.TableName})
		if missing := (*types.ResourceNotFoundException)(nil); err != nil && !errors.As(err, &missing) {
			failed = append(failed, fmt.Errorf("delete table %s: %w", *table.TableName, err))
		}
	}
	return errors.Join(failed...)
}

// Over returns a store on the same books over another transport, as another process would have.
func (b *Books) Over(transport http.RoundTripper, options ...infra.Option) *infra.Store {
	return infra.NewStore(infra.NewClient(b.Config, append(slices.Clone(b.options), faults.Over(transport))...), b.Config, options...)
}

// Env returns the environment for a process that keeps these books.
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

// CountRows returns how many transactions are stored, posted and declined. The settings row has no
// user.
func (b *Books) CountRows(ctx context.Context) (rows int, err error) {
	pages := dynamodb.NewScanPaginator(b.direct, &dynamodb.ScanInput{
		TableName: &b.Config.TransactionsTable, ConsistentRead: aws.Bool(true), Select: types.SelectCount,
		FilterExpression: aws.String("attribute_exists(user_id)"),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, fmt.Errorf("count the rows of %s: %w", b.Config.TransactionsTable, err)
		}
		rows += int(page.Count)
	}
	return rows, nil
}

// NewRequest parses a request with one entry.
func NewRequest(user, key string, kind ledger.Type, amount string) (ledger.Request, error) {
	id, keyErr := ledger.ParseIdempotencyKey(key)
	entry, entryErr := NewEntry(user, kind, amount)
	return ledger.Request{IdempotencyKey: id, Entries: []ledger.Entry{entry}}, errors.Join(keyErr, entryErr)
}

// NewRules parses a change of rules, each as "debits blocked", "credits allowed" or "limit 50".
func NewRules(user, key string, changes ...string) (r ledger.RulesRequest, err error) {
	var userErr, keyErr error
	r.UserID, userErr = ledger.ParseUserID(user)
	r.IdempotencyKey, keyErr = ledger.ParseIdempotencyKey(key)
	err = errors.Join(userErr, keyErr)
	for _, change := range changes {
		var changeErr error
		switch name, value, _ := strings.Cut(change, " "); name {
		case "debits":
			r.Change.Debits, changeErr = ledger.ParsePermission(value)
		case "credits":
			r.Change.Credits, changeErr = ledger.ParsePermission(value)
		case "limit":
			r.Change.CreditLimit = new(ledger.Balance)
			*r.Change.CreditLimit, changeErr = ledger.ParseCreditLimit(value)
		default:
			changeErr = fmt.Errorf("%q is no rule", change)
		}
		err = errors.Join(err, changeErr)
	}
	return r, err
}

// RequestOf returns the request for a transaction, given its first row.
func RequestOf(t ledger.Transaction) ledger.Request {
	return ledger.Request{IdempotencyKey: t.IdempotencyKey, Entries: t.AllEntries(), Metadata: t.Metadata, ExpiresIn: t.ExpiresIn()}
}

// NewEntry parses an entry.
func NewEntry(user string, kind ledger.Type, amount string) (ledger.Entry, error) {
	e := ledger.Entry{Type: kind}
	var userErr, amountErr error
	e.UserID, userErr = ledger.ParseUserID(user)
	e.Amount, amountErr = ledger.ParseAmount(amount)
	return e, errors.Join(userErr, amountErr)
}
