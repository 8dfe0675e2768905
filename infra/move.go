package infra

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// The rules that keep a balance in range, for a move that could take it out on
// that side. A user without a row has the opening balance, and needs no row
// where that allows the move.
const (
	leastRule   = "balance >= "
	mostRule    = "balance <= :headroom"
	newUserRule = " OR attribute_not_exists(user_id)"
)

// The moves of a balance, of a user without a row from the opening balance. The
// version counts rows, which are mostly one.
const (
	addAmount  = "SET balance = if_not_exists(balance, :opening) + :amount ADD version :one"
	takeAmount = "SET balance = if_not_exists(balance, :opening) - :amount ADD version :one"
)

// moveBalance returns the write that makes a move where its rules hold.
func (s *Store) moveBalance(m ledger.Move) *types.Update {
	values := item{
		":opening": number(ledger.OpeningBalance()),
		":amount":  number(m.Sum),
		":one":     &types.AttributeValueMemberN{Value: strconv.Itoa(m.Rows)},
	}
	move := addAmount
	if m.Type == ledger.Debit {
		move = takeAmount
	}
	return &types.Update{
		TableName:                           &s.aggregate,
		Key:                                 item{"user_id": text(m.UserID)},
		ConditionExpression:                 aws.String(ruleOf(m, values)),
		UpdateExpression:                    &move,
		ExpressionAttributeValues:           values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// ruleOf returns the condition of a move, and adds the values that it names.
func ruleOf(m ledger.Move, values item) string {
	var rules []string
	switch least := m.Least.String(); least {
	case "0":
	case m.Sum.String():
		rules = append(rules, leastRule+":amount")
	default:
		rules = append(rules, leastRule+":least")
		values[":least"] = number(m.Least)
	}
	if !m.Most.Equal(ledger.MaxBalance()) {
		rules = append(rules, mostRule)
		values[":headroom"] = number(m.Most)
	}
	rule := strings.Join(rules, " AND ")
	if m.Allows(ledger.OpeningBalance()) {
		rule += newUserRule
	}
	return rule
}
