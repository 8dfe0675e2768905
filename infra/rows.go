package infra

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/cockroachdb/apd/v3"

	"onewrite/ledger"
)

// item is a set of attributes by name, such as a row or its key.
type item = map[string]types.AttributeValue

type transactionRow struct {
	ID             string                `dynamodbav:"id"`
	UserID         string                `dynamodbav:"user_id,omitempty"` // absent in a rule change, which keeps it out of the index
	Ammount        attributevalue.Number `dynamodbav:"ammount,omitempty"`
	Type           string                `dynamodbav:"type"`
	Status         string                `dynamodbav:"status"`
	IdempotencyKey string                `dynamodbav:"idempotency_key,omitempty"`
	CreatedAt      string                `dynamodbav:"created_at"`
	Entries        []entryRow            `dynamodbav:"entries,omitempty"`
	Metadata       string                `dynamodbav:"metadata,omitempty"`
	Balance        attributevalue.Number `dynamodbav:"balance,omitempty"`        // in a decline
	DeclinedEntry  attributevalue.Number `dynamodbav:"declined_entry,omitempty"` // in a decline with several entries
	ExpiresAt      string                `dynamodbav:"expires_at,omitempty"`     // in a hold, even a declined one
	TransactionID  string                `dynamodbav:"transaction_id,omitempty"` // in an end, and in every entry's row but the first
	Held           attributevalue.Number `dynamodbav:"held,omitempty"`           // in a capture
	PostedBy       string                `dynamodbav:"posted_by,omitempty"`      // the caller; absent in a further entry, and in a release by a posting
	RefundOf       string                `dynamodbav:"refund_of,omitempty"`      // in a refund
	RefundPlaces   []int                 `dynamodbav:"refund_places,omitempty"`  // in a refund's first row
	DeclinedBy     string                `dynamodbav:"declined_by,omitempty"`    // in a decline by a block

	// Only rule changes have these.
	Account     string                `dynamodbav:"account,omitempty"` // the user
	Debits      string                `dynamodbav:"debits,omitempty"`
	Credits     string                `dynamodbav:"credits,omitempty"`
	CreditLimit attributevalue.Number `dynamodbav:"credit_limit,omitempty"`
	LimitBefore attributevalue.Number `dynamodbav:"credit_limit_before,omitempty"`
	RuleChange  attributevalue.Number `dynamodbav:"rule_change,omitempty"` // the change's number, from 1; absent if declined
}

// rulesType is the type of a rule change's row.
const rulesType = "account"

// byBlock is the value of declined_by if a block declined the transaction.
const byBlock = "block"

// entryRow is an entry in the first row of a transaction with several entries.
type entryRow struct {
	UserID  string                `dynamodbav:"user_id"`
	Type    string                `dynamodbav:"type"`
	Ammount attributevalue.Number `dynamodbav:"ammount"`
}

// EncodeTransaction returns a transaction's row as the store writes it.
func EncodeTransaction(t ledger.Transaction) (map[string]types.AttributeValue, error) {
	row := transactionRow{
		ID:             t.ID.String(),
		UserID:         t.UserID.String(),
		Ammount:        attributevalue.Number(t.Amount.String()),
		Type:           string(t.Type),
		Status:         string(t.Status),
		IdempotencyKey: t.IdempotencyKey.String(),
		CreatedAt:      ledger.FormatTime(t.CreatedAt),
		Metadata:       t.Metadata.String(),
		PostedBy:       t.PostedBy.String(),
		RefundPlaces:   t.RefundPlaces,
	}
	if t.IsRefund() {
		row.RefundOf = t.RefundOf.String()
	}
	for _, e := range t.Entries {
		row.Entries = append(row.Entries, entryRow{e.UserID.String(), string(e.Type), attributevalue.Number(e.Amount.String())})
	}
	if t.Status == ledger.Declined {
		row.Balance = attributevalue.Number(t.BalanceSeen.String())
		if t.Entries != nil {
			row.DeclinedEntry = attributevalue.Number(strconv.Itoa(t.DeclinedEntry))
		}
	}
	if t.DeclinedByBlock {
		row.DeclinedBy = byBlock
	}
	if !t.ExpiresAt.IsZero() {
		row.ExpiresAt = ledger.FormatTime(t.ExpiresAt)
	}
	if t.TransactionID != (ledger.TransactionID{}) {
		row.TransactionID = t.TransactionID.String()
	}
	if t.Kind() == ledger.EndRow {
		row.Type = string(t.End)
	}
	if t.End == ledger.Capture {
		row.Held = attributevalue.Number(t.Held.String())
	}
	if t.Rules != nil {
		row.encodeRules(t)
	}
	return attributevalue.MarshalMap(row)
}

// encodeRules turns the row into the row of a rule change.
func (row *transactionRow) encodeRules(t ledger.Transaction) {
	row.UserID, row.Account, row.Type, row.Ammount = "", t.UserID.String(), rulesType, ""
	row.Debits, row.Credits = string(t.Rules.Debits), string(t.Rules.Credits)
	if t.Rules.CreditLimit != nil {
		row.CreditLimit = attributevalue.Number(t.Rules.CreditLimit.String())
		row.LimitBefore = attributevalue.Number(t.Rules.LimitBefore.String())
	}
	if t.Status == ledger.Posted {
		row.RuleChange = attributevalue.Number(strconv.Itoa(t.Rules.Number))
	}
}

// DecodeTransaction reads a row of the transactions table strictly. Each kind of row must
// have its attributes, with the right types and values, and none that belong to other
// kinds. A [*RowError] means that the table is damaged, and lists every fault. Unknown
// attributes are ignored, because a later version may write some.
func DecodeTransaction(row map[string]types.AttributeValue) (ledger.Transaction, error) {
	d := decoder{row: row}
	kind, _ := row["type"].(*types.AttributeValueMemberS)
	isRules := kind != nil && kind.Value == rulesType
	t := ledger.Transaction{ID: decodeText(&d, "id", ledger.ParseTransactionID)}
	if !isRules {
		t.UserID = decodeText(&d, "user_id", ledger.ParseUserID)
		t.Amount = decodeNumber(&d, "ammount", ledger.ParseAmount)
		d.absent("a row of this type", ofRules...)
	}
	t.Status = decodeText(&d, "status", ledger.ParseStatus)
	t.CreatedAt = decodeText(&d, "created_at", ledger.ParseTime)
	if row["posted_by"] != nil {
		t.PostedBy = decodeText(&d, "posted_by", ledger.ParseCaller)
	}
	if row["refund_of"] != nil {
		t.RefundOf = decodeText(&d, "refund_of", ledger.ParseTransactionID)
	}
	switch {
	case isRules:
		decodeRuleChange(&d, &t)
	case row["transaction_id"] == nil:
		decodeFirst(&d, &t)
	case kind != nil && (kind.Value == string(ledger.Credit) || kind.Value == string(ledger.Debit)):
		decodeFurther(&d, &t)
	default:
		decodeEnd(&d, &t)
	}
	if err := d.err("transactions", "id"); err != nil {
		return ledger.Transaction{}, err
	}
	return t, nil
}

// ofRules are the attributes that only rule changes have.
var ofRules = []string{"account", "debits", "credits", creditLimit, "credit_limit_before", "rule_change"}

func decodeRuleChange(d *decoder, t *ledger.Transaction) {
	t.Rules = &ledger.RuleChange{}
	t.UserID = decodeText(d, "account", ledger.ParseUserID)
	t.IdempotencyKey = decodeText(d, "idempotency_key", ledger.ParseIdempotencyKey)
	if d.row["metadata"] != nil {
		t.Metadata = decodeText(d, "metadata", ledger.ParseMetadata)
	}
	for name, permission := range map[string]*ledger.Permission{"debits": &t.Rules.Debits, "credits": &t.Rules.Credits} {
		if d.row[name] != nil {
			*permission = decodeText(d, name, ledger.ParsePermission)
		}
	}
	if d.row[creditLimit] != nil {
		t.Rules.CreditLimit = new(decodeNumber(d, creditLimit, ledger.ParseCreditLimit))
		t.Rules.LimitBefore = decodeNumber(d, "credit_limit_before", ledger.ParseCreditLimit)
	} else {
		d.absent("a row without a limit", "credit_limit_before")
	}
	if err := t.Rules.Check(); err != nil {
		d.reject("type", "%s", reasonOf(err))
	}
	d.absent("a row of this type", "user_id", "ammount", "transaction_id", "entries", "expires_at", "held", "declined_entry", "declined_by", "refund_of", "refund_places")
	switch t.Status {
	case ledger.Posted:
		t.Rules.Number = decodeNumber(d, "rule_change", atLeast(1))
		d.absent("a posted row", "balance")
	case ledger.Declined:
		t.BalanceSeen = decodeNumber(d, "balance", ledger.ParseBalance)
		d.absent("a declined row", "rule_change")
		if t.Rules.CreditLimit == nil {
			d.reject("status", "must not be declined in a change without a limit")
		}
	case ledger.Pending, ledger.Voided, ledger.Expired:
		d.reject("status", "is %q, must be posted or declined", t.Status)
	}
}

func decodeFirst(d *decoder, t *ledger.Transaction) {
	t.Type = decodeText(d, "type", ledger.ParseType)
	t.IdempotencyKey = decodeText(d, "idempotency_key", ledger.ParseIdempotencyKey)
	if d.row["metadata"] != nil {
		t.Metadata = decodeText(d, "metadata", ledger.ParseMetadata)
	}
	if d.row["entries"] != nil {
		t.Entries = decodeEntries(d)
		if len(t.Entries) < 2 || !t.Entries[0].Equal(t.Entry()) {
			d.reject("entries", "must be at least two, and the first must be the row's own")
		}
	}
	if d.row["refund_of"] != nil {
		t.RefundPlaces = decodePlaces(d, len(t.AllEntries()))
		d.absent("a refund", "expires_at")
	} else {
		d.absent("a row without a refund_of", "refund_places")
	}
	d.absent("a row without a transaction_id", "held")
	switch t.Status {
	case ledger.Posted:
		d.absent("a posted row", "balance", "declined_entry", "declined_by", "expires_at")
	case ledger.Pending:
		decodeExpiry(d, t)
		d.absent("a pending row", "balance", "declined_entry", "declined_by")
	case ledger.Declined:
		if d.row["expires_at"] != nil {
			decodeExpiry(d, t)
		}
		decodeDecline(d, t)
	case ledger.Voided, ledger.Expired:
		d.reject("status", "is %q, which only the end of a hold can have", t.Status)
	}
}

// decodeExpiry reads the expiry of a hold, even of a declined one.
func decodeExpiry(d *decoder, t *ledger.Transaction) {
	t.ExpiresAt = decodeText(d, "expires_at", ledger.ParseTime)
	if !t.ExpiresAt.IsZero() && !t.ExpiresAt.After(t.CreatedAt) {
		d.reject("expires_at", "must be after created_at")
	}
	if err := ledger.CheckHold(t.AllEntries()); err != nil {
		d.reject("expires_at", "%s", reasonOf(err))
	}
}

func decodeDecline(d *decoder, t *ledger.Transaction) {
	t.BalanceSeen = decodeNumber(d, "balance", ledger.ParseBalance)
	if d.row["declined_by"] != nil {
		t.DeclinedByBlock = decodeText(d, "declined_by", parseDeclinedBy) == byBlock
	}
	if t.Entries == nil {
		d.absent("a row of one entry", "declined_entry")
		return
	}
	t.DeclinedEntry = decodeNumber(d, "declined_entry", parsePlace)
	if t.DeclinedEntry >= len(t.Entries) {
		d.reject("declined_entry", "is %d, must be the place of one of %d entries", t.DeclinedEntry, len(t.Entries))
	}
}

// notBesideTransactionID are attributes that no row with a transaction_id has.
var notBesideTransactionID = []string{"idempotency_key", "metadata", "entries", "expires_at", "balance", "declined_entry", "refund_places", "declined_by"}

func decodeFurther(d *decoder, t *ledger.Transaction) {
	t.Type = decodeText(d, "type", ledger.ParseType)
	t.TransactionID = decodeText(d, "transaction_id", ledger.ParseTransactionID)
	d.absent("a row with a transaction_id", append(notBesideTransactionID, "held")...)
	d.absent("a row of a further entry", "posted_by")
	if t.Status != ledger.Posted && t.Status != "" {
		d.reject("status", "must be posted on a row with a transaction_id")
	}
}

func decodeEnd(d *decoder, t *ledger.Transaction) {
	t.End = decodeText(d, "type", ledger.ParseEnd)
	t.TransactionID = decodeText(d, "transaction_id", ledger.ParseTransactionID)
	d.absent("a row with a transaction_id", append(notBesideTransactionID, "refund_of")...)
	if want := t.End.Status(); t.Status != want && want != "" && t.Status != "" {
		d.reject("status", "is %q, must be %q for this type", t.Status, want)
	}
	if t.End == ledger.Capture {
		t.Held = decodeNumber(d, "held", ledger.ParseAmount)
		if t.Amount.More(t.Held) {
			d.reject("held", "is %s, must be at least the captured amount", t.Held)
		}
	} else {
		d.absent("a row of this type", "held")
	}
}

func decodeEntries(d *decoder) (entries []ledger.Entry) {
	list, ok := d.row["entries"].(*types.AttributeValueMemberL)
	if !ok {
		d.reject("entries", "%s", wrongType(d.row["entries"], "L"))
		return nil
	}
	for i, value := range list.Value {
		name := fmt.Sprintf("entries[%d]", i)
		fields, ok := value.(*types.AttributeValueMemberM)
		if !ok {
			d.reject(name, "%s", wrongType(value, "M"))
			continue
		}
		e := decoder{row: fields.Value, prefix: name + "."}
		entries = append(entries, ledger.Entry{
			UserID: decodeText(&e, "user_id", ledger.ParseUserID),
			Type:   decodeText(&e, "type", ledger.ParseType),
			Amount: decodeNumber(&e, "ammount", ledger.ParseAmount),
		})
		d.wrong = append(d.wrong, e.wrong...)
	}
	return entries
}

// decodePlaces reads the places of the refunded entries. There must be one for each entry.
func decodePlaces(d *decoder, entries int) (places []int) {
	list, ok := d.row["refund_places"].(*types.AttributeValueMemberL)
	if !ok {
		d.reject("refund_places", "%s", wrongType(d.row["refund_places"], "L"))
		return nil
	}
	for i, value := range list.Value {
		name := fmt.Sprintf("refund_places[%d]", i)
		one := decoder{row: item{name: value}}
		place := decodeNumber(&one, name, parsePlace)
		if i > 0 && place <= places[i-1] {
			one.reject(name, "must be after the previous place")
		}
		d.wrong, places = append(d.wrong, one.wrong...), append(places, place)
	}
	if len(places) != entries {
		d.reject("refund_places", "must have one place for each of %d entries", entries)
	}
	return places
}

// parseDeclinedBy parses declined_by, which can only be byBlock.
func parseDeclinedBy(s string) (string, error) {
	if s != byBlock {
		return "", errors.New("must be " + byBlock)
	}
	return s, nil
}

// parsePlace parses an entry's place, from 0.
func parsePlace(s string) (int, error) {
	place, err := strconv.Atoi(s)
	if err != nil || place < 0 {
		return 0, errors.New("must be a whole number of at least 0")
	}
	return place, nil
}

// decoder reads attributes from a row, or from a map in a row, and collects their faults.
// prefix is the map's name.
type decoder struct {
	row    item
	prefix string
	wrong  []string
}

// err returns a [*RowError] with the row's faults, or nil.
func (d *decoder) err(table, key string) error {
	if d.wrong == nil {
		return nil
	}
	name := ""
	if s, ok := d.row[key].(*types.AttributeValueMemberS); ok {
		name = s.Value
	}
	return &RowError{Table: table, Key: name, Wrong: d.wrong}
}

// reject records a fault of an attribute.
func (d *decoder) reject(name, format string, arguments ...any) {
	d.wrong = append(d.wrong, d.prefix+name+": "+fmt.Sprintf(format, arguments...))
}

// absent rejects each of the named attributes that the row has. where describes the row.
func (d *decoder) absent(where string, names ...string) {
	for _, name := range names {
		if d.row[name] != nil {
			d.reject(name, "must not be on %s", where)
		}
	}
}

func decodeText[T any](d *decoder, name string, parse func(string) (T, error)) (parsed T) {
	s, ok := d.row[name].(*types.AttributeValueMemberS)
	if !ok {
		d.reject(name, "%s", wrongType(d.row[name], "S"))
		return parsed
	}
	parsed, err := parse(s.Value)
	if err != nil {
		d.reject(name, "is %.50q, %s", s.Value, reasonOf(err))
	}
	return parsed
}

// decodeNumber parses the shortest plain notation of an N attribute's value, because
// DynamoDB keeps a number's value but not its notation.
func decodeNumber[T any](d *decoder, name string, parse func(string) (T, error)) (parsed T) {
	n, ok := d.row[name].(*types.AttributeValueMemberN)
	if !ok {
		d.reject(name, "%s", wrongType(d.row[name], "N"))
		return parsed
	}
	value, _, err := apd.NewFromString(n.Value)
	if err != nil {
		d.reject(name, "is %.50q, must be a number", n.Value)
		return parsed
	}
	value.Reduce(value)
	parsed, err = parse(value.Text('f'))
	switch {
	case err != nil && value.Negative: // the parser would only report the minus sign as wrong notation
		d.reject(name, "is %.50s, must not be negative", n.Value)
	case err != nil:
		d.reject(name, "is %.50s, %s", n.Value, reasonOf(err))
	}
	return parsed
}

// reasonOf returns the reason from a parser's error, without the rest of its message.
func reasonOf(err error) string {
	if invalid, ok := errors.AsType[*ledger.InvalidError](err); ok {
		return invalid.Reason
	}
	return err.Error()
}

func wrongType(v types.AttributeValue, want string) string {
	if v == nil {
		return "is missing"
	}
	// The SDK's type for S is *types.AttributeValueMemberS.
	return fmt.Sprintf("is of type %s, must be %s", strings.TrimPrefix(fmt.Sprintf("%T", v), "*types.AttributeValueMember"), want)
}
