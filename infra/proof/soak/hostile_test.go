package soak

import (
	"context"
	"math/rand/v2"
	"strings"
)

// hostile are events that no caller should send, or no gateway.
var hostile = []string{
	``, `null`, `[]`, `{`, "\x00\xff", `{"body":`, `{"Records":[{}]}`,
	`{"body":"{\"userId\":\"1\"}"}`,
	`{"headers":{"Idempotent-Key":"h"},"body":{"userId":"1","ammount":"-1","type":"credit"}}`,
	`{"headers":{"Idempotent-Key":"h"},"body":{"userId":"1","ammount":"1e9","type":"credit"}}`,
	`{"headers":{"Idempotent-Key":"h"},"body":{"userId":"1","ammount":1e400,"type":"credit"}}`,
	`{"headers":{"Idempotent-Key":"h"},"body":{"userId":"1","ammount":"1","ammount":"2","type":"credit"}}`,
	`{"headers":{"Idempotent-Key":"h"},"body":{"userId":"1\u0000","ammount":"1","type":"credit"}}`,
	`{"headers":{"Idempotent-Key":"h"},"body":{"constructor":{},"userId":"1","ammount":"-1000000","type":"debit"}}`,
	`{"headers":{"Idempotent-Key":"h"},"body":{"userId":"1","ammount":"` + strings.Repeat("9", 10_000) + `","type":"credit"}}`,
	`{"headers":{"Idempotent-Key":"` + strings.Repeat("k", 100_000) + `"},"body":{"userId":"1","ammount":"1","type":"credit"}}`,
	`{"headers":{"Idempotent-Key":"h"},"body":"` + strings.Repeat("x", 1<<20) + `"}`,
	`{"headers":{"Idempotent-Key":"h"},"body":{"userId":"1","ammount":"0","type":"credit","x":` + strings.Repeat("[", 8_000) + strings.Repeat("]", 8_000) + `}}`,
	`{"headers":{"Idempotent-Key":"h"},"body":"!!!","isBase64Encoded":true}`,
	`{"queryStringParameters":{"userId":""}}`,
	`{"httpMethod":"GET","path":"/transactions","queryStringParameters":{"userId":"1","cursor":"AAAA"}}`,
	`{"httpMethod":"DELETE","path":"/balance"}`,
	`{"httpMethod":"GET","path":"/../../etc/passwd"}`,
	`{"httpMethod":"GET","path":"/transactions/%00"}`,
}

// offend sends a hostile event, whole or broken at some byte. The answer is always a caller's
// error, and nothing moves.
func (tr *traffic) offend(ctx context.Context, r *rand.Rand) {
	payload := []byte(hostile[r.IntN(len(hostile))])
	if len(payload) > 0 && r.IntN(4) == 0 {
		payload = payload[:r.IntN(len(payload))]
	}
	got, ok := tr.insist(ctx, payload)
	if !ok {
		return
	}
	tr.hostile.Add(1)
	tr.expect(got.StatusCode >= 400 && got.StatusCode < 500, "%.200q is answered %d %s", payload, got.StatusCode, got.Body)
}
