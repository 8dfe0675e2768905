package handler_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// scale is settings, and the texts that they lead to.
type scale struct {
	currency, places, opening string
	unit                      string // the smallest amount
	tooMany                   string // the problem with one place more
	finer                     string // such an amount
	most                      string // the highest below 10^12
	example                   string
}

var scales = []scale{
	{"JPY", "0", "0", "1", "must be whole", "1.0", "999999999999", "12"},
	{"EUR", "2", "0", "0.01", "must have at most two decimal places", "0.001", "999999999999.99", "12.50"},
	{"KWD", "3", "0", "0.001", "must have at most 3 decimal places", "0.0001", "999999999999.999", "12.500"},
	{"POINTS", "0", "100", "1", "must be whole", "2.00", "999999999999", "12"},
	{"XBT", "8", "0.00000001", "0.00000001", "must have at most 8 decimal places", "0.000000001", "999999999999.99999999", "12.50000000"},
}

// everyScale runs a test for each settings, through each door.
func everyScale(t *testing.T, test func(*testing.T, *api, scale)) {
	t.Parallel()
	for _, s := range scales {
		for name, open := range doors {
			t.Run(s.currency+", "+name, func(t *testing.T) {
				t.Parallel()
				h, books, log := newHandlerBehind(t, name, infratest.Settings(t, s.currency, s.places, s.opening), handler.Access{Authorization: handler.None})
				test(t, &api{Books: books, log: log, send: open(t, h)}, s)
			})
		}
	}
}

// post1 posts one entry for user 1.
func (a *api) post1(t *testing.T, key, amount, kind string) answer {
	t.Helper()
	return a.post(t, key, body("1", amount, kind))
}

// These are the answers under other settings, call by call.
func TestSettings(t *testing.T) {
	everyScale(t, func(t *testing.T, a *api, s scale) {
		currency := `"currency":"` + s.currency + `"`
		got := a.get(t, "/balance?userId=nobody")
		assert.Equal(t, `{"data":{"balance":"`+s.opening+`",`+currency+`}}`, got.Body, "whoever has no row has the opening balance")

		// One entry is posted, read, replayed and listed.
		got = a.post1(t, "unit", s.unit, "credit")
		assert.Equal(t, http.StatusCreated, got.Status, got.Body)
		assert.Contains(t, got.Body, `"ammount":"`+s.unit+`",`+currency)
		read := a.get(t, got.Header.Get("Location"))
		assert.Equal(t, got.Body, read.Body)
		again := a.post1(t, "unit", "000"+s.unit, "credit")
		assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
		assert.Equal(t, got.Body, again.Body)
		assert.Equal(t, 1, strings.Count(a.get(t, "/transactions?userId=1").Body, currency))

		// Wrong amounts.
		for amount, reason := range map[string]string{
			s.finer: s.tooMany, "0": "must be at least " + s.unit, "1000000000001": "must be at most 1000000000000",
			"1e3": `must be a plain decimal such as "` + s.example + `": digits, no sign, no exponent, no spaces`,
		} {
			got := a.post1(t, "wrong", amount, "credit")
			assert.Equal(t, http.StatusBadRequest, got.Status, "%s: %s", amount, got.Body)
			assert.Equal(t, map[string][]string{"ammount": {reason}}, got.problem(t).Properties)
			got = a.post(t, "wrong", `{"entries":[{"userId":"1","ammount":"`+s.unit+`","type":"credit"},{"userId":"1","amount":"`+amount+`","type":"credit"}]}`)
			assert.Equal(t, map[string][]string{"entries[1].amount": {reason}}, got.problem(t).Properties)
		}

		// A call's currency is the deployment's.
		for text, status := range map[string]int{s.currency: 201, "USD": 400, strings.ToLower(s.currency): 400, "": 400} {
			got := a.post(t, "currency", `{"userId":"other","ammount":"`+s.unit+`","type":"credit","currency":"`+text+`"}`)
			assert.Equal(t, status, got.Status, "%q: %s", text, got.Body)
			if status == 400 {
				assert.Equal(t, map[string][]string{"currency": {`must be "` + s.currency + `", or left out`}}, got.problem(t).Properties)
			}
		}

		// A debit of everything plus a unit is declined.
		got = a.post1(t, "too much", "1000000000000", "debit")
		assert.Equal(t, http.StatusUnprocessableEntity, got.Status)
		p := got.problem(t)
		assert.Equal(t, "/problems/insufficient-funds", p.Type)
		assert.Equal(t, s.currency, p.Currency)
		balance := a.Balance(t, "1")
		assert.Equal(t, balance, p.Balance)
		assert.Equal(t, http.StatusCreated, a.post1(t, "all", balance, "debit").Status)
		assert.Equal(t, "0", a.Balance(t, "1"))
		got = a.post1(t, "one more", s.unit, "debit")
		assert.Equal(t, "0", got.problem(t).Balance)
	})
}

// A credit may lift a balance to the ceiling exactly, and not one unit higher.
func TestSettingsAtTheCeiling(t *testing.T) {
	everyScale(t, func(t *testing.T, a *api, s scale) {
		a.Fill(t, "rich")
		require.Equal(t, "999999999999900", a.Balance(t, "rich"))
		credit := func(key, amount string) answer { return a.post(t, key, body("rich", amount, "credit")) }
		assert.Equal(t, http.StatusCreated, credit("to the ceiling", "100").Status)
		assert.Equal(t, http.StatusCreated, a.post(t, "back", body("rich", s.unit, "debit")).Status)
		assert.Equal(t, http.StatusCreated, credit("the last unit", s.unit).Status)
		got := credit("beyond", s.unit)
		assert.Equal(t, http.StatusUnprocessableEntity, got.Status)
		p := got.problem(t)
		assert.Equal(t, []string{"/problems/balance-limit", "1000000000000000", "1000000000000000", s.currency}, []string{p.Type, p.Balance, p.Limit, p.Currency})
		assert.Equal(t, "1000000000000000", a.Balance(t, "rich"))

		got = a.post(t, "most", body("rich", s.most, "debit"))
		assert.Equal(t, http.StatusCreated, got.Status)
		assert.Contains(t, got.Body, `"ammount":"`+s.most+`"`)
		left, err := ledger.ParseBalance(a.Balance(t, "rich"))
		require.NoError(t, err)
		got = a.post(t, "most back", body("rich", s.most, "credit"))
		assert.Equal(t, http.StatusCreated, got.Status)
		assert.Equal(t, "1000000000000000", a.Balance(t, "rich"))
		assert.Equal(t, fmt.Sprint(left), map[string]string{
			"0": "999000000000001", "2": "999000000000000.01", "3": "999000000000000.001", "8": "999000000000000.00000001",
		}[s.places])
	})
}

func TestSettingsOfHolds(t *testing.T) {
	everyScale(t, func(t *testing.T, a *api, s scale) {
		currency := `"currency":"` + s.currency + `"`
		require.Equal(t, http.StatusCreated, a.post1(t, "in", "10", "credit").Status)
		got := a.post(t, "transfer", `{"balanced":true,"currency":"`+s.currency+`","entries":[{"userId":"1","ammount":"1","type":"debit","currency":"`+s.currency+`"},{"userId":"2","ammount":"1","type":"credit"}]}`)
		require.Equal(t, http.StatusCreated, got.Status, got.Body)
		assert.Equal(t, 1, strings.Count(got.Body, currency), "once for all entries: %s", got.Body)

		id := a.pending(t, "hold", `{"userId":"1","ammount":"3","type":"debit","expiresIn":60}`)
		got = a.get(t, "/balance?userId=1")
		assert.Contains(t, got.Body, `"held":"3",`+currency)
		got = a.end(t, id, "capture", `{"ammount":"`+s.finer+`"}`)
		assert.Equal(t, map[string][]string{"ammount": {s.tooMany}}, got.problem(t).Properties)
		got = a.end(t, id, "capture", `{"ammount":"1","currency":"USD"}`)
		assert.Equal(t, map[string][]string{"currency": {`must be "` + s.currency + `", or left out`}}, got.problem(t).Properties)
		got = a.end(t, id, "capture", `{"ammount":"`+s.unit+`","currency":"`+s.currency+`"}`)
		require.Equal(t, http.StatusOK, got.Status, got.Body)
		assert.Contains(t, got.Body, `"captured":"`+s.unit+`"`)
		assert.Contains(t, got.Body, currency)
		history := a.get(t, "/transactions?userId=1").Body
		assert.Equal(t, 4, strings.Count(history, currency), "a line each: %s", history)
	})
}

func TestSettingsOfRefunds(t *testing.T) {
	everyScale(t, func(t *testing.T, a *api, s scale) {
		currency := `"currency":"` + s.currency + `"`
		id := a.pending(t, "in", body("1", "10", "credit"))
		for field, sent := range map[string]string{
			"ammount": `{"ammount":"` + s.finer + `"}`, "entries[0].ammount": `{"entries":[{"entry":0,"ammount":"` + s.finer + `"}]}`,
		} {
			assert.Equal(t, map[string][]string{field: {s.tooMany}}, a.refund(t, id, "r", sent).problem(t).Properties)
		}
		for field, sent := range map[string]string{
			"currency": `{"currency":"USD"}`, "entries[0].currency": `{"entries":[{"entry":0,"ammount":"1","currency":"USD"}]}`,
		} {
			assert.Equal(t, map[string][]string{field: {`must be "` + s.currency + `", or left out`}}, a.refund(t, id, "r", sent).problem(t).Properties)
		}
		got := a.refund(t, id, "r", `{"ammount":"`+s.unit+`","currency":"`+s.currency+`"}`)
		require.Equal(t, http.StatusCreated, got.Status, got.Body)
		assert.Contains(t, got.Body, `"ammount":"`+s.unit+`",`+currency)
		assert.Equal(t, `{"data":{"refunds":1,`+currency+`,"entries":[{"entry":0,"ammount":"10","refunded":"`+s.unit+`"}]}}`, a.refunded(t, id))
		limit := a.refund(t, id, "all", "").problem(t)
		assert.Equal(t, []string{"/problems/refund-limit", s.currency}, []string{limit.Type, limit.Currency})
	})
}

// The default settings' description is the document itself. Another differs wherever
// its settings do.
func TestDescriptionOfSettings(t *testing.T) {
	t.Parallel()
	assert.Equal(t, handler.OpenAPI, handler.Description(ledger.DefaultSettings()))
	for _, s := range scales {
		text := handler.Description(infratest.Settings(t, s.currency, s.places, s.opening))
		assert.NotContains(t, text, "US dollars")
		assert.NotContains(t, text, "100 USD")
		assert.Contains(t, text, "enum: ["+s.currency+"] # of calls")
		assert.Contains(t, text, "a balance of "+s.opening+" "+s.currency)
		assert.Contains(t, text, "from "+s.unit+" to 1000000000000")
		d, err := descriptionOf(infratest.Settings(t, s.currency, s.places, s.opening))
		require.NoError(t, err)
		o := d.operation(http.MethodPost, "/transactions")
		check := func(amount string) error {
			return d.checkRequest(o, request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1"}, body("1", amount, "credit")})
		}
		for _, allowed := range []string{s.unit, s.most, "1000000000000", "0007", s.example} {
			assert.NoError(t, check(allowed), "%s %s", s.currency, allowed)
		}
		for _, forbidden := range []string{s.finer, "0", s.most + ".0", "1000000000000.1", "-1", "1e1", "1000000000001"} {
			if s.places != "0" && forbidden == s.most+".0" {
				continue // no number at all
			}
			assert.Error(t, check(forbidden), "%s %s", s.currency, forbidden)
		}
		for _, call := range d.examples(t) {
			path, _, _ := strings.Cut(call.target, "?")
			assert.NoError(t, d.checkRequest(d.operation(call.method, path), call), "%s: %+v", s.currency, call)
		}
		d.eachAnswer(func(schema *openapi3.SchemaRef, example any) {
			value, err := asJSON(example)
			require.NoError(t, err)
			assert.NoError(t, d.check(schema, value, closed), "%s: %v", s.currency, example)
			text, want := string(encode(t, example.(map[string]any))), 0
			if ofMoney.MatchString(text) {
				want = 1
			}
			assert.Equal(t, want, strings.Count(text, `"currency":"`+s.currency+`"`), text)
		})
	}
}

// ofMoney matches the answers that have a currency, where it is not USD.
var ofMoney = regexp.MustCompile(`"(data|balance|limit|refundable)":`)

// eachAnswer calls see with each example of an answer, and its schema.
func (d *description) eachAnswer(see func(schema *openapi3.SchemaRef, example any)) {
	for _, item := range d.document.Paths.Map() {
		for _, o := range item.Operations() {
			for _, response := range o.Responses.Map() {
				for _, media := range response.Value.Content {
					for _, example := range exampleValues(media.Example, media.Examples) {
						see(media.Schema, example)
					}
				}
			}
		}
	}
}
