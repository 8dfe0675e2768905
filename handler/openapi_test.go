package handler_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// beyondSchemas are the reasons for a 400 that JSON Schema can't express. If the document
// allows a call, the handler may reject it only for one of these reasons.
var beyondSchemas = []string{
	"is sent more than once, and the values differ",
	"must be the same as ammount, or left out",
	`must be the "next" of an answer for the same user`,
	"must be at most what was held", // the schema has no access to the held sum
	"must be whole seconds",         // JSON Schema allows 1.0 and 1e3
	"must come with one debit",
	"must have at most 100 entries and different users together",
	"must have at most 512 bytes as JSON",
	"the entries must credit as much as they debit",
	"left out, it is all that is held",
	"must be at most what the entry moved", // the schema has no access to the entries
	"must be in entries, as the transaction",
	"must be the place of an entry", // JSON Schema allows 1.0
	"must be after the places before it",
	"must name entries for several refunds",
}

// keepsContract checks a call and its answer against the description for the handler's
// settings. Every member and header of the answer must be described. If the description
// forbids a request, the handler must reject it. If the description allows it, a 400 must
// have a reason in beyondSchemas.
func keepsContract(t *testing.T, h *handler.Handler, r request, a answer) {
	t.Helper()
	d := descriptionOf(t, h.Settings())
	if r.method == http.MethodHead { // the same as GET, without the body
		assert.Empty(t, a.Body)
		return
	}
	// The document can't require the following, because API Gateway's own answers lack it.
	assert.Equal(t, "no-store", a.Header.Get("Cache-Control"), "%+v", a)
	if a.Status >= 400 {
		a.problem(t)
	}
	if a.Status == http.StatusServiceUnavailable {
		assert.Equal(t, "1", a.Header.Get("Retry-After"), "%+v", a)
	}
	o := d.operationOf(r)
	if o == nil {
		assert.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusForbidden}, a.Status, "%+v", r)
		// No operation matches the request, so use one that can answer 404.
		assert.NoError(t, d.checkAnswer(d.operationOf(reading("/transactions/"+id11)), a), "answer %+v\nto %.300v", a, r)
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
	case http.StatusNotFound, http.StatusForbidden: // answered before the request is checked
	default:
		assert.NoError(t, forbidden, "the document forbids what was accepted: %+v", r)
	}
}

// The description has API Gateway's own answers, so that generated clients can read them.
func TestGatewayAnswersAreDescribed(t *testing.T) {
	t.Parallel()
	d := readDescription(t)
	for _, o := range d.operations {
		statuses := []int{401, 403, 404, 429, 500, 502, 503, 504}
		if o.RequestBody != nil {
			statuses = append(statuses, http.StatusRequestEntityTooLarge)
		}
		for _, status := range statuses {
			answer := answer{status, http.Header{"Content-Type": {"application/json"}}, `{"message":"Forbidden"}`}
			assert.NoError(t, d.checkAnswer(o, answer), o.route)
			answer.Body = `{"Message":"Forbidden"}`
			assert.Error(t, d.checkAnswer(o, answer), o.route)
		}
	}
}

var numberAmount = regexp.MustCompile(`("(?:ammount|creditLimit)"\s*:\s*)(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)(\s*[,}])`)

// These match the members for which null counts as absent.
var (
	nullMember = regexp.MustCompile(`"(userId|type|ammount|amount|currency|metadata|entries|balanced|debits|credits|creditLimit)":null,?`)
	nullOfPart = regexp.MustCompile(`"(currency|metadata)":null,?`) // in captures and refunds, which reject a null amount
)

// renamed returns the request in the form that the document's schemas require. The document
// describes some other forms only in prose: the second names of the key's header and of the
// amount, amounts as numbers, and null members.
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
	if jsontext.Value(r.body).IsValid() { // IsValid rejects duplicate names
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
	d := readDescription(t)
	assert.NoError(t, d.document.Validate(t.Context(), openapi3.EnableSchemaFormatValidation(), openapi3.EnableMultiError()))
}

type documentedAnswer struct {
	operation, status, problem string
}

// documented lists all answers in the document except API Gateway's own.
func (d *description) documented() (all []documentedAnswer) {
	for _, o := range d.operations {
		for status, response := range o.Responses.Map() {
			if status == "default" {
				continue // API Gateway's own answers
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
	return all
}

// outcome is a call with its expected answer and log line.
type outcome struct {
	call              request
	fault             faults.Fault
	user, transaction string // expected in the log line
	want              string // the answer's status and the log line's outcome
	more              string // the members that only this problem has; for other answers, a part of the body
}

// beyond captures a problem's members after instance, id and properties.
var beyond = regexp.MustCompile(`"instance":"[^"]*"(?:,"id":"[^"]*")?(?:,"properties":\{.*\})?,?(.*)\}$`)

// For every documented answer there is a call that gets it. Posted and declined calls are
// stored, and can be replayed. Each call writes one log line with its route, user,
// transaction, outcome and metrics. The line has no key, nothing from a body, and no other
// user. A declined capture or void is not logged as failed, because failures raise alarms.
func TestEveryDocumentedAnswer(t *testing.T) {
	t.Parallel()
	d := readDescription(t)
	h, books, log := newHandler(t)
	a := &api{Books: books, log: log, send: overEvents(event2)(t, h)}
	const secret = `,"metadata":{"hidden":"secret"}`
	transfer := func(amount string) string {
		return entries(secret, entry("1", amount, "debit"), entry("recipient", "1", "credit"))
	}
	post := func(key, body string) request { return posting("secret-"+key, body) }
	refund := func(id, key, amount string) request {
		return refunding(id, "secret-"+key, `{"ammount":"`+amount+`"`+secret+`}`)
	}
	rule := func(user, key, change string) request {
		return ruling("secret-"+key, `{"userId":"`+user+`"`+change+secret+`}`)
	}
	idOf := func(user, key string) string {
		return infratest.Request(t, user, "secret-"+key, ledger.Credit, "1").TransactionID().String()
	}

	a.Fill(t, "rich")
	for i := range ledger.MaxHolds {
		a.pending(t, fmt.Sprint("holder ", i), holdBody("holder", "1"))
	}
	setups := 0
	setup := func(body string) string {
		setups++
		return a.pending(t, strconv.Itoa(setups), body)
	}
	captured, voided, posted := setup(holdBody("1", "1")), setup(holdBody("1", "1")), setup(body("1", "1", "debit"))
	toRich, toClosed := setup(paymentBody("payer", "rich", "60")), setup(paymentBody("payer", "closed", "1"))
	ofBlocked, toSpender, toWaster := setup(body("blocked", "10", "credit")), setup(body("spender", "10", "credit")), setup(transferOf("2", "waster"))
	ofThree := setup(entries("", entry("2", "10", "debit"), entry("3", "9", "credit"), entry("shop", "1", "credit")))
	setup(body("rich", "50", "credit"))
	ofRich, fromRich := setup(holdBody("rich", "40")), setup(body("rich", "20", "debit"))
	for _, spent := range []string{body("rich", "110", "credit"), body("spender", "110", "debit"), body("waster", "105", "debit")} {
		setup(spent)
	}
	for user, change := range map[string]string{"closed": `"credits":"blocked"`, "blocked": `"debits":"blocked"`, "in debt": `"creditLimit":"50"`} {
		require.Equal(t, http.StatusCreated, a.rule(t, "setup", `{"userId":"`+user+`",`+change+`}`).Status)
	}
	setup(body("in debt", "120", "debit"))
	furtherRefund := parseID(t, idOf("3", "r")).Entry(1).String()
	const full = `"balance":"1000000000000000","limit":"1000000000000000"`

	met := map[documentedAnswer]bool{}
	for i, c := range []outcome{
		{reading("/balance?userId=1"), nil, "1", "", "200 read", `"held":"2"`},
		{reading("/balance?userId=closed"), nil, "closed", "", "200 read", `"blocked":["credits"]`},
		{reading("/balance"), nil, "", "", "400 rejected", ""},
		{reading("/nothing"), nil, "", "", "404 rejected", ""},
		{reading("/balance?userId=1"), damage, "1", "", "500 failed", ""},

		{reading("/transactions?userId=1&limit=1"), nil, "1", "", "200 read", `"next":"`},
		{reading("/transactions"), nil, "", "", "400 rejected", ""},
		{reading("/transactions/" + captured), nil, "1", captured, "200 read", "pending"},
		{reading("/transactions/none"), nil, "", "", "404 rejected", ""},

		{post("k", transfer("1")), nil, "1", idOf("1", "k"), "201 posted", "entries"},
		{post("k", transfer("1")), nil, "1", idOf("1", "k"), "201 replayed", "entries"},
		{post("k", transfer("2")), nil, "1", idOf("1", "k"), "422 reused", ""},
		{post("low", transfer("500")), nil, "1", idOf("1", "low"), "422 declined", `"entry":0,"balance":"96"`},
		{post("low", transfer("500")), nil, "1", idOf("1", "low"), "422 replayed", `"entry":0,"balance":"96"`},
		{post("one", body("1", "96.01", "debit")), nil, "1", idOf("1", "one"), "422 declined", `"balance":"96"`},
		{post("60", entries("", entry("1", "60", "debit"), entry("2", "1", "credit"), entry("1", "60", "debit"))), nil,
			"1", idOf("1", "60"), "422 declined", `"entry":2,"balance":"36"`},
		{post("x", transfer("secret")), nil, "", "", "400 rejected", ""},
		{post("x", `{"metadata":{"hidden":["secret"]}}`), nil, "", "", "400 rejected", ""},
		{post("c", transfer("1")), faults.Conflict, "1", idOf("1", "c"), "201 posted", ""},
		{post("d", transfer("1")), damage, "1", idOf("1", "d"), "500 failed", ""},
		{post("high", body("rich", "1", "credit")), nil, "rich", idOf("rich", "high"), "422 declined", full},
		{post("rich", transferOf("4", "rich")), nil, "4", idOf("4", "rich"), "422 declined", `"entry":1,` + full},
		{post("b", body("blocked", "1000", "debit")), nil, "blocked", idOf("blocked", "b"), "422 declined", `"blocked":["debits"]`},
		{post("b", transferOf("4", "closed")), nil, "4", idOf("4", "b"), "422 declined", `"entry":1,"blocked":["credits"]`},
		{post("h", holdBody("holder", "1")), nil, "holder", idOf("holder", "h"), "422 declined", ""},

		{ending(captured, "capture", `{"ammount":"0.6"}`), nil, "1", captured, "200 posted", `"captured":"0.6"`},
		{ending(captured, "capture", `{"ammount":0.60}`), nil, "1", captured, "200 replayed", `"captured":"0.6"`},
		{ending(captured, "capture", `{"ammount":"0.5"}`), nil, "", captured, "422 declined", `"ended":"captured"`},
		{ending(captured, "capture", ""), nil, "", captured, "422 declined", `"ended":"captured"`},
		{ending(captured, "capture", `{"ammount":"1.01"}`), nil, "", captured, "400 rejected", ""}, // more than was held
		{ending(toClosed, "capture", ""), nil, "", toClosed, "422 declined", `"blocked":["credits"]`},
		{ending(toRich, "capture", ""), nil, "", toRich, "422 declined", full},
		{ending(posted, "capture", ""), nil, "", posted, "422 rejected", ""},
		{ending("none", "capture", ""), nil, "", "", "404 rejected", ""},
		{ending(missing, "capture", ""), nil, "", missing, "404 rejected", ""},
		{ending(voided, "void", ""), nil, "1", voided, "200 posted", `"voided"`},
		{ending(voided, "void", "x"), nil, "1", voided, "200 replayed", `"voided"`},
		{ending(voided, "capture", ""), nil, "", voided, "422 declined", `"ended":"voided"`},
		{ending(captured, "void", ""), nil, "", captured, "422 declined", `"ended":"captured"`},
		{ending(posted, "void", ""), nil, "", posted, "422 rejected", ""},
		{ending("none", "void", ""), nil, "", "", "404 rejected", ""},

		{refund(posted, "r", "0.5"), nil, "1", idOf("1", "r"), "201 posted", `"refundOf":"` + posted},
		{refunding(posted, "secret-r", `{"entries":[{"entry":0,"amount":0.50}]`+secret+`}`), nil,
			"1", idOf("1", "r"), "201 replayed", `"refundOf":"` + posted},
		{refund(posted, "r", "0.4"), nil, "1", idOf("1", "r"), "422 reused", ""},
		{refund(posted, "s", "1"), nil, "1", idOf("1", "s"), "422 declined", `"refundable":"0.5"`},
		{refund(posted, "s", "2"), nil, "", posted, "400 rejected", ""},
		{refunding(ofThree, "secret-r", `{"entries":[{"entry":1,"ammount":"1"},{"entry":2,"ammount":"1"}]}`), nil,
			"3", idOf("3", "r"), "201 posted", `"refundOf":"` + ofThree},
		{reading("/transactions/" + furtherRefund), nil, "shop", furtherRefund, "200 read", `"refundOf":"` + ofThree},
		{refunding(ofThree, "secret-s", ""), nil, "2", idOf("2", "s"), "422 declined", `"entry":1,"refundable":"8"`},
		{refunding(toWaster, "secret-w", ""), nil, "2", idOf("2", "w"), "422 declined", `"entry":1,"balance":"5"`},
		{refund(toSpender, "s", "10"), nil, "spender", idOf("spender", "s"), "422 declined", `"balance":"0"`},
		{refund(fromRich, "s", "20"), nil, "rich", idOf("rich", "s"), "422 declined", full},
		{refund(ofBlocked, "s", "10"), nil, "blocked", idOf("blocked", "s"), "422 declined", `"blocked":["debits"]`},
		{refund(idOf("1", "r"), "s", "0.5"), nil, "", idOf("1", "r"), "422 rejected", `"transactionStatus":"posted"`},
		{refund(voided, "s", "1"), nil, "", voided, "422 rejected", `"transactionStatus":"voided"`},
		{refund(idOf("1", "one"), "s", "1"), nil, "", idOf("1", "one"), "422 rejected", `"transactionStatus":"declined"`},
		{refund("none", "s", "1"), nil, "", "", "404 rejected", ""},
		{reading("/transactions/" + posted + "/refunds"), nil, "", posted, "200 read", `"refunds":1,"entries":[{"entry":0,"ammount":"1","refunded":"0.5"}]`},
		{reading("/transactions/" + ofThree + "/refunds"), nil, "", ofThree, "200 read",
			`[{"entry":0,"ammount":"10","refunded":"0"},{"entry":1,"ammount":"9","refunded":"1"},{"entry":2,"ammount":"1","refunded":"1"}]`},
		{reading("/transactions/" + toRich + "/refunds"), nil, "", toRich, "422 rejected", `"transactionStatus":"pending"`},
		{reading("/transactions/none/refunds"), nil, "", "", "404 rejected", ""},

		{rule("2", "l", `,"creditLimit":"50"`), nil, "2", idOf("2", "l"), "201 posted", `"creditLimit":"50"`},
		{rule("2", "l", `,"creditLimit":"50"`), nil, "2", idOf("2", "l"), "201 replayed", `"creditLimit":"50"`},
		{rule("2", "l", `,"creditLimit":"51"`), nil, "2", idOf("2", "l"), "422 reused", ""},
		{rule("2", "x", ``), nil, "", "", "400 rejected", ""},
		{rule("in debt", "end", `,"creditLimit":"0"`), nil, "in debt", idOf("in debt", "end"), "422 declined", `"balance":"30"`},
		{rule("rich", "more", `,"creditLimit":"1000"`), nil, "rich", idOf("rich", "more"), "422 declined", full},

		// A release can raise a balance above the limit.
		{ending(ofRich, "void", ""), nil, "rich", ofRich, "200 posted", ""},
		{reading("/balance?userId=rich"), nil, "rich", "", "200 read", `"balance":"1000000000000040"`},
	} {
		if c.fault != nil {
			books.Network.Next(c.fault)
		}
		got := c.check(t, a, i)
		if o := d.operationOf(c.call); o != nil {
			met[o.answered(t, got)] = true
		}
	}

	// Most operations can also answer 403, 405, 413, 500 and 503. No answer shows the
	// cause.
	guarded, _, _ := newHandlerFor(t, handler.Access{Authorization: handler.JWT})
	for _, call := range []request{
		reading("/balance?userId=1"), reading("/transactions?userId=1"), reading("/transactions/" + posted),
		post("n", body("1", "1", "credit")), ending(voided, "capture", ""), ending(voided, "void", ""),
		refund(posted, "n", "0.1"), reading("/transactions/" + posted + "/refunds"), rule("2", "n", `,"debits":"blocked"`),
	} {
		o := d.operationOf(call)
		meet := func(h *handler.Handler, r request) {
			synctest.Test(t, func(t *testing.T) { // in virtual time, because a throttled call takes eight seconds
				got := invoke(t, h, encode(t, event2(r)))
				keepsContract(t, h, r, got)
				assert.NotContains(t, got.Body, "secret table")
				met[o.answered(t, got)] = true
			})
		}
		other, long := call, call
		other.method, long.body = http.MethodPut, strings.Repeat(" ", 16<<10+1)
		meet(h, other)
		if call.method == http.MethodPost && o.route != "POST /transactions/{id}/void" {
			meet(h, long)
		}
		for _, fault := range []faults.Fault{damage, faults.Throttle} {
			books.Network.Always(fault)
			meet(h, call)
		}
		books.Network.Always(nil)
		meet(guarded, call) // the event has no token
	}
	assert.Equal(t, len(d.operations), strings.Count(log.String(), "secret table"))
	assert.ElementsMatch(t, d.documented(), slices.Collect(maps.Keys(met)))
}

// check makes the call, and checks its answer and log line. If the answer has an id, check
// also repeats the call and reads the transaction.
func (c outcome) check(t *testing.T, a *api, row int) answer {
	t.Helper()
	a.log.Reset()
	began := time.Now()
	got := a.send(t, c.call)
	took := float64(time.Since(began)) / float64(time.Millisecond)
	what := fmt.Sprintf("row %d: %s", row, got.Body)
	for _, hidden := range []string{"hidden", "recipient", "secret-", `"secret"`, `ammount":`} {
		assert.NotContains(t, a.log.String(), hidden, what)
	}
	line := readLine(t, a.log)
	assert.Equal(t, []string{c.want, c.user, c.transaction}, []string{fmt.Sprint(got.Status, " ", line.Outcome), line.User, line.Transaction}, what)
	assert.Equal(t, got.Status, line.Status, what)
	assert.Equal(t, got.Status == http.StatusCreated && c.fault != nil, line.Retries == 1, what)
	assert.Positive(t, line.Latency)
	assert.LessOrEqual(t, line.Latency, took, "milliseconds, of a part of the call")
	assertMembers(t, line)

	if got.Status < 400 {
		assert.Contains(t, got.Body, c.more, what)
	} else if assert.Regexp(t, beyond, got.Body, what) {
		assert.Equal(t, c.more, beyond.FindStringSubmatch(got.Body)[1], what)
	}
	route := ""
	if o := readDescription(t).operationOf(c.call); o != nil {
		route = o.route
	}
	assert.Equal(t, route, line.Route, what)
	if id := got.id(); id != "" {
		assert.Equal(t, c.transaction, id, what)
		assertReplay(t, got, a.send(t, c.call), what)
		stored := a.get(t, "/transactions/"+id).Body
		posted := got.Status == http.StatusCreated
		assert.Equal(t, []bool{posted, !posted}, []bool{stored == got.Body, strings.Contains(stored, `"status":"declined"`)}, what)
	}
	return got
}

// answered returns an answer as [description.documented] lists it.
func (o *operation) answered(t *testing.T, a answer) documentedAnswer {
	t.Helper()
	kind := ""
	if a.Status >= 400 {
		kind = a.problem(t).Type
	}
	return documentedAnswer{o.OperationID, strconv.Itoa(a.Status), kind}
}

// On the page /docs, readers can try the document's examples in any order and currency,
// even after the calls in README.md. No example fails with a reused key.
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
		random := rand.New(rand.NewPCG(uint64(seed), 0)) //nolint:gosec // shuffling needs no secure random numbers
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

// examples returns a call for each combination of the document's examples for parameters
// and bodies.
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

// withExamples returns each call with each example of a parameter.
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

// vary applies set to a copy of each call for each value. Without values it returns calls.
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
