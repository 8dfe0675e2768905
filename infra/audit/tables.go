package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"onewrite/infra"
	"onewrite/infra/internal/books"
	"onewrite/infra/internal/cli"
	"onewrite/infra/internal/dynamodblocal"
	"onewrite/infra/internal/tables"
)

// connect returns a client and the table names. The environment's region and keys take precedence.
// Outside Lambda, the SDK's default chain supplies missing ones, and renews keys that expire,
// because an audit can take hours. Lambda replaces a function's environment before its keys expire.
func connect(ctx context.Context, getenv func(string) string) (*dynamodb.Client, infra.Config, error) {
	getenv = dynamodblocal.Environment(getenv)
	renew := func(*dynamodb.Options) {}
	named := getenv("TRANSACTIONS_TABLE") != "" && getenv("TRANSACTIONS_AGGREGATE_TABLE") != ""
	if named && (getenv("AWS_REGION") == "" || getenv("AWS_ACCESS_KEY_ID") == "") {
		chain, err := defaultChain(ctx)
		if err != nil {
			return nil, infra.Config{}, cli.Usagef("read the AWS configuration: %w", err)
		}
		keys, err := chain.Credentials.Retrieve(ctx)
		if err != nil {
			return nil, infra.Config{}, cli.Usagef("find credentials for AWS (set AWS_PROFILE, or sign in again): %w", err)
		}
		renew = func(o *dynamodb.Options) { o.Credentials = chain.Credentials }
		getenv = orElse(getenv, map[string]string{
			"AWS_REGION": chain.Region, "AWS_ACCESS_KEY_ID": keys.AccessKeyID,
			"AWS_SECRET_ACCESS_KEY": keys.SecretAccessKey, "AWS_SESSION_TOKEN": keys.SessionToken,
		})
	}
	config, err := infra.ConfigFromEnv(getenv)
	if err != nil {
		return nil, infra.Config{}, cli.Usagef("%w (-h lists the variables)", err)
	}
	return infra.NewClient(config, patient, renew), config, nil
}

// orElse returns a getenv that takes unset variables from values.
func orElse(getenv func(string) string, values map[string]string) func(string) string {
	return func(name string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return values[name]
	}
}

const (
	maxAttempts   = 12
	shortestDelay = 50 * time.Millisecond
	longestDelay  = 5 * time.Second
)

// patient is like [tables.Patient], but for an audit, which can run for hours. When DynamoDB
// throttles, the audit waits, which leaves the throughput to the ledger. The audit also retries a
// read that fails because the balance is being written.
func patient(o *dynamodb.Options) {
	tables.Patient(o)
	o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = maxAttempts
		r.RateLimiter = ratelimit.None
		r.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return rand.N(min(longestDelay, shortestDelay<<attempt)), nil
		})
		r.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			return aws.BoolTernary(infra.Transient(err))
		})}
	})
}

// describeAttempts is low, so that a wrong address fails quickly.
const describeAttempts = 3

// open checks that the two variables name the two tables, and notes the approximate number of
// transactions for the progress line. Without permission to describe tables, it does neither.
func (b *reader) open(ctx context.Context) error {
	transactions, err := b.describe(ctx, "TRANSACTIONS_TABLE", b.config.TransactionsTable, "id")
	if err != nil {
		return err
	}
	b.transactions = int(aws.ToInt64(transactions.ItemCount))
	_, err = b.describe(ctx, "TRANSACTIONS_AGGREGATE_TABLE", b.config.AggregateTable, "user_id")
	return err
}

// describe returns DynamoDB's description of the table that the variable names. Without permission
// it returns an empty one. A missing table, a partition key other than key, or a replica is a usage
// error.
func (b *reader) describe(ctx context.Context, variable, table, key string) (described types.TableDescription, err error) {
	out, err := b.client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table},
		func(o *dynamodb.Options) { o.RetryMaxAttempts = describeAttempts })
	if missing := (*types.ResourceNotFoundException)(nil); errors.As(err, &missing) {
		return described, cli.Usagef("%s is %s, but there is no such table in %s", variable, table, b.place())
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok && answer.ErrorCode() == "AccessDeniedException" {
		return described, nil
	}
	if err != nil {
		return described, failed(err, "describe %s in %s", table, b.place())
	}
	if has := *out.Table.KeySchema[0].AttributeName; has != key {
		return described, cli.Usagef("%s is %s, whose key is %s, not %s: it is the wrong table", variable, table, has, key)
	}
	if len(out.Table.Replicas) > 0 {
		return described, cli.Usagef("%s is %s, which has a replica in %s: replication copies the rows of a transaction one by one, "+
			"and the last of two concurrent writes wins, so balances can silently become wrong. Delete the replica, then audit",
			variable, table, aws.ToString(out.Table.Replicas[0].RegionName))
	}
	return *out.Table, nil
}

func (b *reader) place() string {
	if b.config.Endpoint == "" {
		return b.config.Region
	}
	return b.config.Endpoint + " (" + dynamodblocal.EndpointVariable + ")"
}

// readSettings reads the settings that the tables were created with. A missing or damaged row is a
// finding, and then the environment's settings are used.
func (b *reader) readSettings(ctx context.Context) error {
	r, err := b.get(ctx, b.config.TransactionsTable, "id", infra.SettingsID)
	if err != nil {
		return failed(err, "read the settings")
	}
	if len(r) == 0 {
		b.addFault("the settings row is missing")
		return nil
	}
	settings, err := infra.DecodeSettings(r)
	if err != nil {
		b.addFault(books.ReasonOf(err))
		return nil
	}
	b.config.Settings = settings
	return nil
}

func (b *reader) addFault(reason string) {
	b.faults = append(b.faults, finding{
		TransactionID: infra.SettingsID, Kind: books.KindSettings,
		Detail: fmt.Sprintf("%s; this audit uses the settings in the environment: %s", reason, b.config.Settings),
	})
}
