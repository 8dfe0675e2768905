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

// A finding has one of these kinds.
const (
	KindSettings       = "settings"        // the tables have no settings row, or a damaged one
	KindBalance        = "balance"         // the balance differs from the history
	KindMover          = "mover"           // the balance names a write that did not move it
	KindBalanceRow     = "balance-row"     // a balance row that no posting has written
	KindTransactionRow = "transaction-row" // a transaction row that can't be read
	KindTransactionID  = "transaction-id"  // an id that is not derived from its user and key, or from its hold
	KindDecline        = "decline"         // declined although the balance allowed it
	KindHold           = "hold"            // an end that does not fit its pending row
	KindEntries        = "entries"         // rows that differ from their transaction's entries
	KindRefund         = "refund"          // a refund that does not fit its original, or an account that differs from the refunds
	KindRules          = "rules"           // an account's rules differ from its changes
	KindTime           = "time"            // a time in the future
	KindAttributes     = "attributes"      // a row with attributes that this program never writes
)

// Finding is one fault. The ids are as stored, and "" if unreadable.
type Finding struct {
	UserID        string `json:"userId"`
	TransactionID string `json:"transactionId,omitempty"`
	Kind          string `json:"kind"`
	Detail        string `json:"detail"`
}

// String returns the finding for a person. Texts from the tables are quoted, so
// that a terminal shows their control characters.
func (f Finding) String() string {
	of := fmt.Sprintf("user %q", f.UserID)
	if f.TransactionID != "" {
		of += fmt.Sprintf(", transaction %q", f.TransactionID)
	}
	return fmt.Sprintf("%s: %s: %s", of, f.Kind, f.Detail)
}

// Count returns a number with its noun, such as "2 rows".
func Count(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

// tooFine returns the row's sums with more decimal places than the tables' settings
// allow, which no posting writes, or "".
func tooFine(s ledger.Settings, t ledger.Transaction) string {
	f := fineness{settings: s}
	f.check("ammount", t.Amount)
	f.check("balance", t.BalanceSeen)
	f.check("held", t.Held)
	if t.Rules != nil && t.Rules.CreditLimit != nil {
		f.check("credit_limit", t.Rules.CreditLimit)
		f.check("credit_limit_before", t.Rules.LimitBefore)
	}
	for _, e := range t.Entries {
		f.check("entries", e.Amount)
	}
	return f.String()
}

// tooFineBalance does the same for a user's balance.
func tooFineBalance(s ledger.Settings, a infra.Aggregate) string {
	f := fineness{settings: s}
	f.check("balance", a.Balance)
	f.check("credit_limit", a.CreditLimit)
	for _, h := range a.Holds {
		f.check("hold", h.Amount)
	}
	return f.String()
}

// tooFineRefunds does the same for a refund account.
func tooFineRefunds(s ledger.Settings, a infra.RefundAccount) string {
	f := fineness{settings: s}
	for place, sum := range a.Sums {
		f.check(fmt.Sprint("r", place), sum)
	}
	return f.String()
}

// fineness collects the attributes with too many decimal places.
type fineness struct {
	settings ledger.Settings
	wrong    []string
}

func (f *fineness) check(name string, sum fmt.Stringer) {
	if invalid, ok := errors.AsType[*ledger.InvalidError](f.settings.CheckPlaces(sum)); ok {
		f.wrong = append(f.wrong, fmt.Sprintf("%s: is %s, %s", name, sum, invalid.Reason))
	}
}

func (f *fineness) String() string { return strings.Join(f.wrong, "; ") }
