package infra

import (
	"fmt"
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

// fewHolds is the rule that another hold may open. The holds that end in the
// same write are still counted.
const fewHolds = "(attribute_not_exists(holds) OR holds < :most)"

// The moves of a balance, of a user without a row from the opening balance. The
// version counts rows, which are mostly one.
const (
	addAmount  = "SET balance = if_not_exists(balance, :opening) + :amount"
	takeAmount = "SET balance = if_not_exists(balance, :opening) - :amount"
	addRows    = " ADD version :one"
)

// moveBalance returns the write that makes a move where its rules hold.
func (s *Store) moveBalance(m ledger.Move) *types.Update {
	u := update{values: item{
		":opening": number(ledger.OpeningBalance()),
		":amount":  number(m.Sum),
		":one":     integer(m.Rows),
	}}
	u.move = addAmount
	if m.Type == ledger.Debit {
		u.move = takeAmount
	}
	rules := u.rangeRules(m)
	added := addRows
	if m.Opens != nil || m.Ends != nil {
		rules = append(rules, u.holds(m)...)
		added += ", held :held, holds :holds"
	}
	return &types.Update{
		TableName:                           &s.aggregate,
		Key:                                 item{"user_id": text(m.UserID)},
		ConditionExpression:                 aws.String(strings.Join(rules, " AND ")),
		UpdateExpression:                    aws.String(u.move + added),
		ExpressionAttributeNames:            u.names,
		ExpressionAttributeValues:           u.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// update is the write of a move as far as it is known.
type update struct {
	move   string
	names  map[string]string
	values item
}

// rangeRules returns the rules for the balance, and adds their values.
func (u *update) rangeRules(m ledger.Move) (rules []string) {
	switch least := m.Least.String(); least {
	case "0":
	case m.Sum.String():
		rules = append(rules, leastRule+":amount")
	default:
		rules = append(rules, leastRule+":least")
		u.values[":least"] = number(m.Least)
	}
	if !m.Most.Equal(ledger.HighestBalance()) {
		rules = append(rules, mostRule)
		u.values[":headroom"] = number(m.Most)
	}
	if rules == nil || m.Ends != nil || !m.Allows(ledger.OpeningBalance()) {
		return rules // a user with holds has a row
	}
	rule := strings.Join(rules, " AND ") + newUserRule
	if m.Opens != nil {
		rule = "(" + rule + ")"
	}
	return []string{rule}
}

// holds opens and ends holds, and returns the rules for that: what ends is open.
func (u *update) holds(m ledger.Move) (rules []string) {
	u.names = map[string]string{}
	u.values[":held"], u.values[":holds"] = number(m.Held), integer(-len(m.Ends))
	if m.Opens != nil {
		rules = append(rules, fewHolds)
		u.names["#hold"] = holdName(m.Opens.TransactionID)
		u.values[":hold"] = encodeHold(*m.Opens)
		u.values[":holds"] = integer(1 - len(m.Ends))
		u.values[":most"] = integer(ledger.MaxHolds + len(m.Ends))
		u.move += ", #hold = :hold"
	}
	var ended []string
	for i, h := range m.Ends {
		name := fmt.Sprintf("#end%d", i)
		u.names[name] = holdName(h.TransactionID)
		rules = append(rules, "attribute_exists("+name+")")
		ended = append(ended, name)
	}
	if ended != nil {
		u.move += " REMOVE " + strings.Join(ended, ", ")
	}
	return rules
}

// integer returns a whole number as DynamoDB's type N.
func integer(n int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.Itoa(n)}
}
