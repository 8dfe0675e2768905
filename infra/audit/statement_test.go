package main

import (
	"cmp"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

func TestStatement(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	l := ledger.New(books.Store, at(lastYear))
	r := infratest.Request(t, "1", "1", ledger.Credit, "10.5")
	r.PostedBy = ledger.NewCaller("=arn:shop")
	_, err := l.Post(t.Context(), r)
	require.NoError(t, err)
	post(t, l, "1", "+10.5", "-1000", "-110.5") // "+10.5" has the key of r, so it is a replay
	post(t, books.Ledger, "2", "+1")
	status, out, log := command(t, books, "-user", "1")
	assert.Equal(t, `date                      type                 amount             balance  status    id                                    key  transaction  posted_by  refund_of  problem
                          opening                                     100
2025-11-22T12:00:01.000Z  credit                 10.5               110.5  posted    47b9e303-c943-824b-a25b-f2db8fa4f6ab  1    =arn:shop
2025-11-22T12:00:03.000Z  debit                  1000               110.5  declined  0f6c4a46-8c62-8a75-944a-3e8125d9557f  2
2025-11-22T12:00:05.000Z  debit                 110.5                   0  posted    031521f5-fe7f-8ef3-9bf8-8cf74cdc53d4  3
                          credits                10.5
                          debits                110.5
                          closing                                       0
1 user, 3 transactions: every balance matches its history
`, out+log)
	assert.Equal(t, exitRight, status)

	_, out, log = command(t, books, "-user", "1", "-csv")
	assert.Equal(t, `date,type,amount,balance,status,id,key,transaction,posted_by,refund_of,problem
,opening,,100,,,,,,,
2025-11-22T12:00:01.000Z,credit,10.5,110.5,posted,47b9e303-c943-824b-a25b-f2db8fa4f6ab,1,,'=arn:shop,,
2025-11-22T12:00:03.000Z,debit,1000,110.5,declined,0f6c4a46-8c62-8a75-944a-3e8125d9557f,2,,,,
2025-11-22T12:00:05.000Z,debit,110.5,0,posted,031521f5-fe7f-8ef3-9bf8-8cf74cdc53d4,3,,,,
,credits,10.5,,,,,,,,
,debits,110.5,,,,,,,,
,closing,,0,,,,,,,
`, out)
	assert.Equal(t, "1 user, 3 transactions: every balance matches its history\n", log)

	_, out, _ = command(t, books, "-user", "1", "-json")
	assert.Contains(t, out, `"key":"1","posted_by":"=arn:shop"}`)
	_, out, _ = command(t, books, "-export", "transactions", "-json")
	assert.Contains(t, out, `"posted_by":"=arn:shop",`)

	_, out, log = command(t, books, "-user", "=nobody()", "-json")
	assert.Equal(t, `{"type":"opening","balance":"100"}
{"type":"credits","ammount":"0"}
{"type":"debits","ammount":"0"}
{"type":"closing","balance":"100"}
`, out)
	assert.Equal(t, "1 user, 0 transactions: every balance matches its history\n", log)
}

// state returns the JSON lines of user 1's statement for a period, and the report.
func state(t *testing.T, rows stored, from, to string) (lines []statementLine, r report) {
	t.Helper()
	b, model := infratest.OpenOnModel(dynamodbmodel.Moment{}, ledger.DefaultSettings())
	rows.writeTo(t, b)
	a, _ := auditorOver(b, model)
	o := options{user: infratest.Rules(t, "1", "x").UserID, format: formatJSON}
	if from != "" {
		require.NoError(t, o.period.parseFrom(from))
	}
	if to != "" {
		require.NoError(t, o.period.parseTo(to))
	}
	var out strings.Builder
	r, err := a.statement(t.Context(), o, &out)
	require.NoError(t, err)
	return decodeLines[statementLine](t, out.String()), r
}

// A statement for a period begins with the balance before it, and ends with the balance after it. A
// day is a whole day in UTC. A row's time is when its call began, and the call may have waited for
// one that began later. So the rows are in an order that the balances allow, and a row is in the
// period in which it takes effect. Expired holds and today's limit come last.
func TestStatementOfPeriod(t *testing.T) {
	t.Parallel()
	days := []string{"-12h0.001s 1 credit 1", "-12h 1 credit 10", "11h59m59.999s 1 credit 100", "12h 1 credit 1000"}
	early := []string{"185ms 1 credit 50", "0s 1 debit 150"}
	lent := []string{"0s rules 1 limit 50", "0s 1 debit 120", "40s 1 debit 5", "160s 1 credit 30"}
	held := []string{"0s hold 1 debit 40"}
	const noon, midnight, nextMidnight = "2025-11-22T12:00:00", "2025-11-22T00:00:00.000Z", "2025-11-23T00:00:00.000Z"
	const dated = "2025-11-22T14:00:00.009Z" // an older version dated a release later than the debit in the same write
	for _, c := range []struct {
		name     string
		calls    []string // each begins with its time, relative to lastYear
		from, to string
		edit     edit
		want     string
	}{
		{"one day", days, "2025-11-22", "2025-11-22", nil, "opening 101 " + midnight + ", credit 111, credit 211, credits 110, debits 0, closing 211 " + nextMidnight},
		{"from a day", days, "2025-11-22", "", nil, "opening 101 " + midnight + ", credit 111, credit 211, credit 1211, credits 1110, debits 0, closing 1211"},
		{"to a day", days, "", "2025-11-21", nil, "opening 100, credit 101, credits 1, debits 0, closing 101 " + midnight},
		{"until a time", days, "2025-11-22T00:00:00Z", "2025-11-22T23:59:59.999Z", nil,
			"opening 101 " + midnight + ", credit 111, credits 10, debits 0, closing 111 2025-11-22T23:59:59.999Z"},
		{"from a time in another zone", days, "2025-11-23T01:00:00+01:00", "", nil, "opening 211 " + nextMidnight + ", credit 1211, credits 1000, debits 0, closing 1211"},
		{"after everything", days, "2026-01-01", "", nil, "opening 1211 2026-01-01T00:00:00.000Z, credits 0, debits 0, closing 1211"},
		{"before everything", days, "", "2020-01-01", nil, "opening 100, credits 0, debits 0, closing 100 2020-01-02T00:00:00.000Z"},

		{"until a credit that a debit needed", early, "", noon + ".1Z", nil, "opening 100, credits 0, debits 0, closing 100 " + noon + ".100Z"},
		{"a debit dated before its credit", early, "", noon + ".186Z", nil, "opening 100, credit 150, debit 0, credits 50, debits 150, closing 0 " + noon + ".186Z"},
		{"a rule change without a credit limit", append(early, "0s rules 1 debits blocked"), "", noon + ".186Z", nil,
			"opening 100, credit 150, debit 0, credits 50, debits 150, closing 0 " + noon + ".186Z"},
		{"a credit limit in use", lent, "", "", nil, "opening 100, debit -20, debit -25, credit 5, credits 30, debits 125, closing 5, limit 55"},
		{"a removed credit limit", append(lent, "160s rules 1 limit 0"), "", "", nil, "opening 100, debit -20, debit -25, credit 5, credits 30, debits 125, closing 5"},
		{"a release dated after its debit", append(held, "2h 1 debit 100"), "", "", set(infratest.Entries(t, "0", "1 debit 1").TransactionID().End().String(), "created_at", text(dated)),
			"opening 100, debit 60, expiry 100, debit 0, credits 40, debits 140, closing 0"},
		{"an expired hold", held, "", "", nil, "opening 100, debit 60, credits 0, debits 40, closing 60, expired 100"},
		{"a hold just before the end of its grace", held, "", "2025-11-22T12:01:00.999Z", nil, "opening 100, debit 60, credits 0, debits 40, closing 60 2025-11-22T12:01:00.999Z"},
		{"a hold at the end of its grace", held, "", "2025-11-22T12:01:01Z", nil,
			"opening 100, debit 60, credits 0, debits 40, closing 60 2025-11-22T12:01:01.000Z, expired 100 2025-11-22T12:01:01.000Z"},
		{"rows in an impossible order", early, "", "2025-11-22T13:00:00Z", set(idOf(t, "1", "0"), "created_at", text("2025-11-22T15:00:00.000Z")),
			"opening 100, debit no order of the rows, credits 0, debits 150, closing -50 2025-11-22T13:00:00.000Z no order of the rows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b, _ := infratest.OpenOnModel(dynamodbmodel.Moment{}, ledger.DefaultSettings())
			for i, call := range c.calls {
				moment, what, _ := strings.Cut(call, " ")
				after, err := time.ParseDuration(moment)
				require.NoError(t, err)
				script.At(b, lastYear.Add(after)).Play(t, fmt.Sprint(i, ": ", what))
			}
			rows := rowsOf(t, b)
			if c.edit != nil {
				rows = rows.with(c.edit)
			}
			lines, r := state(t, rows, c.from, c.to)
			assert.Equal(t, strings.Contains(c.want, "no order"), r.status() == exitUnsettled)
			var got []string
			for _, l := range lines {
				problem, _, _ := strings.Cut(l.Problem, " around this time")
				words := []string{l.Type, l.Balance, problem}
				if l.ID == "" {
					words = []string{l.Type, cmp.Or(l.Balance, l.Amount), l.Date, problem}
				}
				got = append(got, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
			}
			assert.Equal(t, c.want, strings.Join(got, ", "))
		})
	}
}

// A damaged user's statement shows the damage and all later rows, and the exit status is not 0.
func TestStatementOfDamagedUser(t *testing.T) {
	t.Parallel()
	b, _ := infratest.OpenOnModel(dynamodbmodel.Moment{}, ledger.DefaultSettings())
	post(t, ledger.New(b.Store, at(lastYear)), "1", "+10", "-5", "+3")
	rows, debit := rowsOf(t, b), idOf(t, "1", "2")
	const unsettled = "the balance is 108 at version 3, but the history adds up to 113 at version 2; " +
		"rows are damaged, or missing from the index or the table: audit all users to find out"
	for _, c := range []struct {
		name     string
		edit     edit
		status   int
		problems []string // in the statement's lines
		closing  string
	}{
		{"balance", set("1", "balance", num("140")), exitWrong,
			[]string{"the balance is 140 at version 3, but the history adds up to 108 at version 3"}, "108"},
		{"balance that can't be read", set("1", "balance", text("108")), exitWrong, []string{"balance: is of type S, must be N"}, "108"},
		{"mover", set("1", "transaction_id", text(idOf(t, "1", "x"))), exitWrong,
			[]string{"the balance's transaction_id is " + idOf(t, "1", "x") + ", but no row of that write belongs to the user"}, "108"},
		{"balance missing", drop("1"), exitWrong, []string{"there is no balance, but the history adds up to 108 at version 3"}, "108"},
		{"row that can't be read", set(debit, "type", text("gift")), exitWrong,
			[]string{`type: is "gift", must be "credit" or "debit"`, unsettled}, "113"},
		{"row missing", drop(debit), exitUnsettled, []string{unsettled}, "113"},
		{"row changed", set(debit, "ammount", num("4")), exitWrong,
			[]string{"the balance is 108 at version 3, but the history adds up to 109 at version 3"}, "109"},
		{"row with another key", set(debit, "idempotency_key", text("x")), exitWrong,
			[]string{`the id for key "x" of this user should be ` + idOf(t, "1", "x")}, "108"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lines, r := state(t, rows.with(c.edit), "", "")
			assert.Equal(t, c.status, r.status())
			var log strings.Builder
			require.NoError(t, r.writeText(&log))
			var problems []string
			for _, l := range lines {
				if l.Problem != "" {
					problems = append(problems, l.Problem)
					assert.Contains(t, log.String(), ": "+l.Problem+"\n")
				}
			}
			assert.Equal(t, c.problems, problems)
			assert.Equal(t, idOf(t, "1", "3"), lines[len(lines)-4].ID, "the last row is there")
			assert.Equal(t, statementLine{Type: "closing", Balance: c.closing, Problem: lines[len(lines)-1].Problem}, lines[len(lines)-1])
		})
	}
}

// With -user, the audit also counts rows that were posted after the statement was written.
func TestStatementDuringWrites(t *testing.T) {
	t.Parallel()
	onModel(t, func(s *scene) {
		credit := credits(s.t, s.b, "1")
		credit()
		s.network.Next(nil, nil, before(credit)) // before TransactGetItems
		o := options{user: infratest.Request(s.t, "1", "1", ledger.Credit, "1").UserID(), format: formatCSV}
		var out strings.Builder
		found, err := s.statement(s.t.Context(), o, &out)
		require.NoError(s.t, err)
		assert.Equal(s.t, exitRight, found.status(), "%+v", found)
		assert.Contains(s.t, out.String(), ",closing,,110,")

		s.always(faults.Throttle, "TransactGetItems")
		found, err = s.statement(s.t.Context(), o, &out)
		require.NoError(s.t, err)
		assert.Equal(s.t, exitUnsettled, found.status(), "%+v", found)
	})
}

// A caller's string can't become a formula in a spreadsheet or control a terminal.
func TestFormulasAreEscaped(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":               "",
		"plain; text":    "plain; text",
		"-12.5":          "-12.5",
		"=1+1":           "'=1+1",
		"-1+1":           "'-1+1",
		"＝1+1":           "'＝1+1",
		"＋1":             "'＋1",
		"－1":             "'－1",
		"＠SUM(1)":        "'＠SUM(1)",
		"﹦1":             "'﹦1",
		" =1+1":          "' =1+1",
		"\u00a0=1":       "'\u00a0=1",
		"\ufeff=1":       "'\ufeff=1",
		"\"=1\"":         "'\"=1\"",
		"a;=1+1":         "a;'=1+1",
		"a; =1":          "a;' =1",
		"a;-5":           "a;'-5",
		"a\t=1":          "a\t'=1",
		"a|@x":           "a|'@x",
		"\n=1":           "'\n'=1",
		"\r\n=1":         "'\r'\n'=1",
		"\tx":            "'\tx",
		"'x":             "''x",
		"a;'x":           "a;''x",
		"1=1":            "1=1",
		"bad \xff;=1":    "bad \xff;'=1",
		"user@mail":      "user@mail",
		"2025-11-22T1=2": "2025-11-22T1=2",
		"order-1":        "order-1",
		"+1":             "'+1",
		"@x":             "'@x",
		"-x":             "'-x",
		"-0.01":          "-0.01",
		"-1e3":           "'-1e3",
	} {
		assert.Equal(t, want, inert(in), "%q", in)
	}
	for in, want := range map[string]string{
		"": "", `say "hi" \ 'x'`: `say "hi" \ 'x'`, "ключ": "ключ", "\x1b[2J": `"\x1b[2J"`, "a\nb": `"a\nb"`, "\u202eabc": `"\u202eabc"`, "\xff": `"\xff"`,
	} {
		assert.Equal(t, want, printable(in), "%q", in)
	}
	books := infratest.New(t)
	_, err := books.Ledger.Post(t.Context(), infratest.Request(t, "1", "=cmd()", ledger.Credit, "1"))
	require.NoError(t, err)
	_, out, _ := command(t, books, "-user", "1", "-csv")
	assert.Contains(t, out, ",'=cmd(),,,,\n")
	_, out, _ = command(t, books, "-user", "1", "-json")
	assert.Contains(t, out, `"key":"=cmd()"`)
}
