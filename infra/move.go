package infra

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// These are the rules that a move's condition can contain.
const (
	amountRule = "balance >= :amount"   // the balance covers the sum of the entries
	leastRule  = "balance >= :least"    // the balance covers each entry in turn
	mostRule   = "balance <= :headroom" // no credit lifts the balance above the ceiling
	newUser    = "attribute_not_exists(user_id)"

	debitsAllowed  = "attribute_not_exists(debits_blocked)"
	creditsAllowed = "attribute_not_exists(credits_blocked)"

	// The account's rules have not changed since they were read.
	noChange    = "attribute_not_exists(rule_changes)"
	sameChanges = "rule_changes = :seen"

	// The user can open another hold. The limit :most allows for the holds that this write
	// ends, which the attribute still counts.
	fewHolds = "(attribute_not_exists(holds) OR holds < :most)"
)

// These are the changes that a move makes. A user without a row starts from the opening
// balance. The version counts the user's rows. Every write sets a different transaction_id,
// because it also inserts the row with that id.
const (
	addAmount  = "SET balance = if_not_exists(balance, :opening) + :amount, transaction_id = :id"
	takeAmount = "SET balance = if_not_exists(balance, :opening) - :amount, transaction_id = :id"
	addRows    = " ADD version :one"
	addHolds   = addRows + ", held :held, holds :holds"
)

// moveBalance returns the update that makes move m. The parameter first is the id of the
// posting's first row.
func (s *Store) moveBalance(m ledger.Move, first ledger.TransactionID) *types.Update {
	u := update{values: item{
		":opening": s.opening,
		":amount":  number(m.Sum.Abs()),
		":one":     integer(m.Rows),
		":id":      text(first),
	}}
	u.keepInRange(m, s.settings.Opening)
	if m.Debits {
		u.rules = append(u.rules, debitsAllowed)
	}
	if m.Credits {
		u.rules = append(u.rules, creditsAllowed)
	}
	change := addAmount
	if m.Sum.IsNegative() {
		change = takeAmount
	}
	switch {
	case m.Rules != nil:
		change += u.changeRules(*m.Rules) + addRows
	case m.Opens != nil || m.Ends != nil:
		change += u.changeHolds(m) + addHolds
	default:
		change += addRows
	}
	return &types.Update{
		TableName:                           &s.aggregate,
		Key:                                 item{"user_id": text(m.UserID)},
		ConditionExpression:                 aws.String(strings.Join(u.rules, " AND ")),
		UpdateExpression:                    &change,
		ExpressionAttributeNames:            u.names,
		ExpressionAttributeValues:           u.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
}

// update collects a move's rules, and the names and values in its expressions.
type update struct {
	rules  []string
	names  map[string]string
	values item
}

// keepInRange adds the rules that keep the balance in its range, if the move could take it
// outside. A user without a row passes these rules if the opening balance allows the move.
func (u *update) keepInRange(m ledger.Move, opening ledger.Balance) {
	switch {
	case m.MinBefore.IsZero():
	case m.Sum.Abs().Equal(m.MinBefore):
		u.rules = append(u.rules, amountRule)
	default:
		u.rules = append(u.rules, leastRule)
		u.values[":least"] = number(m.MinBefore)
	}
	if !m.MaxBefore.Equal(ledger.HighestBalance()) {
		u.rules = append(u.rules, mostRule)
		u.values[":headroom"] = number(m.MaxBefore)
	}
	if u.rules != nil && m.Ends == nil && m.Allows(opening) { // if holds end, the user must have a row
		u.rules = []string{"(" + strings.Join(u.rules, " AND ") + " OR " + newUser + ")"} // in parentheses, because other rules can follow
	}
}

// changeHolds adds the rules for the hold that the move opens and those that it ends. It
// returns the changes to the holds' attributes. Only an open hold can end.
func (u *update) changeHolds(m ledger.Move) (change string) {
	u.names = map[string]string{}
	u.values[":held"], u.values[":holds"] = number(m.Held), integer(-len(m.Ends))
	if m.Opens != nil {
		u.rules = append(u.rules, fewHolds)
		u.names["#hold"] = holdName(m.Opens.TransactionID)
		u.values[":hold"] = encodeHold(*m.Opens)
		u.values[":holds"] = integer(1 - len(m.Ends))
		u.values[":most"] = integer(ledger.MaxHolds + len(m.Ends))
		change = ", #hold = :hold"
	}
	ends := make([]string, len(m.Ends))
	for i, h := range m.Ends {
		ends[i] = fmt.Sprintf("#end%d", i)
		u.names[ends[i]] = holdName(h.TransactionID)
		u.rules = append(u.rules, "attribute_exists("+ends[i]+")")
	}
	if m.Ends != nil {
		change += " REMOVE " + strings.Join(ends, ", ")
	}
	return change
}

// changeRules adds the condition that no other rule change was stored since the rules were
// read, and returns the changes to their attributes. A new credit limit also changes the
// balance, but the move's amount already includes that.
func (u *update) changeRules(c ledger.RuleChange) (change string) {
	if c.Number == 1 {
		u.rules = append(u.rules, noChange)
	} else {
		u.rules = append(u.rules, sameChanges)
		u.values[":seen"] = integer(c.Number - 1)
	}
	u.values[":number"] = integer(c.Number)
	var remove []string
	change = ", rule_changes = :number"
	for _, rule := range []struct {
		block      string
		permission ledger.Permission
	}{{debitsBlocked, c.Debits}, {creditsBlocked, c.Credits}} {
		switch rule.permission {
		case ledger.Blocked:
			change += ", " + rule.block + " = :true"
			u.values[":true"] = isTrue
		case ledger.Allowed:
			remove = append(remove, rule.block)
		}
	}
	switch limit := c.CreditLimit; {
	case limit == nil:
	case limit.IsZero():
		remove = append(remove, creditLimit)
	default:
		change += ", " + creditLimit + " = :limit"
		u.values[":limit"] = number(limit)
	}
	if remove != nil {
		change += " REMOVE " + strings.Join(remove, ", ")
	}
	return change
}

func integer(n int) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.Itoa(n)}
}
