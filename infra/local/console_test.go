package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func post(t *testing.T, s server, user, name, fault string) *http.Response {
	t.Helper()
	body := fmt.Sprintf(`{"userId":%q,"ammount":"10","type":"credit"}`, user)
	return s.call(t, http.MethodPost, "/transactions", body, map[string]string{"Idempotent-Key": "1", callHeader: name, faultHeader: fault})
}

func read(t *testing.T, response *http.Response) string {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

// cutOff checks that the response ends in the middle of its body.
func cutOff(t *testing.T, response *http.Response) {
	t.Helper()
	defer response.Body.Close()
	_, err := io.ReadAll(response.Body)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

func requests(t *testing.T, s server, name string) (all []exchange) {
	t.Helper()
	body := s.text(t, http.MethodGet, requestsPath+"?call="+url.QueryEscape(name), "", nil)
	require.NoError(t, json.Unmarshal([]byte(body), &all), body)
	return all
}

// TestConsole tests one server with the real handler, client and tables.
func TestConsole(t *testing.T) {
	t.Parallel()
	s := start(t)
	t.Run("faults", func(t *testing.T) { testFaults(t, s) })
	t.Run("requests", func(t *testing.T) { testRequests(t, s) })
	t.Run("requests of holds", func(t *testing.T) { testHoldRequests(t, s) })
	t.Run("concurrent callers", func(t *testing.T) { testConcurrentCallers(t, s) })
	s.stop(t)
}

// results returns the results of the requests for a call, grouped by caller. It leaves out
// requests without an answer. It checks that all requests from a caller have the same
// token, because they are attempts at one write.
func results(t *testing.T, s server, name string) map[int][]result {
	t.Helper()
	got, tokens := map[int][]result{}, map[int]string{}
	for _, e := range requests(t, s, name) {
		assert.Equal(t, "TransactWriteItems", e.Operation, name)
		if e.Outcome != "no answer" { // under load, DynamoDB Local may not answer in time
			got[e.Caller] = append(got[e.Caller], e.result)
		}
		assert.Equal(t, cmp.Or(tokens[e.Caller], e.Token), e.Token, name)
		tokens[e.Caller] = e.Token
	}
	return got
}

// Faults are injected below the real DynamoDB client, and affect only the call that
// requests them: a single call, or one of two at once.
func testFaults(t *testing.T, s server) {
	none := []string(nil)
	ok := result{"ok", none}
	conflict := result{"TransactionCanceledException", []string{"None", "TransactionConflict"}}
	for _, c := range []struct {
		fault string
		lost  bool
		want  []result
	}{
		{"", false, []result{ok}},
		{writeLost, false, []result{{"request lost", none}, ok}},
		{writeAnswerLost, false, []result{{"answer lost", none}, ok}},
		{writeConflict, false, []result{conflict, ok}},
		{writeLost + ", " + writeConflict, false, []result{{"request lost", none}, conflict, ok}},
		{contention, false, []result{ok}},
		{answerLost, true, []result{ok}},
		{writeAnswerLost + "," + answerLost, true, []result{{"answer lost", none}, ok}},
		{writeLost + " ,, " + answerLost, true, []result{{"request lost", none}, ok}},
	} {
		users := []string{"single", "one", "another"}
		for i := range users {
			users[i] += " with [" + c.fault + "]"
		}
		response := post(t, s, users[0], users[0], c.fault)
		if c.lost {
			cutOff(t, response)
			assert.Empty(t, response.Header.Get("Location"), "the caller gets no answer")
		} else {
			assert.Contains(t, read(t, response), `"status":"posted"`, c.fault)
			assert.Empty(t, response.Header.Get("Idempotent-Replayed"), c.fault)
		}
		assert.Equal(t, map[int][]result{0: c.want}, results(t, s, users[0]), c.fault)

		calls := make([]call, 2)
		for i, fault := range []string{c.fault, ""} {
			calls[i] = call{"POST", "/transactions", map[string]string{"Idempotent-Key": "1", callHeader: users[1], faultHeader: fault},
				fmt.Sprintf(`{"userId":%q,"ammount":"10","type":"credit"}`, users[1+i])}
		}
		answers := sendAtOnce(t, s, calls)
		require.Len(t, answers, 2)
		if c.lost {
			assert.Nil(t, answers[0], c.fault)
		} else {
			assert.Equal(t, http.StatusCreated, answers[0].Status, c.fault)
		}
		assert.Equal(t, http.StatusCreated, answers[1].Status, c.fault)
		assert.Equal(t, map[int][]result{1: c.want, 2: {ok}}, results(t, s, users[1]), c.fault)

		for _, user := range users {
			again := post(t, s, user, "", "")
			assert.Contains(t, read(t, again), `"status":"posted"`, user)
			assert.Equal(t, "true", again.Header.Get("Idempotent-Replayed"), user)
			assert.JSONEq(t, `{"data":{"balance":"110"}}`, s.balance(t, url.QueryEscape(user)), "it counted once")
		}
	}

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address+"/balance?userId=1", nil)
	require.NoError(t, err)
	r.Header[faultHeader] = []string{contention, answerLost} // both values of a repeated header count
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	cutOff(t, response)

	const everyWrite = writeLost + "," + writeAnswerLost + "," + writeConflict + "," + contention
	s.text(t, http.MethodGet, "/balance?userId=1", "", map[string]string{callHeader: "reading", faultHeader: everyWrite})
	all := requests(t, s, "reading")
	require.Len(t, all, 1)
	assert.Equal(t, result{Outcome: "ok"}, all[0].result, "the faults of writes leave readings alone")

	response = post(t, s, "lost", "", "earthquake")
	assert.Equal(t, "Local-Fault: unknown fault \"earthquake\"\n", read(t, response))
	assert.Equal(t, http.StatusBadRequest, response.StatusCode)
}

// The console shows each request's table, key, row and expressions.
func testRequests(t *testing.T, s server) {
	transactions, balances := s.books.Config.TransactionsTable, s.books.Config.AggregateTable
	assert.Empty(t, requests(t, s, "an unknown call"))
	for range 11 { // the eleventh debit is declined
		headers := map[string]string{"Idempotent-Key": fmt.Sprint(len(requests(t, s, "call"))), callHeader: "call"}
		s.text(t, http.MethodPost, "/transactions", `{"userId":"u","ammount":"10","type":"debit"}`, headers)
	}
	all := requests(t, s, "call")
	require.Len(t, all, 12)
	id := all[10].Items[0].Key
	assert.Regexp(t, "^[0-9a-f-]{36}$", id)
	assert.Equal(t, []item{
		{"Put", transactions, id, "debit of 10, user u, posted", "attribute_not_exists(id)", ""},
		{"Update", balances, "u", "", "(balance >= 10 OR attribute_not_exists(user_id)) AND attribute_not_exists(debits_blocked)", "SET balance = if_not_exists(balance, 100) - 10, transaction_id = " + id + " ADD version 1"},
	}, all[10].Items)
	assert.Equal(t, result{"TransactionCanceledException", []string{"None", "ConditionalCheckFailed"}}, all[10].result)
	assert.Equal(t, request{"PutItem", "", []item{{"Put", transactions, id, "debit of 10, user u, declined", "attribute_not_exists(id)", ""}}}, all[11].request)

	for path, want := range map[string]item{
		"/balance?userId=u":      {Action: "Get", Table: balances, Key: "u"},
		"/transactions/" + id:    {Action: "Get", Table: transactions, Key: id},
		"/transactions?userId=u": {Action: "Query", Table: transactions + ", index user_id-created_at", Condition: "user_id = u"},
	} {
		s.text(t, http.MethodGet, path, "", map[string]string{callHeader: path})
		all := requests(t, s, path)
		require.Len(t, all, 1, path)
		assert.Equal(t, []item{want}, all[0].Items, path)
	}
}

// For a pending payment and its capture, the expressions show names and values instead of
// placeholders, and each row shows its type.
func testHoldRequests(t *testing.T, s server) {
	const payment = `{"entries":[{"userId":"p","ammount":"40","type":"debit"},{"userId":"q","ammount":"40","type":"credit"}],"expiresIn":600}`
	send := func(path, body, name string) []item {
		s.text(t, http.MethodPost, path, body, map[string]string{"Idempotent-Key": "hold", callHeader: name})
		all := requests(t, s, name)
		return all[len(all)-1].Items
	}
	pending := send("/transactions", payment, "hold")
	require.Len(t, pending, 2)
	assert.Equal(t, "debit of 40, user p, pending, first of 2 entries", pending[0].Row)
	assert.Equal(t, "(balance >= 40 OR attribute_not_exists(user_id)) AND attribute_not_exists(debits_blocked) AND (attribute_not_exists(holds) OR holds < 16)", pending[1].Condition)
	update := regexp.MustCompile(`^SET balance = if_not_exists\(balance, 100\) - 40, transaction_id = [0-9a-f-]{36}, (hold:[\w-]{22}) = \[40 \d{13}\] ADD version 1, held 40, holds 1$`).FindStringSubmatch(pending[1].Update)
	require.NotNil(t, update, pending[1].Update)

	capture := send("/transactions/"+pending[0].Key+"/capture", `{"ammount":"25"}`, "capture")
	require.Len(t, capture, 4)
	assert.Equal(t, "capture of 25, user p, posted", capture[0].Row)
	assert.Equal(t, "credit of 25, user q, posted", capture[1].Row)
	assert.Equal(t, "attribute_exists("+update[1]+")", capture[2].Condition)
	assert.Equal(t, "SET balance = if_not_exists(balance, 100) + 15, transaction_id = "+capture[0].Key+" REMOVE "+update[1]+" ADD version 1, held -40, holds -1", capture[2].Update)
}

func sendAtOnce(t *testing.T, s server, calls []call) (answers []*answer) {
	t.Helper()
	body, err := json.Marshal(calls)
	require.NoError(t, err)
	text := s.text(t, http.MethodPost, callersPath, string(body), map[string]string{"Content-Type": "application/json"})
	require.NoError(t, json.Unmarshal([]byte(text), &answers), text)
	return answers
}

// Twenty callers with one key post one transaction. Of twenty debits of a tenth of the
// balance each, ten are posted. Both results hold with and without conflicts.
func testConcurrentCallers(t *testing.T, s server) {
	for _, fault := range []string{"", contention} {
		var same, own []call
		for i := range 20 {
			headers := func(key, name string) map[string]string {
				return map[string]string{"Idempotent-Key": key, callHeader: name + fault, faultHeader: fault}
			}
			same = append(same, call{"POST", "/transactions", headers("k", "same"), `{"userId":"same` + fault + `","ammount":"10","type":"credit"}`})
			own = append(own, call{"POST", "/transactions", headers(fmt.Sprint(i), "own"), `{"userId":"own` + fault + `","ammount":"10","type":"debit"}`})
		}
		outcomes := map[string]int{}
		for _, a := range sendAtOnce(t, s, same) {
			outcomes[fmt.Sprint(a.Status, " ", a.Reason, " ", a.Headers["Idempotent-Replayed"])]++
		}
		assert.Equal(t, map[string]int{"201 Created []": 1, "201 Created [true]": 19}, outcomes, fault)
		outcomes = map[string]int{}
		for _, a := range sendAtOnce(t, s, own) {
			outcomes[fmt.Sprint(a.Status, strings.Contains(a.Text, `"type":"/problems/insufficient-funds"`))]++
		}
		assert.Equal(t, map[string]int{"201 false": 10, "422 true": 10}, outcomes, fault)
		callers, conflicts := map[int]bool{}, 0
		for _, e := range requests(t, s, "own"+fault) {
			callers[e.Caller] = true
			if strings.Contains(fmt.Sprint(e.Reasons), "TransactionConflict") {
				conflicts++
			}
		}
		assert.Len(t, callers, 20)
		assert.Equal(t, fault == contention, conflicts > 0, "%d conflicts", conflicts)
	}
}

// A request's start is measured from the beginning of its call, and its duration from when
// it was sent.
func TestTimesOfRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all records
		r := all.open("call")
		time.Sleep(100 * time.Millisecond)
		first := r.add(1, request{Operation: "GetItem"})
		assert.Empty(t, all.find("call")[0].Outcome, "under way")
		time.Sleep(30 * time.Millisecond)
		second := r.add(2, request{Operation: "PutItem"})
		time.Sleep(20 * time.Millisecond)
		r.end(first, result{Outcome: "ok"})
		r.end(second, result{Outcome: "ok"})
		time.Sleep(time.Second)
		assert.Equal(t, []exchange{
			{1, 100, 50, request{Operation: "GetItem"}, result{Outcome: "ok"}},
			{2, 130, 20, request{Operation: "PutItem"}, result{Outcome: "ok"}},
		}, all.find("call"))
	})
}

// Replacing :hold leaves the longer placeholder :holds unchanged.
func TestReadableExpressions(t *testing.T) {
	t.Parallel()
	m := message{
		ExpressionAttributeNames:  map[string]string{"#hold": "hold:A", "#holds": "holds"},
		ExpressionAttributeValues: map[string]value{":hold": {L: []value{{N: "40"}, {N: "7"}}}, ":holds": {N: "16"}, ":h": {S: "h"}},
	}
	for in, want := range map[string]string{
		"#holds < :holds AND #hold = :hold":       "holds < 16 AND hold:A = [40 7]",
		"SET #hold = :hold ADD #holds :holds, :h": "SET hold:A = [40 7] ADD holds 16, h",
		"held = :held": "held = :held",
		"":             "",
	} {
		assert.Equal(t, want, m.readable(in), in)
	}
}

// The local server's own headers never reach the ledger. Other headers do.
func TestLocalHeadersStayLocal(t *testing.T) {
	t.Parallel()
	var seen http.Header
	h := &console{ledger: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r.Header })}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/balance", nil)
	r.Header.Set(callHeader, "1")
	r.Header.Set(faultHeader, contention)
	r.Header.Set("X-Own", "1")
	h.ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, http.Header{"X-Own": {"1"}}, seen)

	body := `[{"method":"GET","path":"/balance","headers":{"Local-Call":"1","Local-Fault":"conflict","X-Own":"2"}}]`
	h.ServeHTTP(httptest.NewRecorder(), callersRequest(t, body))
	assert.Equal(t, http.Header{"X-Own": {"2"}}, seen)
}

// Only the reads that the page repeats are left out of the log.
func TestRepeatedReads(t *testing.T) {
	t.Parallel()
	var logged, looked []string
	note := func(calls *[]string) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			*calls = append(*calls, r.Method+r.Header.Get(lookHeader))
		})
	}
	h := &console{ledger: note(&logged), looks: note(&looked)}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, look := range []string{"", "1"} {
			r := httptest.NewRequestWithContext(t.Context(), method, "/balance", nil)
			r.Header.Set(lookHeader, look)
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	assert.Equal(t, []string{"GET"}, looked)
	assert.Equal(t, []string{"GET", "POST", "POST"}, logged)
}

func callersRequest(t *testing.T, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, callersPath, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestInvalidCallersAreRejected(t *testing.T) {
	t.Parallel()
	h := &console{ledger: http.NotFoundHandler()}
	for _, c := range []struct{ body, want string }{
		{"{", "unexpected EOF"},
		{"[" + strings.Repeat(`{"method":"GET","path":"/"},`, 100) + `{"method":"GET","path":"/"}]`, "at most 100 callers"},
		{`[{"method":"GET","path":"/","headers":{"Local-Fault":"x"}}]`, `Local-Fault: unknown fault "x"`},
		{`[{"method":"GET","path":":"}]`, "missing protocol scheme"},
		{`[{"body":"` + strings.Repeat("x", callersLimitBytes) + `"}]`, "too large"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, callersRequest(t, c.body))
		assert.Equal(t, http.StatusBadRequest, w.Code, c.want)
		assert.Contains(t, w.Body.String(), c.want)
	}
}

// Only the newest records are kept, and none for a call without a name.
func TestRecordsLimit(t *testing.T) {
	t.Parallel()
	var r records
	for i := range recordsLimit + 1 {
		r.open(fmt.Sprint(i)).add(0, request{Operation: "GetItem"})
	}
	assert.Empty(t, r.find("0"))
	assert.Len(t, r.find("1"), 1)
	assert.Len(t, r.byName, recordsLimit)
	r.open("").add(0, request{})
	assert.Empty(t, r.find(""))
}
