package infra

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// RefundAccount is a row in the transactions_aggregate table with the number and sums of
// one transaction's posted refunds. It belongs to no user: its key begins with a space, and
// no user's id does.
type RefundAccount struct {
	Of ledger.TransactionID
	ledger.Refunds
	RefundedAt time.Time // when the last refund was created
}

const (
	refundsKeyPrefix = " refunds "
	refundedPrefix   = "r"
)

// RefundsKey returns the key for a transaction's refund account.
func RefundsKey(of ledger.TransactionID) string { return refundsKeyPrefix + of.String() }

// ParseRefundsKey returns the transaction's id from a key that [RefundsKey] returned.
func ParseRefundsKey(s string) (ledger.TransactionID, error) {
	id, ok := strings.CutPrefix(s, refundsKeyPrefix)
	if !ok { // a user's id can look like a transaction's
		return ledger.TransactionID{}, fmt.Errorf("must begin with %q", refundsKeyPrefix)
	}
	return ledger.ParseTransactionID(id)
}

// IsRefundAccount reports whether a row in the transactions_aggregate table is a refund
// account.
func IsRefundAccount(row map[string]types.AttributeValue) bool {
	key, ok := row["user_id"].(*types.AttributeValueMemberS)
	return ok && strings.HasPrefix(key.Value, refundsKeyPrefix)
}

// Attributes returns the row's attributes, without the key.
func (a RefundAccount) Attributes() map[string]types.AttributeValue {
	row := item{
		"version":     integer(a.Count),
		"refunded_at": &types.AttributeValueMemberS{Value: ledger.FormatTime(a.RefundedAt)},
	}
	for place, sum := range a.Sums {
		row[refundedName(place)] = number(sum)
	}
	return row
}

func refundedName(place int) string { return refundedPrefix + strconv.Itoa(place) }

// refundedPlace returns the place of the entry whose refunded sum the attribute stores. ok
// is false if the attribute does not store a refunded sum.
func refundedPlace(attribute string) (place int, ok bool) {
	place, err := strconv.Atoi(strings.TrimPrefix(attribute, refundedPrefix))
	return place, err == nil && attribute == refundedName(place) && place >= 0
}

// IsRefundAttribute reports whether name is a refund account's attribute, but not its key.
func IsRefundAttribute(name string) bool {
	_, isSum := refundedPlace(name)
	return isSum || name == "version" || name == "refunded_at"
}

// DecodeRefundAccount reads a refund account's row as strictly as [DecodeTransaction]
// reads a transaction's.
func DecodeRefundAccount(row map[string]types.AttributeValue) (RefundAccount, error) {
	d := decoder{row: row}
	a := RefundAccount{
		Of:         decodeText(&d, "user_id", ParseRefundsKey),
		Refunds:    ledger.Refunds{Count: decodeNumber(&d, "version", atLeast(1)), Sums: map[int]ledger.Amount{}},
		RefundedAt: decodeText(&d, "refunded_at", ledger.ParseTime),
	}
	for name := range row {
		if place, ok := refundedPlace(name); ok {
			a.Sums[place] = decodeNumber(&d, name, ledger.ParseAmount)
		}
	}
	if len(a.Sums) == 0 {
		d.reject(refundedName(0), "is missing, and so is every other entry's sum")
	}
	if err := d.err("transactions_aggregate", "user_id"); err != nil {
		return RefundAccount{}, err
	}
	return a, nil
}

// countRefund returns the update that adds r to the refund account of its original; at is
// when r was created. The update fails if all refunds of an entry together would exceed its
// amount.
func (s *Store) countRefund(r *ledger.Refund, at time.Time) *types.Update {
	values := item{":one": integer(1), ":at": &types.AttributeValueMemberS{Value: ledger.FormatTime(at)}}
	var rules []string
	change := "SET refunded_at = :at ADD version :one"
	for _, p := range r.Parts {
		name := refundedName(p.Entry)
		rule := "attribute_not_exists(" + name + ")"
		if most := r.MaxBefore(p); !most.IsZero() {
			rule = fmt.Sprintf("(%s OR %s <= :max%d)", rule, name, p.Entry)
			values[fmt.Sprintf(":max%d", p.Entry)] = number(most)
		}
		rules = append(rules, rule)
		change += fmt.Sprintf(", %s :r%d", name, p.Entry)
		values[fmt.Sprintf(":r%d", p.Entry)] = number(p.Amount)
	}
	return &types.Update{
		TableName:                           &s.aggregate,
		Key:                                 refundsKey(r.Of.ID),
		ConditionExpression:                 aws.String(strings.Join(rules, " AND ")),
		UpdateExpression:                    &change,
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

func refundsKey(of ledger.TransactionID) item {
	return item{"user_id": &types.AttributeValueMemberS{Value: RefundsKey(of)}}
}

// refundRefused returns the error for a refund that the refund account does not allow. row
// is the account's row if the failed condition returned it. Otherwise refundRefused reads
// it.
func (s *Store) refundRefused(ctx context.Context, of ledger.TransactionID, row item) error {
	refunds, err := s.refunds(ctx, of, row)
	if err != nil {
		return err
	}
	return &ledger.RefusedError{Refunds: &refunds}
}

// Refunds implements [ledger.Store].
func (s *Store) Refunds(ctx context.Context, of ledger.TransactionID) (ledger.Refunds, error) {
	if err := s.ready(ctx); err != nil {
		return ledger.Refunds{}, err
	}
	return s.refunds(ctx, of, nil)
}

// refunds returns the refunds in row, a transaction's refund account. If row is empty,
// refunds reads it first.
func (s *Store) refunds(ctx context.Context, of ledger.TransactionID, row item) (ledger.Refunds, error) {
	if len(row) == 0 {
		var err error
		if row, err = s.read(ctx, s.aggregate, refundsKey(of)); err != nil {
			return ledger.Refunds{}, fmt.Errorf("read the refunds of %s: %w", of, err)
		}
		if len(row) == 0 {
			return ledger.Refunds{}, nil
		}
	}
	a, err := DecodeRefundAccount(row)
	return a.Refunds, err
}
