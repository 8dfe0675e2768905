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

// Aggregate is a row in the transactions_aggregate table: a user's account, and the
// number of rows that made it from the opening balance.
type Aggregate struct {
	UserID ledger.UserID
	ledger.Account
	Version int

	// TransactionID is the first row's id in the write that last moved the balance, or
	// changed the rules. It is zero if a version without transaction_id made the row.
	TransactionID ledger.TransactionID
}

// IsNone reports whether the user has no row.
func (a Aggregate) IsNone() bool { return a.Version == 0 && a.Changes == 0 }

// Attributes returns the row's attributes, without the key. A user who never had a hold
// has no attributes for holds, and one whose rules were never changed has none for
// rules.
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
// transaction's. An absent row means the opening balance. A row is damaged if it has no
// balance, or if held and holds disagree with its open holds.
func DecodeAggregate(row map[string]types.AttributeValue) (Aggregate, error) {
	d := decoder{row: row}
	a := Aggregate{
		UserID:  decodeText(&d, "user_id", ledger.ParseUserID),
		Account: ledger.Account{Balance: decodeNumber(&d, "balance", ledger.ParseBalance)},
	}
	a.Rules = decodeRules(&d)
	least := 1
	if a.Changes > 0 { // which may have made the row
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

// decodeAccount returns the account in a user's row, or a new account without a row.
func (s *Store) decodeAccount(row item) (ledger.Account, error) {
	if len(row) == 0 {
		return ledger.Account{Balance: s.settings.Opening}, nil
	}
	a, err := DecodeAggregate(row)
	return a.Account, err
}

// atLeast returns a parser for a whole number with a minimum.
func atLeast(least int) func(string) (int, error) {
	return func(s string) (int, error) {
		n, err := strconv.Atoi(s)
		if err != nil || n < least {
			return 0, fmt.Errorf("must be a whole number of at least %d", least)
		}
		return n, nil
	}
}

// An account's rules are in these attributes. The blocks are there only while they are
// true, the limit only while it is not zero. ruleChanges counts the changes.
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
			d.reject(creditLimit, "must be above 0, or not be there")
		}
	}
	if d.row[ruleChanges] != nil || rules.DebitsBlocked || rules.CreditsBlocked || d.row[creditLimit] != nil {
		rules.Changes = decodeNumber(d, ruleChanges, atLeast(1))
	}
	return rules
}

// decodeBlock reads a block, which is true or absent.
func decodeBlock(d *decoder, name string) bool {
	value, ok := d.row[name].(*types.AttributeValueMemberBOOL)
	isBlocked := ok && value.Value
	if d.row[name] != nil && !isBlocked {
		d.reject(name, "must be true, or not be there")
	}
	return isBlocked
}

// holdPrefix begins an open hold's attribute name. Its transaction's id follows in 22
// characters, which keeps the row small.
const holdPrefix = "hold:"

func holdName(id ledger.TransactionID) string {
	return holdPrefix + base64.RawURLEncoding.EncodeToString(id[:])
}

// encodeHold returns that attribute's value: the amount, and the expiry in milliseconds
// since 1970.
func encodeHold(h ledger.Hold) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: []types.AttributeValue{
		number(h.Amount),
		&types.AttributeValueMemberN{Value: strconv.FormatInt(h.ExpiresAt.UnixMilli(), 10)},
	}}
}

// decodeHold reads an open hold's attribute.
func decodeHold(d *decoder, name string) (h ledger.Hold) {
	id, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(name, holdPrefix))
	if err != nil || len(id) != len(h.TransactionID) {
		d.reject(name, "must be named by the id of a transaction")
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

// parseMilliseconds parses a time in milliseconds since 1970.
func parseMilliseconds(s string) (time.Time, error) {
	milliseconds, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return time.Time{}, errors.New("must be milliseconds since 1970")
	}
	return time.UnixMilli(milliseconds).UTC(), nil
}

// equal rejects a number that differs from the row's own holds.
func (d *decoder) equal(name, want string) {
	got := decodeNumber(d, name, func(s string) (string, error) { return s, nil })
	if got != "" && got != want {
		d.reject(name, "is %s, and the open holds come to %s", got, want)
	}
}
