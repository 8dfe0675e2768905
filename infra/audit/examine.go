package main

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
	"onewrite/ledger"
)

// decodeAggregate reads a row of the aggregate table, or says what is wrong
// with it, and whose it is, if that can be read.
func decodeAggregate(r row) (user ledger.UserID, balance infra.Aggregate, damage *finding) {
	user, err := ledger.ParseUserID(textOf(r, "user_id"))
	if err == nil {
		balance, err = infra.DecodeAggregate(r)
	}
	if err != nil {
		return user, balance, &finding{UserID: textOf(r, "user_id"), Kind: kindBalanceRow, Detail: err.Error()}
	}
	return user, balance, nil
}

// examine reads a row of the transactions table and looks for what is wrong
// with the row itself. Rows never change, so no write in flight explains it.
// It is not ok where nothing can be counted. a.mu is held.
func (a *audit) examine(r row) (t ledger.Transaction, ok bool) {
	damage := func(kind, detail string) {
		a.find(finding{UserID: textOf(r, "user_id"), TransactionID: textOf(r, "id"), Kind: kind, Detail: detail})
	}
	t, err := infra.DecodeTransaction(r)
	if err != nil {
		damage(kindTransactionRow, err.Error())
		return t, false
	}
	if id := ledger.NewTransactionID(t.UserID, t.IdempotencyKey).String(); id != textOf(r, "id") {
		damage(kindTransactionID, fmt.Sprintf("the id of key %q of this user is %s", t.IdempotencyKey, id))
	}
	if _, fits := t.BalanceSeen.After(t.Type, t.Amount); fits && t.Status == ledger.Declined {
		damage(kindDecline, fmt.Sprintf("a %s of %s is declined, which its balance of %s allowed", t.Type, t.Amount, t.BalanceSeen))
	}
	return t, true
}

// textOf returns an attribute's text, or "".
func textOf(r row, name string) string {
	if s, ok := r[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
