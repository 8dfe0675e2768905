package handler_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the answers in testdata/answers anew")

// Every event in testdata/events is answered as testdata/answers says, by a
// ledger of its own at noon.
func TestEvents(t *testing.T) {
	t.Parallel()
	events, err := filepath.Glob("../testdata/events/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, events)
	for _, path := range events {
		name := strings.TrimSuffix(filepath.Base(path), ".json")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload, err := os.ReadFile(path)
			require.NoError(t, err)
			h, _, _ := newHandler(t)
			output, err := h.Invoke(t.Context(), payload)
			require.NoError(t, err)

			golden := filepath.Join("../testdata/answers", name+".json")
			if *update {
				var answer any
				require.NoError(t, json.Unmarshal(output, &answer))
				pretty, err := json.MarshalIndent(answer, "", "  ")
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(golden, append(pretty, '\n'), 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.JSONEq(t, string(want), string(output))
		})
	}
}

// Whatever comes in, the function answers and does not fail.
func TestUnreadableEvents(t *testing.T) {
	t.Parallel()
	h, books, _ := newHandler(t)
	for _, payload := range []string{
		``, `null`, `[]`, `"text"`, `5`, `{`, "\x00", "{\"body\":\"\xff\"}",
		`{"headers":[]}`, `{"headers":{"Idempotent-Key":1}}`, `{"headers":{"a":"1","a":"2"}}`,
		`{"queryStringParameters":"userId=1"}`, `{"queryStringParameters":{"userId":1}}`,
		`{"body":5}`, `{"body":[]}`, `{"body":true}`, `{"body":"%%%","isBase64Encoded":true}`,
		`{"headers":{"Idempotent-Key":"1"},"body":{"userId":"1","ammount":"1","ammount":"1","type":"credit"}}`,
		`{"Records":[{"eventSource":"aws:sqs","body":"{}"}]}`,
		`{"version":"2.0","requestContext":{"http":{"method":""}}}`,
	} {
		got := invoke(t, h, []byte(payload))
		assert.Equal(t, 400, got.Status, payload)
		assert.NotEmpty(t, got.problem(t).Properties, payload)
	}
	assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB")
}

func TestNullsInEvents(t *testing.T) {
	t.Parallel()
	h, _, _ := newHandler(t)
	for _, payload := range []string{
		`{"httpMethod":"GET","path":"/balance","headers":null,"multiValueHeaders":null,"body":null,"queryStringParameters":{"userId":"1"},"multiValueQueryStringParameters":null,"requestContext":null}`,
		`{"version":"2.0","rawPath":"/balance","rawQueryString":"userId=1","headers":null,"body":"","requestContext":{"stage":"$default","http":{"method":"GET"}}}`,
		`{"version":"2.0","rawPath":"/dev/balance","queryStringParameters":{"userId":"1"},"requestContext":{"stage":"dev","http":{"method":"GET"}}}`,
		`{"queryStringParameters":{"userId":"1"},"headers":null,"body":null}`,
	} {
		got := invoke(t, h, []byte(payload))
		assert.Equal(t, 200, got.Status, payload)
		assert.Equal(t, `{"data":{"balance":"100"}}`, got.Body, payload)
	}
}

// Both lists of headers count, under any spelling, and must agree on the key.
func TestMultiValueHeaders(t *testing.T) {
	t.Parallel()
	h, _, _ := newHandler(t)
	event := func(headers, multi string) []byte {
		return []byte(`{"httpMethod":"POST","path":"/transactions","headers":` + headers + `,"multiValueHeaders":` + multi +
			`,"body":"{\"userId\":\"1\",\"ammount\":\"1\",\"type\":\"credit\"}"}`)
	}
	for _, c := range []struct {
		headers, multi string
		status         int
	}{
		{`{"IDEMPOTENT-key":"a"}`, `null`, 201},
		{`null`, `{"idempotent-key":["a"]}`, 201},
		{`{"Idempotent-Key":"a"}`, `{"Idempotent-Key":["a"]}`, 201},
		{`{"Idempotent-Key":"a"}`, `{"Idempotent-Key":["a","a"]}`, 201},
		{`{"Idempotent-Key":"b"}`, `{"Idempotent-Key":["a","b"]}`, 400},
		{`{"Idempotent-Key":"b"}`, `{"Idempotency-Key":["a"]}`, 400},
		{`{"Idempotent\u002dKey":"a","Accept":"*/*"}`, `{"Accept":["*/*"]}`, 201},
		{`{"Idempotent-Key":"a"}`, `{"Idempotent-Key":null}`, 201},
		{`{"Idempotent-Key":null}`, `null`, 400},
		{`{"Idempotent-Key":1}`, `null`, 400},
		{`{"Idempotent-Key":["a",1]}`, `null`, 400},
		{`"Idempotent-Key: a"`, `null`, 400},
	} {
		assert.Equal(t, c.status, invoke(t, h, event(c.headers, c.multi)).Status, "%+v", c)
	}
}
