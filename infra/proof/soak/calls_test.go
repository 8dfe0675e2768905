package soak

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/stretchr/testify/assert"
)

// users is small so that callers often share an account.
const users = 7

// post returns a random call with a new key: one entry, a payment to the next user, a payment with
// a fee, a batch for one user, a hold, or a payment on hold. Holds last one or two seconds, so
// that many expire.
func post() string {
	user, cents := rand.IntN(users), 2+rand.IntN(20_000)
	entry := func(place int, kind string, cents int) string {
		return fmt.Sprintf(`{"userId":"%d","type":%q,"ammount":"%d.%02d"}`, (user+place)%users, kind, cents/100, cents%100)
	}
	debit, credit, fee := entry(0, "debit", cents), entry(1, "credit", cents), 1+rand.IntN(cents-1)
	sale := []string{debit, entry(1, "credit", cents-fee), entry(2, "credit", fee)}
	batch := slices.Repeat([]string{entry(0, "credit", 3), entry(0, "debit", 5)}, 5)
	expiry := fmt.Sprintf(`,"expiresIn":%d`, 1+rand.IntN(2))
	bodies := []string{
		debit,
		credit,
		entries("", debit, credit),
		entries("", sale...),
		entries("", batch...),
		entries(expiry, debit),
		entries(expiry, debit, credit),
	}
	return keyed("/transactions", bodies[rand.IntN(len(bodies))])
}

func entries(more string, entries ...string) string {
	return `{"entries":[` + strings.Join(entries, ",") + `]` + more + `}`
}

func changeRules() string {
	rules := []string{`"debits":"blocked"`, `"credits":"blocked"`, `"debits":"allowed","credits":"allowed"`, `"creditLimit":"50"`, `"creditLimit":"0"`}
	return keyed("/accounts", fmt.Sprintf(`{"userId":"%d",%s}`, rand.IntN(users), rules[rand.IntN(len(rules))]))
}

// followUp returns a call that captures, voids or refunds the transaction at this location.
func followUp(location string) string {
	ends := []string{"/capture", "/capture", "/void", "/refunds"}
	bodies := []string{`{}`, `{"ammount":"0.01"}`, `{}`, `{"entries":[{"entry":0,"ammount":"0.01"}]}`}
	i := rand.IntN(len(ends))
	if ends[i] == "/refunds" {
		return keyed(location+ends[i], bodies[i])
	}
	return fmt.Sprintf(`{"httpMethod":"POST","path":%q,"body":%s}`, location+ends[i], bodies[i])
}

func keyed(path, body string) string {
	return fmt.Sprintf(`{"httpMethod":"POST","path":%q,"headers":{"Idempotent-Key":"%d"},"body":%s}`, path, rand.Int64(), body)
}

var reads = []string{
	`{"queryStringParameters":{"userId":"1"}}`,
	`{"httpMethod":"GET","path":"/transactions","queryStringParameters":{"userId":"2","limit":"10"}}`,
}

// hostile lists malformed, invalid and oversized events, which no caller or gateway should send.
var hostile = []string{
	``, `null`, `[]`, "\x00\xff", `{"body":`, `{"Records":[{}]}`,
	keyed("/transactions", `"`+strings.Repeat("x", 1<<20)+`"`),
	keyed("/transactions", `{"userId":"1","ammount":"`+strings.Repeat("9", 10_000)+`","type":"credit"}`),
	keyed("/transactions", `{"userId":"1","ammount":"0","type":"credit","x":`+strings.Repeat("[", 8_000)+strings.Repeat("]", 8_000)+`}`),
	`{"headers":{"Idempotent-Key":"` + strings.Repeat("k", 100_000) + `"},"body":{"userId":"1","ammount":"1","type":"credit"}}`,
	`{"httpMethod":"GET","path":"/transactions","queryStringParameters":{"userId":"1","cursor":"AAAA"}}`,
	`{"httpMethod":"GET","path":"/transactions/%00"}`,
}

// sendHostile sends a hostile event, whole or cut off at a random byte. The answer must be a 4xx.
func (tr *traffic) sendHostile(ctx context.Context) {
	event := hostile[rand.IntN(len(hostile))]
	if len(event) > 0 && rand.IntN(4) == 0 {
		event = event[:rand.IntN(len(event))]
	}
	if got, ok := tr.sendUntilAnswered(ctx, event); ok {
		tr.hostile.Add(1)
		assert.True(tr.t, got.StatusCode >= 400 && got.StatusCode < 500, "%.200q: %+v", event, got)
	}
}
