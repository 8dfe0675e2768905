package infratest

import (
	"context"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// The invariants of the books, by the names that findings have.
const (
	invAttributes = "attributes" // a row has the attributes of its table, each of its type, and no others
	invID         = "id"         // a transaction's id is the one of its user and key, and each row has a user
	invType       = "type"       // credit or debit
	invStatus     = "status"     // posted or declined
	invCreatedAt  = "created_at" // a time in UTC with milliseconds
	invAmount     = "ammount"    // from 0.01 to 10^12, with at most two decimal places
	invMetadata   = "metadata"   // as the ledger writes it
	invEntries    = "entries"    // a posted transaction of several entries has exactly their rows, and the rows have it
	invDecline    = "decline"    // the balance that declined a transaction was a balance, and did not allow its entry
	invRange      = "range"      // a balance is from 0 to 10^15, with at most two decimal places
	invVersion    = "version"    // a balance's version is the number of its user's posted rows
	invBalance    = "balance"    // a balance is the opening balance and the sum of its user's posted transactions
	invMissing    = "no balance" // a user who has posted has a balance
	invNobody     = "no history" // nobody else has one
	invAnswer     = "answer"     // what a caller was answered is stored as it was answered
)

// Finding is one violation of an invariant.
type Finding struct {
	Invariant string
	Detail    string // which row, and what is wrong with it
}

// Findings is the error of books that are wrong.
type Findings []Finding

// Error implements error. It has a line for each finding.
func (f Findings) Error() string {
	lines := []string{"the books are wrong:"}
	for _, one := range f {
		lines = append(lines, "  "+one.Invariant+": "+one.Detail)
	}
	return strings.Join(lines, "\n")
}

// Check reads all rows of the tables and checks every invariant of the books.
// The error is [Findings] if they are wrong, and another if they can't be read.
//
// It reads the rows by itself and does its own sums: it shares no code with
// the store that it checks.
func (b *Books) Check(ctx context.Context) error {
	transactions, err := scan(ctx, b.direct, b.opened.TransactionsTable)
	if err != nil {
		return err
	}
	balances, err := scan(ctx, b.direct, b.opened.AggregateTable)
	if err != nil {
		return err
	}
	c := check{rows: map[string]Row{}, sums: map[string]*big.Rat{}, posted: map[string]int64{}}
	for _, item := range transactions {
		c.transaction(item)
	}
	withBalance := map[string]bool{}
	for _, item := range balances {
		withBalance[c.balance(item)] = true
	}
	for _, user := range slices.Sorted(maps.Keys(c.posted)) {
		if !withBalance[user] {
			c.find(invMissing, "user %q has posted %d transactions", user, c.posted[user])
		}
	}
	c.entries()
	for _, transaction := range b.Answered {
		if want, got := rowOf(transaction), c.rows[transaction.ID.String()]; !reflect.DeepEqual(got, want) {
			c.find(invAnswer, "answered was %+v, and stored is %+v", want, got)
		}
	}
	if c.findings != nil {
		return c.findings
	}
	return nil
}

// check is one reading of the books.
type check struct {
	rows     map[string]Row      // by id
	sums     map[string]*big.Rat // of the posted transactions, by user
	posted   map[string]int64    // how many those are
	findings Findings
}

func (c *check) find(invariant, format string, args ...any) {
	c.findings = append(c.findings, Finding{invariant, fmt.Sprintf(format, args...)})
}

var opening, ceiling, most, cent = big.NewRat(100, 1), big.NewRat(1e15, 1), big.NewRat(1e12, 1), big.NewRat(1, 100)

// transaction checks a row of the transactions table by itself.
func (c *check) transaction(item map[string]types.AttributeValue) {
	var row Row
	if !c.decode(item, attributesOf(item), &row) {
		return
	}
	c.rows[row.ID] = row

	user, userErr := ledger.ParseUserID(row.UserID)
	if row.TransactionID == "" {
		key, keyErr := ledger.ParseIdempotencyKey(row.IdempotencyKey)
		if userErr != nil || keyErr != nil || ledger.NewTransactionID(user, key).String() != row.ID {
			c.find(invID, "not that of the user and the key: %+v", row)
		}
	} else if userErr != nil {
		c.find(invID, "of no user: %+v", row)
	}
	if at, err := time.Parse(createdAtLayout, row.CreatedAt); err != nil || at.Format(createdAtLayout) != row.CreatedAt {
		c.find(invCreatedAt, "%+v", row)
	}
	if _, err := ledger.ParseMetadata(row.Metadata); err != nil && row.Metadata != "" {
		c.find(invMetadata, "%+v", row)
	}
	change, ok := c.change(row, row.Type, row.Ammount)
	if !ok {
		return
	}
	switch row.Status {
	case "posted":
		if c.sums[row.UserID] == nil {
			c.sums[row.UserID] = new(big.Rat).Set(opening)
		}
		c.sums[row.UserID].Add(c.sums[row.UserID], change)
		c.posted[row.UserID]++
	case "declined":
		c.decline(row)
	default:
		c.find(invStatus, "%+v", row)
	}
}

// attributesOf returns the attributes that a row must have, going by its kind,
// with their types.
func attributesOf(item map[string]types.AttributeValue) map[string]string {
	attributes := map[string]string{"id": "S", "user_id": "S", "ammount": "N", "type": "S", "status": "S", "created_at": "S"}
	if item["transaction_id"] != nil {
		attributes["transaction_id"] = "S"
		return attributes
	}
	attributes["idempotency_key"] = "S"
	if item["metadata"] != nil {
		attributes["metadata"] = "S"
	}
	if item["entries"] != nil {
		attributes["entries"] = "L"
	}
	if status, ok := item["status"].(*types.AttributeValueMemberS); ok && status.Value == "declined" {
		attributes["balance"] = "N"
		if item["entries"] != nil {
			attributes["declined_entry"] = "N"
		}
	}
	return attributes
}

// change returns what an entry of a row adds to a balance. It is not ok for a
// type that is none.
func (c *check) change(row Row, kind string, ammount attributevalue.Number) (change *big.Rat, ok bool) {
	amount, ok := money(ammount)
	if !ok || amount.Cmp(cent) < 0 || amount.Cmp(most) > 0 {
		c.find(invAmount, "%+v", row)
	}
	switch kind {
	case "credit":
		return amount, true
	case "debit":
		return amount.Neg(amount), true
	}
	c.find(invType, "%+v", row)
	return nil, false
}

// decline checks that the balance that declined a transaction did not allow
// the entry that it names.
func (c *check) decline(row Row) {
	kind, ammount := row.Type, row.Ammount
	if row.Entries != nil {
		place, err := strconv.Atoi(string(row.DeclinedEntry))
		if err != nil || place < 0 || place >= len(row.Entries) {
			c.find(invDecline, "by no entry: %+v", row)
			return
		}
		kind, ammount = row.Entries[place].Type, row.Entries[place].Ammount
	}
	change, ok := c.change(row, kind, ammount)
	if !ok {
		return
	}
	if seen, ok := money(row.Balance); !ok || !inRange(seen) || inRange(change.Add(change, seen)) {
		c.find(invDecline, "without a reason: %+v", row)
	}
}

// entries checks that each posted transaction of several entries has exactly
// their rows, and that no other row names a transaction.
func (c *check) entries() {
	found := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		first := c.rows[id]
		if first.Entries == nil {
			continue
		}
		whole, err := ledger.ParseTransactionID(id)
		if own := (Entry{first.UserID, first.Type, first.Ammount}); err != nil || len(first.Entries) < 2 || first.Entries[0] != own {
			c.find(invEntries, "not those of the row: %+v", first)
			continue
		}
		for i, e := range first.Entries[1:] {
			row := whole.Entry(i + 1).String()
			found[row] = first.Status == "posted"
			want := Row{
				ID: row, UserID: e.UserID, Ammount: e.Ammount, Type: e.Type, Status: "posted",
				CreatedAt: first.CreatedAt, TransactionID: id,
			}
			if found[row] && !reflect.DeepEqual(c.rows[row], want) {
				c.find(invEntries, "entry %d of %+v has the row %+v", i+1, first, c.rows[row])
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		if row := c.rows[id]; row.TransactionID != "" && !found[id] {
			c.find(invEntries, "of no transaction: %+v", row)
		}
	}
}

// balance checks a row of the aggregate table, and returns its user.
func (c *check) balance(item map[string]types.AttributeValue) (user string) {
	var row aggregate
	if !c.decode(item, map[string]string{"user_id": "S", "balance": "N", "version": "N"}, &row) {
		user, _ := item["user_id"].(*types.AttributeValueMemberS) // the table's key has this type
		return user.Value
	}
	balance, ok := money(row.Balance)
	if !ok || !inRange(balance) {
		c.find(invRange, "%+v", row)
	}
	want := c.sums[row.UserID]
	if want == nil {
		c.find(invNobody, "%+v", row)
		return row.UserID
	}
	if want.Cmp(balance) != 0 {
		c.find(invBalance, "of user %q is %s, and the transactions come to %s", row.UserID, row.Balance, want.FloatString(2))
	}
	if posted := fmt.Sprint(c.posted[row.UserID]); posted != string(row.Version) {
		c.find(invVersion, "of user %q is %s, and posted are %s", row.UserID, row.Version, posted)
	}
	return row.UserID
}

// decode reads an item into a row if it has exactly these attributes: names, and
// DynamoDB's types of them. It reports whether that is so.
func (c *check) decode(item map[string]types.AttributeValue, attributes map[string]string, row any) (ok bool) {
	ok = true
	mismatch := func(format string, args ...any) {
		ok = false
		c.find(invAttributes, format+" in %v", append(args, texts(item))...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if got := typeOf(item[name]); got != attributes[name] {
			mismatch("%s is %s, not %s", name, got, attributes[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(item)) {
		if attributes[name] == "" {
			mismatch("unknown %s", name)
		}
	}
	if !ok {
		return false
	}
	if err := attributevalue.UnmarshalMap(item, row); err != nil {
		mismatch("%v", err)
	}
	return ok
}

// typeOf returns DynamoDB's name for the type of a value, of the types that
// rows have.
func typeOf(value types.AttributeValue) string {
	switch value.(type) {
	case nil:
		return "missing"
	case *types.AttributeValueMemberS:
		return "S"
	case *types.AttributeValueMemberN:
		return "N"
	case *types.AttributeValueMemberL:
		return "L"
	}
	return fmt.Sprintf("%T", value)
}

// texts returns an item for a person to read.
func texts(item map[string]types.AttributeValue) map[string]any {
	text := map[string]any{}
	_ = attributevalue.UnmarshalMap(item, &text) // as far as it goes
	return text
}

// money returns a sum of dollars, and whether it has at most two decimal places.
func money(n attributevalue.Number) (sum *big.Rat, ok bool) {
	sum, ok = new(big.Rat).SetString(string(n))
	if !ok {
		return new(big.Rat), false
	}
	return sum, new(big.Rat).Quo(sum, cent).IsInt()
}

func inRange(balance *big.Rat) bool { return balance.Sign() >= 0 && balance.Cmp(ceiling) <= 0 }
