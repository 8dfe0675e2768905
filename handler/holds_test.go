package handler_test

import (
	"fmt"
	"maps"
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

// holdBody returns a body for a hold that lasts a minute.
func holdBody(user, amount string) string {
	return fmt.Sprintf(`{"userId":%q,"ammount":%q,"type":"debit","expiresIn":60}`, user, amount)
}

// paymentBody returns a body for a payment on hold for a minute.
func paymentBody(from, to, amount string) string {
	return fmt.Sprintf(`{"expiresIn":60,"entries":[{"userId":%q,"ammount":%q,"type":"debit"},{"userId":%q,"ammount":%q,"type":"credit"}]}`,
		from, amount, to, amount)
}

func (a *api) end(t *testing.T, id, how, body string) answer {
	t.Helper()
	return a.send(t, request{method: http.MethodPost, target: "/transactions/" + id + "/" + how, body: body})
}

// pending posts a body and returns the id.
func (a *api) pending(t *testing.T, key, body string) string {
	t.Helper()
	got := a.post(t, key, body)
	require.Equal(t, http.StatusCreated, got.Status, got.Body)
	return strings.TrimPrefix(got.Header.Get("Location"), "/transactions/")
}

func TestHold(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		first := a.post(t, "1", holdBody("1", "40.00"))
		assert.Equal(t, http.StatusCreated, first.Status)
		assert.Equal(t, `{"data":{"id":"`+id11+`","userId":"1","type":"debit","ammount":"40","status":"pending",`+
			`"createdAt":"2026-11-22T12:00:00.005Z","expiresAt":"2026-11-22T12:01:00.005Z"}}`, first.Body)
		assert.Equal(t, "/transactions/"+id11, first.Header.Get("Location"))
		assert.Equal(t, `{"data":{"balance":"60","held":"40"}}`, a.get(t, "/balance?userId=1").Body)
		assert.Equal(t, first.Body, a.get(t, "/transactions/"+id11).Body)

		again := a.post(t, "1", holdBody("1", "40"))
		assert.Equal(t, first.Body, again.Body)
		assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
		for _, other := range []string{body("1", "40", "debit"), strings.Replace(holdBody("1", "40"), ":60}", ":61}", 1)} {
			got := a.post(t, "1", other)
			assert.Equal(t, "/problems/idempotency-key-reused", got.problem(t).Type, other)
			assert.Equal(t, map[string][]string{"expiresIn": {"differs from the first call with this key"}}, got.problem(t).Properties)
		}
		declined := a.post(t, "2", holdBody("1", "60.01")).problem(t)
		assert.Equal(t, "/problems/insufficient-funds", declined.Type)
		assert.Equal(t, "60", declined.Balance)
	})
}

func TestHoldsThatAreNone(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		short := func(expiresIn string) string {
			return `{"userId":"1","ammount":"1","type":"debit","expiresIn":` + expiresIn + `}`
		}
		entries := func(all ...string) string {
			return `{"expiresIn":60,"entries":[` + strings.Join(all, ",") + `]}`
		}
		const debit, credit = `{"userId":"1","ammount":"1","type":"debit"}`, `{"userId":"2","ammount":"1","type":"credit"}`
		for _, sent := range []string{
			short("0"), short("2678401"), short("1.0"), short("1e3"), short("-1"), short(`"60"`), short("null"), short("{}"), short("true"),
			`{"userId":"1","ammount":"1","type":"credit","expiresIn":60}`,
			`{"userId":"1","ammount":"1","type":"credit","expiresIn":60,"currency":"EUR"}`,
			entries(credit), entries(credit, debit), entries(debit, debit), entries(debit, credit, credit),
			entries(debit, `{"userId":"2","ammount":"2","type":"credit"}`), entries(debit, `{"userId":"1","ammount":"1","type":"credit"}`),
		} {
			got := a.post(t, "k", sent)
			assert.Equal(t, http.StatusBadRequest, got.Status, sent)
			assert.NotEmpty(t, got.problem(t).Properties["expiresIn"], sent)
		}
		got := a.post(t, "k", `{"userId":"1","ammount":"1","type":"credit","expiresIn":0}`)
		assert.Len(t, got.problem(t).Properties["expiresIn"], 2, "the time, and what it comes with")
		got = a.post(t, "k", entries(`{"userId":"1","ammount":"1","type":"transfer"}`))
		assert.Equal(t, []string{"entries[0].type"}, slices.Collect(maps.Keys(got.problem(t).Properties)), "whether it can be pending is not known")
		for i, sent := range []string{short("1"), entries(debit), entries(debit, credit)} {
			assert.Equal(t, http.StatusCreated, a.post(t, fmt.Sprint(i), sent).Status, sent)
		}
		assert.Equal(t, http.StatusCreated, a.post(t, "longest", short("2678400")).Status)
	})
}

func TestCapture(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for i, c := range []struct{ body, captured string }{
			{"", "40"}, {"{}", "40"}, {`{"ammount":"40"}`, "40"}, {`{"ammount":25}`, "25"}, {`{"amount":"25.00","currency":"USD","note":1}`, "25"},
		} {
			body, captured, user := c.body, c.captured, fmt.Sprintf("user %d", i)
			id := a.pending(t, "k", holdBody(user, "40"))
			got := a.end(t, id, "capture", body)
			assert.Equal(t, http.StatusOK, got.Status, body)
			assert.Equal(t, fmt.Sprintf(`{"data":{"id":%q,"userId":%q,"type":"debit","ammount":"40","status":"posted",`+
				`"createdAt":"2026-11-22T12:00:00.005Z","expiresAt":"2026-11-22T12:01:00.005Z","captured":%q}}`, id, user, captured), got.Body)
			assert.Empty(t, got.Header.Values("Idempotent-Replayed"), body)
			again := a.end(t, id, "capture", `{"ammount":"`+captured+`"}`)
			assert.Equal(t, got.Body, again.Body)
			assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"), body)
			assert.Equal(t, got.Body, a.get(t, "/transactions/"+id).Body)
		}
		id := a.pending(t, "k", holdBody("1", "40"))
		for body, field := range map[string]string{
			`{"ammount":"40.01"}`: "ammount", `{"amount":"1000"}`: "amount", `{"ammount":"0"}`: "ammount", `{"amount":"x"}`: "amount",
			`{"currency":"EUR"}`: "currency", `[]`: "body", `{"ammount":"1","ammount":"1"}`: "body", `{"ammount":null}`: "ammount", `null`: "body",
		} {
			got := a.end(t, id, "capture", body)
			assert.Equal(t, http.StatusBadRequest, got.Status, body)
			assert.NotEmpty(t, got.problem(t).Properties[field], "%s: %s", body, got.Body)
		}
		assert.Equal(t, http.StatusRequestEntityTooLarge, a.end(t, id, "capture", strings.Repeat(" ", 16<<10+1)).Status)
		assert.Equal(t, `{"data":{"balance":"60","held":"40"}}`, a.get(t, "/balance?userId=1").Body)
	})
}

func TestVoid(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		id := a.pending(t, "1", holdBody("1", "40"))
		got := a.end(t, id, "void", `what is in it is "ignored"`)
		assert.Equal(t, http.StatusOK, got.Status)
		assert.Contains(t, got.Body, `"status":"voided"`)
		assert.NotContains(t, got.Body, "captured")
		again := a.end(t, id, "void", "")
		assert.Equal(t, got.Body, again.Body)
		assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"))
		assert.Equal(t, `{"data":{"balance":"100"}}`, a.get(t, "/balance?userId=1").Body)
	})
}

func TestHoldEnded(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		captured, voided := a.pending(t, "1", holdBody("1", "40")), a.pending(t, "2", holdBody("1", "30"))
		posted := a.pending(t, "3", body("1", "1", "debit"))
		require.Equal(t, http.StatusOK, a.end(t, captured, "capture", `{"ammount":"25"}`).Status)
		require.Equal(t, http.StatusOK, a.end(t, voided, "void", "").Status)
		for _, c := range []struct{ id, how, body, problem, ended string }{
			{captured, "capture", "", "hold-ended", "captured"},
			{captured, "capture", `{"ammount":"24"}`, "hold-ended", "captured"},
			{captured, "void", "", "hold-ended", "captured"},
			{voided, "capture", "", "hold-ended", "voided"},
			{posted, "capture", "", "not-pending", ""},
			{posted, "void", "", "not-pending", ""},
		} {
			got := a.end(t, c.id, c.how, c.body)
			assert.Equal(t, http.StatusUnprocessableEntity, got.Status, c)
			p := got.problem(t)
			assert.Equal(t, "/problems/"+c.problem, p.Type, c)
			assert.Equal(t, c.ended, p.Ended, c)
			assert.Equal(t, "/transactions/"+c.id+"/"+c.how, p.Instance)
			assert.Empty(t, got.Header.Values("Idempotent-Replayed"), c)
		}
		assert.Equal(t, http.StatusBadRequest, a.end(t, captured, "capture", `{"ammount":"41"}`).Status, "more than was held, always")
		for _, none := range []string{"none", "00000000-0000-8000-8000-000000000000"} {
			for _, how := range []string{"capture", "void"} {
				assert.Equal(t, http.StatusNotFound, a.end(t, none, how, "").Status, none)
			}
		}
		for _, how := range []string{"capture", "void"} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete} {
				got := a.send(t, request{method: method, target: "/transactions/" + captured + "/" + how})
				assert.Equal(t, http.StatusMethodNotAllowed, got.Status, method)
				assert.Equal(t, "POST", got.Header.Get("Allow"), method)
			}
		}
	})
}

func TestPaymentOnHold(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		first := a.post(t, "order", paymentBody("1", "shop", "40"))
		id := strings.TrimPrefix(first.Header.Get("Location"), "/transactions/")
		assert.Contains(t, first.Body, `"status":"pending"`)
		assert.Contains(t, first.Body, `"entries":[{"id":"`+id+`","userId":"1","type":"debit","ammount":"40"},`)
		assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=shop").Body)

		captured := a.end(t, id, "capture", `{"ammount":"25"}`)
		assert.Equal(t, strings.Replace(strings.Replace(first.Body, "pending", "posted", 1), `"entries"`, `"captured":"25","entries"`, 1), captured.Body)
		assert.Equal(t, "75", a.Balance(t, "1"))
		assert.Equal(t, "125", a.Balance(t, "shop"))

		line := a.get(t, "/transactions?userId=shop").Body
		assert.Contains(t, line, `"type":"credit","ammount":"25","status":"posted","createdAt":"2026-11-22T12:00:00.005Z","transactionId":"`+id+`"}]}`)
		entry := line[strings.Index(line, `"id":"`)+6:][:36]
		assert.Contains(t, a.get(t, "/transactions/"+entry).Body, `"ammount":"25"`)
		assert.Equal(t, http.StatusNotFound, a.end(t, entry, "void", "").Status, "an entry's id")
		payer := a.get(t, "/transactions?userId=1").Body
		assert.Contains(t, payer, `"type":"debit","ammount":"40","status":"pending"`)

		voided := a.pending(t, "another", paymentBody("1", "shop", "40"))
		assert.Contains(t, a.end(t, voided, "void", "").Body,
			`"entries":[{"id":"`+voided+`","userId":"1","type":"debit","ammount":"40"},{"userId":"shop","type":"credit","ammount":"40"}]`,
			"the credit has no row, and gets none")
		assert.Contains(t, payer, `"type":"capture","ammount":"25","status":"posted","createdAt":"2026-11-22T12:00:00.005Z","transactionId":"`+id+`"}`)
	})
}

func TestCaptureOverTheReceiversLimit(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		a.Fill(t, "rich")
		id := a.pending(t, "order", paymentBody("1", "rich", "60"))
		require.Equal(t, http.StatusCreated, a.post(t, "k", body("rich", "50", "credit")).Status)
		got := a.end(t, id, "capture", "")
		p := got.problem(t)
		assert.Equal(t, http.StatusUnprocessableEntity, got.Status)
		assert.Equal(t, "/problems/balance-limit", p.Type)
		assert.Equal(t, "999999999999950", p.Balance)
		assert.Equal(t, "1000000000000000", p.Limit)
		assert.Empty(t, p.ID)
		assert.Equal(t, http.StatusOK, a.end(t, id, "capture", `{"ammount":"50"}`).Status, "the hold has not ended")
	})
}

func TestTooManyHolds(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		for i := range ledger.MaxHolds {
			a.pending(t, fmt.Sprint(i), holdBody("1", "1"))
		}
		got := a.post(t, "one more", holdBody("1", "1000"))
		assert.Equal(t, http.StatusUnprocessableEntity, got.Status)
		assert.Equal(t, "/problems/too-many-holds", got.problem(t).Type)
		assert.Empty(t, got.Header.Get("Location"))
		assert.Equal(t, http.StatusCreated, a.post(t, "one more", body("1", "1", "debit")).Status, "the key is not used up")
	})
}

// No code runs when a hold expires: one second later every answer shows it as
// expired.
func TestExpiry(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	now := noon
	l := ledger.New(books.Store, func() time.Time { return now })
	h := handler.New(l, handler.NewLogger(t.Output(), "ledger", "7"), handler.Access{Authorization: handler.None})
	a := &api{Books: books, send: overEvents(event2)(t, h)}
	id, other := a.pending(t, "1", holdBody("1", "40")), a.pending(t, "2", holdBody("1", "50"))
	at := func(after time.Duration) { now = noon.Add(after) }

	at(time.Minute + 999*time.Millisecond)
	assert.Equal(t, `{"data":{"balance":"10","held":"90"}}`, a.get(t, "/balance?userId=1").Body)
	assert.Contains(t, a.get(t, "/transactions/"+id).Body, `"status":"pending"`)
	at(time.Minute + time.Second)
	assert.Equal(t, `{"data":{"balance":"100"}}`, a.get(t, "/balance?userId=1").Body)
	assert.Contains(t, a.get(t, "/transactions/"+id).Body, `"status":"expired"`, "before the release is written")
	assert.NotContains(t, a.get(t, "/transactions?userId=1").Body, "expiry")
	assert.Equal(t, "expired", a.refund(t, id, "r", "").problem(t).TransactionStatus)

	at(time.Minute)
	for range 2 {
		got := a.end(t, id, "capture", "")
		assert.Equal(t, "/problems/hold-ended", got.problem(t).Type)
		assert.Equal(t, "expired", got.problem(t).Ended)
	}
	at(time.Minute + time.Second)
	require.Equal(t, http.StatusCreated, a.post(t, "3", body("1", "100", "debit")).Status, "what has expired is spent")
	assert.Equal(t, "expired", a.end(t, other, "void", "").problem(t).Ended)
	lines := a.get(t, "/transactions?userId=1").Body
	assert.Equal(t, 1, strings.Count(lines, `"type":"expiry","ammount":"40","status":"expired","createdAt":"2026-11-22T12:01:00.005Z"`), lines)
	assert.Equal(t, 1, strings.Count(lines, `"type":"expiry","ammount":"50","status":"expired","createdAt":"2026-11-22T12:01:01.005Z"`), lines)
	assert.Equal(t, 2, strings.Count(lines, `"status":"pending"`), "the history is as it was written")
}

// An expired payment's credit has no row, and no answer has its id, before the release
// is written and after it.
func TestExpiredPaymentHasNoIDForItsCredit(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	now := noon
	l := ledger.New(books.Store, func() time.Time { return now })
	h := handler.New(l, handler.NewLogger(t.Output(), "ledger", "7"), handler.Access{Authorization: handler.None})
	a := &api{Books: books, send: overEvents(event2)(t, h)}
	id := a.pending(t, "1", paymentBody("1", "shop", "40"))
	entries := `"entries":[{"id":"` + id + `","userId":"1","type":"debit","ammount":"40"},{"userId":"shop","type":"credit","ammount":"40"}]`
	now = noon.Add(time.Minute + time.Second)
	for range 2 {
		got := a.get(t, "/transactions/"+id)
		assert.Contains(t, got.Body, `"status":"expired"`)
		assert.Contains(t, got.Body, entries)
		require.Equal(t, "expired", a.end(t, id, "capture", "").problem(t).Ended) // writes the expiry
	}
	assert.Equal(t, `{"data":[]}`, a.get(t, "/transactions?userId=shop").Body)
}

// Voiding a hold may lift a balance above the limit, and the description allows
// such a balance.
func TestBalanceOverTheLimit(t *testing.T) {
	everyDoor(t, func(t *testing.T, a *api) {
		a.Fill(t, "1") // 100 below the limit
		id := a.pending(t, "1", holdBody("1", "40"))
		require.Equal(t, http.StatusCreated, a.post(t, "2", body("1", "140", "credit")).Status)
		require.Equal(t, http.StatusOK, a.end(t, id, "void", "").Status)
		assert.Equal(t, `{"data":{"balance":"1000000000000040"}}`, a.get(t, "/balance?userId=1").Body)
	})
}
