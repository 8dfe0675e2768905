package handler_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The check is as strict as the document. It forbids each of these answers, which differ
// in one place from an allowed one. keepsContract proves the same of requests: it
// compares the document with the handler's answer to each.
func TestDescriptionForbidsAnswers(t *testing.T) {
	t.Parallel()
	d, err := readDescription()
	require.NoError(t, err)
	o := d.operation(http.MethodPost, "/transactions")
	posted := answer{
		http.StatusCreated,
		http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}, "Location": {"/transactions/" + id11}},
		`{"data":{"id":"` + id11 + `","userId":"1","type":"credit","ammount":"1","status":"posted","createdAt":"2026-11-22T12:00:00.005Z"}}`,
	}
	invalid := answer{
		http.StatusBadRequest,
		http.Header{"Content-Type": {"application/problem+json"}, "Cache-Control": {"no-store"}},
		`{"type":"/problems/invalid-request","title":"Bad request","status":400,"detail":"d","instance":"/t","properties":{"type":["is required"]}}`,
	}
	declined := answer{
		http.StatusUnprocessableEntity,
		http.Header{"Content-Type": {"application/problem+json"}, "Cache-Control": {"no-store"}, "Location": {"/transactions/" + id11}},
		`{"type":"/problems/insufficient-funds","title":"Unprocessable entity","status":422,"detail":"d","instance":"/t","id":"` + id11 + `","balance":"1"}`,
	}
	for _, c := range []struct {
		answer answer
		header map[string][][]string // other values
		status []int
		texts  [][2]string // replaced in the body
	}{
		{
			posted,
			map[string][][]string{
				"Content-Type": {nil, {"text/plain"}, {"application/problem+json"}}, "Cache-Control": {nil, {"public"}, {"no-store", "no-store"}},
				"Location": {nil, {"/transactions/1"}}, "Idempotent-Replayed": {{"false"}}, "X-Other": {{"1"}}, "Retry-After": {{"1"}},
			},
			[]int{http.StatusOK, http.StatusBadRequest},
			[][2]string{
				{`{"data"`, `{"other":1,"data"`}, {`"id"`, `"other":1,"id"`}, {`"userId":"1",`, ``}, {`"data"`, `"Data"`}, {`"credit"`, `"transfer"`},
				{`"posted"`, `"done"`}, {`"ammount":"1"`, `"ammount":1`}, {`"ammount":"1"`, `"ammount":"1.0"`}, {id11, "1"}, {".005Z", "Z"},
				{"11-22T", "11-31T"}, {`}}`, `}`}, {`}}`, `,"type":"credit"}}`}, {posted.Body, ""},
			},
		},
		{
			invalid, nil, []int{http.StatusUnprocessableEntity},
			[][2]string{
				{`"status":400`, `"status":422`}, {`"Bad request"`, `"Bad Request"`}, {`/problems/invalid-request`, `/problems/other`}, {`"d"`, `""`},
				{`"/t"`, `"t"`}, {`{"type":["is required"]}`, `{}`}, {`["is required"]`, `[]`}, {`"properties"`, `"cause":"c","properties"`},
				{`{"type":["is required"]}`, `{"other":["is required"]}`},
			},
		},
		{
			declined, map[string][][]string{"Location": {{"/transactions/1"}}}, nil,
			[][2]string{
				{`,"balance":"1"`, ``}, {`"id":"` + id11 + `",`, ``}, {`"balance":"1"`, `"balance":"-1"`},
				{`"balance":"1"`, `"balance":"1","limit":"1000000000000000"`}, {`/problems/insufficient-funds`, `/problems/balance-limit`},
			},
		},
	} {
		require.NoError(t, d.checkAnswer(o, c.answer))
		forbids := func(change func(*answer)) {
			changed := c.answer
			changed.Header = changed.Header.Clone()
			change(&changed)
			assert.Error(t, d.checkAnswer(o, changed), "%+v", changed)
		}
		for name, others := range c.header {
			for _, values := range others {
				forbids(func(a *answer) { a.Header[name] = values })
			}
		}
		for _, status := range c.status {
			forbids(func(a *answer) { a.Status = status })
		}
		for _, text := range c.texts {
			require.Contains(t, c.answer.Body, text[0])
			forbids(func(a *answer) { a.Body = strings.Replace(a.Body, text[0], text[1], 1) })
		}
	}
}

// Each of these once broke a generated client: README.md names the generators.
func TestDescriptionSuitsGenerators(t *testing.T) {
	t.Parallel()
	d, err := readDescription()
	require.NoError(t, err)
	schemas := d.components.(map[string]any)["schemas"].(map[string]any)
	values := map[any]string{}
	for name, schema := range schemas {
		assert.NotContains(t, schemas, "New"+name, "the constructor of %s has that name in Go", name)
		schema := schema.(map[string]any)
		text, err := json.Marshal(schema)
		require.NoError(t, err)
		assert.NotContains(t, string(text), `"const":`, "%s: ogen makes nothing of it", name)
		if schema["format"] == "date-time" {
			assert.NotContains(t, schema, "pattern", "%s: openapi-generator's Python matches it with a datetime", name)
		}
		enum, _ := schema["enum"].([]any)
		for _, value := range enum {
			assert.Empty(t, values[value], "%s has %v, too: both are one constant in openapi-generator's Go", name, value)
			values[value] = name
		}
	}
	for name := range schemas {
		for _, branch := range d.document.Components.Schemas[name].Value.OneOf {
			for member, schema := range branch.Value.Properties {
				if branch.Value.Properties["type"] != nil && branch.Value.Properties["instance"] != nil { // an answer
					assert.NotRegexp(t, `[\\,]`, schema.Value.Pattern, "%s, %s: openapi-generator's Go breaks it", name, member)
				}
			}
		}
	}
}
