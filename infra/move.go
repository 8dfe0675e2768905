package infra

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// The rules that keep a balance in range, for a move that could take it out on
// that side. What a move takes is mostly also the least that it needs. A user
// without a row has the opening balance, and needs no row where that allows the
// move.
const (
	amountRule  = "balance >= :amount"
	leastRule   = "balance >= :least"
	mostRule    = "balance <= :headroom"
	newUserRule = " OR attribute_not_exists(user_id)"
)

// fewHolds is the rule that another hold may open. The holds that end in the
// same write are still counted.
const fewHolds = "(attribute_not_exists(holds) OR holds < :most)"

// The moves of a balance, of a user without a row from the opening balance. The
// version counts rows, which are mostly one. No two writes set the same
// transaction_id: the row with that id is put in the same write, if it is new.
const (
	addAmount  = "SET balance = if_not_exists(balance, :opening) + :amount, transaction_id = :id"
	takeAmount = "SET balance = if_not_exists(balance, :opening) - :amount, transaction_id = :id"
	addRows    = " ADD version :one"
	addHolds   = addRows + ", held :held, holds :holds"
)

// opening is what a user has who has no row.
var opening = number(ledger.OpeningBalance())

// moveBalance returns the write that makes a move of a posting where its rules
// hold. The first row of the posting has that id.
func (s *Store) moveBalance(m ledger.Move, first ledger.TransactionID) *types.Update {
	u := update{
		move: addAmount + addRows,
		values: item{
			":opening": opening,
			":amount":  number(m.Sum),
			":one":     integer(m.Rows),
			":id":      text(first),
		},
	}
	if m.Type == ledger.Debit {
		u.move = takeAmount + addRows
	}
	u.keepInRange(m)
	if m.Opens != nil || m.Ends != nil {
		u.changeHolds(m)
	}
	return &types.Update{
		TableName:                           &s.aggregate,
		Key:                                 item{"user_id": text(m.UserID)},
		ConditionExpression:                 &u.rule,
		UpdateExpression:                    &u.move,
		ExpressionAttributeNames:            u.names,
		ExpressionAttributeValues:           u.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// update is the write of a move as far as it is known.
type update struct {
	rule, move string
	names      map[string]string
	values     item
}

// keepInRange adds the rules for the balance, and their values.
func (u *update) keepInRange(m ledger.Move) {
	switch {
	case m.Least.IsZero():
	case m.Sum.Equal(m.Least):
		u.rule = amountRule
	default:
		u.rule = leastRule
		u.values[":least"] = number(m.Least)
	}
	if !m.Most.Equal(ledger.HighestBalance()) {
		u.require(mostRule)
		u.values[":headroom"] = number(m.Most)
	}
	if m.Ends == nil && m.Allows(ledger.OpeningBalance()) { // a user with holds has a row
		u.rule += newUserRule
	}
}

// require adds a rule.
func (u *update) require(rule string) {
	if u.rule != "" {
		u.rule += " AND "
	}
	u.rule += rule
}

// changeHolds opens and ends holds, and adds the rules for that: what ends is
// open.
func (u *update) changeHolds(m ledger.Move) {
	sum := addAmount
	if m.Type == ledger.Debit {
		sum = takeAmount
	}
	u.names = map[string]string{}
	u.values[":held"], u.values[":holds"] = number(m.Held), integer(-len(m.Ends))
	if m.Opens != nil {
		if strings.HasSuffix(u.rule, newUserRule) {
			u.rule = "(" + u.rule + ")"
		}
		u.require(fewHolds)
		u.names["#hold"] = holdName(m.Opens.TransactionID)
		u.values[":hold"] = encodeHold(*m.Opens)
		u.values[":holds"] = integer(1 - len(m.Ends))
		u.values[":most"] = integer(ledger.MaxHolds + len(m.Ends))
		sum += ", #hold = :hold"
	}
	for i, h := range m.Ends {
		name := fmt.Sprintf("#end%d", i)
		u.names[name] = holdName(h.TransactionID)
		u.require("attribute_exists(" + name + ")")
		if i == 0 {
			sum += " REMOVE " + name
		} else {
			sum += ", " + name
		}
	}
	u.move = sum + addHolds
}

// integer returns a whole number as DynamoDB's type N.
func integer(n int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.Itoa(n)}
}
