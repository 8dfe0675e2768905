package books_test

import (
	"encoding/base64"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

type tables struct{ transactions, balances map[string]books.Row }

// stored returns the rows from calls of every kind:
//
//	alice  a credit of 10.5, a debit of 20 and a declined debit of 90.51
//	bob    a transfer of 9 to carol and 1 to shop, and one of 1000, declined by its second entry
//	open   an open hold of 40
//	paid   a hold of 40, of which 25 were captured for shop
//	voided and late  a hold of 40 that was voided, and one that expired
func stored(t *testing.T) (s tables) {
	t.Helper()
	b, _ := infratest.OpenOnModel(dynamodbmodel.Moment{}, ledger.DefaultSettings())
	now := time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
	l := ledger.New(b.Store, func() time.Time { now = now.Add(time.Second); return now })
	for _, r := range []ledger.Request{
		infratest.Entries(t, "credit", "alice credit 10.5"),
		infratest.Entries(t, "debit", "alice debit 20"),
		infratest.Entries(t, "declined", "alice debit 90.51"),
		infratest.Entries(t, "transfer", "bob debit 10", "carol credit 9", "shop credit 1"),
		infratest.Entries(t, "refused", "bob debit 1", "carol debit 1000"),
	} {
		_, _ = l.Post(t.Context(), r) // two are declined
	}
	for _, entries := range [][]string{{"open debit 40"}, {"paid debit 40", "shop credit 40"}, {"voided debit 40"}, {"late debit 40"}} {
		r := infratest.Entries(t, "hold", entries...)
		r.ExpiresIn = time.Hour
		_, err := l.Post(t.Context(), r)
		require.NoError(t, err)
	}
	_, err := l.Capture(t.Context(), ledger.EndRequest{TransactionID: holdOf(t, "paid")}, infratest.Request(t, "x", "x", ledger.Debit, "25").Entries[0].Amount)
	require.NoError(t, err)
	_, err = l.Void(t.Context(), ledger.EndRequest{TransactionID: holdOf(t, "voided")})
	require.NoError(t, err)
	now = now.Add(time.Hour)
	_, err = l.Void(t.Context(), ledger.EndRequest{TransactionID: holdOf(t, "late")})
	require.ErrorIs(t, err, ledger.ErrHoldEnded)
	read := func(table, key string) map[string]books.Row {
		out, err := b.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table, ConsistentRead: aws.Bool(true)})
		require.NoError(t, err)
		rows := map[string]books.Row{}
		for _, r := range out.Items {
			if !infra.IsSettings(r) {
				rows[books.TextOf(r, key)] = r
			}
		}
		return rows
	}
	return tables{read(b.Config.TransactionsTable, "id"), read(b.Config.AggregateTable, "user_id")}
}

func holdOf(t *testing.T, user string) ledger.TransactionID {
	return infratest.Entries(t, "hold", user+" debit 1").TransactionID()
}

// check returns the rows' findings, in no order: a map has none.
func (s tables) check() (found []books.Finding) {
	f := books.NewFold(ledger.DefaultSettings(), books.Everything)
	wholes := books.Wholes{}
	rows := map[ledger.TransactionID]ledger.Transaction{}
	for _, r := range s.transactions {
		found = append(found, f.Add(r)...)
		if t, err := infra.DecodeTransaction(r); err == nil {
			rows[t.ID] = t
			wholes.Add(t)
		}
	}
	f.Settle()
	found = append(append(found, f.Orphans()...), wholes.Findings()...)
	for _, r := range s.balances {
		user, balance, damage, ok := books.ExamineAggregate(ledger.DefaultSettings(), r)
		found = append(found, damage...)
		t := f.Tallies.Of(user)
		t.Seen = true
		if !ok {
			continue
		}
		if t.Judge(ledger.DefaultSettings(), 0, balance) != books.Right {
			found = append(found, t.Differs(ledger.DefaultSettings(), user, balance))
			continue
		}
		found = append(found, f.CompareHolds(user, balance.Holds)...)
		first := rows[balance.TransactionID]
		if (balance.TransactionID != ledger.TransactionID{}) && !books.CanMove(user, first, rows[first.TransactionID]) {
			found = append(found, books.WrongMover(user, balance.TransactionID))
		}
	}
	for user, t := range f.Tallies.All {
		if !t.Seen && t.Posted > 0 {
			found = append(found, t.Differs(ledger.DefaultSettings(), user, infra.Aggregate{}))
		}
	}
	return found
}

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func number(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }

func TestCheckOfRightRows(t *testing.T) {
	t.Parallel()
	assert.Empty(t, stored(t).check())
	assert.Empty(t, tables{}.check())
}

// Each change to each kind of row is found.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	id := func(user, key string) string {
		return infratest.Entries(t, key, user+" debit 1").TransactionID().String()
	}
	hold, end := func(user string) string { return holdOf(t, user).String() }, func(user string) string { return holdOf(t, user).End().String() }
	open := holdOf(t, "open")
	attribute := "hold:" + base64.RawURLEncoding.EncodeToString(open[:])
	list := func(values ...types.AttributeValue) types.AttributeValue {
		return &types.AttributeValueMemberL{Value: values}
	}
	credit, declined, transfer := id("alice", "credit"), id("alice", "declined"), infratest.Entries(t, "transfer", "bob debit 1").TransactionID()
	voidOf := func(hold ledger.TransactionID, user string) books.Row {
		return books.Row{"user_id": text(user), "ammount": number("40"), "type": text("void"), "status": text("voided"), "created_at": text("2025-11-22T12:00:30.000Z"), "transaction_id": text(hold.String())}
	}
	type change struct {
		key string
		row books.Row // attributes to set, nil to remove each; nil: the row is removed
	}
	for name, c := range map[string]struct {
		transactions, balances []change
		want                   []string // user and kind
	}{
		"an amount":                     {[]change{{credit, books.Row{"ammount": number("10.51")}}}, nil, []string{"alice balance"}},
		"an amount as a text":           {[]change{{credit, books.Row{"ammount": text("10.5")}}}, nil, []string{"alice balance", "alice transaction-row"}},
		"an amount of three places":     {[]change{{credit, books.Row{"ammount": number("10.501")}}}, nil, []string{"alice balance", "alice transaction-row"}},
		"an amount of nothing":          {[]change{{credit, books.Row{"ammount": number("0")}}}, nil, []string{"alice balance", "alice transaction-row"}},
		"an amount that is too high":    {[]change{{credit, books.Row{"ammount": number("1000000000000.01")}}}, nil, []string{"alice balance", "alice transaction-row"}},
		"a type":                        {[]change{{credit, books.Row{"type": text("debit")}}}, nil, []string{"alice balance"}},
		"an unknown type":               {[]change{{credit, books.Row{"type": text("gift")}}}, nil, []string{"alice balance", "alice transaction-row"}},
		"a stray attribute":             {[]change{{credit, books.Row{"note": text("x")}}}, nil, []string{"alice attributes"}},
		"a time":                        {[]change{{credit, books.Row{"created_at": text("2025-11-22 12:00")}}}, nil, []string{"alice balance", "alice transaction-row"}},
		"a time to come":                {[]change{{credit, books.Row{"created_at": text("2231-11-22T12:00:00.000Z")}}}, nil, []string{"alice time"}},
		"a key":                         {[]change{{credit, books.Row{"idempotency_key": text("other")}}}, nil, []string{"alice transaction-id"}},
		"another user":                  {[]change{{credit, books.Row{"user_id": text("open")}}}, nil, []string{"alice balance", "open balance", "open transaction-id"}},
		"a row gone":                    {[]change{{credit, nil}}, nil, []string{"alice balance"}},
		"a decline that was allowed":    {[]change{{declined, books.Row{"balance": number("90.51")}}}, nil, []string{"alice decline"}},
		"a decline without its balance": {[]change{{declined, books.Row{"balance": nil}}}, nil, []string{"alice transaction-row"}},
		"a decline of another entry":    {[]change{{id("bob", "refused"), books.Row{"declined_entry": number("0")}}}, nil, []string{"bob decline"}},
		"a decline that is posted":      {[]change{{declined, books.Row{"status": text("posted"), "balance": nil}}}, nil, []string{"alice balance"}},
		"an entry's row gone":           {[]change{{transfer.Entry(2).String(), nil}}, nil, []string{"bob entries", "shop balance"}},
		"an entry's amount":             {[]change{{transfer.Entry(1).String(), books.Row{"ammount": number("8")}}}, []change{{"carol", books.Row{"balance": number("108")}}}, []string{"bob entries"}},
		"an entry's time":               {[]change{{transfer.Entry(1).String(), books.Row{"created_at": text("2025-11-22T12:00:00.000Z")}}}, nil, []string{"bob entries"}},
		"a first row gone":              {[]change{{transfer.String(), nil}}, []change{{"bob", nil}}, []string{" entries", "carol mover"}},
		"a pending row gone":            {[]change{{hold("late"), nil}}, nil, []string{"late balance", "late hold"}},
		"a pending row's amount":        {[]change{{hold("voided"), books.Row{"ammount": number("41")}}}, nil, []string{"voided balance", "voided hold"}},
		"a pending row's expiry":        {[]change{{hold("open"), books.Row{"expires_at": text("2025-11-22T15:00:00.000Z")}}}, nil, []string{"open hold"}},
		"an end gone":                   {[]change{{end("voided"), nil}}, nil, []string{"voided balance"}},
		"an end of another sum":         {[]change{{end("voided"), books.Row{"ammount": number("39")}}}, nil, []string{"voided balance", "voided hold"}},
		"an end of another user":        {[]change{{end("voided"), books.Row{"user_id": text("late")}}}, nil, []string{"late balance", "late hold", "voided balance"}},
		"an end after the expiry":       {[]change{{end("voided"), books.Row{"created_at": text("2025-11-22T14:00:00.000Z")}}}, nil, []string{"voided hold"}},
		"an expiry before the expiry":   {[]change{{end("late"), books.Row{"created_at": text("2025-11-22T12:30:00.000Z")}}}, nil, []string{"late hold"}},
		"an end without a hold":         {[]change{{holdOf(t, "x").End().String(), voidOf(holdOf(t, "x"), "alice")}}, nil, []string{"alice balance", "alice hold"}},
		"an end under another id":       {[]change{{open.Entry(1).String(), voidOf(open, "open")}}, nil, []string{"open balance", "open transaction-id"}},
		"another sum captured":          {[]change{{end("paid"), books.Row{"ammount": number("26")}}}, []change{{"paid", books.Row{"balance": number("74")}}}, []string{"paid entries"}},
		"more captured than held":       {[]change{{end("paid"), books.Row{"ammount": number("41")}}}, nil, []string{"paid balance", "paid transaction-row", "paid entries", "shop mover"}},
		"a captured credit gone":        {[]change{{holdOf(t, "paid").Entry(1).String(), nil}}, nil, []string{"paid entries", "shop balance"}},

		"a balance":                    {nil, []change{{"alice", books.Row{"balance": number("90.51")}}}, []string{"alice balance"}},
		"a balance as a text":          {nil, []change{{"alice", books.Row{"balance": text("90.5")}}}, []string{"alice balance-row"}},
		"a balance below zero":         {nil, []change{{"alice", books.Row{"balance": number("-0.01")}}}, []string{"alice balance-row"}},
		"a balance above the most":     {nil, []change{{"alice", books.Row{"balance": number("1016000000000000.01")}}}, []string{"alice balance-row"}},
		"a version":                    {nil, []change{{"alice", books.Row{"version": number("3")}}}, []string{"alice balance"}},
		"half a version":               {nil, []change{{"alice", books.Row{"version": number("2.5")}}}, []string{"alice balance-row"}},
		"a balance gone":               {nil, []change{{"alice", nil}}, []string{"alice balance"}},
		"a balance without rows":       {nil, []change{{"nobody", books.Row{"balance": number("100"), "version": number("1")}}}, []string{"nobody balance"}},
		"a stray attribute of balance": {nil, []change{{"alice", books.Row{"note": text("x")}}}, []string{"alice attributes"}},
		"what is held":                 {nil, []change{{"open", books.Row{"held": number("41")}}}, []string{"open balance-row"}},
		"a hold too many":              {nil, []change{{"open", books.Row{"holds": number("2")}}}, []string{"open balance-row"}},
		"no hold":                      {nil, []change{{"open", books.Row{"held": nil, "holds": nil, attribute: nil}}}, []string{"open balance"}},
		"a hold's expiry":              {nil, []change{{"open", books.Row{attribute: list(number("40"), number("1"))}}}, []string{"open hold"}},
		"half a hold":                  {nil, []change{{"open", books.Row{attribute: list(number("40"))}}}, []string{"open balance-row"}},
		"a mover that is no row":       {nil, []change{{"alice", books.Row{"transaction_id": text(id("alice", "x"))}}}, []string{"alice mover"}},
		"a mover that was declined":    {nil, []change{{"alice", books.Row{"transaction_id": text(declined)}}}, []string{"alice mover"}},
		"a mover of another user":      {nil, []change{{"shop", books.Row{"transaction_id": text(credit)}}}, []string{"shop mover"}},
		"a mover that is no first row": {nil, []change{{"shop", books.Row{"transaction_id": text(transfer.Entry(2).String())}}}, []string{"shop mover"}},
		"a mover that is no id":        {nil, []change{{"alice", books.Row{"transaction_id": text("x")}}}, []string{"alice balance-row"}},
		"no mover":                     {nil, []change{{"alice", books.Row{"transaction_id": nil}}}, nil},
		"an earlier mover":             {nil, []change{{"shop", books.Row{"transaction_id": text(transfer.String())}}, {"alice", books.Row{"transaction_id": text(credit)}}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := stored(t)
			apply := func(rows map[string]books.Row, key string, changes []change) {
				for _, c := range changes {
					if c.row == nil {
						require.Contains(t, rows, c.key)
						delete(rows, c.key)
						continue
					}
					if rows[c.key] == nil {
						rows[c.key] = books.Row{key: text(c.key)}
					}
					for name, value := range c.row {
						if rows[c.key][name] = value; value == nil {
							delete(rows[c.key], name)
						}
					}
				}
			}
			apply(s.transactions, "id", c.transactions)
			apply(s.balances, "user_id", c.balances)
			var got []string
			for _, f := range s.check() {
				got = append(got, f.UserID+" "+f.Kind)
			}
			slices.Sort(got)
			slices.Sort(c.want)
			assert.Equal(t, c.want, got)
		})
	}
}

// A server decides by the clock that dates the end: a hold has expired at its expiry,
// and not a millisecond before.
func TestEndAtTheExpiry(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"paid", "voided", "late"} {
		for early, right := range map[time.Duration]bool{time.Millisecond: user != "late", 0: user == "late"} {
			s := stored(t)
			expiry, err := ledger.ParseTime(books.TextOf(s.transactions[holdOf(t, user).String()], "expires_at"))
			require.NoError(t, err)
			created := text(ledger.FormatTime(expiry.Add(-early)))
			s.transactions[holdOf(t, user).End().String()]["created_at"] = created
			if credit := s.transactions[holdOf(t, user).Entry(1).String()]; credit != nil {
				credit["created_at"] = created
			}
			found := s.check()
			assert.Equal(t, right, len(found) == 0, "%s, %s early: %v", user, early, found)
		}
	}
}

// A hold's row waits for the other row, which may be looked up instead. Each pair
// counts once, whatever is looked up and when.
func TestFoldLooksHoldsUp(t *testing.T) {
	t.Parallel()
	s := stored(t)
	for range 50 { // a map's order differs each time
		f := books.NewFold(ledger.DefaultSettings(), books.Everything)
		for _, r := range s.transactions {
			assert.Empty(t, f.Add(r))
			if f.Waiting() > 2 {
				for _, id := range f.Missing() {
					assert.Empty(t, f.Found(s.transactions[id.String()]))
				}
				f.Settle()
				assert.Zero(t, f.Waiting())
			}
		}
		for _, id := range f.Missing() {
			assert.Empty(t, f.Found(s.transactions[id.String()]))
		}
		f.Settle()
		assert.True(t, f.IsWhole())
		assert.Equal(t, 1, f.OpenCount())
		assert.Empty(t, f.Orphans())
	}
}

// Sums are exact to the last of 30 digits, with either sign.
func TestSum(t *testing.T) {
	t.Parallel()
	of := func(s string) books.Sum {
		a, err := ledger.ParseAmount(s)
		require.NoError(t, err)
		return books.SumOf(a)
	}
	sum := books.Sum{}
	assert.Equal(t, "0", sum.String())
	for range 1000 {
		sum = sum.Plus(of("999999999999.99"))
	}
	assert.Equal(t, "999999999999990", sum.String())
	assert.Equal(t, "-0.01", books.Sum{}.Minus(of("0.01")).String())
	assert.Equal(t, of("0.3"), of("0.30"))
	assert.True(t, books.Sum{}.Minus(of("0.01")).IsNegative())
	assert.True(t, of("2").Exceeds(of("1.99")))
	assert.False(t, of("2").Exceeds(of("2")))
}
