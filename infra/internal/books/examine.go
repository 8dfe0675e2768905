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

// Row is a row as DynamoDB returns it.
type Row = map[string]types.AttributeValue

// clockAhead is the largest accepted difference between the function's clock and this
// machine's.
const clockAhead = 15 * time.Minute

// These are the attributes of the two tables. If a later version writes others, use the
// audit of that version.
var (
	TransactionAttributes = infra.TransactionAttributes()
	AggregateAttributes   = infra.AggregateAttributes()
)

// faults collects the findings about one row.
type faults struct {
	user, id string
	found    []Finding
}

func (f *faults) add(kind, format string, args ...any) {
	f.found = append(f.found, Finding{f.user, f.id, kind, fmt.Sprintf(format, args...)})
}

// addStrays adds a finding for attributes that the table doesn't have.
func (f *faults) addStrays(r Row, isKnown func(name string) bool) {
	var strays []string
	for _, name := range slices.Sorted(maps.Keys(r)) {
		if !isKnown(name) {
			strays = append(strays, fmt.Sprintf("%.50q", name))
		}
	}
	if strays != nil {
		f.add(KindAttributes, "unknown attributes: %s", strings.Join(strays, ", "))
	}
}

// addFuture adds a finding if the time at is more than clockAhead in the future.
func (f *faults) addFuture(name string, at time.Time) {
	if at.After(time.Now().Add(clockAhead)) {
		f.add(KindTime, "%s is %s, which is in the future", name, ledger.FormatTime(at))
	}
}

// money is an amount, balance or sum in a row, with the attribute's name.
type money struct {
	name  string
	value fmt.Stringer
}

// checkPlaces returns an error if a value has more decimal places than the tables' settings
// allow. No posting writes such a value.
func checkPlaces(s ledger.Settings, values []money) error {
	var wrong []string
	for _, v := range values {
		if invalid, ok := errors.AsType[*ledger.InvalidError](s.CheckPlaces(v.value)); ok {
			wrong = append(wrong, fmt.Sprintf("%s: is %s, %s", v.name, v.value, invalid.Reason))
		}
	}
	if wrong == nil {
		return nil
	}
	return errors.New(strings.Join(wrong, "; "))
}

// ExamineAggregate decodes a balance row and returns the row's faults. If the user or the
// balance is invalid, ok is false, but user is still set if it can be read.
func ExamineAggregate(s ledger.Settings, r Row) (user ledger.UserID, balance infra.Aggregate, found []Finding, ok bool) {
	f := faults{user: TextOf(r, "user_id")}
	user, err := ledger.ParseUserID(f.user)
	if err == nil {
		balance, err = infra.DecodeAggregate(r)
	}
	values := []money{{"balance", balance.Balance}, {"credit_limit", balance.CreditLimit}}
	for _, h := range balance.Holds {
		values = append(values, money{"hold", h.Amount})
	}
	if err = cmp.Or(err, checkPlaces(s, values)); err != nil {
		f.add(KindBalanceRow, "%s", ReasonOf(err))
		return user, balance, f.found, false
	}
	f.addStrays(r, func(name string) bool {
		return slices.Contains(AggregateAttributes, name) || infra.IsHoldAttribute(name)
	})
	return user, balance, f.found, true
}

// ExamineRefundAccount decodes a refund account, which is also a row in the aggregate
// table, and returns the row's faults. ok is false if one of its values is invalid.
func ExamineRefundAccount(s ledger.Settings, r Row) (a infra.RefundAccount, found []Finding, ok bool) {
	f := faults{user: TextOf(r, "user_id")}
	a, err := infra.DecodeRefundAccount(r)
	var values []money
	for place, sum := range a.Sums {
		values = append(values, money{fmt.Sprint("r", place), sum})
	}
	if err = cmp.Or(err, checkPlaces(s, values)); err != nil {
		f.add(KindBalanceRow, "%s", ReasonOf(err))
		return a, f.found, false
	}
	f.addFuture("refunded_at", a.RefundedAt)
	f.addStrays(r, func(name string) bool { return name == "user_id" || infra.IsRefundAttribute(name) })
	return a, f.found, true
}

// ExamineTransaction decodes a transaction row and returns its faults. Rows never change,
// so a fault can't come from a write in progress. ok is false if the row can't be counted.
func ExamineTransaction(s ledger.Settings, r Row) (t ledger.Transaction, found []Finding, ok bool) {
	f := faults{user: cmp.Or(TextOf(r, "user_id"), TextOf(r, "account")), id: TextOf(r, "id")}
	t, err := infra.DecodeTransaction(r)
	if err == nil {
		err = checkPlaces(s, moneyOf(t))
	}
	if err != nil {
		f.add(KindTransactionRow, "%s", ReasonOf(err))
		return t, f.found, false
	}
	switch t.Kind() {
	case ledger.FirstRow, ledger.RulesRow:
		if id := ledger.NewTransactionID(t.UserID, t.IdempotencyKey).String(); id != f.id {
			f.add(KindTransactionID, "the id for key %q of this user should be %s", t.IdempotencyKey, id)
		}
	case ledger.EndRow:
		if id := t.TransactionID.End(); id != t.ID {
			f.add(KindTransactionID, "the end of transaction %s should have the id %s", t.TransactionID, id)
		}
	case ledger.EntryRow: // compared with its first row, by the checksums
	}
	f.addDecline(t)
	f.addFuture("created_at", t.CreatedAt)
	f.addStrays(r, func(name string) bool { return slices.Contains(TransactionAttributes, name) })
	return t, f.found, true
}

// addDecline adds a finding if the balance in a declined row allowed the request.
func (f *faults) addDecline(t ledger.Transaction) {
	switch {
	case t.Status != ledger.Declined || t.DeclinedByBlock:
	case t.Rules != nil:
		if after := SumOf(t.BalanceSeen).Plus(SumOf(t.Rules.CreditLimit)).Minus(SumOf(t.Rules.LimitBefore)); !after.IsNegative() && !after.Exceeds(SumOf(ledger.MaxBalance())) {
			f.add(KindDecline, "a change of the limit from %s to %s was declined, but its balance of %s allowed it", t.Rules.LimitBefore, t.Rules.CreditLimit, t.BalanceSeen)
		}
	default:
		e := t.AllEntries()[t.DeclinedEntry]
		if _, fits := t.BalanceSeen.After(e.Type, e.Amount); fits {
			f.add(KindDecline, "a %s of %s was declined, but its balance of %s allowed it", e.Type, e.Amount, t.BalanceSeen)
		}
	}
}

func moneyOf(t ledger.Transaction) []money {
	values := []money{{"ammount", t.Amount}, {"balance", t.BalanceSeen}, {"held", t.Held}}
	if t.Rules != nil && t.Rules.CreditLimit != nil {
		values = append(values, money{"credit_limit", t.Rules.CreditLimit}, money{"credit_limit_before", t.Rules.LimitBefore})
	}
	for _, e := range t.Entries {
		values = append(values, money{"entries", e.Amount})
	}
	return values
}

// ReasonOf returns an error's message, without the row's key.
func ReasonOf(err error) string {
	if row, ok := errors.AsType[*infra.RowError](err); ok {
		return row.Reason()
	}
	return err.Error()
}

// TextOf returns the value of a string attribute, or "".
func TextOf(r Row, name string) string {
	if s, ok := r[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// These are the kinds of finding.
const (
	KindSettings       = "settings"        // the tables have no settings row, or a damaged one
	KindBalance        = "balance"         // the balance differs from the history
	KindMover          = "mover"           // the balance names a write that did not change it
	KindBalanceRow     = "balance-row"     // a balance row with invalid values
	KindTransactionRow = "transaction-row" // a transaction row with invalid values
	KindTransactionID  = "transaction-id"  // an id that is not derived from its user and key, or from its hold
	KindDecline        = "decline"         // a decline although the balance allowed the request
	KindHold           = "hold"            // a hold's end that does not match its pending row
	KindEntries        = "entries"         // rows that differ from their transaction's entries
	KindRefund         = "refund"          // a refund that does not match its original, or a refund account that differs from the refunds
	KindRules          = "rules"           // account rules that differ from the rule changes
	KindTime           = "time"            // a time in the future
	KindAttributes     = "attributes"      // a row with attributes that this program never writes
)

// Finding is one fault in the tables. The ids are as stored, or "" if they can't be read.
type Finding struct {
	UserID        string `json:"userId"`
	TransactionID string `json:"transactionId,omitempty"`
	Kind          string `json:"kind"`
	Detail        string `json:"detail"`
}

// String describes the finding for people. Values from the tables are quoted, so that
// control characters are escaped on a terminal.
func (f Finding) String() string {
	of := fmt.Sprintf("user %q", f.UserID)
	if f.TransactionID != "" {
		of += fmt.Sprintf(", transaction %q", f.TransactionID)
	}
	return fmt.Sprintf("%s: %s: %s", of, f.Kind, f.Detail)
}

// Count returns a number with its noun, such as "1 row" or "2 rows".
func Count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}
