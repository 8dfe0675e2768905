package handler_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// beyondSchemas are the handler's reasons that JSON Schema can't express. A call
// that the document allows is rejected only for one of these.
var beyondSchemas = []string{
	"is sent more than once, and the values differ", // the key header's two names
	"must be the same as ammount, or left out",      // the amount's two names
	`must be the "next" of an answer for the same user`,
	"must be at most what was held", // only the ledger knows the held sum
	"must be whole seconds",         // 1.0 and 1e3 are integers
	"must come with one debit",      // a hold's entries
	"must have at most 100 entries and different users together",
	"must have at most 512 bytes as JSON",
	"the entries must credit as much as they debit",
	"left out, it is all that is held",     // null under the amount's second name
	"must be at most what the entry moved", // only the ledger knows the entries
	"must be in entries, as the transaction",
	"must be the place of an entry", // 1.0 is an integer
	"must be after the places before it",
	"must name entries for several refunds",
}

// keepsContract checks a call and its answer against the description for the handler's
// settings, both ways. The answer is documented to the last member and header. The
// handler rejects a request as invalid exactly if the document forbids it.
func keepsContract(t *testing.T, h *handler.Handler, r request, a answer) {
	t.Helper()
	d, err := descriptionOf(h.Settings())
	require.NoError(t, err)
	if r.method == http.MethodHead { // like GET, without the body
		assert.Empty(t, a.Body)
		return
	}
	keepsBesideGateway(t, a)
	path, _, _ := strings.Cut(r.target, "?")
	o := d.operation(r.method, path)
	if o == nil {
		assert.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusForbidden}, a.Status, "%+v", r)
		// Any operation with a 404 has the answer.
		assert.NoError(t, d.checkAnswer(d.operation(http.MethodGet, "/transactions/"+id11), a), "answer %+v\nto %.300v", a, r)
		return
	}
	assert.NoError(t, d.checkAnswer(o, a), "answer %+v\nto %.300v", a, r)
	if a.Status == http.StatusRequestEntityTooLarge || a.Status >= 500 {
		return
	}
	forbidden := d.checkRequest(o, r.renamed())
	switch a.Status {
	case http.StatusBadRequest:
		assert.True(t, forbidden != nil || slices.ContainsFunc(beyondSchemas, func(reason string) bool {
			return strings.Contains(a.problem(t).Detail, reason)
		}), "the document allows what was rejected: %+v: %s", r, a.Body)
	case http.StatusNotFound, http.StatusForbidden: // these come first
	default:
		assert.NoError(t, forbidden, "the document forbids what was accepted: %+v", r)
	}
}

// keepsBesideGateway checks the members that the document can't require, because the
// gateway's own answers with that status lack them.
func keepsBesideGateway(t *testing.T, a answer) {
	t.Helper()
	assert.Equal(t, "no-store", a.Header.Get("Cache-Control"), "%+v", a)
	if a.Status >= 400 {
		a.problem(t)
	}
	if a.Status == http.StatusServiceUnavailable {
		assert.Equal(t, "1", a.Header.Get("Retry-After"), "%+v", a)
	}
}

// A generated client knows API Gateway's own answers.
func TestGatewayAnswersAreDescribed(t *testing.T) {
	t.Parallel()
	d, err := readDescription()
	require.NoError(t, err)
	for path, item := range d.document.Paths.Map() {
		for method := range item.Operations() {
			o := d.operation(method, path)
			statuses := []int{401, 403, 404, 429, 500, 502, 503, 504}
			if o.RequestBody != nil {
				statuses = append(statuses, http.StatusRequestEntityTooLarge)
			}
			for _, status := range statuses {
				answer := answer{status, http.Header{"Content-Type": {"application/json"}}, `{"message":"Forbidden"}`}
				assert.NoError(t, d.checkAnswer(o, answer), "%s %s", method, path)
				answer.Body = `{"Message":"Forbidden"}`
				assert.Error(t, d.checkAnswer(o, answer), "%s %s", method, path)
			}
		}
	}
}

var numberAmount = regexp.MustCompile(`("(?:ammount|creditLimit)"\s*:\s*)(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)(\s*[,}])`)

// For these members null counts as absent.
var (
	nullMember = regexp.MustCompile(`"(userId|type|ammount|amount|currency|metadata|entries|balanced|debits|credits|creditLimit)":null,?`)
	nullOfPart = regexp.MustCompile(`"(currency|metadata)":null,?`) // in a capture and a refund
)

// renamed returns the request as the document requires it. The document describes these
// only in words: the second names for the key's header and the amount, amounts as
// numbers, and null members.
func (r request) renamed() request {
	header := http.Header{}
	for name, value := range r.header {
		header.Set(name, value)
	}
	r.header = map[string]string{}
	for name := range header {
		r.header[name] = header.Get(name)
	}
	if _, sent := r.header["Idempotent-Key"]; !sent && header["Idempotency-Key"] != nil {
		r.header["Idempotent-Key"] = header.Get("Idempotency-Key")
	}
	null := nullMember
	if strings.HasSuffix(r.target, "/capture") || strings.HasSuffix(r.target, "/refunds") {
		null = nullOfPart
	}
	if jsontext.Value(r.body).IsValid() { // without duplicate names
		r.body = strings.ReplaceAll(null.ReplaceAllString(r.body, ""), ",}", "}")
	}
	if !strings.Contains(r.body, `"ammount"`) {
		r.body = strings.ReplaceAll(r.body, `"amount"`, `"ammount"`)
	}
	r.body = numberAmount.ReplaceAllString(r.body, `$1"$2"$3`)
	return r
}

func TestOpenAPIDocumentIsValid(t *testing.T) {
	t.Parallel()
	d, err := readDescription()
	require.NoError(t, err)
	assert.NoError(t, d.document.Validate(t.Context(), openapi3.EnableSchemaFormatValidation(), openapi3.EnableMultiError()))
}

// documentedAnswer is one answer that an operation may have.
type documentedAnswer struct {
	operation, status, problem string
}

// documented lists all answers in the document except the gateway's own.
func (d *description) documented() (all []documentedAnswer) {
	for _, item := range d.document.Paths.Map() {
		for _, o := range item.Operations() {
			for status, response := range o.Responses.Map() {
				if status == "default" {
					continue // the gateway's own
				}
				media := response.Value.Content["application/problem+json"]
				if media == nil {
					if strings.HasPrefix(status, "2") {
						all = append(all, documentedAnswer{o.OperationID, status, ""})
					}
					continue
				}
				if example := exampleOfProblem(media); example != nil {
					all = append(all, documentedAnswer{o.OperationID, status, example["type"].(string)})
					continue
				}
				schemas := media.Schema.Value.OneOf
				if schemas == nil {
					schemas = append(schemas, media.Schema)
				}
				for _, schema := range schemas {
					kinds := schema.Value.Properties["type"].Value.Enum
					all = append(all, documentedAnswer{o.OperationID, status, kinds[0].(string)})
				}
			}
		}
	}
	return all
}

// Every documented answer has a call that gets it.
func TestEveryDocumentedAnswerIsMet(t *testing.T) {
	t.Parallel()
	d, err := readDescription()
	require.NoError(t, err)
	h, books, _ := newHandler(t)
	books.Fill(t, "rich")
	post := func(key, body string) request {
		return request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": key}, body}
	}
	get := func(target string) request { return request{method: http.MethodGet, target: target} }
	put := func(target string) request { return request{method: http.MethodPut, target: target} }

	end := func(id, how, body string) request {
		return request{http.MethodPost, "/transactions/" + id + "/" + how, nil, body}
	}
	refund := func(id, key, body string) request {
		return request{http.MethodPost, "/transactions/" + id + "/refunds", map[string]string{"Idempotent-Key": key}, body}
	}
	account := func(key, body string) request {
		return request{http.MethodPost, "/accounts", map[string]string{"Idempotent-Key": key}, body}
	}
	const hold = `{"userId":"holder","ammount":"1","type":"debit","expiresIn":60}`
	var holds []string
	pending := func(key, body string) string {
		got := invoke(t, h, encode(t, event2(post(key, body))))
		require.Equal(t, http.StatusCreated, got.Status, got.Body)
		return strings.TrimPrefix(got.Header.Get("Location"), "/transactions/")
	}
	for i := range ledger.MaxHolds {
		holds = append(holds, pending(strconv.Itoa(i), hold))
	}
	ended := holds[0]
	toRich := pending("to rich", `{"expiresIn":60,"entries":[{"userId":"payer","ammount":"60","type":"debit"},{"userId":"rich","ammount":"60","type":"credit"}]}`)
	pending("rich", body("rich", "50", "credit"))
	fromRich := pending("from rich", body("rich", "20", "debit"))
	pending("rich again", body("rich", "70", "credit"))
	toSpend := pending("to spend", body("spender", "10", "credit"))
	pending("spend", body("spender", "110", "debit"))
	ofBlocked := pending("of blocked", body("blocked", "10", "credit"))
	toClosed := pending("to closed", `{"expiresIn":60,"entries":[{"userId":"payer","ammount":"1","type":"debit"},{"userId":"closed","ammount":"1","type":"credit"}]}`)
	for key, body := range map[string]string{"close": `{"userId":"closed","credits":"blocked"}`, "lend": `{"userId":"in debt","creditLimit":"50"}`} {
		require.Equal(t, http.StatusCreated, overHTTP(t, h)(t, account(key, body)).Status)
	}
	pending("borrow", body("in debt", "120", "debit"))
	met := []documentedAnswer{}
	meet := func(h *handler.Handler, operation string, r request, deadline time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), deadline)
		defer cancel()
		output, err := h.Invoke(ctx, encode(t, event2(r)))
		require.NoError(t, err)
		got := decodeAnswer(t, output)
		keepsContract(t, h, r, got)
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
		deadline  time.Duration // long, or so short that all attempts meet the fault
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
		{"postTransaction", post("one more", hold), nil, time.Minute},
		{"captureTransaction", end(ended, "capture", ""), nil, time.Minute},
		{"captureTransaction", end(ended, "capture", `{"ammount":"0"}`), nil, time.Minute},
		{"captureTransaction", end("none", "capture", ""), nil, time.Minute},
		{"captureTransaction", put("/transactions/" + ended + "/capture"), nil, time.Minute},
		{"captureTransaction", end(ended, "capture", strings.Repeat(" ", 16<<10+1)), nil, time.Minute},
		{"captureTransaction", end(ended, "capture", `{"ammount":"0.01"}`), nil, time.Minute},
		{"captureTransaction", end(id11, "capture", ""), nil, time.Minute},
		{"captureTransaction", end(toRich, "capture", ""), nil, time.Minute},
		{"captureTransaction", end(ended, "capture", ""), damage, time.Minute},
		{"captureTransaction", end(ended, "capture", ""), faults.Throttle, 700 * time.Millisecond},
		{"refundTransaction", refund(id11, "refund", `{"ammount":"0.5"}`), nil, time.Minute},
		{"refundTransaction", refund(id11, "refund", `{"ammount":"2"}`), nil, time.Minute},
		{"refundTransaction", refund("none", "refund", ""), nil, time.Minute},
		{"refundTransaction", put("/transactions/" + id11 + "/refunds"), nil, time.Minute},
		{"refundTransaction", refund(id11, "refund", strings.Repeat(" ", 16<<10+1)), nil, time.Minute},
		{"refundTransaction", refund(id11, "refund", `{"ammount":"0.4"}`), nil, time.Minute},
		{"refundTransaction", refund(id11, "whole", ""), nil, time.Minute},
		{"refundTransaction", refund(toRich, "pending", ""), nil, time.Minute},
		{"refundTransaction", refund(toSpend, "spent", ""), nil, time.Minute},
		{"refundTransaction", refund(fromRich, "full", ""), nil, time.Minute},
		{"refundTransaction", refund(id11, "refund", ""), damage, time.Minute},
		{"refundTransaction", refund(id11, "refund", ""), faults.Throttle, 700 * time.Millisecond},
		{"readRefunds", get("/transactions/" + id11 + "/refunds"), nil, time.Minute},
		{"readRefunds", get("/transactions/none/refunds"), nil, time.Minute},
		{"readRefunds", put("/transactions/" + id11 + "/refunds"), nil, time.Minute},
		{"readRefunds", get("/transactions/" + toRich + "/refunds"), nil, time.Minute},
		{"readRefunds", get("/transactions/" + id11 + "/refunds"), damage, time.Minute},
		{"readRefunds", get("/transactions/" + id11 + "/refunds"), faults.Throttle, 700 * time.Millisecond},
		{"changeAccount", account("block", `{"userId":"blocked","debits":"blocked"}`), nil, time.Minute},
		{"changeAccount", account("block", `{"userId":"blocked","debits":"allowed"}`), nil, time.Minute},
		{"changeAccount", account("block", `{"userId":"blocked"}`), nil, time.Minute},
		{"changeAccount", put("/accounts"), nil, time.Minute},
		{"changeAccount", account("block", strings.Repeat(" ", 16<<10+1)), nil, time.Minute},
		{"changeAccount", account("limit", `{"userId":"rich","creditLimit":"1000"}`), nil, time.Minute},
		{"changeAccount", account("no limit", `{"userId":"in debt","creditLimit":"0"}`), nil, time.Minute},
		{"changeAccount", account("damaged", `{"userId":"1","debits":"blocked"}`), damage, time.Minute},
		{"changeAccount", account("throttled", `{"userId":"1","debits":"blocked"}`), faults.Throttle, 700 * time.Millisecond},
		{"postTransaction", post("blocked", body("blocked", "1", "debit")), nil, time.Minute},
		{"captureTransaction", end(toClosed, "capture", ""), nil, time.Minute},
		{"refundTransaction", refund(ofBlocked, "refund", ""), nil, time.Minute},
		{"voidTransaction", end(toRich, "void", ""), nil, time.Minute},
		{"voidTransaction", end("none", "void", ""), nil, time.Minute},
		{"voidTransaction", put("/transactions/" + ended + "/void"), nil, time.Minute},
		{"voidTransaction", end(ended, "void", ""), nil, time.Minute},
		{"voidTransaction", end(id11, "void", ""), nil, time.Minute},
		{"voidTransaction", end(ended, "void", ""), damage, time.Minute},
		{"voidTransaction", end(ended, "void", ""), faults.Throttle, 700 * time.Millisecond},
	} {
		books.Network.Always(call.fault)
		meet(h, call.operation, call.request, call.deadline)
		books.Network.Always(nil)
	}
	guarded, _, _ := newHandlerFor(t, handler.Access{Authorization: handler.JWT})
	for operation, r := range map[string]request{
		"readBalance":        get("/balance?userId=1"),
		"listTransactions":   get("/transactions?userId=1"),
		"postTransaction":    post("1", body("1", "1", "credit")),
		"readTransaction":    get("/transactions/" + id11),
		"captureTransaction": end(id11, "capture", ""),
		"voidTransaction":    end(id11, "void", ""),
		"refundTransaction":  refund(id11, "refund", ""),
		"readRefunds":        get("/transactions/" + id11 + "/refunds"),
		"changeAccount":      account("block", `{"userId":"blocked","debits":"blocked"}`),
	} {
		meet(guarded, operation, r, time.Minute) // without a token
	}
	assert.ElementsMatch(t, d.documented(), met)
}
