package main

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// damage is a case of TestDamage: edits to the rows from kinds, and the findings that they must
// cause. Each string in want is the beginning of a finding, written as "user kind: detail".
type damage struct {
	name  string
	edits []edit
	want  []string
}

type (
	edits = []edit
	found = []string
)

func idOf(t *testing.T, user, key string) string {
	t.Helper()
	return infratest.Entries(t, key, user+" debit 1").TransactionID().String()
}

func holdOf(t *testing.T, user string) ledger.TransactionID {
	t.Helper()
	return infratest.Entries(t, user, user+" debit 1").TransactionID()
}

// damages returns a case for each way in which rows and balances can be wrong.
func damages(t *testing.T, rows stored) []damage {
	t.Helper()
	credit, debit, declined := idOf(t, "alice", "credit"), idOf(t, "alice", "debit"), idOf(t, "alice", "declined")
	transfer, refused := infratest.Entries(t, "transfer", "bob debit 1").TransactionID(), idOf(t, "bob", "refused")
	first, toCarol, toShop := transfer.String(), transfer.Entry(1).String(), transfer.Entry(2).String()
	open, paid, voided, late := holdOf(t, "open"), holdOf(t, "paid"), holdOf(t, "voided"), holdOf(t, "late")
	paidEnd, voidedEnd, lateEnd, received := paid.End().String(), voided.End().String(), late.End().String(), paid.Entry(1).String()
	openHold := "hold:" + base64.RawURLEncoding.EncodeToString(open[:])
	holdAs := func(values ...string) types.AttributeValue {
		list := &types.AttributeValueMemberL{}
		for _, v := range values {
			list.Value = append(list.Value, num(v))
		}
		return list
	}
	expiry := func(hold ledger.TransactionID, before time.Duration) types.AttributeValue {
		at, err := ledger.ParseTime(books.TextOf(rows[hold.String()], "expires_at"))
		require.NoError(t, err)
		return text(ledger.FormatTime(at.Add(-before)))
	}
	voidOf := func(id string, hold ledger.TransactionID, user, amount string) edit {
		return insert(id, row{"id": text(id), "user_id": text(user), "ammount": num(amount), "type": text("void"),
			"status": text("voided"), "created_at": text("1999-11-22T12:00:30.000Z"), "transaction_id": text(hold.String())})
	}
	sale, refund, refund2, refund3 := idOf(t, "buyer", "sale"), idOf(t, "buyer", "sale 1"), idOf(t, "buyer", "sale 2"), idOf(t, "seller", "sale 3")
	gift := idOf(t, "giver", "gift")
	account, ofGift := " refunds "+sale, " refunds "+gift
	accountOf := func(key string) edit {
		return insert(key, row{"user_id": text(key), "version": num("1"), "r0": num("2"), "refunded_at": text("1999-11-22T12:00:00.000Z")})
	}
	const made, tears = "2 refunds: 6 of entry 0, 5 of entry 1, 0.5 of entry 2", " of its 2 further entries have no matching row; rows without a matching entry: "
	r2, r3, barred, capped := idOf(t, "lent", "r2"), idOf(t, "lent", "r3"), idOf(t, "barred", "block"), idOf(t, "capped", "uncap")
	const future = "2231-11-22T12:00:00.000Z"

	return []damage{
		// Transactions of one entry.
		{"a changed amount", edits{set(credit, "ammount", num("11"))},
			found{"alice balance: the balance is 105 at version 2, but the history adds up to 106 at version 2"}},
		{"an amount stored as a string", edits{set(credit, "ammount", text("10"))}, found{"alice balance", "alice transaction-row: ammount: is of type S, must be N"}},
		{"an amount with three decimal places", edits{set(credit, "ammount", num("10.001"))},
			found{"alice balance", "alice transaction-row: ammount: is 10.001, must have at most two decimal places"}},
		{"an amount of zero", edits{set(credit, "ammount", num("0"))}, found{"alice balance", "alice transaction-row"}},
		{"an amount that is too high", edits{set(credit, "ammount", num("1000000000000.01"))}, found{"alice balance", "alice transaction-row"}},
		{"a changed type", edits{set(credit, "type", text("debit"))}, found{"alice balance"}},
		{"an unknown type", edits{set(credit, "type", text("gift"))}, found{"alice balance", "alice transaction-row"}},
		{"a stray attribute", edits{set(credit, "note", text("x"), "aggregate", text("x"))},
			found{`alice attributes: unknown attributes: "aggregate", "note"`}},
		{"a time in another format", edits{set(credit, "created_at", text("1999-11-22 12:00"))}, found{"alice balance", "alice transaction-row"}},
		{"a time in the future", edits{set(credit, "created_at", text(future))}, found{"alice time: created_at is " + future + ", which is in the future"}},
		{"a time ahead within the clock tolerance", edits{set(credit, "created_at", text("2000-01-01T00:14:00.000Z"))}, nil},
		{"a changed key", edits{set(credit, "idempotency_key", text("declined"))},
			found{`alice transaction-id: the id for key "declined" of this user should be ` + declined}},
		{"a changed user", edits{set(debit, "user_id", text("bob"))}, found{
			"alice balance: the balance is 105 at version 2, but the history adds up to 110 at version 1",
			"bob balance: the balance is 90 at version 1, but the history adds up to 85 at version 2",
			"bob transaction-id",
		}},
		{"a missing user", edits{set(credit, "user_id", nil)}, found{" transaction-row: user_id: is missing", "alice balance"}},
		{"a missing row", edits{drop(credit)},
			found{"alice balance: the balance is 105 at version 2, but the history adds up to 95 at version 1"}},
		{"a decline that the balance allowed", edits{set(declined, "balance", num("1000"))},
			found{"alice decline: a debit of 1000 was declined, but its balance of 1000 allowed it"}},
		{"a decline without its balance", edits{set(declined, "balance", nil)}, found{"alice transaction-row"}},
		{"a decline that names another entry", edits{set(refused, "declined_entry", num("0"))}, found{"bob decline"}},
		{"a decline changed to posted", edits{set(declined, "status", text("posted"), "balance", nil)}, found{"alice balance"}},

		// Transactions of several entries.
		{"a missing entry row", edits{drop(toShop)}, found{"bob entries: 1" + tears + "0", "shop balance"}},
		{"a missing entry row and its balance", edits{drop(toCarol, "carol")}, found{"bob entries: 1" + tears + "0"}},
		{"a changed entry amount and balance", edits{set(toCarol, "ammount", num("8")), set("carol", "balance", num("108"))},
			found{"bob entries: 1" + tears + "1"}},
		{"a changed entry time", edits{set(toCarol, "created_at", text("1999-11-22T12:00:00.000Z"))}, found{"bob entries"}},
		{"a missing first row", edits{drop(first, "bob")},
			found{" entries: it has 2 further rows that no first row lists"}},
		{"an entry moved to another transaction", edits{set(toCarol, "transaction_id", text(sale))}, found{
			"bob entries: 1" + tears + "0",
			"buyer entries: 0" + tears + "1",
		}},

		// Holds and their ends.
		{"a missing pending row", edits{drop(late.String())}, found{
			"late balance: the balance is 100 at version 2, with 0 held, but the history adds up to 140 at version 1, with -40 held",
			"late hold: it ends a hold that has no pending row",
		}},
		{"a changed pending amount", edits{set(voided.String(), "ammount", num("41"))}, found{"voided balance", "voided hold"}},
		{"a changed pending expiry", edits{set(open.String(), "expires_at", text("1999-11-22T15:00:00.000Z"))}, found{"open hold"}},
		{"a missing end", edits{drop(voidedEnd)}, found{"voided balance"}},
		{"an end of another amount", edits{set(voidedEnd, "ammount", num("39"))}, found{
			"voided balance", "voided hold: the hold's end differs from its pending row in user or held amount",
		}},
		{"an end of another user", edits{set(voidedEnd, "user_id", text("late"))}, found{"late balance", "late hold", "voided balance"}},
		{"an end moved to another user's hold", edits{drop(voidedEnd), voidOf(open.End().String(), open, "voided", "40")}, found{
			"open hold: it is an open hold in the balance, but the rows have no open hold with this id, amount and expiry",
			"voided hold: the hold's end differs from its pending row in user or held amount",
			"voided mover: the balance's transaction_id is " + voidedEnd + ", but no row of that write belongs to the user",
		}},
		{"a void at the expiry", edits{set(voidedEnd, "created_at", expiry(voided, 0))},
			found{"voided hold: a void ended the hold after it had expired"}},
		{"a void before the expiry", edits{set(voidedEnd, "created_at", expiry(voided, time.Millisecond))}, nil},
		{"a capture at the expiry", edits{set(paidEnd, "created_at", expiry(paid, 0)), set(received, "created_at", expiry(paid, 0))},
			found{"paid hold: a capture ended the hold after it had expired"}},
		{"an expiry at the expiry", edits{set(lateEnd, "created_at", expiry(late, 0))}, nil},
		{"an expiry before the expiry", edits{set(lateEnd, "created_at", expiry(late, time.Millisecond))},
			found{"late hold: an expiry ended the hold before it had expired"}},
		{"an end without a hold", edits{voidOf(holdOf(t, "x").End().String(), holdOf(t, "x"), "alice", "40")}, found{"alice balance", "alice hold"}},
		{"an end under another id", edits{voidOf(open.Entry(1).String(), open, "open", "40")}, found{"open balance", "open transaction-id"}},
		{"a smaller capture and its balance", edits{set(paidEnd, "ammount", num("24")), set("paid", "balance", num("76"))},
			found{"paid entries: 1 of its 1 further entries have no matching row; rows without a matching entry: 1"}},
		{"more captured than held", edits{set(paidEnd, "ammount", num("41"))},
			found{"paid balance", "paid transaction-row", "paid entries"}},
		{"a capture without its credit", edits{drop(received)}, found{"paid entries", "shop balance"}},

		// Balances.
		{"a changed balance", edits{set("alice", "balance", num("1000000"))},
			found{"alice balance: the balance is 1000000 at version 2, but the history adds up to 105 at version 2"}},
		{"a balance stored as a string", edits{set("alice", "balance", text("105"))}, found{"alice balance-row"}},
		{"a balance with three decimal places", edits{set("alice", "balance", num("105.001"))},
			found{"alice balance-row: balance: is 105.001, must have at most two decimal places"}},
		{"a balance below zero", edits{set("alice", "balance", num("-0.01"))}, found{"alice balance-row"}},
		{"a balance above the maximum", edits{set("alice", "balance", num("1016000000000000.01"))}, found{"alice balance-row"}},
		{"a changed balance with a hold", edits{set("open", "balance", num("61"))},
			found{"open balance: the balance is 61 at version 1, with 40 held, but the history adds up to 60 at version 1, with 40 held"}},
		{"a version too high", edits{set("alice", "version", num("3"))},
			found{"alice balance: the balance is 105 at version 3, but the history adds up to 105 at version 2"}},
		{"a version too low", edits{set("alice", "version", num("1"))},
			found{"alice balance: the balance is 105 at version 1, but the history adds up to 105 at version 2"}},
		{"a fractional version", edits{set("alice", "version", num("2.5"))}, found{"alice balance-row"}},
		{"a missing balance", edits{drop("alice")},
			found{"alice balance: there is no balance, but the history adds up to 105 at version 2"}},
		{"a balance without rows", edits{insert("new", row{"user_id": text("new"), "balance": num("110"), "version": num("1")})},
			found{"new balance: the balance is 110 at version 1, but the history adds up to 100 at version 0"}},
		{"a stored opening balance", edits{insert("new", row{"user_id": text("new"), "balance": num("100"), "version": num("0")})},
			found{"new balance-row: version: is 0, must be a whole number of at least 1"}},
		{"a balance of a blank user", edits{insert(" ", row{"user_id": text(" "), "balance": num("110"), "version": num("1")})},
			found{"  balance-row: invalid user id: must not be blank"}},
		{"outdated balances", edits{drop("carol"), set("alice", "balance", num("110"), "version", num("1"))}, found{
			"alice balance: the balance is 110 at version 1, but the history adds up to 105 at version 2",
			"carol balance: there is no balance, but the history adds up to 109 at version 1",
		}},
		{"a stray attribute in a balance", edits{set("alice", "note", text("x"))}, found{"alice attributes"}},
		{"a changed held amount", edits{set("open", "held", num("41"))}, found{"open balance-row: held: is 41, but the open holds add up to 40"}},
		{"a hold count too high", edits{set("open", "holds", num("2"))}, found{"open balance-row"}},
		{"a missing hold", edits{set("open", "held", nil, "holds", nil, openHold, nil)},
			found{"open balance: the balance is 60 at version 1, with 0 held, but the history adds up to 60 at version 1, with 40 held"}},
		{"a hold of another transaction", edits{set("open", openHold, nil, "hold:AAAAAAAAAAAAAAAAAAAAAA", holdAs("40", "943275606000"))},
			found{"open hold: it is an open hold in the balance, but the rows have no open hold with this id, amount and expiry"}},
		{"a changed hold expiry", edits{set("open", openHold, holdAs("40", "1"))}, found{"open hold"}},
		{"an incomplete hold", edits{set("open", openHold, holdAs("40"))}, found{"open balance-row"}},

		// The write that a balance names in transaction_id.
		{"a mover without a row", edits{set("alice", "transaction_id", text(idOf(t, "alice", "x")))}, found{"alice mover"}},
		{"a mover that was declined", edits{set("alice", "transaction_id", text(declined))}, found{"alice mover"}},
		{"a mover of another user", edits{set("carol", "transaction_id", text(credit))}, found{"carol mover"}},
		{"a mover that is not a first row", edits{set("carol", "transaction_id", text(toCarol))}, found{"carol mover"}},
		{"another user's end as a mover", edits{set("alice", "transaction_id", text(voidedEnd))}, found{"alice mover"}},
		{"another user's capture as a mover", edits{set("alice", "transaction_id", text(paidEnd))}, found{"alice mover"}},
		{"another user's transfer as a mover", edits{set("alice", "transaction_id", text(first))}, found{"alice mover"}},
		{"a mover that is not an id", edits{set("alice", "transaction_id", text("x"))}, found{"alice balance-row"}},
		{"no mover", edits{set("alice", "transaction_id", nil)}, nil},
		{"earlier movers", edits{
			set("alice", "transaction_id", text(credit)), set("shop", "transaction_id", text(first)), set("voided", "transaction_id", text(voided.String())),
		}, nil},

		// Refunds and refund accounts.
		{"a refunded sum too low", edits{set(account, "r1", num("4"))},
			found{" refund: the refund account has 2 refunds: 6 of entry 0, 4 of entry 1, 0.5 of entry 2; the history has " + made}},
		{"refunded sums of other entries", edits{set(account, "r0", num("5"), "r1", num("6"))},
			found{" refund: the refund account has 2 refunds: 5 of entry 0, 6 of entry 1, 0.5 of entry 2; the history has " + made}},
		{"a refund count too high", edits{set(account, "version", num("3"))},
			found{" refund: the refund account has 3 refunds: 6 of entry 0, 5 of entry 1, 0.5 of entry 2; the history has " + made}},
		{"a missing refund account", edits{drop(account)}, found{" refund: there is no refund account; the history has " + made}},
		{"a refund account without refunds", edits{accountOf(" refunds " + credit)},
			found{" refund: the refund account has 1 refund: 2 of entry 0; the history has no refunds"}},
		{"a refunded sum stored as a string", edits{set(account, "r0", text("6"))}, found{account + " balance-row: r0: is of type S, must be N"}},
		{"a refunded sum with three decimal places", edits{set(account, "r0", num("6.001"))},
			found{account + " balance-row: r0: is 6.001, must have at most two decimal places"}},
		{"a stray attribute in a refund account", edits{set(account, "balance", num("6"))}, found{account + ` attributes: unknown attributes: "balance"`}},
		{"a refund account without a transaction", edits{accountOf(" refunds x")}, found{` refunds x balance-row: user_id: is " refunds x", must be a UUID`}},
		{"a refund time in the future", edits{set(account, "refunded_at", text(future))},
			found{account + " time: refunded_at is " + future + ", which is in the future"}},
		{"a refund of another entry", edits{set(refund2, "refund_places", holdAs("1", "2"))}, found{
			"buyer refund: its entries do not reverse the refunded entries",
			" refund: the refund account has " + made + "; the history has 2 refunds: 4 of entry 0, 5 of entry 1, 2.5 of entry 2",
		}},
		{"a refund of a missing entry", edits{set(refund2, "refund_places", holdAs("0", "9"))}, found{
			"buyer refund: the refunded transaction has no entry 9",
			" refund: the refund account has " + made + "; the history has 2 refunds: 6 of entry 0, 3 of entry 1, 0.5 of entry 2, 2 of entry 9",
		}},
		{"a declined refund of another transaction", edits{set(refund3, "refund_of", text(credit))}, nil},
		{"a refund of a declined transaction", edits{set(refund, "refund_of", text(refund3))}, found{
			"buyer refund: the refunded transaction can't be refunded: transaction " + refund3 + ": not refundable: it is declined",
			"buyer entries: 2" + tears + "2",
			" refund: the refund account has " + made + "; the history has 1 refund: 2 of entry 0, 2 of entry 1",
			" refund: there is no refund account; the history has 1 refund: 4 of entry 0, 3 of entry 1, 0.5 of entry 2",
		}},
		{"refunds that together exceed the entry", edits{set(gift, "ammount", num("5"))},
			found{"giver balance", " refund: 6 of entry 0 was refunded, but its amount is only 5"}},
		{"a refund that exceeds the entry", edits{set(gift, "ammount", num("3.5"))}, found{
			"giver balance",
			"giver refund: entry 0: invalid amount: must be at most what the entry moved: 3.5",
			" refund: 6 of entry 0 was refunded, but its amount is only 3.5",
		}},
		{"a missing refunded transaction", edits{drop(gift)}, found{
			"giver balance", "giver refund: the refunded transaction is missing", "giver refund: the refunded transaction is missing",
		}},
		{"refunds counted for a missing entry", edits{set(ofGift, "r7", num("1"))}, found{
			" refund: 1 of entry 7 was refunded, but there is no such entry",
			" refund: the refund account has 2 refunds: 6 of entry 0, 1 of entry 7; the history has 2 refunds: 6 of entry 0",
		}},
		{"a refund before the capture", edits{set(idOf(t, "renter", "refund"), "created_at", text("1999-11-22T12:15:16.999Z"))}, found{
			"renter refund: its time, 1999-11-22T12:15:16.999Z, is before the refunded transaction's, 1999-11-22T12:30:17.000Z",
		}},
		{"a refund before the capture within the clock tolerance", edits{set(idOf(t, "renter", "refund"), "created_at", text("1999-11-22T12:15:17.000Z"))}, nil},

		// Account rules.
		{"a missing rule change", edits{drop(barred)}, found{
			"barred mover", "barred rules: the balance has 1 rule change, debits blocked, credits blocked, but the history has 0 rule changes",
		}},
		{"a missing rule change between others", edits{drop(r2)}, found{"lent rules: rule change 2 is missing, or two have the same number"}},
		{"a wrong rule change number", edits{set(barred, "rule_change", num("4294967297"))},
			found{"barred rules: rule change 1 is missing, or two have the same number"}},
		{"a wrong rule change number between others", edits{set(r2, "rule_change", num("5"))},
			found{"lent rules: rule change 2 is missing, or two have the same number"}},
		{"a wrong previous limit", edits{set(r3, "credit_limit_before", num("20"))},
			found{"lent rules: rule change 3 records a previous limit of 20, but the limit was 30"}},
		{"a changed permission", edits{set(barred, "debits", text("allowed"))},
			found{"barred rules: the balance has 1 rule change, debits blocked, credits blocked, but the history has 1 rule change, credits blocked"}},
		{"an unknown permission", edits{set(barred, "debits", text("stopped"))}, found{
			`barred transaction-row: debits: is "stopped", must be "blocked" or "allowed"`, "barred rules",
		}},
		{"a declined limit that the balance allowed", edits{set(capped, "balance", num("10"))},
			found{"capped decline: a change of the limit from 10 to 0 was declined, but its balance of 10 allowed it"}},
		{"a missing block", edits{set("barred", "debits_blocked", nil)},
			found{"barred rules: the balance has 1 rule change, credits blocked, but the history has 1 rule change, debits blocked, credits blocked"}},
		{"a rule change count too high", edits{set("barred", "rule_changes", num("2"))},
			found{"barred rules: the balance has 2 rule changes, debits blocked, credits blocked, but the history has 1 rule change"}},
		{"a missing balance with rules", edits{drop("barred")},
			found{"barred rules: the balance has 0 rule changes, but the history has 1 rule change, debits blocked, credits blocked"}},
		{"a changed limit and balance", edits{set("lent", "credit_limit", num("60"), "balance", num("40"))},
			found{"lent rules: the balance has 3 rule changes, a credit limit of 60, but the history has 3 rule changes, a credit limit of 50"}},
		{"a changed balance with a limit", edits{set("lent", "balance", num("40"))},
			found{"lent balance: the balance is 40 at version 1, but the history adds up to 30 at version 1"}},
		{"a missing limit", edits{set("lent", "credit_limit", nil)},
			found{"lent balance: the balance is 30 at version 1, but the history adds up to -20 at version 1", "lent rules"}},
	}
}

// The audit finds each kind of damage, and reports nothing else.
func TestDamage(t *testing.T) {
	t.Parallel()
	rows := kinds(t)
	for _, c := range append(damages(t, rows), damage{"none", nil, nil}) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, model := infratest.OpenOnModel(dynamodbmodel.Moment{}, ledger.DefaultSettings())
				rows.with(c.edits...).writeTo(t, b)
				for _, most := range []int{maxWaiting, 3, 1, 0} { // if more hold rows than this wait, the audit looks up their counterparts
					a, network := auditorOver(b, model)
					a.maxWaiting = most
					r := a.run(t.Context())
					assert.Empty(t, r.Unfinished)
					assert.Empty(t, r.Unsettled)
					checkFound(t, c.want, r.Mismatches)
					if c.edits == nil {
						assert.Equal(t, 2*a.segments, requests(network, "Scan"), "the checksums agree, so no second scan is needed")
						assert.Len(t, a.fold.TakeOpen(), 1, "the open hold")
					}
				}
			})
		})
	}
}

// checkFound requires one finding for each prefix in want, in any order.
func checkFound(t *testing.T, want []string, findings []finding) {
	t.Helper()
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprintf("%s %s: %s", f.UserID, f.Kind, f.Detail))
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if len(got) != len(want) {
		assert.Equal(t, want, got)
		return
	}
	for i := range want {
		assert.True(t, strings.HasPrefix(got[i]+"\n", want[i]), "%q, not %q", got[i], want[i])
	}
}

func TestReportOfDamage(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, b.Ledger, "1", "+10")
	b.Damage(t, b.Config.AggregateTable, "UPDATE ? SET balance = 1000 WHERE user_id = '1'")
	b.Damage(t, b.Config.TransactionsTable, "INSERT INTO ? VALUE {'id': '\x1b[2J', 'user_id': '\x1b[1m'}")
	status, out, _ := command(t, b)
	assert.Equal(t, exitWrong, status)
	assert.Equal(t, `wrong      user "\x1b[1m", transaction "\x1b[2J": transaction-row: id: is "\x1b[2J", must be a UUID; user_id: is "\x1b[1m", must not contain control characters; ammount: is missing; status: is missing; created_at: is missing; type: is missing; idempotency_key: is missing
wrong      user "1": balance: the balance is 1000 at version 1, but the history adds up to 110 at version 1
totals     1 user: opening 100 + credits 10 - debits 0 = 110; balances 1000, difference 890
1 user, 2 transactions: 2 wrong, 0 unsettled
`, out)
}
