package infra

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// Store is the [ledger.Store] in DynamoDB. It is safe for concurrent use.
type Store struct {
	// Draw gives the chance in the delays between attempts: from zero up to,
	// not including, its bound. A simulation that replays sets its own.
	Draw func(bound time.Duration) time.Duration

	client       *dynamodb.Client
	transactions string
	aggregate    string
}

// NewStore keeps a ledger in the two tables of c, which must exist.
func NewStore(client *dynamodb.Client, c Config) *Store {
	return &Store{rand.N[time.Duration], client, c.TransactionsTable, c.AggregateTable}
}

// The writes of a posting, by their place in the request and so in the
// cancellation reasons.
const (
	putPosition = iota
	updatePosition
	positions
)

// conditionFailed is the code of a reason that is a condition's.
const conditionFailed = "ConditionalCheckFailed"

// idIsNew is the rule that a transaction is stored once and never changed.
const idIsNew = "attribute_not_exists(id)"

// The rules that keep a balance in range. A user without a row has the
// opening balance, for which debitOfNewUser is the rule where it covers the
// amount. Every credit fits on it.
const (
	debitInRange   = "balance >= :amount"
	debitOfNewUser = debitInRange + " OR attribute_not_exists(user_id)"
	creditInRange  = "balance <= :headroom OR attribute_not_exists(user_id)"
)

// The moves of a balance, of a user without a row from the opening balance.
const (
	addAmount  = "SET balance = if_not_exists(balance, :opening) + :amount ADD version :one"
	takeAmount = "SET balance = if_not_exists(balance, :opening) - :amount ADD version :one"
)

// Post implements [ledger.Store].
func (s *Store) Post(ctx context.Context, t ledger.Transaction) error {
	row, err := encodeTransaction(t)
	if err != nil {
		return err
	}
	writes := make([]types.TransactWriteItem, positions)
	writes[putPosition].Put = &types.Put{
		TableName:                           &s.transactions,
		Item:                                row,
		ConditionExpression:                 aws.String(idIsNew),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	writes[updatePosition].Update = s.moveBalance(t)
	_, err = s.client.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes}, s.retrying(ctx))

	if cancelled, is := errors.AsType[*types.TransactionCanceledException](err); is {
		return refusal(cancelled)
	}
	return told(err)
}

// moveBalance adds a credit or takes a debit where its rule holds.
func (s *Store) moveBalance(t ledger.Transaction) *types.Update {
	values := item{
		":opening": number(ledger.OpeningBalance),
		":amount":  number(t.Amount),
		":one":     &types.AttributeValueMemberN{Value: "1"},
	}
	var rule, move string
	switch _, fits := ledger.OpeningBalance.After(t.Type, t.Amount); {
	case t.Type == ledger.Credit:
		rule, move = creditInRange, addAmount
		values[":headroom"] = number(t.Amount.Headroom())
	case fits:
		rule, move = debitOfNewUser, takeAmount
	default:
		rule, move = debitInRange, takeAmount
	}
	return &types.Update{
		TableName:                           &s.aggregate,
		Key:                                 item{"user_id": text(t.UserID)},
		ConditionExpression:                 &rule,
		UpdateExpression:                    &move,
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// refusal says why a posting was cancelled, by its reasons. They may be mixed,
// so the order matters: a taken id is the answer whatever else failed, and
// contention may hide it, so that a balance counts only where nothing contends.
func refusal(cancelled *types.TransactionCanceledException) error {
	reasons := cancelled.CancellationReasons
	if len(reasons) != positions {
		return cancelled
	}
	put, update := reasons[putPosition], reasons[updatePosition]
	switch {
	case aws.ToString(put.Code) == conditionFailed:
		return recorded(put.Item)
	case contended(reasons):
		return told(cancelled)
	case aws.ToString(update.Code) == conditionFailed:
		balance, err := decodeBalance(update.Item)
		if err != nil {
			return err
		}
		return &ledger.OutOfRangeError{Balance: balance}
	default:
		return cancelled
	}
}

// recorded is the answer to an id that is taken, from the row that came back
// with the refusal.
func recorded(row item) error {
	t, err := DecodeTransaction(row)
	if err != nil {
		return err
	}
	return &ledger.RecordedError{Recorded: t}
}

// told is err as [ledger.Store] tells it: [ledger.ErrTryAgain] if it passes.
func told(err error) error {
	if err != nil && Transient(err) {
		return fmt.Errorf("%w: %w", ledger.ErrTryAgain, err)
	}
	return err
}

// Decline implements [ledger.Store].
func (s *Store) Decline(ctx context.Context, t ledger.Transaction) error {
	row, err := encodeTransaction(t)
	if err != nil {
		return err
	}
	_, err = s.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName:                           &s.transactions,
		Item:                                row,
		ConditionExpression:                 aws.String(idIsNew),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}, s.retrying(ctx))

	if taken, is := errors.AsType[*types.ConditionalCheckFailedException](err); is {
		return recorded(taken.Item)
	}
	return told(err)
}

// Balance implements [ledger.Store].
func (s *Store) Balance(ctx context.Context, user ledger.UserID) (ledger.Balance, error) {
	row, err := s.read(ctx, s.aggregate, item{"user_id": text(user)})
	if err != nil {
		return ledger.Balance{}, fmt.Errorf("read balance of %s: %w", user, err)
	}
	return decodeBalance(row)
}

// Transaction implements [ledger.Store].
func (s *Store) Transaction(ctx context.Context, id ledger.TransactionID) (ledger.Transaction, error) {
	row, err := s.read(ctx, s.transactions, item{"id": text(id)})
	if err != nil {
		return ledger.Transaction{}, fmt.Errorf("read transaction %s: %w", id, err)
	}
	if len(row) == 0 {
		return ledger.Transaction{}, ledger.ErrNotFound
	}
	return DecodeTransaction(row)
}

// read is one strongly consistent GetItem.
func (s *Store) read(ctx context.Context, table string, key item) (item, error) {
	out, err := s.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:      &table,
		Key:            key,
		ConsistentRead: aws.Bool(true),
	}, s.retrying(ctx))
	if err != nil {
		return nil, told(err)
	}
	return out.Item, nil
}

// text and number are the values as DynamoDB's types S and N.
func text(v fmt.Stringer) types.AttributeValue {
	return &types.AttributeValueMemberS{Value: v.String()}
}

func number(v fmt.Stringer) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: v.String()}
}

// warmWithin bounds Warm, well inside the 10 seconds of a Lambda's init.
const warmWithin = 2 * time.Second

// Warm makes the first read, of a transaction that can't be there, so that the
// connection is open and the credentials have been used before the first call.
func (s *Store) Warm(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, warmWithin)
	defer cancel()
	_, err := s.Transaction(ctx, ledger.TransactionID{})
	if errors.Is(err, ledger.ErrNotFound) {
		return nil
	}
	return err
}
