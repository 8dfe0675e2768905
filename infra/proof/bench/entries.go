package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"

	"onewrite/infra/infratest"
)

// several are outcomes of postings with several entries.
var several = []outcome{
	transferred,
	postedAll("10 entries", credits(10)),
	postedAll("50 entries", credits(50)),
	postedAll("50 of 50 users", payroll(50)),
	postedAll("99 entries", credits(99)),
}

// transferred pays another user.
var transferred = postedAll("transfer", payroll(2))

// postedAll returns the outcome of posting entries.
func postedAll(name string, entries func(names) []infratest.Entry) outcome {
	return outcome{name, "201",
		func(n names) call { return postEntries(n, entries(n)) },
		func(f *floor, n names) request { return f.writeEntries(n, entries(n)) }, nil}
}

// credits returns that many credits of the user.
func credits(count int) func(names) []infratest.Entry {
	return func(n names) (entries []infratest.Entry) {
		for range count {
			entries = append(entries, entry(n.user, "credit", 1))
		}
		return entries
	}
}

// payroll returns a debit of the user and the credits of others that it pays, one
// each, together that many entries.
func payroll(count int) func(names) []infratest.Entry {
	return func(n names) []infratest.Entry {
		entries := []infratest.Entry{entry(n.user, "debit", count-1)}
		for i := range count - 1 {
			entries = append(entries, entry(fmt.Sprintf("%s-%d", n.user, i), "credit", 1))
		}
		return entries
	}
}

// entry makes an entry as a row has it.
func entry(user, kind string, amount int) infratest.Entry {
	return infratest.Entry{UserID: user, Type: kind, Ammount: attributevalue.Number(strconv.Itoa(amount))}
}

// postEntries makes a posting of several entries.
func postEntries(n names, entries []infratest.Entry) call {
	var bodies []string
	for _, e := range entries {
		bodies = append(bodies, entryBody(e.UserID, e.Type, e.Ammount.String(), ""))
	}
	return postBody(n, `{"entries":[`+strings.Join(bodies, ",")+`]}`)
}

// writeEntries makes the write of entries, of which those of one user are all
// credits or all debits, and no debit is more than the opening balance.
func (f *floor) writeEntries(n names, entries []infratest.Entry) request {
	id := n.id()
	first := row(n, entries[0].Type, entries[0].Ammount.String(), "posted", "")
	if len(entries) > 1 {
		first.Entries = entries
	}
	rows := []infratest.Row{first}
	for i, e := range entries[1:] {
		rows = append(rows, infratest.Row{
			ID: id.Entry(i + 1).String(), UserID: e.UserID, Ammount: e.Ammount, Type: e.Type, Status: "posted",
			CreatedAt: createdAt, TransactionID: id.String(),
		})
	}
	var moves []move
	for at := 0; at < len(entries); {
		e, rows, sum := entries[at], 0, 0
		for ; at < len(entries) && entries[at].UserID == e.UserID; at++ {
			rows, sum = rows+1, sum+dollars(entries[at].Ammount.String())
		}
		moves = append(moves, moveOf(e.UserID, e.Type, strconv.Itoa(sum), rows).orNew())
	}
	return f.transact(rows, moves...)
}
