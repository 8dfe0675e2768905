package infra_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

type row = map[string]types.AttributeValue

func s(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }

func n(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }

const rowID = "47b9e303-c943-824b-a25b-f2db8fa4f6ab" // the id for user 1 and key 1

func ruleRow() row {
	return row{
		"id": s(rowID), "account": s("1"), "idempotency_key": s("1"), "type": s("account"), "status": s("posted"), "created_at": s("2026-11-22T12:00:00.123Z"),
		"debits": s("blocked"), "credits": s("allowed"), "credit_limit": n("50"), "credit_limit_before": n("0"), "rule_change": n("1"),
	}
}

func declinedRuleRow() row {
	r := with(with(ruleRow(), "rule_change", nil), "status", s("declined"))
	r["credit_limit_before"], r["balance"] = n("80"), n("12")
	return r
}

// rulesRow returns the row of a user whose rules were changed before the first transaction.
func rulesRow() row {
	r := with(balanceRow(), "version", n("0"))
	r["rule_changes"], r["credit_limit"] = n("2"), n("5")
	r["debits_blocked"], r["credits_blocked"] = &types.AttributeValueMemberBOOL{Value: true}, &types.AttributeValueMemberBOOL{Value: true}
	return r
}

// postedRow and the functions below return rows as a store writes them.
func postedRow() row {
	return row{
		"id": s(rowID), "user_id": s("1"), "idempotency_key": s("1"), "type": s("debit"), "ammount": n("12.5"),
		"status": s("posted"), "created_at": s("2026-11-22T12:00:00.123Z"),
	}
}

func declinedRow() row {
	r := postedRow()
	r["status"], r["balance"] = s("declined"), n("12")
	return r
}

// entriesRow returns a transaction's first row, with three entries.
func entriesRow() row {
	r := postedRow()
	r["entries"] = list(entryOf("1", "debit", "12.5"), entryOf("2", "credit", "12"), entryOf("1", "credit", "0.5"))
	r["metadata"] = s(`{"order":"7"}`)
	return r
}

func declinedEntriesRow() row {
	r := entriesRow()
	r["status"], r["balance"], r["declined_entry"] = s("declined"), n("12"), n("0")
	return r
}

func furtherRow() row {
	r := with(postedRow(), "idempotency_key", nil)
	r["transaction_id"] = s(rowID)
	return r
}

// pendingRow returns the first row of a payment on hold.
func pendingRow() row {
	r := postedRow()
	r["entries"] = list(entryOf("1", "debit", "12.5"), entryOf("2", "credit", "12.5"))
	r["status"], r["expires_at"] = s("pending"), s("2026-11-22T12:01:00.123Z")
	return r
}

// endRow returns the row that ends a hold of 12.5. A capture takes 12 of it.
func endRow(kind, status string) row {
	r := with(with(furtherRow(), "type", s(kind)), "status", s(status))
	if kind == "capture" {
		r["held"], r["ammount"] = n("12.5"), n("12")
	}
	return r
}

const holdName = "hold:R7njA8lDgkuiW_Lbj6T2qw" // with rowID in base64

// holdsRow returns the row of a user with an open hold.
func holdsRow() row {
	r := balanceRow()
	r["held"], r["holds"], r[holdName] = n("12.5"), n("1"), list(n("12.5"), n("1795348860123"))
	return r
}

func list(values ...types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: values}
}

func entryOf(user, kind, amount string) *types.AttributeValueMemberM {
	return &types.AttributeValueMemberM{Value: row{"user_id": s(user), "type": s(kind), "ammount": n(amount)}}
}

// withEntry returns a first row with two entries. The second has the named attribute with
// the value v, or lacks it if v is nil.
func withEntry(name string, v types.AttributeValue) row {
	second := entryOf("2", "credit", "12")
	second.Value = with(second.Value, name, v)
	return with(entriesRow(), "entries", list(entryOf("1", "debit", "12.5"), second))
}

// refundRow returns the first row of a refund with three entries.
func refundRow() row {
	r := entriesRow()
	r["refund_of"], r["refund_places"] = s(rowID), list(n("0"), n("1"), n("7"))
	return r
}

func balanceRow() row {
	return row{"user_id": s("1"), "balance": n("105"), "version": n("2")}
}

// with returns a copy of r with this attribute, or without it if v is nil.
func with(r row, name string, v types.AttributeValue) row {
	r = maps.Clone(r)
	r[name] = v
	if v == nil {
		delete(r, name)
	}
	return r
}

// damagedRow is a row that no store writes. want is its error after "transactions row …: ".
type damagedRow struct {
	row  row
	want string
}

var damagedTransactions = []damagedRow{
	{with(postedRow(), "id", s("1")), `id: is "1", must be a UUID`},
	{with(postedRow(), "user_id", s("1 ")), `user_id: is "1 ", must not begin or end with a space`},
	{with(postedRow(), "idempotency_key", s("ключ")), `idempotency_key: is "ключ", must be printable ASCII`},
	{with(postedRow(), "type", s("Debit")), `type: is "Debit", must be "credit" or "debit"`},
	{with(postedRow(), "ammount", n("0")), `ammount: is 0, must be at least 0.00000001`},
	{with(postedRow(), "ammount", n("-1")), `ammount: is -1, must not be negative`},
	{with(postedRow(), "ammount", n("")), `ammount: is "", must be a number`},
	{with(postedRow(), "status", s("done")), `status: is "done", must be "posted", "declined", "pending", "voided" or "expired"`},
	{with(postedRow(), "created_at", s("soon")), `created_at: is "soon", must be a time in UTC such as 2006-01-02T15:04:05.000Z`},
	{with(declinedRow(), "balance", n("-1")), `balance: is -1, must not be negative`},

	{with(postedRow(), "metadata", s("")), `metadata: is "", must be the JSON of metadata`},

	{with(entriesRow(), "entries", list()), `entries: must be at least two, and the first must be the row's own`},
	{with(entriesRow(), "entries", list(entryOf("1", "debit", "12.5"))), `entries: must be at least two, and the first must be the row's own`},
	{with(entriesRow(), "entries", list(entryOf("2", "debit", "12.5"), entryOf("1", "debit", "12.5"))), `entries: must be at least two, and the first must be the row's own`},
	{with(entriesRow(), "entries", list(entryOf("1", "credit", "12.5"), entryOf("2", "debit", "12.5"))), `entries: must be at least two, and the first must be the row's own`},
	{with(entriesRow(), "entries", list(entryOf("1", "debit", "12.51"), entryOf("2", "debit", "12.5"))), `entries: must be at least two, and the first must be the row's own`},
	{with(entriesRow(), "ammount", n("12")), `entries: must be at least two, and the first must be the row's own`},
	{with(entriesRow(), "entries", list(entryOf("1", "debit", "12.5"), entryOf("2", "credit", "12"), s("x"))), `entries[2]: is of type S, must be M`},
	{with(entriesRow(), "entries", list(entryOf("1", "debit", "12.5"), s("x"), entryOf("2", "credit", "0"))), `entries[1]: is of type S, must be M; entries[2].ammount: is 0, must be at least 0.00000001`},
	{withEntry("user_id", s(" ")), `entries[1].user_id: is " ", must not be blank`},
	{withEntry("type", s("transfer")), `entries[1].type: is "transfer", must be "credit" or "debit"`},
	{withEntry("ammount", s("12")), `entries[1].ammount: is of type S, must be N`},
	{with(declinedEntriesRow(), "declined_entry", n("-1")), `declined_entry: is -1, must not be negative`},
	{with(declinedEntriesRow(), "declined_entry", n("0.5")), `declined_entry: is 0.5, must be a whole number of at least 0`},
	{with(declinedEntriesRow(), "declined_entry", n("3")), `declined_entry: is 3, must be the place of one of 3 entries`},

	{with(declinedRow(), "posted_by", s("")), `posted_by: is "", must be 1 to 256 bytes of UTF-8 without control characters`},
	{with(furtherRow(), "transaction_id", s("1")), `transaction_id: is "1", must be a UUID`},
	{with(furtherRow(), "status", s("declined")), `status: must be posted on a row with a transaction_id`},
	{with(declinedEntriesRow(), "transaction_id", s(rowID)), `idempotency_key: must not be on a row with a transaction_id; ` +
		`metadata: must not be on a row with a transaction_id; entries: must not be on a row with a transaction_id; ` +
		`balance: must not be on a row with a transaction_id; declined_entry: must not be on a row with a transaction_id; ` +
		`status: must be posted on a row with a transaction_id`},

	{with(pendingRow(), "expires_at", s("soon")), `expires_at: is "soon", must be a time in UTC such as 2006-01-02T15:04:05.000Z`},
	{with(pendingRow(), "expires_at", s("2026-11-22T12:00:00.123Z")), `expires_at: must be after created_at`},
	{with(with(pendingRow(), "entries", nil), "type", s("credit")), notHeld},
	{with(pendingRow(), "entries", list(entryOf("1", "debit", "12.5"), entryOf("2", "credit", "12"))), notHeld},
	{with(pendingRow(), "entries", list(entryOf("1", "debit", "12.5"), entryOf("1", "credit", "12.5"))), notHeld},
	{with(pendingRow(), "status", s("voided")), `status: is "voided", which only the end of a hold can have`},
	{with(postedRow(), "type", s("capture")), `type: is "capture", must be "credit" or "debit"`},
	{with(with(declinedRow(), "expires_at", s("2026-11-22T12:01:00.123Z")), "type", s("credit")), notHeld},

	{with(refundRow(), "refund_of", s("1")), `refund_of: is "1", must be a UUID`},
	{with(refundRow(), "refund_places", list(n("0"), n("1"))), `refund_places: must have one place for each of 3 entries`},
	{with(refundRow(), "refund_places", list(n("0"), n("1"), s("2"))), `refund_places[2]: is of type S, must be N; refund_places[2]: must be after the previous place`},
	{with(refundRow(), "refund_places", list(n("-1"), n("1"), n("2"))), `refund_places[0]: is -1, must not be negative`},
	{with(refundRow(), "refund_places", list(n("0"), n("1"), n("1"))), `refund_places[2]: must be after the previous place`},
	{with(with(with(refundRow(), "entries", nil), "refund_places", list(n("0"))), "expires_at", s("2026-11-22T12:01:00.123Z")), `expires_at: must not be on a refund; expires_at: must not be on a posted row`},

	{endRow("refund", "posted"), `type: is "refund", must be "credit" or "debit", or of an end "capture", "void" or "expiry"`},
	{endRow("capture", "voided"), `status: is "voided", must be "posted" for this type`},
	{endRow("void", "posted"), `status: is "posted", must be "voided" for this type`},
	{endRow("expiry", "voided"), `status: is "voided", must be "expired" for this type`},
	{with(endRow("capture", "posted"), "held", n("11.99")), `held: is 11.99, must be at least the captured amount`},
	{with(endRow("expiry", "expired"), "ammount", n("0")), `ammount: is 0, must be at least 0.00000001`},

	{with(declinedRow(), "declined_by", s("debits")), `declined_by: is "debits", must be block`},
	{with(ruleRow(), "account", s(" 1")), `account: is " 1", must not begin or end with a space`},
	{with(ruleRow(), "debits", s("stopped")), `debits: is "stopped", must be "blocked" or "allowed"`},
	{with(ruleRow(), "credit_limit", n("-1")), `credit_limit: is -1, must not be negative`},
	{with(with(with(with(ruleRow(), "credit_limit", nil), "credit_limit_before", nil), "debits", nil), "credits", nil), `type: must have debits, credits or creditLimit`},
	{with(ruleRow(), "rule_change", n("0")), `rule_change: is 0, must be a whole number of at least 1`},
	{with(ruleRow(), "status", s("pending")), `status: is "pending", must be posted or declined`},
	{with(with(declinedRuleRow(), "credit_limit", nil), "credit_limit_before", nil), `status: must not be declined in a change without a limit`},
}

// notHeld is the fault of a hold with the wrong entries.
const notHeld = `expires_at: must come with one debit, or with a debit and then a credit of the same amount for another user`

var damagedBalances = []damagedRow{
	{with(balanceRow(), "balance", nil), `balance: is missing`},
	{with(balanceRow(), "balance", s("105")), `balance: is of type S, must be N`},
	{with(balanceRow(), "balance", n("-1")), `balance: is -1, must not be negative`},
	{with(balanceRow(), "balance", n("0.000000001")), `balance: is 0.000000001, must have at most 8 decimal places`},
	{with(balanceRow(), "balance", n("1016000000000000.01")), `balance: is 1016000000000000.01, must be at most 1016000000000000`},
	{with(balanceRow(), "balance", n("100000000000000000000")), `balance: is 100000000000000000000, must be at most 1016000000000000`},
	{with(balanceRow(), "version", nil), `version: is missing`},
	{with(balanceRow(), "version", s("2")), `version: is of type S, must be N`},
	{with(balanceRow(), "version", n("0")), `version: is 0, must be a whole number of at least 1`},
	{with(balanceRow(), "version", n("1.5")), `version: is 1.5, must be a whole number of at least 1`},
	{with(balanceRow(), "version", n("100000000000000000000")), `version: is 100000000000000000000, must be a whole number of at least 1`},
	{with(with(balanceRow(), "balance", nil), "version", nil), `balance: is missing; version: is missing`},

	{with(holdsRow(), "held", nil), `held: is missing`},
	{with(holdsRow(), "held", s("12.5")), `held: is of type S, must be N`},
	{with(holdsRow(), "held", n("12")), `held: is 12, but the open holds add up to 12.5`},
	{with(holdsRow(), "holds", nil), `holds: is missing`},
	{with(holdsRow(), "holds", s("1")), `holds: is of type S, must be N`},
	{with(holdsRow(), "holds", n("2")), `holds: is 2, but the open holds add up to 1`},
	{with(with(holdsRow(), "held", nil), "holds", nil), `held: is missing; holds: is missing`},
	{with(holdsRow(), holdName, nil), `held: is 12.5, but the open holds add up to 0; holds: is 1, but the open holds add up to 0`},
	{with(balanceRow(), "held", n("0")), `holds: is missing`},
	{with(balanceRow(), "holds", n("0")), `held: is missing`},
	{with(with(holdsRow(), holdName, nil), "hold:x", list(n("12.5"), n("1"))), `hold:x: the name must contain a transaction's id; ` + heldNothing},
	{with(with(holdsRow(), holdName, nil), holdName+"AA", list(n("12.5"), n("1"))), holdName + `AA: the name must contain a transaction's id; ` + heldNothing},
	{with(holdsRow(), holdName, n("12.5")), holdName + `: must be a list of an amount and a time; ` + heldNothing},
	{with(holdsRow(), holdName, list(n("12.5"))), holdName + `: must be a list of an amount and a time; ` + heldNothing},
	{with(holdsRow(), holdName, list(n("12.5"), n("1"), n("1"))), holdName + `: must be a list of an amount and a time; ` + heldNothing},
	{with(holdsRow(), holdName, list(n("0"), n("1"))), holdName + `.ammount: is 0, must be at least 0.00000001; ` + heldNothing},
	{with(holdsRow(), holdName, list(s("12.5"), n("1"))), holdName + `.ammount: is of type S, must be N; ` + heldNothing},
	{with(holdsRow(), holdName, list(n("12.5"), s("1"))), holdName + `.expires_at: is of type S, must be N`},
	{with(balanceRow(), "transaction_id", n("1")), `transaction_id: is of type N, must be S`},
	{with(balanceRow(), "transaction_id", s("1")), `transaction_id: is "1", must be a UUID`},
	{with(holdsRow(), holdName, list(n("12.5"), n("1.5"))), holdName + `.expires_at: is 1.5, must be milliseconds since 1970`},

	{with(rulesRow(), "debits_blocked", &types.AttributeValueMemberBOOL{}), `debits_blocked: must be true or absent`},
	{with(rulesRow(), "credits_blocked", s("true")), `credits_blocked: must be true or absent`},
	{with(rulesRow(), "credit_limit", n("0")), `credit_limit: must be above 0 or absent`},
	{with(rulesRow(), "credit_limit", n("-1")), `credit_limit: is -1, must not be negative; credit_limit: must be above 0 or absent`},
	{with(rulesRow(), "rule_changes", n("0")), `rule_changes: is 0, must be a whole number of at least 1; version: is 0, must be a whole number of at least 1`},
	{with(with(rulesRow(), "rule_changes", nil), "version", n("1")), `rule_changes: is missing`},
	{with(rulesRow(), "version", n("-1")), `version: is -1, must not be negative`},
}

var damagedRefundAccounts = []damagedRow{
	{with(refundAccountRow(), "user_id", s(" refunds 1")), `user_id: is " refunds 1", must be a UUID`},
	{with(refundAccountRow(), "version", nil), `version: is missing`},
	{with(refundAccountRow(), "version", n("0")), `version: is 0, must be a whole number of at least 1`},
	{with(refundAccountRow(), "refunded_at", nil), `refunded_at: is missing`},
	{with(refundAccountRow(), "refunded_at", s("soon")), `refunded_at: is "soon", must be a time in UTC`},
	{with(refundAccountRow(), "r0", s("5")), `r0: is of type S, must be N`},
	{with(refundAccountRow(), "r0", n("0")), `r0: is 0, must be at least 0.00000001`},
	{with(with(refundAccountRow(), "r0", nil), "r12", nil), `r0: is missing, and so is every other entry's sum`},
}

var damagedSettings = []damagedRow{
	{with(settings(), "currency", nil), `currency: is missing`},
	{with(settings(), "currency", s("dollars")), `currency is "dollars", must be three to twelve capital letters and digits, a letter first`},
	{with(settings(), "currency", n("3")), `currency: is of type N, must be S`},
	{with(settings(), "places", nil), `places: is missing`},
	{with(settings(), "places", s("3")), `places: is of type S, must be N`},
	{with(settings(), "places", n("9")), `decimal places are "9", must be a digit from 0 to 8`},
	{with(settings(), "places", n("0")), `opening balance is "0.5", must be whole`},
	{with(settings(), "places", n("2.5")), `decimal places are "2.5"`},
	{with(settings(), "opening", nil), `opening: is missing`},
	{with(settings(), "opening", n("-1")), `opening balance is "-1", must be a plain decimal`},
	{with(settings(), "opening", n("1000000000001")), `must be at most 1000000000000`},
	{with(settings(), "created_at", nil), `created_at: is missing`},
	{with(settings(), "created_at", s("today")), `created_at: is "today", must be a time in UTC`},
	{with(with(settings(), "currency", nil), "places", nil), `currency: is missing; places: is missing`},
	{with(with(settings(), "currency", s("x")), "opening", n("0.0001")), `three to twelve capital letters and digits, a letter first; opening balance`},
}

func settings() row {
	return row{"id": s("settings"), "currency": s("KWD"), "places": n("3"), "opening": n("0.5"), "created_at": s("2026-11-22T12:00:00.123Z")}
}

// heldNothing is the additional fault if an open hold can't be read.
const heldNothing = `held: is 12.5, but the open holds add up to 0`

func TestDecodeRejects(t *testing.T) {
	t.Parallel()
	for _, c := range damagedTransactions {
		name := rowID
		if c.row["id"].(*types.AttributeValueMemberS).Value != rowID {
			name = "1"
		}
		_, err := infra.DecodeTransaction(c.row)
		assert.EqualError(t, err, `transactions row "`+name+`": `+c.want)
	}
	for _, c := range damagedBalances {
		_, err := infra.DecodeAggregate(c.row)
		assert.EqualError(t, err, `transactions_aggregate row "1": `+c.want)
	}
	for _, c := range damagedRefundAccounts {
		_, err := infra.DecodeRefundAccount(c.row)
		assert.ErrorContains(t, err, c.want)
	}
	for _, c := range damagedSettings {
		_, err := infra.DecodeSettings(c.row)
		assert.ErrorContains(t, err, c.want)
	}
	_, err := infra.DecodeTransaction(with(with(postedRow(), "type", nil), "status", nil))
	damaged, _ := errors.AsType[*infra.RowError](err)
	assert.Equal(t, &infra.RowError{Table: "transactions", Key: rowID, Wrong: []string{"status: is missing", "type: is missing"}}, damaged)
	assert.Equal(t, "status: is missing; type: is missing", damaged.Reason())
	for _, empty := range []row{nil, {}} {
		_, err := infra.DecodeTransaction(empty)
		assert.ErrorContains(t, err, `transactions row "": id: is missing; user_id: is missing`)
		_, err = infra.DecodeAggregate(empty)
		assert.EqualError(t, err, `transactions_aggregate row "": user_id: is missing; balance: is missing; version: is missing`)
	}
}

func kindsOfRows() map[string]row {
	return map[string]row{
		"posted": postedRow(), "declined": declinedRow(), "entries": entriesRow(), "declined entries": declinedEntriesRow(), "further": furtherRow(),
		"pending": pendingRow(), "refund": refundRow(), "capture": endRow("capture", "posted"), "void": endRow("void", "voided"),
		"expiry": endRow("expiry", "expired"), "rules": ruleRow(), "declined rules": declinedRuleRow(),
	}
}

// A row is rejected if an attribute of its kind is missing or has another type, or if it
// has an attribute of another kind.
func TestDecodeRequiresEachAttribute(t *testing.T) {
	t.Parallel()
	kinds := kindsOfRows()
	samples := row{"posted_by": s("direct"), "declined_by": s("block")}
	for _, r := range kinds {
		maps.Copy(samples, r)
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(samples)), infra.TransactionAttributes())
	// without lists the rows whose fault is not "is missing" when they lack the named
	// attribute. "" means no fault.
	without := map[string]string{
		"entries metadata": "", "declined entries metadata": "", "refund metadata": "", "entries entries": "", "pending entries": "",
		"rules debits": "", "rules credits": "", "declined rules debits": "", "declined rules credits": "",
		"declined entries entries": "declined_entry: must not be on a row of one entry", "refund entries": "refund_places: must have one place",
		"refund refund_of": "refund_places: must not be on", "rules credit_limit": "credit_limit_before: must not be on",
		"declined rules credit_limit": "credit_limit_before: must not be on", "rules type": "user_id: is missing", "declined rules type": "user_id: is missing",
		"further transaction_id": "idempotency_key: is missing", "capture transaction_id": "idempotency_key: is missing",
		"void transaction_id": "idempotency_key: is missing", "expiry transaction_id": "idempotency_key: is missing",
	}
	added := map[string]string{
		"posted entries": "", "further refund_of": "", "declined expires_at": "", "declined declined_by": "", "declined entries declined_by": "",
		"declined entries": "declined_entry: is missing", "declined entries expires_at": "expires_at: must come with one debit",
	}
	check := func(r row, what, want string) {
		_, err := infra.DecodeTransaction(r)
		if want == "" {
			assert.NoError(t, err, what)
		} else {
			assert.ErrorContains(t, err, want, what)
		}
	}
	for kind, r := range kinds {
		for _, name := range infra.TransactionAttributes() {
			what := kind + " " + name
			if r[name] != nil {
				want, ok := without[what]
				if !ok {
					want = name + ": is missing"
				}
				check(with(r, name, nil), what, want)
				check(with(r, name, &types.AttributeValueMemberNULL{Value: true}), what, name+": is of type NULL, must be ")
				continue
			}
			want, ok := added[what]
			switch isFirst := r["transaction_id"] == nil; {
			case ok:
			case name == "posted_by" && kind != "further", name == "metadata" && isFirst:
				want = ""
			case name == "refund_of" && isFirst && r["account"] == nil:
				want = "refund_places: is missing"
			case name == "transaction_id" && r["account"] == nil:
				want = "idempotency_key: must not be on a row with a transaction_id"
			default:
				want = name + ": must not be on "
			}
			check(with(r, name, samples[name]), what, want)
		}
	}
}

// A row of any kind is the same after decoding and encoding, except that attributes of
// later versions are dropped.
func TestDecodeAsEncoded(t *testing.T) {
	t.Parallel()
	for kind, r := range kindsOfRows() {
		for _, stored := range []row{r, with(r, "note", s("x"))} {
			decoded, err := infra.DecodeTransaction(stored)
			require.NoError(t, err, kind)
			encoded, err := infra.EncodeTransaction(decoded)
			require.NoError(t, err, kind)
			assert.Equal(t, r, encoded, kind)
		}
	}
	for _, r := range []row{balanceRow(), holdsRow(), rulesRow()} {
		for _, stored := range []row{r, with(with(r, "note", s("x")), "transaction_id", s(rowID))} {
			a, err := infra.DecodeAggregate(stored)
			require.NoError(t, err)
			assert.Equal(t, r, with(a.Attributes(r["held"] != nil), "user_id", s(a.UserID.String())))
			assert.Equal(t, stored["transaction_id"] != nil, a.TransactionID.String() == rowID)
		}
	}
	all := with(rulesRow(), "transaction_id", s(rowID))
	maps.Copy(all, holdsRow())
	for _, name := range append(infra.AggregateAttributes(), holdName) {
		assert.Contains(t, all, name)
		assert.Equal(t, name == holdName, infra.IsHoldAttribute(name), name)
	}
	assert.Len(t, all, len(infra.AggregateAttributes())+1)
	a, err := infra.DecodeAggregate(with(with(balanceRow(), "held", n("0.00")), "holds", n("0")))
	require.NoError(t, err)
	assert.Empty(t, a.Holds)
}

// DynamoDB does not keep a number's notation, so every notation of a value is accepted. So
// are attributes that later versions add.
func TestDecodeByValue(t *testing.T) {
	t.Parallel()
	for _, notation := range []string{"10", "10.00", "10.000", "1E1", "1E+1", "0.1e2", "+10", "010"} {
		r := with(with(declinedRow(), "ammount", n(notation)), "balance", n(notation))
		transaction, err := infra.DecodeTransaction(with(r, "note", s("{}")))
		require.NoError(t, err, notation)
		assert.Equal(t, "10", transaction.Amount.String(), notation)
		assert.Equal(t, "10", transaction.BalanceSeen.String(), notation)
		aggregate, err := infra.DecodeAggregate(row{"user_id": s("1"), "balance": n(notation), "version": n(notation), "note": n("1")})
		require.NoError(t, err, notation)
		assert.Equal(t, "10", aggregate.Balance.String(), notation)
		assert.Equal(t, 10, aggregate.Version, notation)
	}
	for _, zero := range []string{"0", "0.00", "0E-5", "-0"} {
		aggregate, err := infra.DecodeAggregate(with(balanceRow(), "balance", n(zero)))
		require.NoError(t, err, zero)
		assert.Equal(t, "0", aggregate.Balance.String(), zero)
	}
}

// put stores a row as it is, even a damaged one.
func put(t *testing.T, books *infratest.Books, table string, r row) {
	t.Helper()
	_, err := books.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: r})
	require.NoError(t, err)
}

func remove(t *testing.T, books *infratest.Books, table, key string, r row) {
	t.Helper()
	_, err := books.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: row{key: r[key]}})
	require.NoError(t, err)
}

// defect requires err to be an internal error, not one of the contract's errors.
func defect(t *testing.T, err error, want string) {
	t.Helper()
	require.ErrorContains(t, err, want)
	for _, known := range []error{ledger.ErrTryAgain, ledger.ErrInsufficientFunds, ledger.ErrBalanceLimit, ledger.ErrKeyReused, ledger.ErrNotFound} {
		assert.NotErrorIs(t, err, known, want)
	}
}

// Every call that reads a damaged row returns an internal error and never guesses. A few
// kinds of damage are enough here, because all calls use the same decoder.
func TestDamagedRows(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	r := infratest.Request(t, "1", "1", ledger.Debit, "1000")
	id := r.TransactionID()
	require.Equal(t, rowID, id.String())
	for _, damaged := range []row{
		with(postedRow(), "ammount", n("0")), with(declinedRow(), "balance", nil), with(entriesRow(), "entries", list()),
		with(pendingRow(), "expires_at", s("soon")), with(refundRow(), "refund_places", nil),
	} {
		_, want := infra.DecodeTransaction(damaged)
		put(t, books, books.Config.TransactionsTable, damaged)
		_, err := books.Ledger.Transaction(t.Context(), id)
		defect(t, err, want.Error())
		_, err = books.Ledger.Post(t.Context(), r)
		defect(t, err, want.Error())
		_, err = books.Ledger.History(t.Context(), r.UserID(), ledger.Cursor{}, 50)
		defect(t, err, want.Error())
		remove(t, books, books.Config.TransactionsTable, "id", damaged)
	}
	for _, damaged := range []row{
		with(balanceRow(), "balance", nil), with(balanceRow(), "balance", n("-0.01")), with(holdsRow(), "held", n("12")),
		with(rulesRow(), "rule_changes", n("0")),
	} {
		_, want := infra.DecodeAggregate(damaged)
		put(t, books, books.Config.AggregateTable, damaged)
		_, err := books.Ledger.Balance(t.Context(), r.UserID())
		defect(t, err, want.Error())
		_, err = books.Ledger.Post(t.Context(), r)
		defect(t, err, want.Error())
		remove(t, books, books.Config.AggregateTable, "user_id", damaged)
	}
}
