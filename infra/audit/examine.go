package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
	"onewrite/ledger"
)

// clockAhead is more than the clocks of the function and of this machine differ.
const clockAhead = 15 * time.Minute

// The attributes of the two tables. A row with others was not written by this
// program, or by a later version of it, whose audit must be used then.
var (
	transactionAttributes = infra.TransactionAttributes()
	aggregateAttributes   = infra.AggregateAttributes()
)

// examineAggregate reads a row of the aggregate table, and returns whose it is, if
// that can be read, and what is wrong with the row itself. It is not ok where it
// holds no balance.
func examineAggregate(r row) (user ledger.UserID, balance infra.Aggregate, found []finding, ok bool) {
	damage := func(kind, detail string) {
		found = append(found, finding{UserID: textOf(r, "user_id"), Kind: kind, Detail: detail})
	}
	user, err := ledger.ParseUserID(textOf(r, "user_id"))
	if err == nil {
		balance, err = infra.DecodeAggregate(r)
	}
	if err != nil {
		damage(kindBalanceRow, reasonOf(err))
		return user, balance, found, false
	}
	if strays := strays(r, aggregateAttributes, infra.IsHoldAttribute); strays != "" {
		damage(kindAttributes, strays)
	}
	return user, balance, found, true
}

// examineTransaction reads a row of the transactions table and looks for what is
// wrong with the row itself. Rows never change, so no write in flight explains it.
// It is not ok where nothing can be counted.
func examineTransaction(r row) (t ledger.Transaction, found []finding, ok bool) {
	damage := func(kind, format string, args ...any) {
		found = append(found, finding{textOf(r, "user_id"), textOf(r, "id"), kind, fmt.Sprintf(format, args...)})
	}
	t, err := infra.DecodeTransaction(r)
	if err != nil {
		damage(kindTransactionRow, "%s", reasonOf(err))
		return t, found, false
	}
	isFirst := t.TransactionID == ledger.TransactionID{}
	if id := ledger.NewTransactionID(t.UserID, t.IdempotencyKey).String(); isFirst && id != textOf(r, "id") {
		damage(kindTransactionID, "the id of key %q of this user is %s", t.IdempotencyKey, id)
	}
	if t.Status == ledger.Declined {
		e := t.AllEntries()[t.DeclinedEntry]
		if _, fits := t.BalanceSeen.After(e.Type, e.Amount); fits {
			damage(kindDecline, "a %s of %s is declined, which its balance of %s allowed", e.Type, e.Amount, t.BalanceSeen)
		}
	}
	if t.CreatedAt.After(time.Now().Add(clockAhead)) {
		damage(kindTime, "created_at is %s, which is still to come", ledger.FormatTime(t.CreatedAt))
	}
	if strays := strays(r, transactionAttributes, nobody); strays != "" {
		damage(kindAttributes, "%s", strays)
	}
	return t, found, true
}

// examine does what [examineTransaction] does, and notes what it finds. a.mu is held.
func (a *audit) examine(r row) (t ledger.Transaction, ok bool) {
	t, found, ok := examineTransaction(r)
	a.find(found...)
	return t, ok
}

// reasonOf says what is wrong with a row, and not which row it is.
func reasonOf(err error) string {
	if row, ok := errors.AsType[*infra.RowError](err); ok {
		return row.Reason()
	}
	return err.Error()
}

func nobody(string) bool { return false }

// strays says which attributes of a row are none of the table's, or "".
func strays(r row, known []string, alsoKnown func(name string) bool) string {
	var strays []string
	for _, name := range slices.Sorted(maps.Keys(r)) {
		if !slices.Contains(known, name) && !alsoKnown(name) {
			strays = append(strays, fmt.Sprintf("%.50q", name))
		}
	}
	if strays == nil {
		return ""
	}
	return "the table has no attribute " + strings.Join(strays, ", ")
}

// textOf returns an attribute's text, or "".
func textOf(r row, name string) string {
	if s, ok := r[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
