package infratest

import (
	"cmp"
	"context"
	"encoding/base64"
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

// These are the books' invariants, by the names that findings have.
const (
	invSettings   = "settings"   // the tables have the settings that they were begun with
	invAttributes = "attributes" // a row has its table's attributes, each with its type, and no others
	invID         = "id"         // a transaction's id is made from its user and key, and each row has a user
	invType       = "type"       // credit or debit
	invStatus     = "status"     // posted or declined
	invCreatedAt  = "created_at" // a time in UTC with milliseconds
	invAmount     = "ammount"    // from the smallest unit to 10^12
	invMetadata   = "metadata"   // as the ledger writes it
	invEntries    = "entries"    // a posted transaction with several entries has exactly their rows, and the rows have it
	invHold       = "hold"       // an open hold is a pending row without an end, and an end has a pending row
	invDecline    = "decline"    // the balance that declined a transaction was a balance, and did not allow its entry
	invRange      = "range"      // a balance is from 0 to 10^15, without parts smaller than the unit
	invVersion    = "version"    // a balance's version is its user's number of posted rows
	invBalance    = "balance"    // a balance is the opening balance plus the user's posted transactions
	invRules      = "rules"      // an account's rules are the result of its changes, and a block that declined was asked for
	invMover      = "mover"      // a balance names a write that has a row for its user
	invMissing    = "no balance" // a user who has posted has a balance
	invNobody     = "no history" // no other user has one
	invRefund     = "refund"     // a refund is the opposite of posted entries, and its account has the refunded sums, at most the posted amounts
	invAnswer     = "answer"     // an answered transaction is stored as it was answered
)

// Finding is one violated invariant.
type Finding struct {
	Invariant string
	Detail    string // the row and its fault
}

// Findings is the error for wrong books.
type Findings []Finding

// Error implements error, with a line for each finding.
func (f Findings) Error() string {
	lines := []string{"the books are wrong:"}
	for _, one := range f {
		lines = append(lines, "  "+one.Invariant+": "+one.Detail)
	}
	return strings.Join(lines, "\n")
}

// Check reads all rows of the tables and checks every invariant. The error is [Findings] if the
// books are wrong, and another if they can't be read.
//
// It shares no code with the store that it checks: it reads the rows and does the sums itself.
func (b *Books) Check(ctx context.Context) error {
	transactions, err := scan(ctx, b.direct, b.opened.TransactionsTable)
	if err != nil {
		return err
	}
	balances, err := scan(ctx, b.direct, b.opened.AggregateTable)
	if err != nil {
		return err
	}
	c := check{rows: map[string]Row{}, pending: map[string][]Row{}, users: map[string]*account{},
		refunds: map[string]map[string]*big.Rat{}, refundedAt: map[string]map[string]bool{}}
	c.begun(b.opened.Settings, transactions)
	for _, item := range transactions {
		if idOf(item) != settingsID {
			c.transaction(item)
		}
	}
	withBalance := map[string]bool{}
	c.refunded()
	for _, item := range balances {
		if user, ok := item["user_id"].(*types.AttributeValueMemberS); ok && strings.HasPrefix(user.Value, " ") {
			c.refundAccount(user.Value, item)
			continue
		}
		withBalance[c.balance(item)] = true
	}
	for key := range c.refunds {
		c.find(invRefund, "there is no account %q", key)
	}
	for _, user := range slices.Sorted(maps.Keys(c.users)) {
		if !withBalance[user] {
			c.find(invMissing, "user %q has posted %d rows", user, c.users[user].posted)
		}
	}
	c.entries()
	c.ends()
	c.blocks()
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

// check is one reading.
type check struct {
	rows    map[string]Row                 // by id
	pending map[string][]Row               // by user
	users   map[string]*account            // who have posted
	refunds map[string]map[string]*big.Rat // refunded sums, by the key of their account, until its row is read

	refundedAt map[string]map[string]bool // refund times
	findings   Findings

	opening, unit *big.Rat // from the settings
}

const settingsID = "settings"

func idOf(item map[string]types.AttributeValue) string {
	id, _ := item["id"].(*types.AttributeValueMemberS) // the table's key has this type
	return id.Value
}

// begun checks the settings row, which the tables were begun with.
func (c *check) begun(want ledger.Settings, transactions []map[string]types.AttributeValue) {
	c.opening, _ = money(attributevalue.Number(want.Opening.String()))
	c.unit = new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(want.Places)), nil))
	i := slices.IndexFunc(transactions, func(item map[string]types.AttributeValue) bool { return idOf(item) == settingsID })
	if i < 0 {
		c.find(invSettings, "there is no row of them")
		return
	}
	var row struct {
		Currency  string                `dynamodbav:"currency"`
		Places    attributevalue.Number `dynamodbav:"places"`
		Opening   attributevalue.Number `dynamodbav:"opening"`
		CreatedAt string                `dynamodbav:"created_at"`
	}
	if !c.decode(transactions[i], map[string]string{"id": "S", "currency": "S", "places": "N", "opening": "N", "created_at": "S"}, &row) {
		return
	}
	opening, _ := money(row.Opening)
	_, timeErr := time.Parse(createdAtLayout, row.CreatedAt)
	if row.Currency != want.Currency || string(row.Places) != strconv.Itoa(want.Places) || opening.Cmp(c.opening) != 0 || timeErr != nil {
		c.find(invSettings, "%+v, and the tables were begun with %s", row, want)
	}
}

// account sums a user's rows.
type account struct {
	balance, held *big.Rat
	posted        int64           // the number of rows, except declined ones
	writes        map[string]bool // the ids that the first rows of its writes may have
	changes       []Row           // to the rules
}

// account returns a user's account, which may be new.
func (c *check) account(user string) *account {
	if c.users[user] == nil {
		c.users[user] = &account{balance: new(big.Rat).Set(c.opening), held: new(big.Rat), writes: map[string]bool{}}
	}
	return c.users[user]
}

func (c *check) find(invariant, format string, args ...any) {
	c.findings = append(c.findings, Finding{invariant, fmt.Sprintf(format, args...)})
}

var ceiling, most = big.NewRat(1e15, 1), big.NewRat(1e12, 1)

// highest is the most that a balance can be: a release is never refused, and 16 releases may lift
// it over the ceiling.
var highest = big.NewRat(1e15+16e12, 1)

// transaction checks a row in the transactions table by itself.
func (c *check) transaction(item map[string]types.AttributeValue) {
	var row Row
	if !c.decode(item, attributesOf(item), &row) {
		return
	}
	c.rows[row.ID] = row
	if row.Status == "pending" {
		c.pending[row.UserID] = append(c.pending[row.UserID], row)
	}

	user, userErr := ledger.ParseUserID(cmp.Or(row.UserID, row.Account))
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
	if row.Type == "account" {
		c.rule(row)
		return
	}
	balance, held, ok := c.effect(row)
	if !ok {
		return
	}
	statuses := map[string]string{"capture": "posted", "void": "voided", "expiry": "expired"}
	switch want := statuses[row.Type]; {
	case row.Status == "declined" && row.TransactionID == "":
		c.decline(row)
		return
	case want != "" && row.Status == want:
	case want == "" && row.Status == "posted":
	case want == "" && row.Status == "pending" && row.TransactionID == "":
	default:
		c.find(invStatus, "%+v", row)
		return
	}
	u := c.account(row.UserID)
	for _, id := range firstOf(row) {
		u.writes[id] = true
	}
	u.balance.Add(u.balance, balance)
	u.held.Add(u.held, held)
	u.posted++
}

// rule notes a change of rules.
func (c *check) rule(row Row) {
	limit, _ := money(cmp.Or(row.CreditLimit, "0"))
	before, _ := money(cmp.Or(row.LimitBefore, "0"))
	seen, _ := money(cmp.Or(row.Balance, "0"))
	for _, permission := range []string{row.Debits, row.Credits} {
		if permission != "" && permission != "blocked" && permission != "allowed" {
			c.find(invRules, "%+v", row)
		}
	}
	for _, lent := range []*big.Rat{limit, before} {
		if lent.Sign() < 0 || lent.Cmp(most) > 0 || !c.isExact(lent) {
			c.find(invRules, "%+v", row)
		}
	}
	switch after := new(big.Rat).Sub(new(big.Rat).Add(seen, limit), before); {
	case row.Status == "posted":
		u := c.account(row.Account)
		u.changes, u.writes[row.ID] = append(u.changes, row), true
	case row.Status != "declined" || row.CreditLimit == "" || after.Sign() >= 0 && after.Cmp(ceiling) <= 0:
		c.find(invDecline, "without a reason: %+v", row)
	}
}

// rules checks the rules in a balance row, and returns the limit.
func (c *check) rules(row aggregate) (limit *big.Rat) {
	var want aggregate
	limit = new(big.Rat)
	changes := c.users[row.UserID].changes
	slices.SortFunc(changes, func(a, b Row) int { return cmp.Compare(numberOf(a), numberOf(b)) })
	for i, change := range changes {
		if numberOf(change) != i+1 {
			c.find(invRules, "change %d of user %q is %+v", i+1, row.UserID, change)
		}
		if change.Debits != "" {
			want.DebitsBlocked = change.Debits == "blocked"
		}
		if change.Credits != "" {
			want.CreditsBlocked = change.Credits == "blocked"
		}
		if change.CreditLimit != "" {
			if before, _ := money(change.LimitBefore); before.Cmp(limit) != 0 {
				c.find(invRules, "the limit before was %s: %+v", plain(limit), change)
			}
			limit, _ = money(change.CreditLimit)
		}
		want.RuleChanges = attributevalue.Number(fmt.Sprint(i + 1))
	}
	got, _ := money(cmp.Or(row.CreditLimit, "0"))
	if row.DebitsBlocked != want.DebitsBlocked || row.CreditsBlocked != want.CreditsBlocked || row.RuleChanges != want.RuleChanges ||
		got.Cmp(limit) != 0 || row.CreditLimit == "0" {
		c.find(invRules, "user %q has %+v, and the changes come to %+v and a limit of %s", row.UserID, row, want, plain(limit))
	}
	return limit
}

func numberOf(change Row) int {
	n, _ := strconv.Atoi(string(change.RuleChange))
	return n
}

// blocks checks that each block that declined an entry was asked for.
func (c *check) blocks() {
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		row := c.rows[id]
		if row.DeclinedBy == "" {
			continue
		}
		user, kind := row.UserID, row.Type
		if place, err := strconv.Atoi(string(row.DeclinedEntry)); err == nil && place < len(row.Entries) {
			user, kind = row.Entries[place].UserID, row.Entries[place].Type
		}
		asked := row.DeclinedBy == "block" && c.users[user] != nil && slices.ContainsFunc(c.users[user].changes, func(change Row) bool {
			return kind == "debit" && change.Debits == "blocked" || kind == "credit" && change.Credits == "blocked"
		})
		if !asked {
			c.find(invRules, "no block of user %q declined %+v", user, row)
		}
	}
}

// firstOf returns the ids that may be first in a row's write. A capture's credit is written with
// the hold's end.
func firstOf(row Row) []string {
	whole, err := ledger.ParseTransactionID(row.TransactionID)
	if err != nil {
		return []string{row.ID}
	}
	return []string{row.ID, row.TransactionID, whole.End().String()}
}

// effect returns the changes that a row makes to its user's balance and held sum.
func (c *check) effect(row Row) (balance, held *big.Rat, ok bool) {
	switch row.Type {
	case "void", "expiry":
		amount, ok := c.amount(row, row.Ammount)
		return amount, new(big.Rat).Neg(amount), ok
	case "capture":
		captured, ok := c.amount(row, row.Ammount)
		was, heldOK := c.amount(row, row.Held)
		return new(big.Rat).Sub(was, captured), new(big.Rat).Neg(was), ok && heldOK
	}
	balance, ok = c.change(row, row.Type, row.Ammount)
	held = new(big.Rat)
	if ok && row.Status == "pending" {
		held.Neg(balance)
	}
	return balance, held, ok
}

// attributesOf returns the attributes that a row of its kind must have, with their types.
func attributesOf(item map[string]types.AttributeValue) map[string]string {
	attributes := map[string]string{"id": "S", "user_id": "S", "ammount": "N", "type": "S", "status": "S", "created_at": "S"}
	text := func(name string) string {
		s, _ := item[name].(*types.AttributeValueMemberS)
		if s == nil {
			return ""
		}
		return s.Value
	}
	if text("type") == "account" {
		attributes = map[string]string{"id": "S", "account": "S", "type": "S", "status": "S", "created_at": "S", "idempotency_key": "S"}
		for name, kind := range map[string]string{"posted_by": "S", "metadata": "S", "debits": "S", "credits": "S", "credit_limit": "N"} {
			if item[name] != nil {
				attributes[name] = kind
			}
		}
		if item["credit_limit"] != nil {
			attributes["credit_limit_before"] = "N"
		}
		if text("status") == "declined" {
			attributes["balance"] = "N"
		} else {
			attributes["rule_change"] = "N"
		}
		return attributes
	}
	further := item["transaction_id"] != nil && (text("type") == "credit" || text("type") == "debit")
	if item["posted_by"] != nil && !further {
		attributes["posted_by"] = "S"
	}
	if item["refund_of"] != nil && (item["transaction_id"] == nil || further) {
		attributes["refund_of"] = "S"
	}
	if item["transaction_id"] != nil {
		attributes["transaction_id"] = "S"
		if text("type") == "capture" {
			attributes["held"] = "N"
		}
		return attributes
	}
	attributes["idempotency_key"] = "S"
	if item["refund_of"] != nil {
		attributes["refund_places"] = "L"
	}
	if item["metadata"] != nil {
		attributes["metadata"] = "S"
	}
	if item["entries"] != nil {
		attributes["entries"] = "L"
	}
	if text("status") == "pending" || item["expires_at"] != nil && text("status") == "declined" {
		attributes["expires_at"] = "S"
	}
	if text("status") == "declined" {
		attributes["balance"] = "N"
		if item["declined_by"] != nil {
			attributes["declined_by"] = "S"
		}
		if item["entries"] != nil {
			attributes["declined_entry"] = "N"
		}
	}
	return attributes
}

// amount parses a row's amount. It is not ok if it is no amount at all.
func (c *check) amount(row Row, ammount attributevalue.Number) (amount *big.Rat, ok bool) {
	amount, isNumber := money(ammount)
	if !isNumber || !c.isExact(amount) || amount.Cmp(c.unit) < 0 || amount.Cmp(most) > 0 {
		c.find(invAmount, "%+v", row)
	}
	return amount, true
}

// change returns how a row's entry changes a balance. It is not ok if the type is unknown.
func (c *check) change(row Row, kind string, ammount attributevalue.Number) (change *big.Rat, ok bool) {
	amount, ok := c.amount(row, ammount)
	switch kind {
	case "credit":
		return amount, ok
	case "debit":
		return amount.Neg(amount), ok
	}
	c.find(invType, "%+v", row)
	return nil, false
}

// decline checks that the balance that declined a transaction did not allow the named entry.
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
	seen, ok := money(row.Balance)
	after := new(big.Rat).Add(change, seen)
	if fits := after.Sign() >= 0 && (kind == "debit" || after.Cmp(ceiling) <= 0); !ok || !c.inRange(seen) || fits && row.DeclinedBy == "" {
		c.find(invDecline, "without a reason: %+v", row)
	}
}

// entries checks that each posted transaction with several entries has exactly their rows, and that
// no other row names a transaction.
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
		if first.Status == "pending" {
			end := c.rows[whole.End().String()]
			if end.Type == "capture" {
				e := first.Entries[1]
				e.Ammount = end.Ammount
				c.entry(found, first, e, whole.Entry(1).String(), end.CreatedAt)
			}
			continue
		}
		for i, e := range first.Entries[1:] {
			if first.Status == "posted" {
				c.entry(found, first, e, whole.Entry(i+1).String(), first.CreatedAt)
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		if row := c.rows[id]; row.TransactionID != "" && !found[id] && (row.Type == "credit" || row.Type == "debit") {
			c.find(invEntries, "of no transaction: %+v", row)
		}
	}
}

// entry checks a further entry's row.
func (c *check) entry(found map[string]bool, first Row, e Entry, id, createdAt string) {
	found[id] = true
	want := Row{
		ID: id, UserID: e.UserID, Ammount: e.Ammount, Type: e.Type, Status: "posted",
		CreatedAt: createdAt, TransactionID: first.ID, RefundOf: first.RefundOf,
	}
	if got := c.rows[id]; !reflect.DeepEqual(got, want) {
		c.find(invEntries, "%+v has the row %+v, not %+v", first, got, want)
	}
}

// ends checks that each end of a hold has a pending row, with the same user and sum.
func (c *check) ends() {
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		end := c.rows[id]
		held := end.Ammount
		switch end.Type {
		case "capture":
			held = end.Held
			captured, _ := money(end.Ammount)
			if was, _ := money(end.Held); captured.Cmp(was) > 0 {
				c.find(invHold, "more is captured than was held: %+v", end)
			}
		case "void", "expiry":
		default:
			continue
		}
		first := c.rows[end.TransactionID]
		whole, err := ledger.ParseTransactionID(end.TransactionID)
		if err != nil || whole.End().String() != id || first.Status != "pending" || first.UserID != end.UserID || first.Ammount != held {
			c.find(invHold, "%+v is no end of %+v", end, first)
		}
	}
}

// refunded adds up each transaction's refunds, and checks that each refund is the opposite of
// entries that moved.
func (c *check) refunded() {
	for _, id := range slices.Sorted(maps.Keys(c.rows)) {
		refund := c.rows[id]
		if refund.RefundOf == "" || refund.TransactionID != "" {
			continue
		}
		original, moved := c.moved(refund.RefundOf)
		entries := refund.entries()
		if len(refund.RefundPlaces) != len(entries) {
			c.find(invRefund, "not of a place an entry: %+v", refund)
			continue
		}
		sums := c.refunds[" refunds "+refund.RefundOf]
		if sums == nil && refund.Status == "posted" {
			sums = map[string]*big.Rat{"version": new(big.Rat)}
			c.refunds[" refunds "+refund.RefundOf], c.refundedAt[" refunds "+refund.RefundOf] = sums, map[string]bool{}
		}
		for i, e := range entries {
			opposite := map[string]string{"credit": "debit", "debit": "credit"}[e.Type]
			place := refund.RefundPlaces[i]
			if place < 0 || place >= len(original) || i > 0 && place <= refund.RefundPlaces[i-1] ||
				original[place].UserID != e.UserID || original[place].Type != opposite {
				c.find(invRefund, "%+v is not the opposite of %v", refund, original)
				continue
			}
			if refund.Status != "posted" {
				continue
			}
			name := fmt.Sprint("r", place)
			if sums[name] == nil {
				sums[name] = new(big.Rat)
			}
			amount, _ := money(e.Ammount)
			if sums[name].Add(sums[name], amount).Cmp(moved[place]) > 0 {
				c.find(invRefund, "%+v refunds more than moved: %v", refund, original)
			}
		}
		if refund.Status == "posted" {
			sums["version"].Add(sums["version"], big.NewRat(1, 1))
			c.refundedAt[" refunds "+refund.RefundOf][refund.CreatedAt] = true
		}
	}
}

// moved returns a transaction's entries and what they moved: nothing unless it is posted or
// captured, and no refund.
func (c *check) moved(id string) (entries []Entry, moved []*big.Rat) {
	row := c.rows[id]
	whole, err := ledger.ParseTransactionID(id)
	if err != nil || row.TransactionID != "" || row.RefundOf != "" {
		return nil, nil
	}
	end := c.rows[whole.End().String()]
	if row.Status != "posted" && end.Type != "capture" {
		return nil, nil
	}
	for _, e := range row.entries() {
		if row.Status == "pending" {
			e.Ammount = end.Ammount
		}
		amount, _ := money(e.Ammount)
		entries, moved = append(entries, e), append(moved, amount)
	}
	return entries, moved
}

// entries returns all entries in a first row.
func (r Row) entries() []Entry {
	if r.Entries == nil {
		return []Entry{{r.UserID, r.Type, r.Ammount}}
	}
	return r.Entries
}

// refundAccount checks that a refund account sums up its refunds' rows.
func (c *check) refundAccount(key string, item map[string]types.AttributeValue) {
	want := c.refunds[key]
	delete(c.refunds, key)
	at, _ := item["refunded_at"].(*types.AttributeValueMemberS)
	if at == nil || want != nil && !c.refundedAt[key][at.Value] {
		c.find(invRefund, "account %q was refunded last at a time of no refund: %v", key, texts(item))
	}
	for name, value := range item {
		n, ok := value.(*types.AttributeValueMemberN)
		if name == "user_id" || name == "refunded_at" {
			continue
		}
		if !ok || want[name] == nil {
			c.find(invRefund, "account %q has %s, and no refund does", key, name)
			continue
		}
		if sum, _ := money(attributevalue.Number(n.Value)); sum.Cmp(want[name]) != 0 {
			c.find(invRefund, "account %q has %s of %s, and the rows come to %s", key, name, n.Value, plain(want[name]))
		}
	}
	if len(item)-2 < len(want) {
		c.find(invRefund, "account %q lacks sums: it is %v, and the rows come to %v", key, texts(item), want)
	}
}

// balance checks a balance row, and returns its user.
func (c *check) balance(item map[string]types.AttributeValue) (user string) {
	attributes := map[string]string{"user_id": "S", "balance": "N", "version": "N"}
	open := map[string]bool{}
	for name := range item {
		switch {
		case name == "transaction_id":
			attributes[name] = "S"
		case name == "held" || name == "holds":
			attributes["held"], attributes["holds"] = "N", "N"
		case name == "debits_blocked" || name == "credits_blocked":
			attributes[name] = "BOOL"
		case name == "credit_limit" || name == "rule_changes":
			attributes[name] = "N"
		case strings.HasPrefix(name, "hold:"):
			attributes[name], open[name] = "L", true
		}
	}
	var row aggregate
	if !c.decode(item, attributes, &row) {
		user, _ := item["user_id"].(*types.AttributeValueMemberS) // the table's key has this type
		return user.Value
	}
	balance, ok := money(row.Balance)
	if !ok || !c.inRange(balance) {
		c.find(invRange, "%+v", row)
	}
	want := c.users[row.UserID]
	if want == nil {
		c.find(invNobody, "%+v", row)
		return row.UserID
	}
	if made := new(big.Rat).Add(want.balance, c.rules(row)); made.Cmp(balance) != 0 {
		c.find(invBalance, "of user %q is %s, and the rows come to %s", row.UserID, row.Balance, plain(made))
	}
	if posted := fmt.Sprint(want.posted); posted != string(row.Version) {
		c.find(invVersion, "of user %q is %s, and posted are %s", row.UserID, row.Version, posted)
	}
	if row.TransactionID != "" && !want.writes[row.TransactionID] {
		c.find(invMover, "of user %q is %s, which no row of the user belongs to", row.UserID, row.TransactionID)
	}
	c.holds(row, item, open)
	return row.UserID
}

// holds checks the user's open holds in a balance row: the pending rows without an end.
func (c *check) holds(row aggregate, item map[string]types.AttributeValue, open map[string]bool) {
	held := new(big.Rat)
	for _, first := range c.pending[row.UserID] {
		whole, err := ledger.ParseTransactionID(first.ID)
		if err != nil {
			continue
		}
		if _, ended := c.rows[whole.End().String()]; ended {
			continue
		}
		name := "hold:" + base64.RawURLEncoding.EncodeToString(whole[:])
		expires, _ := time.Parse(createdAtLayout, first.ExpiresAt)
		want := &types.AttributeValueMemberL{Value: []types.AttributeValue{
			&types.AttributeValueMemberN{Value: string(first.Ammount)},
			&types.AttributeValueMemberN{Value: fmt.Sprint(expires.UnixMilli())},
		}}
		if !reflect.DeepEqual(item[name], types.AttributeValue(want)) {
			c.find(invHold, "user %q has %s %v, not that of %+v", row.UserID, name, item[name], first)
		}
		delete(open, name)
		amount, _ := money(first.Ammount)
		held.Add(held, amount)
	}
	if len(open) > 0 {
		c.find(invHold, "user %q has holds of no pending row: %v", row.UserID, slices.Sorted(maps.Keys(open)))
	}
	if sum, _ := money(row.Held); sum.Cmp(held) != 0 || held.Cmp(c.users[row.UserID].held) != 0 {
		c.find(invHold, "user %q holds %s, and the rows come to %s", row.UserID, row.Held, plain(held))
	}
	if count := strings.Count(strings.Join(slices.Collect(maps.Keys(item)), " "), "hold:"); row.Holds != "" && fmt.Sprint(count) != string(row.Holds) {
		c.find(invHold, "user %q has %s holds, and %d attributes", row.UserID, row.Holds, count)
	}
}

// decode reads an item into a row and reports whether it has exactly these attributes, by name and
// DynamoDB type.
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

// typeOf returns DynamoDB's name for a value's type, for the types in rows.
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
	case *types.AttributeValueMemberBOOL:
		return "BOOL"
	}
	return fmt.Sprintf("%T", value)
}

// texts returns an item for a person to read.
func texts(item map[string]types.AttributeValue) map[string]any {
	text := map[string]any{}
	_ = attributevalue.UnmarshalMap(item, &text) // as far as it goes
	return text
}

// money parses a sum. It is not ok if it is no number.
func money(n attributevalue.Number) (sum *big.Rat, ok bool) {
	sum, ok = new(big.Rat).SetString(string(n))
	if !ok {
		return new(big.Rat), false
	}
	return sum, true
}

// isExact reports whether a sum has no more decimal places than the settings allow.
func (c *check) isExact(sum *big.Rat) bool { return new(big.Rat).Quo(sum, c.unit).IsInt() }

// plain returns a sum in the shortest decimal notation.
func plain(sum *big.Rat) string {
	return strings.TrimSuffix(strings.TrimRight(sum.FloatString(ledger.MaxPlaces), "0"), ".")
}

func (c *check) inRange(balance *big.Rat) bool {
	return balance.Sign() >= 0 && balance.Cmp(highest) <= 0 && c.isExact(balance)
}
