// Package infratest gives each test books of its own: two new tables on
// DynamoDB Local, the real client with a network that can fail, the store and
// the ledger. The books are checked when the test ends.
package infratest

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/internal/dynamodblocal"
	"onewrite/infra/internal/dynamodbmodel"
	"onewrite/infra/internal/tables"
	"onewrite/ledger"
)

const endpointVariable = "AWS_ENDPOINT_URL_DYNAMODB"

// Main runs the tests of a package against DynamoDB Local: the one that
// AWS_ENDPOINT_URL_DYNAMODB names, which must be on this machine, or one that
// it starts and ends.
func Main(m *testing.M) {
	code := 1
	if err := withDatabase(context.Background(), os.Stderr, func() { code = m.Run() }); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// withDatabase runs f while the database that [Main] describes is there.
func withDatabase(ctx context.Context, log io.Writer, f func()) error {
	if endpoint := os.Getenv(endpointVariable); endpoint != "" {
		if !local(endpoint) {
			return fmt.Errorf("only DynamoDB on this machine may be used here, and %s is %s", endpointVariable, endpoint)
		}
		f()
		return nil
	}
	server, err := dynamodblocal.Start(ctx, dynamodblocal.Options{Log: log})
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // the work is done
	if err := os.Setenv(endpointVariable, server.Endpoint()); err != nil {
		return err
	}
	defer os.Unsetenv(endpointVariable) //nolint:errcheck // the same
	f()
	return nil
}

func local(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Books are one test's.
type Books struct {
	Config  infra.Config
	Client  *dynamodb.Client // around the Network
	Network *faults.Network
	Store   *infra.Store
	Ledger  *ledger.Ledger

	// Told are transactions that callers were told of. The check finds them.
	Told []ledger.Transaction

	options []func(*dynamodb.Options) // of clients
	direct  *dynamodb.Client          // not over the Network
	damaged bool
}

// books numbers the books of this process.
var books atomic.Int64

// New makes books for t. Their tables are empty, and their time is the clock's.
func New(t testing.TB) *Books {
	t.Helper()
	c := infra.Config{
		TransactionsTable: fmt.Sprintf("transactions-%d-%d", os.Getpid(), books.Add(1)),
		Region:            "us-east-1",
		Credentials:       aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"},
		Endpoint:          os.Getenv(endpointVariable),
	}
	c.AggregateTable = strings.Replace(c.TransactionsTable, "transactions", "transactions_aggregate", 1)
	require.True(t, local(c.Endpoint), "TestMain must call infratest.Main")
	direct := infra.NewClient(c, tables.Patient)
	require.NoError(t, tables.Create(t.Context(), direct, c))
	t.Cleanup(func() {
		for _, table := range tables.Definitions(c) {
			_, err := direct.DeleteTable(context.WithoutCancel(t.Context()), &dynamodb.DeleteTableInput{TableName: table.TableName})
			require.NoError(t, err)
		}
	})
	return open(t, c, direct)
}

// NewOnModel makes books for t on a model of DynamoDB. Things happen to their
// requests as in the moment, and not to those of the check.
func NewOnModel(t testing.TB, moment dynamodbmodel.Moment) (*Books, *dynamodbmodel.Model) {
	t.Helper()
	c := infra.Config{TransactionsTable: "transactions", AggregateTable: "transactions_aggregate", Region: "us-east-1"}
	model := dynamodbmodel.New(tables.Definitions(c))
	unsigned := func(o *dynamodb.Options) { o.Credentials = aws.AnonymousCredentials{} } // the model does not look
	direct := infra.NewClient(c, unsigned, faults.Over(model))
	return open(t, c, direct, unsigned, faults.Over(model.At(moment))), model
}

// open makes books of empty tables, whose requests but the direct client's go
// by the options.
func open(t testing.TB, c infra.Config, direct *dynamodb.Client, options ...func(*dynamodb.Options)) *Books {
	t.Helper()
	b := &Books{Config: c, Network: &faults.Network{}, direct: direct, options: options}
	b.Client = infra.NewClient(c, append(slices.Clone(options), faults.Under(b.Network))...)
	b.Store = infra.NewStore(b.Client, c)
	b.Ledger = ledger.New(b.Store, time.Now)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if b.damaged {
			assert.True(t, finds(ctx, t, direct, c), "the books are damaged, and Check finds nothing")
		} else {
			Check(ctx, t, direct, c, b.Told...)
		}
	})
	return b
}

// Over is a store of the same books whose requests take another transport, as
// those of another process would.
func (b *Books) Over(transport http.RoundTripper) *infra.Store {
	return infra.NewStore(infra.NewClient(b.Config, append(slices.Clone(b.options), faults.Over(transport))...), b.Config)
}

// Env is the environment of a process that keeps these books.
func (b *Books) Env() []string {
	return []string{
		"TRANSACTIONS_TABLE=" + b.Config.TransactionsTable,
		"TRANSACTIONS_AGGREGATE_TABLE=" + b.Config.AggregateTable,
		"AWS_REGION=" + b.Config.Region,
		"AWS_ACCESS_KEY_ID=" + b.Config.Credentials.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY=" + b.Config.Credentials.SecretAccessKey,
		endpointVariable + "=" + b.Config.Endpoint,
		"AUTHORIZATION=AWS_IAM",
	}
}

// Balance is the user's balance.
func (b *Books) Balance(t testing.TB, user string) string {
	t.Helper()
	id, err := ledger.ParseUserID(user)
	require.NoError(t, err)
	balance, err := b.Ledger.Balance(t.Context(), id)
	require.NoError(t, err)
	return balance.String()
}

// Request is a request of the texts.
func Request(t testing.TB, user, key string, kind ledger.Type, amount string) ledger.Request {
	t.Helper()
	r := ledger.Request{Type: kind}
	var err error
	r.UserID, err = ledger.ParseUserID(user)
	require.NoError(t, err)
	r.IdempotencyKey, err = ledger.ParseIdempotencyKey(key)
	require.NoError(t, err)
	r.Amount, err = ledger.ParseAmount(amount)
	require.NoError(t, err)
	return r
}

// Rows is how many transactions are stored, posted and declined.
func (b *Books) Rows(t testing.TB) (rows int) {
	t.Helper()
	pages := dynamodb.NewScanPaginator(b.Client, &dynamodb.ScanInput{
		TableName: &b.Config.TransactionsTable, ConsistentRead: aws.Bool(true), Select: types.SelectCount,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		require.NoError(t, err)
		rows += int(page.Count)
	}
	return rows
}
