package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
)

// These are prices in dollars, in us-east-1 on 2026-09-20:
//
// https://aws.amazon.com/dynamodb/pricing/on-demand/
// https://aws.amazon.com/lambda/pricing/
// https://aws.amazon.com/api-gateway/pricing/
// https://aws.amazon.com/cloudwatch/pricing/
// https://aws.amazon.com/xray/pricing/
// https://aws.amazon.com/xray/pricing/
const (
	perMillionWriteUnits   = 0.625
	perMillionReadUnits    = 0.125
	perMillionInvocations  = 0.20
	perGBSecond            = 0.0000133334 // on arm64
	perMillionHTTPRequests = 1.00
	perGBLogged            = 0.50
	perMillionTraces       = 5.00

	memoryMB       = 512
	billedMs       = 10   // a call; an assumption
	accessLogBytes = 384  // a line, at 20 bytes for each variable
	tracedShare    = 0.05 // among calls, by X-Ray's default rule
)

// units are the cost of requests to DynamoDB, counted from the requests and their answers by AWS's
// rules, because DynamoDB Local's own count is wrong:
//
//   - a write takes a unit for each KB of its item, and two in a transaction; one whose
//     condition fails takes the same;
//   - a new row takes another unit for each KB in each index that holds it;
//   - a strongly consistent read takes a unit for each 4 KB, at least one, and an
//     eventually consistent one half as much.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
type units struct {
	requests      int
	writes, reads float64
}

// attributes are an item's, each with its type and its value.
type attributes map[string]struct {
	S string
	N string
	L []struct {
		N string
		M attributes
	}
}

// bytes returns an item's size: its names and values. A number takes half a byte a digit and one
// more; a list or map three bytes, and one for each member.
func (a attributes) bytes() (n int) {
	number := func(digits string) int { return ceilDivide(len(digits), 2) + 1 }
	for name, value := range a {
		n += len(name) + len(value.S)
		if value.N != "" {
			n += number(value.N)
		}
		if value.L != nil {
			n += 3
		}
		for _, one := range value.L {
			if one.M != nil {
				n += 1 + 3 + len(one.M) + one.M.bytes()
			} else {
				n += 1 + number(one.N)
			}
		}
	}
	return n
}

func ceilDivide(n, by int) int { return (n + by - 1) / by }

// count adds a request, with its answer.
func (u *units) count(operation string, sent, received []byte, applied bool) error {
	var request struct {
		Item          attributes
		TransactItems []struct {
			Put, Update *struct{ Item attributes }
		}
		ConsistentRead bool
	}
	var answer struct {
		Item  attributes
		Items []attributes
	}
	if err := json.Unmarshal(sent, &request); err != nil {
		return err
	}
	u.requests++
	if operation == "GetItem" || operation == "Query" {
		if err := json.Unmarshal(received, &answer); err != nil {
			return err
		}
		size := answer.Item.bytes()
		for _, item := range answer.Items {
			size += item.bytes()
		}
		read := float64(max(1, ceilDivide(size, 4096)))
		if !request.ConsistentRead {
			read /= 2
		}
		u.reads += read
		return nil
	}
	write := func(row attributes, factor int) {
		kB := max(1, ceilDivide(row.bytes(), 1024))
		u.writes += float64(factor * kB)
		if applied && row["account"].S == "" {
			u.writes += float64(kB) // the history's index, which has no change of rules
		}
	}
	if operation == "PutItem" {
		write(request.Item, 1)
	}
	for _, item := range request.TransactItems {
		if item.Put != nil {
			write(item.Put.Item, 2)
		} else {
			u.writes += 2 // a balance row is under 1 KB: some 850 bytes with 16 holds
		}
	}
	return nil
}

func TestUnits(t *testing.T) {
	t.Parallel()
	put := func(text string) string { return `{"Put":{"Item":{"id":{"S":"` + text + `"}}}}` }
	const update = `{"Update":{"Key":{"user_id":{"S":"1"}}}}`
	kB := strings.Repeat("x", 1024)
	for _, c := range []struct {
		operation, sent, received string
		applied                   bool
		want                      units
	}{
		{"TransactWriteItems", `{"TransactItems":[` + put("1") + `,` + update + `]}`, `{}`, true, units{1, 5, 0}},
		{"TransactWriteItems", `{"TransactItems":[` + put("1") + `,` + update + `]}`, `{}`, false, units{1, 4, 0}},
		{"TransactWriteItems", `{"TransactItems":[` + put(kB) + `,` + update + `]}`, `{}`, true, units{1, 8, 0}},
		{"PutItem", `{"Item":{"id":{"S":"1"}}}`, `{}`, true, units{1, 2, 0}},
		{"PutItem", `{"Item":{"id":{"S":"1"}}}`, `{}`, false, units{1, 1, 0}},
		{"GetItem", `{"ConsistentRead":true}`, `{}`, true, units{1, 0, 1}},
		{"GetItem", `{}`, `{}`, true, units{1, 0, 0.5}},
		{"GetItem", `{"ConsistentRead":true}`, `{"Item":{"id":{"S":"` + strings.Repeat(kB, 4) + `"}}}`, true, units{1, 0, 2}},
		{"Query", `{}`, `{"Items":[{"id":{"S":"` + kB + `"}},{"id":{"S":"` + kB + kB + kB + `"}}]}`, true, units{1, 0, 1}},
	} {
		u := units{}
		require.NoError(t, u.count(c.operation, []byte(c.sent), []byte(c.received), c.applied))
		assert.Equal(t, c.want, u, "%s %.80s", c.operation, c.sent)
	}
	for item, want := range map[string]int{
		`{"id":{"S":"äb"}}`:                  2 + 3,
		`{"n":{"N":"12345"}}`:                1 + 4,
		`{"l":{"L":[{"N":"1"},{"N":"12"}]}}`: 1 + 3 + 3 + 3,
		`{"entries":{"L":[{"M":{"user_id":{"S":"1"},"ammount":{"N":"9"}}}]}}`: 7 + 3 + 1 + 3 + 2 + 7 + 1 + 7 + 2,
	} {
		var a attributes
		require.NoError(t, json.Unmarshal([]byte(item), &a))
		assert.Equal(t, want, a.bytes(), item)
	}
}

// TestCost makes costs.md's table: the costs for a million calls with one outcome. A row with the
// longest names has at most 1 KB, so no row costs more than the table shows.
func TestCost(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../../template.yaml")
	require.NoError(t, err)
	require.Contains(t, string(template), fmt.Sprintf("MemorySize: %d\n", memoryMB))
	fixed := perMillionInvocations + 1e6*memoryMB/1024*billedMs/1000*perGBSecond

	n, declinedKey := names{"payer-1", "key-0"}, names{"payer-1", "key-1"}
	uuid, longest := "5f0c8a52-9d3e-4b71-8f26-000000000001", strings.Repeat("\U0001D11E", 127)+"1"
	history := func(user, limit string) outcome {
		return outcome{status: "200", call: func(names) call {
			return get("/transactions", url.Values{"userId": {user}, "limit": {limit}}.Encode())
		}}
	}
	with := func(n names, o outcome) outcome {
		return outcome{status: o.status, call: func(names) call { return o.call(n) }, before: o.before, lapsed: o.lapsed}
	}
	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	log := &bytes.Buffer{}
	var used units
	books.Network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		sent, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		r.Body = io.NopCloser(bytes.NewReader(sent))
		response, err := deliver()
		require.NoError(t, err)
		received, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		response.Body = io.NopCloser(bytes.NewReader(received))
		return response, used.count(faults.Operation(r), sent, received, response.StatusCode == http.StatusOK)
	})
	ledger := newHandler(infra.NewStore(books.Client, books.Config), log)
	pay := entries("", func(n names) []string { return append([]string{n.user + " credit 1"}, payroll(49)(n)[1:]...) })

	for i, c := range []struct {
		name    string
		outcome outcome
		posted  int // the user's earlier postings, with keys in a format
		user    string
		key     string
		of      outcome
		want    units
	}{
		{name: "posted", outcome: with(n, posted), want: units{1, 5, 0}},
		{name: "posted, replayed", outcome: with(n, posted), want: units{1, 4, 0}},
		{name: "key reused", outcome: outcome{status: "422", call: func(names) call { return post(n, "", n.user+" credit 2") }}, want: units{1, 4, 0}},
		{name: "declined", outcome: with(declinedKey, declined), want: units{2, 6, 0}},
		{name: "declined, replayed", outcome: with(declinedKey, declined), want: units{1, 4, 0}},
		{name: "declined, of a new user", outcome: with(names{longest, strings.Repeat("k", 255)}, declined), want: units{3, 6, 1}},
		{name: "invalid", outcome: outcome{status: "400", call: func(names) call { return post(n, "", n.user+" credit 0") }}},
		{name: "balance read", outcome: with(n, balance), want: units{1, 0, 1}},
		{name: "transaction read", outcome: outcome{status: "200", call: func(names) call { return get("/transactions/"+n.id().String(), "") }}, want: units{1, 0, 1}},
		{name: "history of 50, short names", outcome: history(n.user, "50"), posted: 50, user: n.user, key: "more-%d", of: posted, want: units{1, 0, 1.5}},
		{name: "history of 50, UUIDs", outcome: history(uuid, "50"), posted: 50, user: uuid, key: "0c9f7d1e-3a44-4c58-b1e0-%012d", of: posted, want: units{1, 0, 2}},
		{name: "history of 100, longest names", outcome: history(longest, "100"), posted: 100, user: longest, key: strings.Repeat("k", 252) + "%d", of: posted, want: units{1, 0, 12}},
		{name: "transfer", outcome: transfer, want: units{1, 10, 0}},
		{name: "sale with a fee", outcome: sale, want: units{1, 15, 0}},
		{name: "50 credits of one user", outcome: entries("", credits(50)), want: units{1, 158, 0}},
		{name: "history of 50, of 50 entries", outcome: history("payroll-1", "50"), posted: 50, user: "payroll-1", key: "pay-%d", of: pay, want: units{1, 0, 15}},
		{name: "hold", outcome: hold, want: units{1, 5, 0}},
		{name: "capture", outcome: capture, want: units{2, 5, 1}},
		{name: "void", outcome: void, want: units{2, 5, 1}},
		{name: "refund", outcome: refund, want: units{2, 7, 1}},
		{name: "refund of a captured hold", outcome: refundOf("", &capture, ""), want: units{3, 7, 2}},
		{name: "refund of a sale with a fee", outcome: saleRefund, want: units{2, 17, 1}},
		{name: "refunds read", outcome: refunded, want: units{2, 0, 2}},
		{name: "block, or credit limit", outcome: block, want: units{2, 4, 1}},
		{name: "declined by a block", outcome: blocked, want: units{2, 6, 0}},
		{name: "debit, releases 1", outcome: releases(1), want: units{2, 12, 0}},
		{name: "debit, releases 16", outcome: releases(16), want: units{2, 57, 0}},
	} {
		own := names{fmt.Sprintf("new-%06d", i), fmt.Sprintf("key-%d", i)}
		c.outcome.prepare(t, books, own)
		for j := range c.posted {
			require.NoError(t, ledger.invoke(c.of, names{c.user, fmt.Sprintf(c.key, 100+j)})(t.Context()))
		}
		used = units{}
		log.Reset()
		require.NoError(t, ledger.invoke(c.outcome, own)(t.Context()), c.name)
		assert.Equal(t, c.want, used, c.name)
		database := used.writes*perMillionWriteUnits + used.reads*perMillionReadUnits
		logs := float64(log.Len()+accessLogBytes)/1000*perGBLogged + tracedShare*perMillionTraces
		t.Logf("| %s | %d | %g | %g | %.2f | %.2f | %.2f |", c.name, used.requests, used.writes, used.reads,
			database, logs, database+fixed+perMillionHTTPRequests+logs)
	}
	used = units{}
	require.NoError(t, infra.NewStore(books.Client, books.Config).Start(t.Context()))
	assert.Equal(t, units{1, 0, 1}, used, "a start reads the settings")
}
