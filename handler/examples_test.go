package handler_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// A person may try the document's examples in any order, as the page /docs fills them
// in, after the README's sessions, in any currency. None is answered that a key was reused.
func TestExamplesInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed, s := range []ledger.Settings{ledger.DefaultSettings(), infratest.Settings(t, "KWD", "3", "100")} {
		calls := descriptionOf(t, s).examples(t)
		require.Greater(t, len(calls), 10)
		h, books, _ := handlerOf(infratest.NewInMemory(t, s), handler.Access{Authorization: handler.None})
		send := overEvents(event2)(t, h)
		for _, session := range [][2]string{
			{"order-1", body("1", "12.50", "debit")}, {"order-2", body("1", "90", "debit")},
			{"gift-1", body("2", "25", "credit")}, {"shoes-1", body("2", "140", "debit")},
		} {
			send(t, posting(session[0], session[1]))
		}
		random := rand.New(rand.NewPCG(uint64(seed), 0)) //nolint:gosec // the order is no secret
		for round := range 2 {
			random.Shuffle(len(calls), func(i, j int) { calls[i], calls[j] = calls[j], calls[i] })
			for _, call := range calls {
				got := send(t, call)
				switch {
				case got.Status < 300:
				case round == 0 && got.Status == http.StatusNotFound: // not posted yet
				default: // captured before the void, or the other way round
					assert.Equal(t, "/problems/hold-ended", got.problem(t).Type, "%+v: %s", call, got.Body)
				}
			}
		}
		assert.Equal(t, "87.5", books.Balance(t, "1"), "what the README prints")
		assert.Equal(t, "125", books.Balance(t, "2"))
	}
}

// examples returns one call for each way to combine the examples that the document has
// for parameters and bodies.
func (d *description) examples(t *testing.T) (calls []request) {
	for _, o := range d.operations {
		method, path, _ := strings.Cut(o.route, " ")
		of := []request{{method: method, target: path}}
		for _, p := range o.parameters {
			of = withExamples(of, p.Value)
		}
		if o.RequestBody != nil {
			media := o.RequestBody.Value.Content["application/json"]
			of = vary(of, exampleValues(media.Example, media.Examples), func(r *request, body any) { r.body = string(encode(t, body.(map[string]any))) })
		}
		calls = append(calls, of...)
	}
	return calls
}

// withExamples returns the calls with each example for a parameter.
func withExamples(calls []request, p *openapi3.Parameter) []request {
	return vary(calls, exampleValues(p.Example, p.Examples), func(r *request, value any) {
		text := fmt.Sprint(value)
		switch p.In {
		case openapi3.ParameterInHeader:
			r.header = map[string]string{p.Name: text}
		case openapi3.ParameterInPath:
			r.target = strings.Replace(r.target, "{"+p.Name+"}", text, 1)
		case openapi3.ParameterInQuery:
			path, query, _ := strings.Cut(r.target, "?")
			r.target = path + "?" + strings.TrimPrefix(query+"&", "&") + url.Values{p.Name: {text}}.Encode()
		}
	})
}

func exampleValues(one any, several openapi3.Examples) (values []any) {
	if one != nil {
		values = append(values, one)
	}
	for _, example := range several {
		values = append(values, example.Value.Value)
	}
	return values
}

// vary returns each call with each value, or the calls unchanged without values.
func vary(calls []request, values []any, set func(*request, any)) (varied []request) {
	if len(values) == 0 {
		return calls
	}
	for _, call := range calls {
		for _, value := range values {
			with := call
			set(&with, value)
			varied = append(varied, with)
		}
	}
	return varied
}
