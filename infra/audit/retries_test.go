package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

// retriedCalls is a case: the calls before a restore, the rows that the restore loses, and the
// calls after a rebuild. A lost row is named by its call, as in "B", "B/1" or "B/end". "B/refunds"
// is the refund account of the call B, and "user/b" is the balance of user b.
type retriedCalls struct{ calls, lost, again string }

// retries has a case for each row in restore.md's table. Each case has its own users, who begin
// with 100, so their balances show how many times a call took effect.
var retries = map[string]retriedCalls{
	"posted before the restore's time": {calls: "A: a debit 10", again: "A; a 90"},
	"torn, its first row is present": {
		calls: "B: b debit 10, b-shop credit 10", lost: "B/1", again: "B; b 90, b-shop 110",
	},
	"torn, its first row is missing": {
		calls: "C: c debit 10, c-shop credit 10", lost: "C", again: "c-shop 100; C = posted; c 90, c-shop 110",
	},
	"posted later": {
		calls: "D: d debit 10; D2: d2 debit 10", lost: "D D2",
		again: "unknown D; d 100; D = posted; d 90; " +
			"D3: d2 debit 95; D2: d2 debit 10 = insufficient funds: entry 0 on 5",
	},
	"declined before the time": {
		calls: "E: e debit 1000 = insufficient funds: entry 0 on 100",
		again: "E2: e credit 5000; E = insufficient funds: entry 0 on 100; e 5100",
	},
	"declined later": {
		calls: "F: f debit 1000 = insufficient funds: entry 0 on 100", lost: "F",
		again: "F2: f credit 5000; F = posted; f 4100",
	},
	"held before the time, not ended by then": {
		calls: "G: hold g debit 40", again: "G; G2: capture G; g 60",
	},
	"held later": {calls: "H: hold h debit 40", lost: "H", again: "H = pending; 55s; h 60 held 40"},
	"captured, the end is present": {
		calls: "I: hold i debit 40, i-shop credit 40; I2: capture I 25", lost: "I/1", again: "I2; i 75, i-shop 125",
	},
	"captured, the end is missing": {
		calls: "J: hold j debit 40, j-shop credit 40; J2: capture J 25; J3: hold j2 debit 40; J4: capture J3 25",
		lost:  "J/end J3/end",
		again: "j-shop 100; J2 = captured 25; j 75, j-shop 125; 1m; J4 = hold ended: expiry of 40; j2 100",
	},
	"captured, the hold is missing": {
		calls: "K: hold k debit 40, k-shop credit 40; K2: capture K 25", lost: "K",
		again: "K2 = not found; k 100, k-shop 100",
	},
	"refunded, the refund and its original are present": {
		calls: "M: m debit 10, m-shop credit 10; M2: refund M 0 4, 1 4", lost: "M/refunds",
		again: "M2; M3: refund M 0 6.01 = refund limit: 6 is left of entry 0; m 94, m-shop 106",
	},
	"refunded, the original or its capture is missing": {
		calls: "N: n debit 10, n-shop credit 10; N2: refund N; " +
			"N3: hold n2 debit 10, n2-shop credit 10; N4: capture N3; N5: refund N3",
		lost: "N N3/end",
		again: "N2 = not found; N5 = not refundable: it is pending; n 100, n2-shop 100; " +
			"N = posted; N4 = captured 10; N2 = posted; N5 = posted; n 100, n2 100, n-shop 100",
	},
	"a change of account rules, its row is present": {
		calls: "O: rules o debits blocked, limit 50", lost: "user/o",
		again: "O; O2: o debit 1 = account blocked: entry 0 on 150",
	},
	"a change of account rules, its row is missing": {
		calls: "P: rules p limit 50", lost: "P",
		again: "P2: p debit 1 = account blocked: entry 0 on 100; P = posted; " +
			"P3: rules p debits allowed, credits allowed; P4: p debit 150",
	},
	"voided, the end is missing": {
		calls: "L: hold l debit 40; L2: void L; L3: hold l2 debit 40; L4: void L3", lost: "L/end L3/end",
		again: "L2 = voided; 1m; L4 = hold ended: expiry of 40; l 100, l2 100",
	},
}

// Callers who retry after a restore and a rebuild get the answers in restore.md's table.
func TestRetriesAfterRestore(t *testing.T) {
	t.Parallel()
	calls := script.At(infratest.NewInMemory(t, ledger.DefaultSettings()), lastYear)
	var lost []edit
	rows := rowsOfRestore(t)
	assert.Len(t, rows, len(retries))
	for _, row := range rows {
		require.Contains(t, retries, row, "a row of restore.md without a test")
		calls.Play(t, retries[row].calls)
		for _, row := range strings.Fields(retries[row].lost) {
			lost = append(lost, drop(lostKey(calls, row)))
		}
	}
	restored := infratest.New(t)
	rowsOf(t, calls.Books).with(lost...).writeTo(t, restored)
	status, out, _ := command(t, restored, "-rebuild", "-write", "-settle", "0s")
	require.Equal(t, exitRight, status, out)
	again := infratest.NewInMemory(t, ledger.DefaultSettings())
	rowsOf(t, restored).writeTo(t, again)
	calls.Play(t, "10s") // before the holds expire
	for _, row := range rows {
		calls.On(again).Play(t, retries[row].again)
	}
}

// lostKey returns the table key of a row that retriedCalls names in lost.
func lostKey(calls *script.Script, row string) string {
	switch name, part, _ := strings.Cut(row, "/"); {
	case name == "user":
		return part
	case part == "refunds":
		return infra.RefundsKey(calls.ID(name))
	}
	return calls.ID(row).String()
}

// rowsOfRestore returns the first column of restore.md's table.
func rowsOfRestore(t *testing.T) (rows []string) {
	t.Helper()
	text, err := os.ReadFile("../restore.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| the transaction | a retry is answered | it counts |\n| --- | --- | --- |\n")
	require.True(t, found)
	for line := range strings.Lines(table) {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 {
			break
		}
		rows = append(rows, strings.TrimPrefix(cells[0], "| "))
	}
	return rows
}
