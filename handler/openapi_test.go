package handler_test

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

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
	// The document can't require these, because the gateway's own answers lack them.
	assert.Equal(t, "no-store", a.Header.Get("Cache-Control"), "%+v", a)
	if a.Status >= 400 {
		a.problem(t)
	}
	if a.Status == http.StatusServiceUnavailable {
		assert.Equal(t, "1", a.Header.Get("Retry-After"), "%+v", a)
	}
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
	guarded, _, _ := newHandlerFor(t, handler.Access{Authorization: handler.JWT})
	a := &api{Books: books, send: overEvents(event2)(t, h)}
	call := func(method, target, key, body string) request {
		return request{method, target, map[string]string{"Idempotent-Key": key}, body}
	}
	get := func(target string) request { return reading(target) }
	post := func(key, body string) request { return call(http.MethodPost, "/transactions", key, body) }
	end := func(id, how, body string) request {
		return request{method: http.MethodPost, target: "/transactions/" + id + "/" + how, body: body}
	}
	refund := func(id, key, body string) request {
		return call(http.MethodPost, "/transactions/"+id+"/refunds", key, body)
	}
	account := func(key, body string) request { return call(http.MethodPost, "/accounts", key, body) }

	a.Fill(t, "rich")
	var hold string
	for i := range ledger.MaxHolds {
		hold = a.pending(t, strconv.Itoa(i), holdBody("holder", "1"))
	}
	toRich := a.pending(t, "to rich", paymentBody("payer", "rich", "60"))
	a.pending(t, "rich", body("rich", "50", "credit"))
	fromRich := a.pending(t, "from rich", body("rich", "20", "debit"))
	a.pending(t, "rich again", body("rich", "70", "credit"))
	toSpend := a.pending(t, "to spend", body("spender", "10", "credit"))
	a.pending(t, "spend", body("spender", "110", "debit"))
	ofBlocked, toClosed := a.pending(t, "of blocked", body("blocked", "10", "credit")), a.pending(t, "to closed", paymentBody("payer", "closed", "1"))
	for user, rules := range map[string]string{"closed": `"credits":"blocked"`, "blocked": `"debits":"blocked"`, "in debt": `"creditLimit":"50"`} {
		require.Equal(t, http.StatusCreated, a.rule(t, "setup", `{"userId":"`+user+`",`+rules+`}`).Status)
	}
	a.pending(t, "borrow", body("in debt", "120", "debit"))
	a.pending(t, "1", body("1", "1", "credit")) // id11

	met := []documentedAnswer{}
	meet := func(h *handler.Handler, operation string, r request) {
		payload := encode(t, event2(r))
		synctest.Test(t, func(t *testing.T) { // a throttled call takes eight seconds
			got := invoke(t, h, payload)
			keepsContract(t, h, r, got)
			kind := ""
			if got.Status >= 400 {
				kind = got.problem(t).Type
			}
			met = append(met, documentedAnswer{operation, strconv.Itoa(got.Status), kind})
		})
	}
	for _, c := range []struct {
		operation string
		calls     []request // the first one also meets the faults
	}{
		{"readBalance", []request{get("/balance?userId=1"), get("/balance")}},
		{"listTransactions", []request{get("/transactions?userId=1"), get("/transactions")}},
		{"readTransaction", []request{get("/transactions/" + id11), get("/transactions/none")}},
		{"postTransaction", []request{
			post("2", body("1", "1", "credit")), post("2", "{}"), post("2", body("1", "2", "credit")), post("3", body("1", "1000", "debit")),
			post("3", body("rich", "1000", "credit")), post("blocked", body("blocked", "1", "debit")), post("one more", holdBody("holder", "1")),
		}},
		{"captureTransaction", []request{
			end(hold, "capture", ""), end(hold, "capture", `{"ammount":"0"}`), end("none", "capture", ""), end(hold, "capture", `{"ammount":"0.01"}`),
			end(id11, "capture", ""), end(toRich, "capture", ""), end(toClosed, "capture", ""),
		}},
		{"refundTransaction", []request{
			refund(id11, "refund", `{"ammount":"0.5"}`), refund(id11, "refund", `{"ammount":"2"}`), refund("none", "refund", ""),
			refund(id11, "refund", `{"ammount":"0.4"}`), refund(id11, "whole", ""), refund(toRich, "pending", ""), refund(toSpend, "spent", ""),
			refund(fromRich, "full", ""), refund(ofBlocked, "refund", ""),
		}},
		{"readRefunds", []request{
			get("/transactions/" + id11 + "/refunds"), get("/transactions/none/refunds"), get("/transactions/" + toRich + "/refunds"),
		}},
		{"changeAccount", []request{
			account("block", `{"userId":"1","debits":"blocked"}`), account("block", `{"userId":"1","debits":"allowed"}`),
			account("block", `{"userId":"1"}`), account("limit", `{"userId":"rich","creditLimit":"1000"}`),
			account("no limit", `{"userId":"in debt","creditLimit":"0"}`),
		}},
		{"voidTransaction", []request{end(toRich, "void", ""), end("none", "void", ""), end(hold, "void", ""), end(id11, "void", "")}},
	} {
		first := c.calls[0]
		for _, r := range c.calls {
			meet(h, c.operation, r)
		}
		path, _, _ := strings.Cut(first.target, "?")
		meet(h, c.operation, request{method: http.MethodPut, target: path})
		if first.method == http.MethodPost && c.operation != "voidTransaction" {
			meet(h, c.operation, request{http.MethodPost, path, first.header, strings.Repeat(" ", 16<<10+1)})
		}
		for _, fault := range []faults.Fault{damage, faults.Throttle} {
			books.Network.Always(fault)
			meet(h, c.operation, first)
		}
		books.Network.Always(nil)
		meet(guarded, c.operation, first) // without a token
	}
	assert.ElementsMatch(t, d.documented(), met)
}
