package infra

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// Aggregate is a row of the transactions_aggregate table: a user's account, and the
// number of rows that made it from the opening balance.
type Aggregate struct {
	UserID ledger.UserID
	ledger.Account
	Version int

	// TransactionID is the id of the first row of the write that last moved the
	// balance. It is zero if a version without transaction_id made the row.
	TransactionID ledger.TransactionID
}

// Attributes returns the attributes of the account's row, without the key. A user
// who never had a hold has no attributes for holds.
func (a Aggregate) Attributes(hadHolds bool) map[string]types.AttributeValue {
	row := item{
		"balance": number(a.Balance),
		"version": integer(a.Version),
	}
	if hadHolds {
		row["held"] = number(ledger.Held(a.Holds))
		row["holds"] = integer(len(a.Holds))
	}
	for _, h := range a.Holds {
		row[holdName(h.TransactionID)] = encodeHold(h)
	}
	return row
}

// DecodeAggregate reads a row of the transactions_aggregate table as strictly as
// [DecodeTransaction] reads its own. No row at all means the opening balance. A row
// is damaged if it has no balance, or if held and holds disagree with its open
// holds.
func DecodeAggregate(row map[string]types.AttributeValue) (Aggregate, error) {
	d := decoder{row: row}
	a := Aggregate{
		UserID:  decodeText(&d, "user_id", ledger.ParseUserID),
		Account: ledger.Account{Balance: decodeNumber(&d, "balance", ledger.ParseBalance)},
		Version: decodeNumber(&d, "version", parseVersion),
	}
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

// decodeAccount returns the account of a user's row, or of a user without a row.
func (s *Store) decodeAccount(row item) (ledger.Account, error) {
	if len(row) == 0 {
		return ledger.Account{Balance: s.settings.Opening}, nil
	}
	a, err := DecodeAggregate(row)
	return a.Account, err
}

// parseVersion parses the number of rows that made a balance, at least one.
func parseVersion(s string) (int, error) {
	version, err := strconv.Atoi(s)
	if err != nil || version < 1 {
		return 0, errors.New("must be a whole number of at least 1")
	}
	return version, nil
}

// holdPrefix begins the name of an open hold's attribute. The id of its transaction
// follows in 22 characters, which keeps the row small.
const holdPrefix = "hold:"

// holdName returns the name of an open hold's attribute in its user's row.
func holdName(id ledger.TransactionID) string {
	return holdPrefix + base64.RawURLEncoding.EncodeToString(id[:])
}

// encodeHold returns the value of that attribute: the amount, and the expiry in
// milliseconds since 1970.
func encodeHold(h ledger.Hold) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: []types.AttributeValue{
		number(h.Amount),
		&types.AttributeValueMemberN{Value: strconv.FormatInt(h.ExpiresAt.UnixMilli(), 10)},
	}}
}

// decodeHold reads the attribute of an open hold.
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

// equal rejects a number that differs from the sum of the row's holds.
func (d *decoder) equal(name, want string) {
	got := decodeNumber(d, name, func(s string) (string, error) { return s, nil })
	if got != "" && got != want {
		d.reject(name, "is %s, and the open holds come to %s", got, want)
	}
}
