package infra

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// Aggregate is a user's row in the transactions_aggregate table. Version counts the user's
// rows in the transactions table, except declined ones and rule changes.
type Aggregate struct {
	UserID ledger.UserID
	ledger.Account
	Version int

	// TransactionID names the write that last changed the balance or the rules: it is the
	// id of that write's first row. It is zero after a rebuild, and if only older versions
	// of the program, which don't set transaction_id, have written the row.
	TransactionID ledger.TransactionID
}

// IsNone reports whether the user has no row.
func (a Aggregate) IsNone() bool { return a.Version == 0 && a.Changes == 0 }

// Attributes returns the row's attributes without the key. It includes held and holds only
// if hadHolds is true, and attributes for rules only if rules were ever changed.
func (a Aggregate) Attributes(hadHolds bool) map[string]types.AttributeValue {
	row := item{
		"balance": number(a.Balance),
		"version": integer(a.Version),
	}
	if hadHolds {
		row["held"] = number(ledger.Held(a.Holds))
		row["holds"] = integer(len(a.Holds))
	}
	if a.DebitsBlocked {
		row[debitsBlocked] = isTrue
	}
	if a.CreditsBlocked {
		row[creditsBlocked] = isTrue
	}
	if !a.CreditLimit.IsZero() {
		row[creditLimit] = number(a.CreditLimit)
	}
	if a.Changes > 0 {
		row[ruleChanges] = integer(a.Changes)
	}
	for _, h := range a.Holds {
		row[holdName(h.TransactionID)] = encodeHold(h)
	}
	return row
}

// DecodeAggregate reads a user's row as strictly as [DecodeTransaction] reads a
// transaction's. A row is damaged if it has no balance, or if held and holds disagree with
// its open holds. The caller handles an absent row, which means the opening balance.
func DecodeAggregate(row map[string]types.AttributeValue) (Aggregate, error) {
	d := decoder{row: row}
	a := Aggregate{
		UserID:  decodeText(&d, "user_id", ledger.ParseUserID),
		Account: ledger.Account{Balance: decodeNumber(&d, "balance", ledger.ParseBalance)},
	}
	a.Rules = decodeRules(&d)
	least := 1
	if a.Changes > 0 { // a rule change may have created the row, with version 0
		least = 0
	}
	a.Version = decodeNumber(&d, "version", atLeast(least))
	if row["transaction_id"] != nil {
		a.TransactionID = decodeText(&d, "transaction_id", ledger.ParseTransactionID)
	}
	for name := range row {
		if strings.HasPrefix(name, holdPrefix) {
			a.Holds = append(a.Holds, decodeHold(&d, name))
		}
	}
	if a.Holds != nil || row["held"] != nil || row["holds"] != nil {
		d.equal("held", ledger.Held(a.Holds).String())
		d.equal("holds", strconv.Itoa(len(a.Holds)))
	}
	if err := d.err("transactions_aggregate", "user_id"); err != nil {
		return Aggregate{}, err
	}
	return a, nil
}

// decodeAccount returns the account in a user's row, or a new account if the row is absent.
func (s *Store) decodeAccount(row item) (ledger.Account, error) {
	if len(row) == 0 {
		return ledger.Account{Balance: s.settings.Opening}, nil
	}
	a, err := DecodeAggregate(row)
	return a.Account, err
}

func atLeast(least int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < least {
			return 0, fmt.Errorf("must be a whole number of at least %d", least)
		}
		return n, nil
	}
}

// These attributes store an account's rules. A block is stored only while it is on, and the
// limit only while it is above zero. ruleChanges counts the changes.
const (
	debitsBlocked  = "debits_blocked"
	creditsBlocked = "credits_blocked"
	creditLimit    = "credit_limit"
	ruleChanges    = "rule_changes"
)

var isTrue = &types.AttributeValueMemberBOOL{Value: true}

func decodeRules(d *decoder) (rules ledger.Rules) {
	rules.DebitsBlocked, rules.CreditsBlocked = decodeBlock(d, debitsBlocked), decodeBlock(d, creditsBlocked)
	if d.row[creditLimit] != nil {
		if rules.CreditLimit = decodeNumber(d, creditLimit, ledger.ParseCreditLimit); rules.CreditLimit.IsZero() {
			d.reject(creditLimit, "must be above 0 or absent")
		}
	}
	if d.row[ruleChanges] != nil || rules.DebitsBlocked || rules.CreditsBlocked || d.row[creditLimit] != nil {
		rules.Changes = decodeNumber(d, ruleChanges, atLeast(1))
	}
	return rules
}

// decodeBlock reads the attribute of a debit or credit block, which must be true or absent.
func decodeBlock(d *decoder, name string) bool {
	value, ok := d.row[name].(*types.AttributeValueMemberBOOL)
	isBlocked := ok && value.Value
	if d.row[name] != nil && !isBlocked {
		d.reject(name, "must be true or absent")
	}
	return isBlocked
}

// holdPrefix starts the name of an open hold's attribute. The transaction's id follows in
// base64, which takes 22 characters and keeps the row small.
const holdPrefix = "hold:"

func holdName(id ledger.TransactionID) string {
	return holdPrefix + base64.RawURLEncoding.EncodeToString(id[:])
}

// encodeHold returns the value of an open hold's attribute: the amount, and the expiry in
// milliseconds since 1970.
func encodeHold(h ledger.Hold) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: []types.AttributeValue{
		number(h.Amount),
		&types.AttributeValueMemberN{Value: strconv.FormatInt(h.ExpiresAt.UnixMilli(), 10)},
	}}
}

func decodeHold(d *decoder, name string) (h ledger.Hold) {
	id, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(name, holdPrefix))
	if err != nil || len(id) != len(h.TransactionID) {
		d.reject(name, "the name must contain a transaction's id")
		return h
	}
	list, ok := d.row[name].(*types.AttributeValueMemberL)
	if !ok || len(list.Value) != 2 {
		d.reject(name, "must be a list of an amount and a time")
		return h
	}
	fields := decoder{row: item{"ammount": list.Value[0], "expires_at": list.Value[1]}, prefix: name + "."}
	h = ledger.Hold{
		TransactionID: ledger.TransactionID(id),
		Amount:        decodeNumber(&fields, "ammount", ledger.ParseAmount),
		ExpiresAt:     decodeNumber(&fields, "expires_at", parseMilliseconds),
	}
	d.wrong = append(d.wrong, fields.wrong...)
	return h
}

func parseMilliseconds(s string) (time.Time, error) {
	milliseconds, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, errors.New("must be milliseconds since 1970")
	}
	return time.UnixMilli(milliseconds).UTC(), nil
}

// equal rejects a number attribute that differs from want, the value that the row's open
// holds imply.
func (d *decoder) equal(name, want string) {
	got := decodeNumber(d, name, func(s string) (string, error) { return s, nil })
	if got != "" && got != want {
		d.reject(name, "is %s, but the open holds add up to %s", got, want)
	}
}
