package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/script"
	"onewrite/infra/internal/books"
	"onewrite/ledger"
)

// longAgo is before the time in a synctest bubble, which begins in the year 2000.
var longAgo = time.Date(1999, 11, 22, 12, 0, 0, 0, time.UTC)

// stored contains the rows of both tables by id or user_id, without the settings.
type stored map[string]row

// kinds returns the rows that calls of every kind store:
//
//	alice   a credit of 10, a debit of 5 and a declined debit of 1000
//	bob     a transfer of 9 to carol and 1 to shop, and one whose second entry is declined
//	open    an open hold of 40
//	paid, whole, voided, late
//	        ended holds of 40: captured for shop (25 of it), captured in full, voided, expired
//	spent   an expired hold of 90, released by a debit of 80
//	buyer   a purchase of 9 from seller with a fee of 1 for market, two refunds, and a declined one
//	giver   a debit of 10 with refunds of 4 and 2
//	renter  a hold of 10, captured after half an hour, and a refund of 5
//	lent    a limit of 30, a block, then a limit of 50 without the block, and a debit of 120
//	barred  blocks of debits and credits, and a declined debit
//	capped  a limit of 10, a debit of 105, and a declined change of the limit to 0
func kinds(t *testing.T) stored {
	t.Helper()
	b, _ := infratest.OpenOnModel(dynamodbmodel.Moment{}, ledger.DefaultSettings())
	s := script.At(b, longAgo)
	for _, steps := range []string{
		"credit: alice credit 10; debit: alice debit 5; declined: alice debit 1000 = insufficient funds: entry 0 on 105",
		"transfer: bob debit 10, carol credit 9, shop credit 1; refused: bob debit 1, carol debit 1000 = insufficient funds: entry 1 on 109",
		"open: hold open debit 40",
		"paid: hold paid debit 40, shop credit 40; capture1: capture paid 25",
		"whole: hold whole debit 40; capture2: capture whole",
		"voided: hold voided debit 40; void: void voided",
		"late: hold late debit 40; renter: hold 1h renter debit 10; spent: hold spent debit 90",
		"30m; capture3: capture renter; refund: refund renter 0 5",
		"too late: void late = hold ended: expiry of 40; spend: spent debit 80",
		"sale: buyer debit 10, seller credit 9, market credit 1; sale 1: refund sale 0 4, 1 3, 2 0.5; sale 2: refund sale 0 2, 1 2",
		"empty: seller debit 104; sale 3: refund sale 1 1 = insufficient funds: entry 0 on 0",
		"gift: giver debit 10; gift 1: refund gift 0 4; gift 2: refund gift 0 2",
		"r1: rules lent limit 30; r2: rules lent debits blocked; r3: rules lent debits allowed, limit 50; lent: lent debit 120",
		"block: rules barred debits blocked, credits blocked; barred: barred debit 1 = account blocked: entry 0 on 100",
		"cap: rules capped limit 10; use: capped debit 105; uncap: rules capped limit 0 = credit in use: entry 0 on 5",
	} {
		for step := range strings.SplitSeq(steps, "; ") {
			s.Play(t, "1s; "+step)
		}
	}
	return rowsOf(t, b)
}

func rowsOf(t *testing.T, b *infratest.Books) stored {
	t.Helper()
	all := stored{}
	for _, table := range []string{b.Config.TransactionsTable, b.Config.AggregateTable} {
		out, err := b.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &table}, retried)
		require.NoError(t, err)
		for _, r := range out.Items {
			if !infra.IsSettings(r) {
				all[cmp.Or(books.TextOf(r, "id"), books.TextOf(r, "user_id"))] = r
			}
		}
	}
	return all
}

// retried makes a client retry, because requests can time out on a slow machine.
func retried(o *dynamodb.Options) { o.Retryer = retry.NewStandard() }

type edit func(stored)

// set sets attributes of the row with the given key. The pairs are names and values, and a nil
// value removes the attribute.
func set(key string, pairs ...any) edit {
	return func(s stored) {
		for i := 0; i < len(pairs); i += 2 {
			if name := pairs[i].(string); pairs[i+1] == nil {
				delete(s[key], name)
			} else {
				s[key][name] = pairs[i+1].(types.AttributeValue)
			}
		}
	}
}

func drop(keys ...string) edit {
	return func(s stored) {
		for _, key := range keys {
			delete(s, key)
		}
	}
}

func insert(key string, r row) edit { return func(s stored) { s[key] = r } }

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(s string) types.AttributeValue  { return &types.AttributeValueMemberN{Value: s} }

func (s stored) with(edits ...edit) stored {
	edited := stored{}
	for key, r := range s {
		edited[key] = maps.Clone(r)
	}
	for _, e := range edits {
		e(edited)
	}
	return edited
}

func (s stored) writeTo(t *testing.T, b *infratest.Books) {
	t.Helper()
	puts := map[string][]types.WriteRequest{}
	for _, r := range s {
		table := b.Config.TransactionsTable
		if r["id"] == nil {
			table = b.Config.AggregateTable
		}
		puts[table] = append(puts[table], types.WriteRequest{PutRequest: &types.PutRequest{Item: r}})
	}
	for table, all := range puts {
		for batch := range slices.Chunk(all, 25) {
			input := &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: batch}}
			_, err := b.Client.BatchWriteItem(t.Context(), input, retried)
			require.NoError(t, err)
		}
	}
}

// The audit, statements, exports and the rebuild accept every kind of row.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	kinds(t).writeTo(t, b)
	first := infratest.Entries(t, "transfer", "bob debit 10").TransactionID()
	sale, change, block := idOf(t, "buyer", "sale"), idOf(t, "lent", "r3"), idOf(t, "barred", "block")
	for _, c := range []struct{ args, want, not string }{
		{"", "totals     18 users: opening 1800 + credits 257 - debits 749.5 + credit limits 60 = 1367.5; balances 1367.5, difference 0\n" +
			"18 users, 45 transactions: every balance matches its history\n", "wrong"},
		{"-json", `"lent":"60","history":"`, "x"},
		{"-rebuild -settle 0s", "nothing to rebuild", "would"},
		{"-user carol -csv", fmt.Sprintf(",credit,9,109,posted,%s,,%s,,,\n", first.Entry(1), first), "limit"},
		{"-user paid -csv", ",closing,,75,", "expired"},
		{"-user buyer -csv", ",credit,4,94,posted," + idOf(t, "buyer", "sale 1") + ",sale 1,,," + sale + ",\n", "limit"},
		{"-user lent -csv", ",debit,120,-20,posted,", "wrong"},
		{"-user lent -csv", ",closing,,-20,,,,,,,\n,limit,50,30,", "wrong"},
		{"-user lent -csv -to 2100-01-01", ",closing,,-20,", "limit"}, // no limit line: only today's limit is known
		{"-user barred -csv", ",debit,1,100,declined,", "limit"},
		{"-export balances -json", `"r0":"6","r1":"5","r2":"0.5","refunded_at":`, "problem"},
		{"-export balances", "barred,100,0,,," + block + ",true,true,,1,,", "has no attribute"},
		{"-export transactions", sale + `,"[""0"",""1"",""2""]"`, "settings"},
		{"-export transactions -json", `"credit_limit":"50","credit_limit_before":"30","debits":"allowed","id":"` + change +
			`","idempotency_key":"r3","rule_change":"3","status":"posted","type":"account"}`, "problem"},
	} {
		status, out, log := command(t, b, strings.Fields(c.args)...)
		assert.Equal(t, exitRight, status, c.args)
		assert.Contains(t, out, c.want, c.args)
		assert.NotContains(t, out+log, c.not, c.args)
	}
}
