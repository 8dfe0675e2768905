package handler_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// creditWith returns a credit of 10 in which member has this JSON value.
func creditWith(member, value string) string {
	members := [][2]string{{"userId", `"1"`}, {"ammount", `"10"`}, {"type", `"credit"`}}
	members = slices.DeleteFunc(members, func(m [2]string) bool { return m[0] == member || member == "amount" && m[0] == "ammount" })
	var text []string
	for _, m := range append(members, [2]string{member, value}) {
		text = append(text, `"`+m[0]+`":`+m[1])
	}
	return "{" + strings.Join(text, ",") + "}"
}

// Each invalid member is rejected and named, in a short body and in an entry.
func TestMembersRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for member, values := range map[string][]string{
			"userId":   {`1`, `null`, `""`, `" 1"`, `"a\u0000b"`},
			"type":     {`"transfer"`, `"Credit"`, `["credit"]`, `null`},
			"amount":   {`"0"`, `"0.001"`, `0.001`},
			"currency": {`"EUR"`, `"usd"`, `["USD"]`},
			"ammount": {
				`"0"`, `"0.00"`, `"0.001"`, `"-1"`, `"-1000000"`, `"+1"`, `"1e3"`, `"1E3"`, `" 1"`, `"1 "`, `""`, `"NaN"`, `"Infinity"`, `".5"`, `"5."`,
				`"1,5"`, `"0x10"`, `"1000000000000.01"`, `"` + strings.Repeat("9", 40) + `"`,
				`0`, `-1`, `1e3`, `1E-2`, `0.001`, `10.000`, `1000000000000.01`, `12345678901234567890`, strings.Repeat("9", 1000),
				`true`, `null`, `["10"]`, `{"n":"10"}`,
			},
		} {
			for _, value := range values {
				wrong := creditWith(member, value)
				assertInvalid(t, a.post(t, "1", wrong), wrong, member)
				assertInvalid(t, a.post(t, "1", entries("", entry("1", "1", "debit"), wrong)), wrong, "entries[1]."+member)
			}
		}
		assert.Empty(t, a.Network.Requests(), "nothing reaches DynamoDB")
		assert.Equal(t, http.StatusCreated, a.post(t, "1", body("1", "1", "credit")).Status, "the key is unused")
	})
}

func TestBodyRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		one, two := entry("1", "10", "debit"), entry("2", "10", "credit")
		users := make([]string, 51)
		for i := range users {
			users[i] = entry(fmt.Sprint("user ", i), "1", "credit")
		}
		expiring := func(all ...string) string { return entries(`,"expiresIn":60`, all...) }
		lasting := func(seconds string) string { return strings.Replace(holdBody("1", "1"), "60", seconds, 1) }
		balanced := func(value string, all ...string) string { return entries(`,"balanced":`+value, all...) }
		for fields, bodies := range map[string][]string{
			"body": {
				``, ` `, `null`, `[]`, `"text"`, `{`, body("1", "1", "credit") + "{}", strings.TrimSuffix(body("1", "1", "credit"), "}"),
				`{"userId":"1","ammount":"10","ammount":"10","type":"credit"}`,
				`{"userId":"1","ammount":"1","ammount":null,"type":"credit"}`,
				`{"userId":"1","ammount":"10","\u0061mmount":"99","type":"credit"}`,
				creditWith("x", `{"y":1,"y":2}`), creditWith("userId", `"\ud800"`),
				creditWith("ammount", `010`), creditWith("ammount", `NaN`), creditWith("ammount", `+1`), creditWith("ammount", `.5`),
				entries("", one, `{"userId":"2","userId":"2","ammount":"10","type":"credit"}`),
				entries(`,"entries":[]`, one),
				creditWith("metadata", `{"a":"1","a":"1"}`), creditWith("metadata", `{"a":"\ud800"}`),
			},
			"userId ammount type": {
				`{}`, `{"UserId":"1","Ammount":"10","TYPE":"credit"}`, `{"entries":null}`,
				`{"userId":null,"ammount":null,"amount":null,"type":null}`,
			},
			// The previous design paid out money for the first two bodies.
			"ammount": {
				`{"ammount":"-1000000","type":"debit","userId":"1","constructor":{}}`,
				`{"ammount":"-1000000","type":"debit","userId":"1","__proto__":{"ammount":"1"}}`,
				entries(`,"ammount":"10"`, one),
			},
			"type":                       {`{"ammount":"1","type":"anything","userId":"1","constructor":{}}`, entries(`,"type":"debit"`, one)},
			"userId":                     {entries(`,"userId":"1"`, one)},
			"amount":                     {`{"userId":"1","ammount":"10","amount":"11","type":"credit"}`, entries(`,"amount":"10"`, one)},
			"currency":                   {entries(`,"currency":"EUR"`, one, two)},
			"userId ammount amount type": {entries(`,"userId":1,"ammount":1,"amount":1,"type":1`, one, two)},

			"entries": {
				`{"entries":{}}`, `{"entries":"[]"}`, `{"entries":[]}`, balanced("true"),
				entries("", users...), entries("", slices.Repeat([]string{entry("1", "1", "credit")}, 100)...),
				entries("", slices.Repeat([]string{"1"}, 100)...), // one fault, not one for each entry
				entries("", append(slices.Repeat([]string{one}, 98), two)...),
			},
			"entries[0]":            {`{"entries":[1]}`, `{"entries":[null]}`},
			"entries[1] entries[2]": {entries("", one, "null", "[]", two)},
			"entries[0].userId entries[0].ammount entries[0].type": {
				entries("", "{}"), `{"entries":[{"userId":null,"ammount":null,"type":null}]}`,
			},
			"entries[1].ammount":                    {entries("", one, `{"userId":"2","type":"credit"}`), balanced("true", one, entry("2", "x", "credit"))},
			"entries[2].amount":                     {entries("", one, two, `{"userId":"3","amount":"0.001","type":"credit"}`)},
			"entries[1].amount":                     {entries("", one, `{"userId":"2","ammount":"1","amount":"2","type":"credit"}`)},
			"entries[1].userId entries[1].type":     {entries("", one, entry(" ", "1", "transfer"))},
			"entries[0].ammount entries[1].ammount": {entries("", entry("1", "x", "debit"), entry("2", "y", "credit"))},
			"currency entries[1].currency":          {entries(`,"currency":"EUR"`, one, creditWith("currency", `"usd"`))},

			"metadata": {
				creditWith("metadata", `[]`), creditWith("metadata", `"{}"`), creditWith("metadata", `{"a":1}`), creditWith("metadata", `{"a":null}`),
				creditWith("metadata", `{"a":{"b":"c"}}`), creditWith("metadata", memberTexts(21)),
				entries(`,"metadata":{"n":"`+strings.Repeat("x", 505)+`"}`, one, two),
			},
			"userId metadata":     {`{"userId":" ","ammount":"10","type":"credit","metadata":0}`},
			"entries[1].metadata": {entries("", one, creditWith("metadata", `{}`))},
			"entries[1].metadata entries[1].expiresIn": {
				entries("", one, `{"userId":"2","ammount":"1","type":"credit","metadata":[],"expiresIn":1}`),
			},

			// A null must not turn a hold into a payment.
			"expiresIn": {
				lasting("0"), lasting("2678401"), lasting("1.0"), lasting("1e3"), lasting("-1"), lasting(`"60"`), lasting("null"), lasting("{}"),
				entries(`,"expiresIn":null`, one), creditWith("expiresIn", "60"), expiring(two), expiring(two, one), expiring(one, two, two),
				expiring(one, entry("2", "2", "credit")), expiring(one, entry("1", "10", "credit")),
			},
			"currency expiresIn":   {`{"userId":"1","ammount":"1","type":"credit","expiresIn":60,"currency":"EUR"}`},
			"entries[0].type":      {expiring(entry("1", "1", "transfer"))}, // its type is not known, so nothing is reported for expiresIn
			"entries[0].expiresIn": {entries("", lasting("null"))},

			"balanced": {
				balanced("true", one, entry("2", "9.99", "credit")), balanced("true", one, entry("2", "10.01", "credit")), balanced("true", one),
				balanced("true", two), entries(`,"balanced":true,"expiresIn":60`, one), balanced(`"true"`, one, two), balanced("1", one, two),
				balanced("[true]", one, two), balanced("{}", one, two), creditWith("balanced", "true"), creditWith("balanced", `"no"`),
			},
			"entries[0].balanced": {entries("", creditWith("balanced", "true"))},
		} {
			for _, sent := range bodies {
				assertInvalid(t, a.post(t, "1", sent), sent, strings.Fields(fields)...)
			}
		}
		both := a.post(t, "1", `{"userId":"1","ammount":"1","type":"credit","expiresIn":0}`)
		assert.Len(t, both.problem(t).Properties["expiresIn"], 2, "the time, and what it comes with")
		unequal := a.post(t, "1", balanced("true", one)).problem(t).Properties["balanced"]
		assert.Equal(t, []string{"must be false or left out, or the entries must credit as much as they debit"}, unequal)
		keyless := request{method: http.MethodPost, target: "/transactions", body: `{"userId":" ","ammount":"0","type":"x","currency":"EUR"}`}
		got := a.send(t, keyless)
		assertInvalid(t, got, "all at once", "Idempotent-Key", "userId", "ammount", "type", "currency")
		assert.Equal(t, got.Body, a.send(t, keyless).Body, "the same call, the same bytes")
		assert.Empty(t, a.Network.Requests(), "nothing reaches DynamoDB")
		assert.Equal(t, http.StatusCreated, a.post(t, "1", withFee).Status, "the key is unused")
	})
}

func TestCaptureRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		id := a.pending(t, "k", holdBody("1", "40"))
		// A null must not capture the whole hold instead of a part.
		for fields, bodies := range map[string][]string{
			"ammount":          {`{"ammount":"40.01"}`, `{"ammount":"0"}`, `{"ammount":null}`, `{"ammount":null,"amount":"5"}`, `{"ammount":null,"amount":null}`},
			"amount":           {`{"amount":"1000"}`, `{"amount":"x"}`, `{"amount":null}`, `{"ammount":"5","amount":null}`},
			"ammount currency": {`{"ammount":"0","currency":"EUR"}`},
			"currency":         {`{"currency":"EUR"}`},
			"body":             {`[]`, `{"ammount":"1","ammount":"1"}`, `null`},
		} {
			for _, sent := range bodies {
				assertInvalid(t, a.end(t, id, "capture", sent), sent, strings.Fields(fields)...)
			}
		}
		assert.Equal(t, `{"data":{"balance":"60","held":"40"}}`, a.get(t, "/balance?userId=1").Body)
	})
}

func TestAccountsRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for fields, bodies := range map[string][]string{
			"body": {
				``, `[]`, `{"userId":"1"}`, `{"userId":"1","debits":null,"credits":null,"creditLimit":null}`,
				`{"userId":"1","debits":"blocked","debits":"allowed"}`,
			},
			"userId debits credits creditLimit": {`{"debits":"stopped","credits":1,"creditLimit":true}`},
			"debits":                            {`{"userId":"1","debits":"Blocked"}`},
			"creditLimit": {
				`{"userId":"1","creditLimit":"-1"}`, `{"userId":"1","creditLimit":"0.001"}`, `{"userId":"1","creditLimit":"1000000000000.01"}`,
			},
			"currency metadata": {`{"userId":"1","creditLimit":"5","currency":"EUR","metadata":{"a":1}}`},
			"userId metadata":   {`{"userId":" ","creditLimit":"5","metadata":[]}`},
		} {
			for _, sent := range bodies {
				assertInvalid(t, a.rule(t, "k", sent), sent, strings.Fields(fields)...)
			}
		}
		keyless := request{method: http.MethodPost, target: "/accounts", body: `{"userId":"1","debits":"blocked"}`}
		assertInvalid(t, a.send(t, keyless), "no key", "Idempotent-Key")
		assert.Empty(t, a.Network.Requests(), "nothing reaches DynamoDB")
	})
}

func TestRefundRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		one, sale := a.pending(t, "one", body("1", "10", "debit")), a.pending(t, "sale", withFee)
		transfer := a.pending(t, "transfer", transferOf("1", "2"))
		most := a.pending(t, "most", entries("", slices.Repeat([]string{entry("1", "1", "credit")}, 99)...))
		parts := func(places ...string) string {
			for i, place := range places {
				places[i] = `{"entry":` + place + `,"ammount":"1"}`
			}
			return `{"entries":[` + strings.Join(places, ",") + `]}`
		}
		for _, c := range []struct {
			id, fields string
			bodies     []string
		}{
			{one, "body", []string{`[]`, `null`, `{"ammount":"1","ammount":"1"}`}},
			// A null must not refund the whole instead of a part.
			{one, "ammount", []string{`{"ammount":"0"}`, `{"ammount":"1.001"}`, `{"ammount":"10.01"}`, `{"ammount":null}`}},
			{one, "amount", []string{`{"amount":"10.01"}`, `{"ammount":"1","amount":"2"}`, `{"ammount":"1","amount":null}`}},
			{one, "currency", []string{`{"ammount":"1","currency":"EUR"}`}},
			{one, "metadata", []string{`{"metadata":1}`}},
			{one, "entries ammount", []string{`{"entries":null,"ammount":null}`}},
			{transfer, "ammount", []string{`{"ammount":"10.01"}`}},
			{sale, "ammount", []string{`{"ammount":"1"}`}},
			{sale, "amount", []string{`{"amount":"1"}`}},
			{one, "ammount", []string{`{"ammount":"1","entries":[{"entry":0,"ammount":"1"}]}`}},
			{one, "entries", []string{`{"entries":[]}`, `{"entries":{}}`, `{"entries":null}`, parts(slices.Repeat([]string{"0"}, 51)...)}},
			{most, "entries", []string{"", "{}"}}, // refunding 99 entries does not fit in one write
			{one, "entries[0]", []string{`{"entries":[null]}`}},
			{one, "entries[0].entry entries[0].ammount", []string{`{"entries":[{}]}`}},
			{one, "entries[0].entry", []string{parts(`"0"`), parts("0.0"), parts("-1"), parts("null"), parts("1")}},
			{sale, "entries[0].entry entries[1].entry", []string{parts("3", "98")}},
			{sale, "entries[1].entry entries[2].entry", []string{parts("1", "1", "0")}},
			{sale, "entries[0].ammount entries[1].ammount", []string{`{"entries":[{"entry":0,"ammount":"10.01"},{"entry":2,"ammount":"1.01"}]}`}},
			{sale, "entries[0].ammount entries[0].currency", []string{`{"entries":[{"entry":0,"ammount":"x","currency":"EUR"}]}`}},
			{sale, "entries[0].amount entries[1].ammount", []string{`{"entries":[{"entry":0,"amount":"10.01"},{"entry":1,"ammount":"9.01","amount":"9.01"}]}`}},
		} {
			for _, sent := range c.bodies {
				assertInvalid(t, a.refund(t, c.id, "k", sent), sent, strings.Fields(c.fields)...)
			}
		}
		assertInvalid(t, a.send(t, request{method: http.MethodPost, target: "/transactions/" + one + "/refunds"}), "no key", "Idempotent-Key")
		assert.Equal(t, `{"data":{"refunds":0,"entries":[{"entry":0,"ammount":"10","refunded":"0"}]}}`, a.refunded(t, one))
	})
}

// Values at the limits, and in unusual notations, are accepted.
func TestBodyAccepted(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		one := entry("1", "10", "debit")
		fifty := []string{entry("boss", "49", "debit")} // one of fifty users
		for i := range 49 {
			fifty = append(fifty, entry(fmt.Sprint("worker ", i), "1", "credit"))
		}
		sales := slices.Repeat([]string{`{"userId":"shop","amount":0.01,"type":"credit","currency":"USD"}`}, 99)
		longest := strings.Repeat("x", 512-len(`{"n":""}`))
		for i, c := range []struct{ body, answer string }{
			{creditWith("ammount", `"0.01"`), `"ammount":"0.01"`}, {creditWith("ammount", `"10.0"`), `"ammount":"10"`},
			{creditWith("ammount", `"110.50"`), `"ammount":"110.5"`}, {creditWith("ammount", `"007"`), `"ammount":"7"`},
			{creditWith("ammount", `"1000000000000"`), `"ammount":"1000000000000"`}, {creditWith("ammount", `0.01`), `"ammount":"0.01"`},
			{creditWith("ammount", `10.10`), `"ammount":"10.1"`}, {creditWith("ammount", `1000000000000.00`), `"ammount":"1000000000000"`},
			{creditWith("ammount", `999999999999.99`), `"ammount":"999999999999.99"`}, {creditWith("ammount", `9007199254.99`), `"ammount":"9007199254.99"`},
			{creditWith("ammount", `4503599627.37`), `"ammount":"4503599627.37"`}, {creditWith("currency", `"USD"`), `"ammount":"10"`},
			{creditWith("userId", `"__proto__"`), `"userId":"__proto__"`},
			{strings.Replace(holdBody("1", "1"), "60", "1", 1), `"pending"`}, {strings.Replace(holdBody("1", "1"), "60", "2678400", 1), `"pending"`},
			{entries(`,"expiresIn":60`, one), `"pending"`}, {entries(`,"expiresIn":60,"balanced":true`, one, entry("2", "10", "credit")), `"pending"`},
			{entries(`,"balanced":true`, entry("2", "10", "credit"), one), `"posted"`}, {entries(`,"balanced":false`, one), `"posted"`},
			{entries(`,"balanced":true`, one, entry("2", "9.99", "credit"), entry("shop", "0.01", "credit")), `"posted"`},
			{entries(`,"currency":"USD"`, fifty...), `"worker 48"`}, {entries(`,"metadata":`+memberTexts(20), sales...), `"posted"`},
			{entries(`,"metadata":{"n":"`+longest+`"}`, one), longest},
		} {
			got := a.post(t, fmt.Sprint("constructor ", i), c.body)
			assert.Equal(t, http.StatusCreated, got.Status, "%s: %s", c.body, got.Body)
			assert.Contains(t, got.Body, c.answer, c.body)
		}
	})
}

func TestQueryRejected(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for fields, targets := range map[string][]string{
			"userId": {
				"/balance", "/balance?userId=", "/balance?userid=1", "/balance?userId=%20", "/balance?userId=1%20", "/balance?userId=a%00b",
				"/balance?userId=" + strings.Repeat("u", 129), "/balance?userId=1&userId=2", "/balance?userId=1&userId=1", "/transactions",
			},
			"limit": {
				"/transactions?userId=1&limit=0", "/transactions?userId=1&limit=101", "/transactions?userId=1&limit=-1",
				"/transactions?userId=1&limit=ten", "/transactions?userId=1&limit=18446744073709551617",
				"/transactions?userId=1&limit=1&limit=2", "/transactions?userId=1&limit=",
			},
			"cursor":       {"/transactions?userId=1&cursor=", "/transactions?userId=1&cursor=x"},
			"limit userId": {"/transactions?limit=0"},
		} {
			for _, target := range targets {
				assertInvalid(t, a.get(t, target), target, strings.Fields(fields)...)
			}
		}
	})
}

// A limit must be digits only. JSON Schema can't express that, because 5.0 is an integer
// there. A malformed query is rejected as a whole.
func TestLimitIsDigits(t *testing.T) {
	t.Parallel()
	h, _, _ := newHandler(t)
	for _, limit := range []string{"%2B5", "+5", "-5", "5.0", "5e0", "0x5", "5_0", "%205", "5%00"} {
		for _, event := range []func(request) map[string]any{event2, event1} {
			got := invoke(t, h, encode(t, event(reading("/transactions?userId=1&limit="+limit))))
			assertInvalid(t, got, limit, "limit")
		}
	}
	for query, field := range map[string]string{"userId=1&x=%zz": "query", "userId=%ff": "userId", "userId=1;x=2": "query"} {
		got := invoke(t, h, encode(t, event2(reading("/balance?"+query))))
		assert.NotEmpty(t, got.problem(t).Properties[field], query)
	}
}

// The bare and the quoted form of a key are the same key, in either header. A list of keys
// is rejected, because gateways join a repeated header's values with a comma.
func TestKeyHeader(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		type header = map[string]string
		post := func(h header) answer {
			return a.send(t, request{http.MethodPost, "/transactions", h, body("1", "1", "credit")})
		}
		first := post(header{"Idempotent-Key": `a"b\c`})
		require.Equal(t, http.StatusCreated, first.Status)
		for _, same := range []header{
			{"idempotent-key": `a"b\c`},
			{"Idempotency-Key": `a"b\c`},
			{"Idempotency-Key": `"a\"b\\c"`},
			{"IDEMPOTENT-KEY": `a"b\c`, "Idempotency-Key": `"a\"b\\c"`},
		} {
			assertReplay(t, first, post(same), fmt.Sprint(same))
		}
		rejected := []header{{}, {"Idempotent-Key": "a", "Idempotency-Key": "b"}, {"Idempotent-Key": "a", "Idempotency-Key": ""}}
		for _, value := range []string{
			"", `""`, `"a`, `"a"b`, `"a\b"`, `"a\`, `"a";p=1`, "é", strings.Repeat("k", 256),
			"a,a", "a, a", "a,b", "a,", ",", `"a","a"`, `"a", "a"`, `"a",a`, `a,"a"`,
		} {
			rejected = append(rejected, header{"Idempotent-Key": value}, header{"Idempotency-Key": value})
		}
		a.Network.Requests()
		for _, h := range rejected {
			assertInvalid(t, post(h), fmt.Sprint(h), "Idempotent-Key")
		}
		assert.Empty(t, a.Network.Requests(), "nothing reaches DynamoDB")
		for _, another := range []string{strings.Repeat("k", 255), `"a,a"`} {
			assert.Equal(t, http.StatusCreated, post(header{"Idempotent-Key": another}).Status)
		}
	})
}

// A key that was sent more than once is rejected. In payload 1.0 even a single key occurs
// twice: headers has the last value, multiValueHeaders all values.
func TestKeySentTwice(t *testing.T) {
	t.Parallel()
	h, books, _ := newHandler(t)
	for _, c := range []struct {
		headers, multi string
		status         int
	}{
		{`{"IDEMPOTENT-key":"a"}`, `null`, 201},
		{`null`, `{"idempotent-key":["a"]}`, 201},
		{`{"Idempotent-Key":"a"}`, `{"Idempotent-Key":["a"]}`, 201},
		{`{"Idempotent-Key":"a"}`, `{"IDEMPOTENT-KEY":["a"]}`, 201},
		{`{"Idempotent-Key":"a"}`, `{"Idempotency-Key":["\"a\""]}`, 201},
		{`{"Idempotent-Key":"a","Idempotency-Key":"a"}`, `{"Idempotent-Key":["a"],"Idempotency-Key":["a"]}`, 201},
		{`{"Idempotent\u002dKey":"a","Accept":"*/*"}`, `{"Accept":["*/*"]}`, 201},
		{`{"Idempotent-Key":"a"}`, `{"Idempotent-Key":null}`, 201},
		{`{"Idempotent-Key":"a"}`, `{"Idempotent-Key":[]}`, 201},
		{`{"Idempotent-Key":"a","IDEMPOTENT-KEY":"a"}`, `null`, 400},
		{`{"idempotency-key":"a","IDEMPOTENCY-KEY":"b"}`, `null`, 400},
		{`{"Idempotent-Key":["a"],"idempotent-key":["b"]}`, `null`, 400},
		{`{"Idempotent-Key":"a"}`, `{"Idempotent-Key":["a","a"]}`, 400},
		{`{"Idempotent-Key":"a,a"}`, `{"Idempotent-Key":["a","a"]}`, 400},
		{`{"Idempotent-Key":"b"}`, `{"Idempotent-Key":["a","b"]}`, 400},
		{`{"Idempotent-Key":"b"}`, `{"Idempotent-Key":["a"]}`, 400},
		{`{"Idempotent-Key":"b"}`, `{"Idempotency-Key":["a"]}`, 400},
		{`{"Idempotent-Key":"a"}`, `{"Idempotent-Key":["a"],"idempotent-key":["a"]}`, 400},
		{`{"Idempotent-Key":"a"}`, `{"Idempotent-Key":["a",null]}`, 400},
		{`null`, `{"Idempotency-Key":["a","a"]}`, 400},
		{`{"Idempotent-Key":null}`, `null`, 400},
		{`{"Idempotent-Key":1}`, `null`, 400},
		{`{"Idempotent-Key":["a",1]}`, `null`, 400},
		{`"Idempotent-Key: a"`, `null`, 400},
	} {
		got := invoke(t, h, []byte(`{"httpMethod":"POST","path":"/transactions","headers":`+c.headers+`,"multiValueHeaders":`+c.multi+
			`,"body":"{\"userId\":\"1\",\"ammount\":\"1\",\"type\":\"credit\"}"}`))
		assert.Equal(t, c.status, got.Status, "%+v: %s", c, got.Body)
	}
	assert.Equal(t, "101", books.Balance(t, "1"))
}
