package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/content"
	validatorerrors "github.com/pb33f/libopenapi-validator/errors"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest/faults"
)

// contract is openapi.yaml, ready to hold calls against.
type contract struct {
	model    *v3.Document
	requests validator.Validator
	answers  validator.Validator // refuses members and headers that are not documented
}

var readContract = sync.OnceValues(func() (c contract, err error) {
	document, err := libopenapi.NewDocument([]byte(handler.OpenAPI))
	if err != nil {
		return c, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return c, err
	}
	return contract{
		model: &model.Model,
		requests: validator.NewValidatorFromV3Model(&model.Model,
			config.WithFormatAssertions(), config.WithBodyDecoder("application/json", content.DecoderFunc(decodeIJSON))),
		answers: validator.NewValidatorFromV3Model(&model.Model, config.WithFormatAssertions(), config.WithStrictMode(),
			config.WithStrictIgnorePaths("$.body.properties.*")), // a map; its names are checked as propertyNames
	}, nil
})

// decodeIJSON reads I-JSON (RFC 7493), with numbers as they are written.
func decodeIJSON(input *content.DecodeInput) (value any, err error) {
	text, err := io.ReadAll(input.Body)
	if err != nil {
		return nil, err
	}
	if !jsontext.Value(text).IsValid() {
		return nil, errors.New("not I-JSON")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&value)
	return value, err
}

// beyondSchemas are the reasons of the handler that JSON Schema has no words
// for. A call that the document allows is refused for one of these only.
var beyondSchemas = []string{
	"is sent more than once, and the values differ", // the two names of the key's header
	"must be the same as ammount, or left out",      // the two names of the amount
	"must be well-formed",                           // the query's encoding
	"must be valid UTF-8",                           // the same
	"must be given once",
	`must be the "next" of an answer for the same user`,
	"must be a plain decimal",              // 1e3 as a JSON number
	"must have at most two decimal places", // 10.000 as a JSON number
}

// keepsContract holds a call and its answer against openapi.yaml, both ways:
// the answer is a documented one to the last member and header, and the
// handler refuses a request as invalid just when the document does.
func keepsContract(t *testing.T, r request, a answer) {
	t.Helper()
	c, err := readContract()
	require.NoError(t, err)
	if r.method == http.MethodHead { // is GET, without the body
		assert.Empty(t, a.Body)
		return
	}
	documented := c.operation(r) != nil
	if !documented {
		assert.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusForbidden}, a.Status, "%+v", r)
		r = request{method: http.MethodGet, target: "/transactions/" + id11}
	}
	response := a.http()
	defer response.Body.Close()
	fine, problems := c.answers.ValidateHttpResponse(r.http(), response)
	assert.True(t, fine, "answer %+v\nto %.300v\nis not documented: %v", a, r, explain(problems))
	if !documented || a.Status == http.StatusRequestEntityTooLarge || a.Status >= 500 {
		return
	}
	allowed, problems := c.requests.ValidateHttpRequest(r.http())
	switch a.Status {
	case http.StatusBadRequest:
		assert.True(t, !allowed || slices.ContainsFunc(beyondSchemas, func(reason string) bool {
			return strings.Contains(a.problem(t).Detail, reason)
		}), "the document allows what was refused: %+v: %s", r, a.Body)
	case http.StatusNotFound, http.StatusForbidden: // which come before all else
	default:
		assert.True(t, allowed, "the document refuses what was taken: %+v: %v", r, explain(problems))
	}
}

// operation is the documented operation of a request, or nil.
func (c contract) operation(r request) *v3.Operation {
	path, _, _ := strings.Cut(r.target, "?")
	if id, under := strings.CutPrefix(path, "/transactions/"); under && id != "" && !strings.Contains(id, "/") {
		path = "/transactions/{id}"
	}
	item := c.model.Paths.PathItems.GetOrZero(path)
	if item == nil {
		return nil
	}
	return item.GetOperations().GetOrZero(strings.ToLower(r.method))
}

// http is the request under the names that the document requires: it has the
// second names of the key's header and of the amount in words only.
func (r request) http() *http.Request {
	path, query, _ := strings.Cut(r.target, "?")
	header := http.Header{"Content-Type": {"application/json"}}
	for name, value := range r.header {
		header.Set(name, value)
	}
	if key := header.Values("Idempotency-Key"); len(key) > 0 && len(header.Values("Idempotent-Key")) == 0 {
		header["Idempotent-Key"] = key
	}
	body := r.body
	if !strings.Contains(body, `"ammount"`) {
		body = strings.Replace(body, `"amount"`, `"ammount"`, 1)
	}
	return &http.Request{
		Method: r.method, URL: &url.URL{Scheme: "http", Host: "127.0.0.1", Path: path, RawQuery: query},
		Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
}

func (a answer) http() *http.Response {
	return &http.Response{StatusCode: a.Status, Header: a.Header, Body: io.NopCloser(strings.NewReader(a.Body))}
}

// explain is what a validator found, in lines.
func explain(problems []*validatorerrors.ValidationError) string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, p.Message+": "+p.Reason)
		for _, cause := range p.SchemaValidationErrors {
			lines = append(lines, "  "+cause.Reason)
		}
	}
	return strings.Join(lines, "\n")
}

func TestOpenAPIDocumentIsValid(t *testing.T) {
	t.Parallel()
	document, err := libopenapi.NewDocument([]byte(handler.OpenAPI))
	require.NoError(t, err)
	v, errs := validator.NewValidator(document)
	require.Empty(t, errs)
	fine, problems := v.ValidateDocument()
	assert.True(t, fine, explain(problems))
}

// documentedAnswer is one kind of answer to one operation.
type documentedAnswer struct {
	operation, status, problem string
}

// documented are all kinds of answers in the document.
func (c contract) documented() (all []documentedAnswer) {
	for _, item := range c.model.Paths.PathItems.FromOldest() {
		for _, operation := range item.GetOperations().FromOldest() {
			for status, response := range operation.Responses.Codes.FromOldest() {
				media := response.Content.GetOrZero("application/problem+json")
				if media == nil {
					all = append(all, documentedAnswer{operation.OperationId, status, ""})
					continue
				}
				schemas := media.Schema.Schema().OneOf
				if schemas == nil {
					schemas = append(schemas, media.Schema)
				}
				for _, schema := range schemas {
					kind := schema.Schema().Properties.GetOrZero("type").Schema().Const.Value
					all = append(all, documentedAnswer{operation.OperationId, status, kind})
				}
			}
		}
	}
	return all
}

// Nothing is documented that the handler does not answer: each kind of answer,
// by a call that meets it.
func TestEveryDocumentedAnswerIsMet(t *testing.T) {
	t.Parallel()
	c, err := readContract()
	require.NoError(t, err)
	h, books, _ := newHandler(t)
	books.Fill(t, "rich")
	post := func(key, body string) request {
		return request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": key}, body}
	}
	get := func(target string) request { return request{method: http.MethodGet, target: target} }
	put := func(target string) request { return request{method: http.MethodPut, target: target} }

	met := []documentedAnswer{}
	meet := func(h *handler.Handler, operation string, r request, deadline time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		output, err := h.Invoke(ctx, encode(t, event2(r)))
		require.NoError(t, err)
		got := decodeAnswer(t, output)
		keepsContract(t, r, got)
		kind := ""
		if got.Status >= 400 {
			kind = got.problem(t).Type
		}
		met = append(met, documentedAnswer{operation, strconv.Itoa(got.Status), kind})
	}
	for _, call := range []struct {
		operation string
		request   request
		fault     faults.Fault
		deadline  time.Duration // long, or so short that it passes while all attempts meet the fault
	}{
		{"readBalance", get("/balance?userId=1"), nil, time.Minute},
		{"readBalance", get("/balance"), nil, time.Minute},
		{"readBalance", put("/balance"), nil, time.Minute},
		{"readBalance", get("/balance?userId=1"), damage, time.Minute},
		{"readBalance", get("/balance?userId=1"), faults.Throttle, 700 * time.Millisecond},
		{"listTransactions", get("/transactions?userId=1"), nil, time.Minute},
		{"listTransactions", get("/transactions"), nil, time.Minute},
		{"listTransactions", put("/transactions"), nil, time.Minute},
		{"listTransactions", get("/transactions?userId=1"), damage, time.Minute},
		{"listTransactions", get("/transactions?userId=1"), faults.Throttle, 700 * time.Millisecond},
		{"postTransaction", post("1", body("1", "1", "credit")), nil, time.Minute},
		{"postTransaction", post("1", "{}"), nil, time.Minute},
		{"postTransaction", put("/transactions"), nil, time.Minute},
		{"postTransaction", post("1", strings.Repeat(" ", 16<<10+1)), nil, time.Minute},
		{"postTransaction", post("2", body("1", "1000", "debit")), nil, time.Minute},
		{"postTransaction", post("2", body("rich", "1000", "credit")), nil, time.Minute},
		{"postTransaction", post("1", body("1", "2", "credit")), nil, time.Minute},
		{"postTransaction", post("3", body("1", "1", "credit")), damage, time.Minute},
		{"postTransaction", post("3", body("1", "1", "credit")), faults.Conflict, 700 * time.Millisecond},
		{"readTransaction", get("/transactions/" + id11), nil, time.Minute},
		{"readTransaction", get("/transactions/none"), nil, time.Minute},
		{"readTransaction", put("/transactions/" + id11), nil, time.Minute},
		{"readTransaction", get("/transactions/" + id11), damage, time.Minute},
		{"readTransaction", get("/transactions/" + id11), faults.Throttle, 700 * time.Millisecond},
	} {
		books.Network.Always(call.fault)
		meet(h, call.operation, call.request, call.deadline)
		books.Network.Always(nil)
	}
	guarded, _, _ := newHandler(t, handler.AuthorizedBy(handler.JWT))
	for operation, r := range map[string]request{
		"readBalance":      get("/balance?userId=1"),
		"listTransactions": get("/transactions?userId=1"),
		"postTransaction":  post("1", body("1", "1", "credit")),
		"readTransaction":  get("/transactions/" + id11),
	} {
		meet(guarded, operation, r, time.Minute) // without a token
	}
	assert.ElementsMatch(t, c.documented(), met)
}
