package handler_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// scenario is one cell of the table in TestRights, with users and rows of its own.
type scenario struct {
	service *api
	books   *infratest.Books
	cell    string
}

// named replaces PAYER, RECEIVER and STRANGER with the names of the cell's users.
func (s scenario) named(text string) string {
	return strings.NewReplacer("PAYER", "payer"+s.cell, "RECEIVER", "receiver"+s.cell, "STRANGER", "stranger"+s.cell).Replace(text)
}

// id writes a row of the given kind and returns its id. For the kind "nothing" it writes
// none and returns missing.
func (s scenario) id(t *testing.T, kind string) string {
	t.Helper()
	const metadata = `,"metadata":{"order":"secret"}`
	post := func(body string) string { return s.service.pending(t, "secret-key", s.named(body)) }
	of := func(amount string) string {
		return strings.TrimSuffix(paymentBody("PAYER", "RECEIVER", amount), "}") + metadata + "}"
	}
	transfer := func() string { return post(strings.Replace(of("10"), `,"expiresIn":60`, "", 1)) }
	payment := func(how string) string {
		id := post(of("10"))
		if how == "expiry" {
			later := ledger.New(s.books.Store, func() time.Time { return noon.Add(time.Hour) })
			_, err := later.Void(t.Context(), ledger.EndRequest{TransactionID: parseID(t, id)})
			require.ErrorIs(t, err, ledger.ErrHoldEnded)
		} else if how != "" {
			require.Equal(t, http.StatusOK, s.service.end(t, id, how, "").Status)
		}
		return id
	}
	refund := func() string {
		got := s.service.refund(t, transfer(), "secret-refund", `{"metadata":{"order":"secret"}}`)
		return got.id()
	}
	rules := func(change string) string {
		got := s.service.rule(t, "secret-rules", s.named(`{"userId":"PAYER",`+change+metadata+`}`))
		return got.id()
	}
	switch kind {
	case "posted":
		return post(body("PAYER", "10", "debit"))
	case "hold":
		return post(holdBody("PAYER", "10"))
	case "transfer":
		return transfer()
	case "transfer's entry":
		return parseID(t, transfer()).Entry(1).String()
	case "declined payment":
		return s.service.post(t, "secret-key", s.named(of("1000"))).problem(t).ID
	case "payment":
		return payment("")
	case "captured payment":
		return payment("capture")
	case "captured credit":
		return parseID(t, payment("capture")).Entry(1).String()
	case "voided payment":
		return payment("void")
	case "expired payment":
		return payment("expiry")
	case "capture", "void", "expiry":
		return parseID(t, payment(kind)).End().String()
	case "refund":
		return refund()
	case "refund's entry":
		return parseID(t, refund()).Entry(1).String()
	case "rules":
		return rules(`"debits":"blocked"`)
	case "declined rules":
		require.Equal(t, http.StatusCreated, s.service.rule(t, "lent", s.named(`{"userId":"PAYER","creditLimit":"10"}`)).Status)
		post(body("PAYER", "105", "debit"))
		return rules(`"creditLimit":"0"`)
	}
	return missing
}

func parseID(t *testing.T, text string) ledger.TransactionID {
	t.Helper()
	id, err := ledger.ParseTransactionID(strings.TrimPrefix(text, "/transactions/"))
	require.NoError(t, err, text)
	return id
}

// callersOfRights are the columns of the table in TestRights. A + marks a scoped token.
var callersOfRights = []string{"service", "PAYER", "PAYER+", "RECEIVER", "RECEIVER+", "STRANGER", "STRANGER+"}

func (s scenario) sendAs(h *handler.Handler, g gateway, caller string) *api {
	name, hasScope := strings.CutSuffix(caller, "+")
	switch {
	case caller == "service":
		return g.service(h)
	case hasScope:
		return g.scoped(s.named(name), h)
	}
	return g.user(s.named(name), h)
}

func TestRights(t *testing.T) {
	t.Parallel()
	const (
		own           = "posted, transfer, hold, declined payment, capture, void, expiry, refund"
		received      = "payment, captured payment, voided payment, expired payment"
		further       = "transfer's entry, captured credit, refund's entry"
		noTransaction = further + ", capture, void, expiry, rules, nothing"
	)
	table := []struct {
		answers   string // statuses, one for each of callersOfRights
		call, ids string // ids: kinds of rows; the call is sent with the id of each
		body      string
	}{
		// service   PAYER     PAYER+    RECEIVER  RECEIVER+ STRANGER  STRANGER+
		{"200       200       200       403       403       403       403", "GET /balance?userId=PAYER", "", ""},
		{"200       200       200       403       403       403       403", "GET /transactions?userId=PAYER", "", ""},
		{"200       200       200       403       403       403       403", "HEAD /balance?userId=PAYER", "", ""},

		{"200       200       200       404       404       404       404", "GET /transactions/{id}", own, ""},
		{"200       200       200       200       200       404       404", "GET /transactions/{id}", received, ""},
		{"200       404       404       200       200       404       404", "GET /transactions/{id}", further, ""},
		{"200       404       404       404       404       404       404", "GET /transactions/{id}", "rules, declined rules", ""},
		{"404       404       404       404       404       404       404", "GET /transactions/{id}", "nothing", ""},
		{"200       200       200       200       200       404       404", "HEAD /transactions/{id}", "payment", ""},

		{"201       201       201       403       403       403       403", "POST /transactions", "", body("PAYER", "10", "debit")},
		{"201       403       201       403       201       403       201", "POST /transactions", "", body("PAYER", "10", "credit")},
		{"201       201       201       403       403       403       403", "POST /transactions", "", transferOf("PAYER", "RECEIVER")},
		{"201       201       201       403       403       403       403", "POST /transactions", "", holdBody("PAYER", "10")},
		{"201       201       201       403       403       403       403", "POST /transactions", "", paymentBody("PAYER", "RECEIVER", "1")},

		{"200       403       403       404       404       404       404", "POST /transactions/{id}/capture", "hold", ""},
		{"200       403       403       200       200       404       404", "POST /transactions/{id}/capture", "payment, captured payment", ""},
		{"400       403       403       400       400       404       404", "POST /transactions/{id}/capture", "payment", `{"ammount":"11"}`},
		{"400       400       400       400       400       400       400", "POST /transactions/{id}/capture", "payment", `{"ammount":"x"}`},
		{"422       403       403       422       422       404       404", "POST /transactions/{id}/capture", "voided payment, expired payment", ""},
		{"422       403       403       404       404       404       404", "POST /transactions/{id}/capture", "posted, transfer, declined payment, refund", ""},
		{"404       404       404       404       404       404       404", "POST /transactions/{id}/capture", noTransaction, ""},

		{"200       403       403       404       404       404       404", "POST /transactions/{id}/void", "hold", ""},
		{"200       403       403       200       200       404       404", "POST /transactions/{id}/void", "payment, voided payment", ""},
		{"422       403       403       422       422       404       404", "POST /transactions/{id}/void", "captured payment, expired payment", ""},
		{"422       403       403       404       404       404       404", "POST /transactions/{id}/void", "posted, transfer, declined payment, refund", ""},
		{"404       404       404       404       404       404       404", "POST /transactions/{id}/void", noTransaction, ""},

		{"201       403       403       403       403       403       403", "POST /transactions/{id}/refunds", "posted, captured payment", ""},
		{"422       403       403       403       403       403       403", "POST /transactions/{id}/refunds", "payment, refund", ""},
		{"400       403       403       403       403       403       403", "POST /transactions/{id}/refunds", "posted", `{"ammount":"x"}`},
		{"404       403       403       403       403       403       403", "POST /transactions/{id}/refunds", "transfer's entry, rules, nothing", ""},
		{"200       403       403       403       403       403       403", "GET /transactions/{id}/refunds", "transfer, captured payment", ""},
		{"404       403       403       403       403       403       403", "GET /transactions/{id}/refunds", "rules, nothing", ""},
		{"200       403       403       403       403       403       403", "HEAD /transactions/{id}/refunds", "transfer", ""},

		{"201       403       403       403       403       403       403", "POST /accounts", "", `{"userId":"PAYER","debits":"blocked"}`},
		{"400       403       403       403       403       403       403", "POST /accounts", "", `{"userId":"PAYER"}`},
	}
	for format, g := range gateways {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			h, books, _ := newHandlerFor(t, byTokens)
			for row, c := range table {
				answers := strings.Fields(c.answers)
				require.Len(t, answers, len(callersOfRights), c.call)
				for i, kind := range strings.Split(c.ids, ", ") {
					for column, caller := range callersOfRights {
						s := scenario{&api{send: g.service(h).unchecked}, books, fmt.Sprintf("-%d-%d-%d", row, i, column)}
						s.check(t, s.sendAs(h, g, caller), c.call, kind, c.body, answers[column], caller)
					}
				}
			}
		})
	}
}

// check sends one cell's call and requires the status want. If that is 404, the answer and
// the requests to DynamoDB must be the same as for a missing row.
func (s scenario) check(t *testing.T, a *api, call, kind, sent, want, caller string) {
	t.Helper()
	id := missing
	if kind != "" {
		id = s.id(t, kind)
	}
	method, target, _ := strings.Cut(s.named(call), " ")
	what := fmt.Sprintf("%s %s %s by %s", call, kind, sent, caller)
	about := func(id string) (got answer, requests []string) {
		s.books.Network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			r.Body = io.NopCloser(bytes.NewReader(body))
			requests = append(requests, strings.ReplaceAll(r.Header.Get("X-Amz-Target")+string(body), id, missing))
			return deliver()
		})
		defer s.books.Network.Always(nil)
		r := request{method, strings.Replace(target, "{id}", id, 1), map[string]string{"Idempotent-Key": "k"}, s.named(sent)}
		return a.send(t, r), requests
	}
	got, requests := about(id)
	assert.Equal(t, want, fmt.Sprint(got.Status), "%s: %s", what, got.Body)
	switch {
	case got.Status == http.StatusNotFound:
		none, noRequests := about(missing)
		assert.Equal(t, none.Body, strings.ReplaceAll(got.Body, id, missing), what)
		assert.Equal(t, none.Header, got.Header, what)
		assert.Equal(t, noRequests, requests, what)
	case got.Status != http.StatusForbidden:
	case kind == "" || strings.HasSuffix(call, "/refunds"):
		assert.Empty(t, requests, "nothing is read: %s", what)
	default:
		assert.Len(t, requests, 1, what)
	}
	if got.Status == http.StatusForbidden && method != http.MethodHead {
		assertForbidden(t, got, what)
	}
	if strings.HasPrefix(caller, "RECEIVER") {
		assert.NotContains(t, got.Body, "secret", what)
	}
}

// Every route in the rights table exists, so none is misspelled. A route that is not in the
// table is for services only.
func TestRightsNameExistingRoutes(t *testing.T) {
	t.Parallel()
	assert.Subset(t, handler.Routes(), handler.RoutesForTokens())
	d := readDescription(t)
	for _, o := range d.operations {
		forTokens := slices.Contains(handler.RoutesForTokens(), o.route)
		assert.Equal(t, !forTokens, strings.Contains(o.Description, "For services only."), "the document on %s", o.route)
	}
	h, books, _ := newHandlerFor(t, byTokens)
	handler.WithRoute(h, http.MethodPost, "/unlisted")
	for _, g := range gateways {
		r := request{method: http.MethodPost, target: "/unlisted"}
		assert.Equal(t, http.StatusTeapot, g.service(h).unchecked(t, r).Status)
		for _, a := range []*api{g.user("1", h), g.scoped("1", h)} {
			assertForbidden(t, a.unchecked(t, r), "a route for services")
		}
	}
	assert.Empty(t, books.Network.Requests())
}

func TestTokenAndEntries(t *testing.T) {
	t.Parallel()
	own, another := entry("1", "10", "debit"), entry("2", "10", "credit")
	const never, scoped, always = 0, 1, 2
	type row struct {
		name, body string
		allowed    int
	}
	valid := []row{
		{"debit", entries("", own), always},
		{"transfer", entries("", own, another), always},
		{"transfer with a smaller credit", entries("", own, entry("2", "9.99", "credit")), always},
		{"transfer with a fee", withFee, always},
		{"transfer to oneself", entries("", own, entry("1", "10", "credit")), always},
		{"two debits and one credit", entries("", own, own, entry("2", "20", "credit")), always},
		{"own credit first and as much as the debit", entries("", entry("1", "10", "credit"), own), always},
		{"payment on hold", entries(`,"expiresIn":60`, own, another), always},
		{"own credit", entries("", entry("1", "10", "credit")), scoped},
		{"another's credit", body("2", "10", "credit"), scoped},
		{"credits of others", entries("", another, entry("3", "10", "credit")), scoped},
		{"another's credit first, as much as the own debit", entries("", another, own), scoped},
		{"transfer with a larger credit", entries("", own, entry("2", "10.01", "credit")), scoped},
		{"transfer with larger credits", entries("", own, another, entry("3", "0.01", "credit")), scoped},
		{"own credit, and a smaller debit", entries("", entry("1", "10", "credit"), entry("1", "9", "debit")), scoped},
		{"another's debit", body("2", "10", "debit"), never},
		{"another's debit beside one's own", entries("", own, entry("2", "10", "debit")), never},
		{"another's debit for one's own credit", entries("", entry("1", "10", "credit"), entry("2", "10", "debit")), never},
		{"another's debit after another's credit", entries("", another, entry("2", "10", "debit")), never},
		{"another's debit last", entries("", own, another, entry("3", "0.01", "debit")), never},
		{"another's hold", holdBody("2", "10"), never},
		{"another's payment on hold", paymentBody("2", "1", "10"), never},
	}
	invalid := []row{ // the 403 for a forbidden call reports no other faults
		{"another's debit", entries("", own, entry("2", "x", "debit")), never},
		{"entry after another's credit", entries("", another, "1"), scoped},
		{"credit alone", entries("", entry("1", "x", "credit")), scoped},
		{"credit without an amount", `{"userId":"1","type":"credit"}`, scoped},
		{"no entries", entries(""), always},
		{"type", body("1", "1", "transfer"), always},
	}
	for format, g := range gateways {
		for scope, access := range map[string]handler.Access{"openid": byTokens, "openid ledger/credit": byTokens, "": {Authorization: handler.JWT}} {
			h, books, _ := newHandlerFor(t, access)
			books.Credit(t, "1", "1000")
			least := always
			if strings.Contains(scope, "credit") {
				least = scoped
			}
			for status, rows := range map[int][]row{http.StatusCreated: valid, http.StatusBadRequest: invalid} {
				for _, c := range rows {
					about := fmt.Sprintf("%s: %d if allowed, %s, scope %s", c.name, status, format, scope)
					books.Network.Requests()
					got := g.token("1", scope, h).post(t, `"`+c.name+`"`, c.body)
					if c.allowed >= least {
						assert.Equal(t, status, got.Status, about)
						continue
					}
					assertForbidden(t, got, about)
					assert.Empty(t, books.Network.Requests(), "nothing reaches DynamoDB: %s", about)
				}
			}
		}
	}
}

// A receiver sees a payment's entries, status and times, but not the payer's metadata or
// key. This includes the answers to the receiver's captures, voids and replays.
func TestReceiverSeesThePayment(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, _ *infratest.Books) {
		payer, receiver := g.user("1", h), g.user("shop", h)
		for _, how := range []string{"capture", "void"} {
			first := payer.post(t, how, entries(`,"expiresIn":60,"metadata":{"order":"secret"}`, entry("1", "10", "debit"), entry("shop", "10", "credit")))
			id := first.id()
			without := func(a answer) string {
				assert.Contains(t, a.Body, `,"metadata":{"order":"secret"}`)
				return strings.Replace(a.Body, `,"metadata":{"order":"secret"}`, "", 1)
			}
			assert.Equal(t, without(first), receiver.get(t, "/transactions/"+id).Body)
			ended := receiver.end(t, id, how, "")
			assert.Equal(t, http.StatusOK, ended.Status)
			again := receiver.end(t, id, how, "")
			assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
			whole := payer.get(t, "/transactions/"+id)
			for _, seen := range []answer{ended, again, receiver.get(t, "/transactions/"+id)} {
				assert.Equal(t, without(whole), seen.Body)
			}
			assert.Equal(t, whole.Body, g.service(h).end(t, id, how, "").Body)
		}
		assert.NotContains(t, receiver.get(t, "/transactions?userId=shop").Body, "secret")
	})
}

// A problem shows a token the balance of its own user, but never another user's balance,
// even in a replay.
func TestTokenSeesOnlyItsOwnBalance(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		books.Fill(t, "rich")
		one, rich := g.scoped("1", h), g.user("rich", h)
		for range 2 {
			for key, sent := range map[string]string{
				"several": entries("", entry("1", "99", "debit"), entry("rich", "101", "credit")), "alone": body("rich", "101", "credit"),
			} {
				got := one.post(t, key, sent)
				p := got.problem(t)
				assert.Equal(t, "/problems/balance-limit", p.Type)
				assert.Empty(t, p.Balance)
				assert.NotContains(t, got.Body, "999999999999900")
			}
			p := one.post(t, "2", entries("", entry("1", "60", "debit"), entry("2", "60", "credit"), entry("1", "60", "debit"))).problem(t)
			assert.Equal(t, 2, *p.Entry)
			assert.Equal(t, "40", p.Balance)
		}
		assert.NotContains(t, one.get(t, "/transactions?userId=1").Body, "999999999999900")

		id := one.pending(t, "order", paymentBody("1", "rich", "60"))
		require.Equal(t, http.StatusCreated, one.post(t, "k", body("rich", "50", "credit")).Status)
		assert.Equal(t, "999999999999950", rich.end(t, id, "capture", "").problem(t).Balance, "its own")
		payer := one.end(t, id, "capture", "")
		assert.Equal(t, http.StatusForbidden, payer.Status, payer.Body)
		assert.NotContains(t, payer.Body, "999999999999950")

		// A token sees a block only in the answer to a call that the block declined.
		const rules = `{"userId":"shop","debits":"blocked","credits":"blocked","creditLimit":"50"}`
		require.Equal(t, http.StatusCreated, g.service(h).rule(t, "block", rules).Status)
		assert.Equal(t, `{"data":{"balance":"150","creditLimit":"50"}}`, g.user("shop", h).get(t, "/balance?userId=shop").Body)
		p := g.user("2", h).post(t, "pay", transferOf("2", "shop")).problem(t)
		assert.Equal(t, []any{"/problems/account-blocked", []string{"credits"}, 1, ""}, []any{p.Type, p.Blocked, *p.Entry, p.Balance})
	})
}

// Only a key's owner learns how a call with a reused key differs from the first one,
// because the differences reveal the owner's transaction.
func TestTokenSeesOnlyItsOwnDifferences(t *testing.T) {
	everyGateway(t, func(t *testing.T, g gateway, h *handler.Handler, books *infratest.Books) {
		require.Equal(t, http.StatusCreated, g.user("1", h).post(t, "k", entries(`,"metadata":{"pin":"4711"}`, entry("1", "10", "debit"))).Status)
		guesses := []string{
			entries(`,"metadata":{"pin":"4711"}`, entry("1", "10", "credit")), entries(`,"metadata":{"pin":"1"}`, entry("1", "10", "credit")),
			entries("", entry("1", "9", "credit")),
		}
		for _, guess := range guesses {
			p := g.scoped("2", h).post(t, "k", guess).problem(t)
			assert.Equal(t, "/problems/idempotency-key-reused", p.Type)
			assert.Empty(t, p.Properties, guess)
			assert.NotEmpty(t, g.scoped("1", h).post(t, "k", guess).problem(t).Properties, "its own")
		}

		// A token that repeats a service's credit gets a replay, which changes no balance.
		// Besides the call's own content, the answer shows only the id, status and time.
		credit := entries(`,"metadata":{"pin":"4711"}`, entry("1", "5", "credit"))
		require.Equal(t, http.StatusCreated, g.service(h).post(t, "card", credit).Status)
		again := g.scoped("2", h).post(t, "card", credit)
		assert.Equal(t, http.StatusCreated, again.Status)
		assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
		assert.Equal(t, "95", books.Balance(t, "1"))
	})
}
