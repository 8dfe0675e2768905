package infra

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// Store is the [ledger.Store] in DynamoDB. It is safe for concurrent use.
type Store struct {
	client       *dynamodb.Client
	transactions string
	aggregate    string
	settings     ledger.Settings
	opening      types.AttributeValue // encoded once, because most writes contain it
	jitter       func(bound time.Duration) time.Duration
	storm        storm

	unconfirmed atomic.Bool // whether Start failed to read the tables' settings
}

// An Option configures a new [Store].
type Option func(*Store)

// WithJitter sets the source of random delays. jitter must return a duration from zero up
// to its bound, exclusive. A simulation sets it to get the same delays in every run.
func WithJitter(jitter func(bound time.Duration) time.Duration) Option {
	return func(s *Store) { s.jitter = jitter }
}

// NewStore returns a store that keeps a ledger in c's two tables, which must exist.
// Call [Store.Start] before the first call, unless the tables are known to have c's
// settings.
func NewStore(client *dynamodb.Client, c Config, options ...Option) *Store {
	s := &Store{
		client:       client,
		transactions: c.TransactionsTable,
		aggregate:    c.AggregateTable,
		settings:     c.Settings,
		opening:      number(c.Settings.Opening),
		jitter:       rand.N[time.Duration],
	}
	for _, option := range options {
		option(s)
	}
	return s
}

// Settings implements [ledger.Store].
func (s *Store) Settings() ledger.Settings { return s.settings }

// idIsNew is the condition for every new row, so a row is stored once and never changes. It
// is a variable so that all requests can point to it.
var idIsNew = "attribute_not_exists(id)"

// Post implements [ledger.Store].
func (s *Store) Post(ctx context.Context, p ledger.Posting) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	writes := make([]types.TransactWriteItem, 0, p.Items())
	for _, t := range p.Rows {
		row, err := EncodeTransaction(t)
		if err != nil {
			return err
		}
		writes = append(writes, types.TransactWriteItem{Put: &types.Put{
			TableName:                           &s.transactions,
			Item:                                row,
			ConditionExpression:                 &idIsNew,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}})
	}
	for _, m := range p.Moves {
		writes = append(writes, types.TransactWriteItem{Update: s.moveBalance(m, p.Rows[0].ID)})
	}
	if p.Refund != nil {
		writes = append(writes, types.TransactWriteItem{Update: s.countRefund(p.Refund, p.Rows[0].CreatedAt)})
	}
	retry := s.retryPosting(ctx, p)
	retry.awaitTurn()
	_, err := s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes}, retry.use)
	err = s.postError(ctx, p, err)
	if refused, ok := errors.AsType[*ledger.RefusedError](err); ok {
		refused.Unknown = retry.unknown
	}
	return err
}

// storeError wraps a transient error in [ledger.ErrTryAgain].
func storeError(err error) error {
	if err != nil && Transient(err) {
		return fmt.Errorf("%w: %w", ledger.ErrTryAgain, err)
	}
	return err
}

// Decline implements [ledger.Store].
func (s *Store) Decline(ctx context.Context, t ledger.Transaction) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	row, err := EncodeTransaction(t)
	if err != nil {
		return err
	}
	err = s.putNew(ctx, row)
	if taken, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return s.recorded(ctx, t.ID, taken.Item)
	}
	return storeError(err)
}

// putNew puts a row into the transactions table if its id is new. Otherwise the error
// is a *[types.ConditionalCheckFailedException], usually with the stored row.
func (s *Store) putNew(ctx context.Context, row item) error {
	_, err := s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &s.transactions,
		Item:                                row,
		ConditionExpression:                 &idIsNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, s.retrying(ctx))
	return err
}

// Account implements [ledger.Store].
func (s *Store) Account(ctx context.Context, user ledger.UserID) (ledger.Account, error) {
	if err := s.ready(ctx); err != nil {
		return ledger.Account{}, err
	}
	row, err := s.accountRow(ctx, user)
	if err != nil {
		return ledger.Account{}, err
	}
	return s.decodeAccount(row)
}

// accountRow returns the row of a user's account, or nil if it is absent.
func (s *Store) accountRow(ctx context.Context, user ledger.UserID) (item, error) {
	row, err := s.read(ctx, s.aggregate, item{"user_id": text(user)})
	if err != nil {
		return nil, fmt.Errorf("read account of %s: %w", user, err)
	}
	return row, nil
}

// Transaction implements [ledger.Store].
func (s *Store) Transaction(ctx context.Context, id ledger.TransactionID) (ledger.Transaction, error) {
	if err := s.ready(ctx); err != nil {
		return ledger.Transaction{}, err
	}
	row, err := s.read(ctx, s.transactions, item{"id": text(id)})
	if err != nil {
		return ledger.Transaction{}, fmt.Errorf("read transaction %s: %w", id, err)
	}
	if len(row) == 0 {
		return ledger.Transaction{}, ledger.ErrNotFound
	}
	return DecodeTransaction(row)
}

// read sends one strongly consistent GetItem.
func (s *Store) read(ctx context.Context, table string, key item) (item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &table,
		Key:            key,
		ConsistentRead: aws.Bool(true),
	}, s.retrying(ctx))
	if err != nil {
		return nil, storeError(err)
	}
	return out.Item, nil
}

// text and number return values as DynamoDB's types S and N.
func text(v fmt.Stringer) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: v.String()}
}

func number(v fmt.Stringer) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: v.String()}
}
