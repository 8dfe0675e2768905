package handler_test

import (
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

// scale is the settings of a ledger, with amounts and a message that depend on them.
type scale struct {
	currency, places, opening string
	unit                      string // the smallest amount
	tooMany                   string // the error message for an amount with too many places
	finer                     string // an amount with one decimal place too many
	most                      string // the highest amount below 10^12
	example                   string
}

var scales = []scale{
	{"JPY", "0", "0", "1", "must be whole", "1.0", "999999999999", "12"},
	{"EUR", "2", "0", "0.01", "must have at most two decimal places", "0.001", "999999999999.99", "12.50"},
	{"KWD", "3", "0", "0.001", "must have at most 3 decimal places", "0.0001", "999999999999.999", "12.500"},
	{"POINTS", "0", "100", "1", "must be whole", "2.00", "999999999999", "12"},
	{"XBT", "8", "0.00000001", "0.00000001", "must have at most 8 decimal places", "0.000000001", "999999999999.99999999", "12.50000000"},
}

// everyScale runs a test for each scale, one of them on DynamoDB Local.
func everyScale(t *testing.T, test func(*testing.T, *api, scale)) {
	t.Parallel()
	for _, s := range scales {
		t.Run(s.currency, func(t *testing.T) {
			t.Parallel()
			door := "payload 1.0"
			if s.places == "8" {
				door = "payload 2.0"
			}
			settings := infratest.Settings(t, s.currency, s.places, s.opening)
			h, books, _ := handlerOf(newBooks(t, door, settings), handler.Access{Authorization: handler.None})
			test(t, &api{Books: books, send: doors[door](t, h)}, s)
		})
	}
}

// Every answer with amounts names the currency. A history names it once for each row.
func TestSettings(t *testing.T) {
	everyScale(t, func(t *testing.T, a *api, s scale) {
		currency := `"currency":"` + s.currency + `"`
		check := func(got answer, status, currencies int, text string) answer {
			t.Helper()
			assert.Equal(t, status, got.Status, got.Body)
			assert.Contains(t, got.Body, text)
			assert.Equal(t, currencies, strings.Count(got.Body, currency), got.Body)
			return got
		}
		check(a.get(t, "/balance?userId=nobody"), 200, 1, `{"data":{"balance":"`+s.opening+`",`+currency+`}}`)
		unit := check(a.post(t, "unit", body("1", s.unit, "credit")), 201, 1, `"ammount":"`+s.unit+`",`+currency)
		assert.Equal(t, unit.Body, a.get(t, unit.Header.Get("Location")).Body)
		assertReplay(t, unit, a.post(t, "unit", body("1", "000"+s.unit, "credit")), "unit")
		money := a.pending(t, "in", body("1", "10", "credit"))
		with := `,"currency":"` + s.currency + `"`
		debit := strings.Replace(entry("1", "1", "debit"), "}", with+"}", 1)
		check(a.post(t, "transfer", entries(with+`,"balanced":true`, debit, entry("2", "1", "credit"))), 201, 1, `"entries"`)

		hold := a.pending(t, "hold", holdBody("1", "3"))
		check(a.get(t, "/balance?userId=1"), 200, 1, `"held":"3",`+currency)
		check(a.end(t, hold, "capture", `{"ammount":"`+s.unit+`"`+with+`}`), 200, 1, `"captured":"`+s.unit+`"`)
		check(a.refund(t, money, "r", `{"ammount":"`+s.unit+`"`+with+`}`), 201, 1, `"ammount":"`+s.unit+`",`+currency)
		assert.Equal(t, `{"data":{"refunds":1,`+currency+`,"entries":[{"entry":0,"ammount":"10","refunded":"`+s.unit+`"}]}}`, a.refunded(t, money))
		check(a.refund(t, money, "all", ""), 422, 1, "/problems/refund-limit")
		check(a.get(t, "/transactions?userId=1"), 200, 6, hold)

		// A user can debit the whole balance, but not a unit more.
		_, balance, _ := strings.Cut(a.get(t, "/balance?userId=1").Body, `"balance":"`)
		balance, _, _ = strings.Cut(balance, `"`)
		check(a.post(t, "too much", body("1", "1000000000000", "debit")), 422, 1, `"balance":"`+balance+`",`+currency)
		check(a.post(t, "all", body("1", balance, "debit")), 201, 1, balance)
		check(a.post(t, "one more", body("1", s.unit, "debit")), 422, 1, `"balance":"0",`+currency)

		check(a.rule(t, "lend", `{"userId":"1","creditLimit":"`+s.unit+`"`+with+`}`), 201, 1, `"type":"account",`+currency)
		check(a.get(t, "/balance?userId=1"), 200, 1, `"creditLimit":"`+s.unit+`",`+currency)
		check(a.post(t, "spend", body("1", s.unit, "debit")), 201, 1, s.unit)
		check(a.rule(t, "end", `{"userId":"1","creditLimit":"0"}`), 422, 1, "/problems/credit-in-use")
		zero := "0" + strings.ReplaceAll(s.unit, "1", "0")
		check(a.rule(t, "none", `{"userId":"2","creditLimit":"`+zero+`"}`), 201, 1, `"creditLimit":"0"`)
	})
}

// A call is rejected if its currency or decimal places do not fit the settings.
func TestSettingsReject(t *testing.T) {
	everyScale(t, func(t *testing.T, a *api, s scale) {
		money := a.pending(t, "in", body("1", "10", "credit"))
		hold := a.pending(t, "hold", holdBody("1", "1"))
		wrongCurrency := `must be "` + s.currency + `", or left out`
		plain := `must be a plain decimal such as "` + s.example + `": digits, no sign, no exponent, no spaces`
		other := entry("2", "1", "credit")
		for _, c := range []struct{ target, field, with, value, reason string }{
			{"/transactions", "ammount", creditWith("ammount", "VALUE"), s.finer, s.tooMany},
			{"/transactions", "ammount", creditWith("ammount", "VALUE"), "0", "must be at least " + s.unit},
			{"/transactions", "ammount", creditWith("ammount", "VALUE"), "1000000000001", "must be at most 1000000000000"},
			{"/transactions", "ammount", creditWith("ammount", "VALUE"), "1e3", plain},
			{"/transactions", "entries[1].amount", entries("", other, creditWith("amount", "VALUE")), s.finer, s.tooMany},
			{"/transactions/" + hold + "/capture", "ammount", `{"ammount":VALUE}`, s.finer, s.tooMany},
			{"/transactions/" + money + "/refunds", "ammount", `{"ammount":VALUE}`, s.finer, s.tooMany},
			{"/transactions/" + money + "/refunds", "entries[0].ammount", `{"entries":[{"entry":0,"ammount":VALUE}]}`, s.finer, s.tooMany},
			{"/accounts", "creditLimit", `{"userId":"1","creditLimit":VALUE}`, s.finer, s.tooMany},

			{"/transactions", "currency", creditWith("currency", "VALUE"), "USD", wrongCurrency},
			{"/transactions", "currency", creditWith("currency", "VALUE"), strings.ToLower(s.currency), wrongCurrency},
			{"/transactions", "currency", creditWith("currency", "VALUE"), "", wrongCurrency},
			{"/transactions", "entries[1].currency", entries("", other, creditWith("currency", "VALUE")), "USD", wrongCurrency},
			{"/transactions/" + hold + "/capture", "currency", `{"currency":VALUE}`, "USD", wrongCurrency},
			{"/transactions/" + money + "/refunds", "currency", `{"currency":VALUE}`, "USD", wrongCurrency},
			{"/transactions/" + money + "/refunds", "entries[0].currency", `{"entries":[{"entry":0,"ammount":"1","currency":VALUE}]}`, "USD", wrongCurrency},
			{"/accounts", "currency", `{"userId":"1","creditLimit":"1","currency":VALUE}`, "USD", wrongCurrency},
		} {
			sent := strings.Replace(c.with, "VALUE", `"`+c.value+`"`, 1)
			got := a.send(t, request{http.MethodPost, c.target, map[string]string{"Idempotent-Key": "k"}, sent})
			assertInvalid(t, got, sent, c.field)
			assert.Equal(t, []string{c.reason}, got.problem(t).Properties[c.field], sent)
		}
	})
}

// A credit can raise a balance exactly to the ceiling, but not one unit above it.
func TestSettingsAtTheCeiling(t *testing.T) {
	everyScale(t, func(t *testing.T, a *api, s scale) {
		a.Fill(t, "rich")
		require.Equal(t, "999999999999900", a.Balance(t, "rich"))
		for _, c := range []struct{ amount, kind, balance string }{
			{"100", "credit", "1000000000000000"},
			{s.unit, "debit", ""},
			{s.unit, "credit", "1000000000000000"},
			{s.most, "debit", map[string]string{
				"0": "999000000000001", "2": "999000000000000.01", "3": "999000000000000.001", "8": "999000000000000.00000001",
			}[s.places]},
			{s.most, "credit", "1000000000000000"},
		} {
			got := a.post(t, c.amount+c.kind, body("rich", c.amount, c.kind))
			assert.Equal(t, http.StatusCreated, got.Status, got.Body)
			assert.Contains(t, got.Body, `"ammount":"`+c.amount+`"`)
			if c.balance != "" {
				assert.Equal(t, c.balance, a.Balance(t, "rich"))
			}
		}
		got := a.post(t, "beyond", body("rich", s.unit, "credit"))
		p := got.problem(t)
		assert.Equal(t, []string{"/problems/balance-limit", "1000000000000000", "1000000000000000", s.currency}, []string{p.Type, p.Balance, p.Limit, p.Currency})
		assert.Equal(t, "The balance can't be above the limit.", p.Detail)
	})
}

// The description for the default settings is openapi.yaml itself. For other settings,
// every part that depends on them differs.
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
		d := descriptionOf(t, infratest.Settings(t, s.currency, s.places, s.opening))
		check := func(r request) error { return d.checkRequest(d.operationOf(r), r) }
		checkAmount := func(amount string) error { return check(posting("1", body("1", amount, "credit"))) }
		for _, allowed := range []string{s.unit, s.most, "1000000000000", "0007", s.example} {
			assert.NoError(t, checkAmount(allowed), "%s %s", s.currency, allowed)
		}
		for _, forbidden := range []string{s.finer, "0", s.most + ".0", "1000000000000.1", "-1", "1e1", "1000000000001"} {
			if s.places != "0" && forbidden == s.most+".0" {
				continue // most already has a decimal point
			}
			assert.Error(t, checkAmount(forbidden), "%s %s", s.currency, forbidden)
		}
		for _, call := range d.examples(t) {
			assert.NoError(t, check(call), "%s: %+v", s.currency, call)
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

// ofMoney matches the answers that name the currency if it is not USD.
var ofMoney = regexp.MustCompile(`"(data|balance|limit|refundable)":`)

// eachAnswer calls see for every example of an answer, with the answer's schema.
func (d *description) eachAnswer(see func(schema *openapi3.SchemaRef, example any)) {
	for _, o := range d.operations {
		for _, response := range o.Responses.Map() {
			for _, media := range response.Value.Content {
				for _, example := range exampleValues(media.Example, media.Examples) {
					see(media.Schema, example)
				}
			}
		}
	}
}
