package books

import (
	"cmp"
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

// Row is a row in DynamoDB's form.
type Row = map[string]types.AttributeValue

// ClockAhead is more than the function's and this machine's clocks differ.
const ClockAhead = 15 * time.Minute

// The two tables have these attributes. Only a later version writes others, and then
// its audit must be used.
var (
	TransactionAttributes = infra.TransactionAttributes()
	AggregateAttributes   = infra.AggregateAttributes()
)

// ExamineAggregate reads a row in the aggregate table. It returns the user, if
// readable, and the row's faults. It is not ok without a readable balance.
func ExamineAggregate(s ledger.Settings, r Row) (user ledger.UserID, balance infra.Aggregate, found []Finding, ok bool) {
	damage := func(kind, detail string) {
		found = append(found, Finding{UserID: TextOf(r, "user_id"), Kind: kind, Detail: detail})
	}
	user, err := ledger.ParseUserID(TextOf(r, "user_id"))
	if err == nil {
		balance, err = infra.DecodeAggregate(r)
	}
	if err != nil {
		damage(KindBalanceRow, ReasonOf(err))
		return user, balance, found, false
	}
	if wrong := tooFineBalance(s, balance); wrong != "" {
		damage(KindBalanceRow, wrong)
		return user, balance, found, false
	}
	if strays := strays(r, AggregateAttributes, infra.IsHoldAttribute); strays != "" {
		damage(KindAttributes, strays)
	}
	return user, balance, found, true
}

// ExamineRefundAccount does the same for a refund account, a row in the aggregate
// table. It is not ok without readable sums.
func ExamineRefundAccount(s ledger.Settings, r Row) (a infra.RefundAccount, found []Finding, ok bool) {
	damage := func(kind, detail string) {
		found = append(found, Finding{UserID: TextOf(r, "user_id"), Kind: kind, Detail: detail})
	}
	a, err := infra.DecodeRefundAccount(r)
	if err != nil {
		damage(KindBalanceRow, ReasonOf(err))
		return a, found, false
	}
	if wrong := tooFineRefunds(s, a); wrong != "" {
		damage(KindBalanceRow, wrong)
		return a, found, false
	}
	if a.RefundedAt.After(time.Now().Add(ClockAhead)) {
		damage(KindTime, "refunded_at is "+ledger.FormatTime(a.RefundedAt)+", which is still to come")
	}
	if strays := strays(r, []string{"user_id"}, infra.IsRefundAttribute); strays != "" {
		damage(KindAttributes, strays)
	}
	return a, found, true
}

// ExamineTransaction reads a row in the transactions table, and returns its faults.
// Rows never change, so no write in flight explains a fault. It is not ok if the row
// can't be counted.
func ExamineTransaction(s ledger.Settings, r Row) (t ledger.Transaction, found []Finding, ok bool) {
	damage := func(kind, format string, args ...any) {
		user := cmp.Or(TextOf(r, "user_id"), TextOf(r, "account"))
		found = append(found, Finding{user, TextOf(r, "id"), kind, fmt.Sprintf(format, args...)})
	}
	t, err := infra.DecodeTransaction(r)
	if err != nil {
		damage(KindTransactionRow, "%s", ReasonOf(err))
		return t, found, false
	}
	if wrong := tooFine(s, t); wrong != "" {
		damage(KindTransactionRow, "%s", wrong)
		return t, found, false
	}
	isFirst := t.TransactionID == ledger.TransactionID{}
	if id := ledger.NewTransactionID(t.UserID, t.IdempotencyKey).String(); isFirst && id != TextOf(r, "id") {
		damage(KindTransactionID, "the id of key %q of this user is %s", t.IdempotencyKey, id)
	}
	if id := t.TransactionID.End(); t.End != "" && id != t.ID {
		damage(KindTransactionID, "the end of transaction %s has the id %s", t.TransactionID, id)
	}
	switch {
	case t.Status != ledger.Declined || t.DeclinedByBlock:
	case t.Rules != nil:
		if after := SumOf(t.BalanceSeen).Plus(SumOf(t.Rules.CreditLimit)).Minus(SumOf(t.Rules.LimitBefore)); !after.IsNegative() && !after.Exceeds(SumOf(ledger.MaxBalance())) {
			damage(KindDecline, "a limit of %s after %s is declined, which its balance of %s allowed", t.Rules.CreditLimit, t.Rules.LimitBefore, t.BalanceSeen)
		}
	default:
		e := t.AllEntries()[t.DeclinedEntry]
		if _, fits := t.BalanceSeen.After(e.Type, e.Amount); fits {
			damage(KindDecline, "a %s of %s is declined, which its balance of %s allowed", e.Type, e.Amount, t.BalanceSeen)
		}
	}
	if t.CreatedAt.After(time.Now().Add(ClockAhead)) {
		damage(KindTime, "created_at is %s, which is still to come", ledger.FormatTime(t.CreatedAt))
	}
	if strays := strays(r, TransactionAttributes, none); strays != "" {
		damage(KindAttributes, "%s", strays)
	}
	return t, found, true
}

// ReasonOf returns a row's fault, without the row's key.
func ReasonOf(err error) string {
	if row, ok := errors.AsType[*infra.RowError](err); ok {
		return row.Reason()
	}
	return err.Error()
}

func none(string) bool { return false }

// strays returns the row's attributes that the table doesn't have, or "".
func strays(r Row, known []string, alsoKnown func(name string) bool) string {
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

// TextOf returns an attribute's text, or "".
func TextOf(r Row, name string) string {
	if s, ok := r[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}
