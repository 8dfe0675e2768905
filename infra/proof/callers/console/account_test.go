package console

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// later waits for a promise in the page, and returns its value.
func (b browser) later(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return text
}

// The running balance, called own money, is computed in list order, one write at a time.
func TestRunning(t *testing.T) {
	b := openAccount(t, "running")
	for _, c := range []struct {
		name, lines string
		own, limit  int
		want        string
	}{
		{"two writes", `line("b", 10, "debit", "20"), line("a", 0, "credit", "10")`, 9000, 0, "9000 11000"},
		{"two writes with the same time", `line("b", 0, "debit", "20"), line("a", 0, "credit", "10")`, 9000, 0, "9000 11000"},
		{"one write with several lines", `line("b", 0, "credit", "5", {transactionId: "w"}), line("w", 0, "debit", "2")`, 10300, 0, "10300 together"},
		{"another write between its lines", `line("b", 0, "credit", "5", {transactionId: "w"}), line("a", 0, "credit", "3"), line("w", 0, "debit", "2")`, 10600, 0, "10600 10300 together"},
		{"a hold and its capture", `line("e", 30, "capture", "25", {transactionId: "h"}), line("h", 0, "debit", "40", {status: "pending"})`, 7500, 0, "7500 -"},
		{"a payment and its capture with the same time", `line("e", 0, "capture", "25", {transactionId: "h"}), line("h", 0, "debit", "40"), line("a", -20, "credit", "1")`, 3600, 0, "3600 6100 10100"},
		{"void and expiry", `line("f", 2, "expiry", "4", {transactionId: "g", status: "expired"}), line("e", 1, "void", "4", {transactionId: "h", status: "voided"}), line("a", 0, "debit", "1")`, 9900, 0, "- - 9900"},
		{"declined", `line("b", 1, "debit", "500", {status: "declined"}), line("a", 0, "debit", "1")`, 9900, 0, "- 9900"},
		{"a declined transaction with several entries", `{id: "b", createdAt: at(1), status: "declined", entries: [{type: "debit", ammount: "5", userId: "1"}]}, line("a", 0, "debit", "1")`, 9900, 0, "- 9900"},
		{"a negative balance", `line("b", 30, "credit", "200"), line("a", 0, "debit", "10")`, 9000, 0, "9000 negative"},
		{"a balance within the credit limit", `line("b", 30, "credit", "200"), line("a", 0, "debit", "10")`, 9000, 11000, "9000 -11000"},
		{"own money below zero", `line("a", 0, "debit", "130")`, -3000, 5000, "-3000"},
		{"the largest balance", `line("b", 30, "credit", "1000000000000"), line("a", 0, "debit", "0.01")`, 99_999_999_999_999_999, 0, "99999999999999999 99899999999999999"},
	} {
		got := b.later(fmt.Sprintf(`import("/running.js").then((m) => {
			const at = (seconds) => new Date(1e12 + seconds * 1000).toISOString();
			const line = (id, seconds, type, ammount, more) => ({ id, createdAt: at(seconds), type, ammount, status: "posted", ...more });
			const why = Object.fromEntries(Object.entries(m.reasons).map(([name, text]) => [text, name]));
			return m.running([%s], %dn, %dn).map((one) => String(one.own ?? why[one.why] ?? "-")).join(" "); })`, c.lines, c.own, c.limit))
		assert.Equal(t, c.want, got, c.name)
	}
}

// random defines a JavaScript function that returns a pseudo-random whole number below its
// argument. The sequence is the same in each run.
const random = `
	let state = 7;
	const random = (below) => {
		state = state + 0x6D2B79F5 | 0;
		let t = Math.imul(state ^ state >>> 15, 1 | state);
		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return Math.floor(((t ^ t >>> 14) >>> 0) / 4294967296 * below);
	};
`

// While writes are applied between reads, the newest running balance on display is always
// one that the user really had. The others follow from it, line by line. When no more
// writes arrive, the newest running balance equals the balance.
func TestStatementAddsUp(t *testing.T) {
	b := open(t, "/?userId=1")
	b.sees("balance", "$")
	b.run(random + `
		let now = Date.parse("2026-01-01"), own = 10000, rows = [];
		const there = new Set([own]);
		const money = (units) => (units / 100).toFixed(2);
		const after = (x, y) => x.createdAt < y.createdAt || x.createdAt === y.createdAt && x.id < y.id;
		const count = () => {
			const units = 1 + random(1e5), type = own > units && random(2) ? "debit" : "credit";
			own += type === "credit" ? units : -units;
			there.add(own);
			rows.push({ id: "row" + rows.length, userId: "sim", createdAt: new Date(now - random(9900)).toISOString(), type, ammount: money(units), status: "posted" });
			rows.sort((x, y) => (after(x, y) ? 1 : -1));
		};
		for (let i = 0; i < 100; i++) { now += 5000; count(); }
		let rate = 30;
		window.fetch = async (path) => {
			now += random(400);
			if (rate && !random(40)) for (let i = 0; i < 30; i++) count();
			while (random(100) < rate) count();
			const url = new URL(path, location), query = url.searchParams;
			const left = rows.filter((row) => !query.get("cursor") || after(row, JSON.parse(query.get("cursor"))));
			const data = left.slice(0, Number(query.get("limit")));
			const body = url.pathname === "/balance" ? { data: { balance: money(own) } } : url.pathname === "/transactions" ? { data, ...(left.length > data.length && { next: JSON.stringify(data.at(-1)) }) } : [];
			return new Response(JSON.stringify(body), { headers: { date: new Date(now).toUTCString() } });
		};
		window.simulate = async () => {
			const { refresh } = await import("/account.js");
			let right = 0, wrong = [];
			for (let i = 1; i <= 50; i++) {
				rate = i % 10 ? 3 * (i % 13) : 0;
				if (!random(20)) now += 60000;
				if (!random(15)) document.getElementById("older").click();
				await refresh();
				const cells = (name) => [...document.querySelectorAll("#history ." + name)].map(({ textContent: text }) => (text.includes("$") ? Number(text.replace(/\D/g, "")) * (text.startsWith("−") ? -1 : 1) : undefined));
				const shown = cells("own"), moved = cells("number:not(.own)");
				if (shown[0] !== undefined && !there.has(shown[0])) wrong.push(shown[0]);
				shown.reduce((sum, one, i) => (one === undefined ? 0 : one === sum ? right++ : wrong.push(one), sum - moved[i]), shown[0]);
				while (rate === 0 && cells("own")[0] !== own) await new Promise((go) => setTimeout(go, 50));
			}
			return [right > 100, wrong.length].join(" ");
		};`)
	b.enter("user", "sim")
	b.click("#open button")
	b.waits(`document.getElementById("owner").textContent === "sim"`)
	assert.Equal(t, "true 0", b.later(`simulate()`))
}

// others posts transactions with these bodies for the user, as another caller would: all at
// once if atOnce is true, otherwise one after another.
func (b browser) others(user string, atOnce bool, bodies ...string) {
	b.t.Helper()
	size := 1
	if atOnce {
		size = len(bodies)
	}
	for ; len(bodies) > 0; bodies = bodies[size:] {
		var calls []string
		for _, body := range bodies[:size] {
			calls = append(calls, fmt.Sprintf(`{method: "POST", path: "/transactions", headers: {"Idempotent-Key": String(Math.random())}, body: JSON.stringify({userId: %q, %s})}`, user, body))
		}
		b.later(`fetch("/local/callers", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify([` + strings.Join(calls, ",") + `])}).then((r) => r.text())`)
	}
}

func creditOf(amount string) string { return fmt.Sprintf(`type: "credit", ammount: %q`, amount) }
func debitOf(amount string) string  { return fmt.Sprintf(`type: "debit", ammount: %q`, amount) }

// ownIs waits until the statement shows these running balances, newest first.
func (b browser) ownIs(want ...string) {
	b.t.Helper()
	b.waits(fmt.Sprintf(`[...document.querySelectorAll("#history tr")].map((row) => row.lastElementChild.textContent.slice(0, 12)).join("|") === %q`, strings.Join(want, "|")))
}

// The running balance is correct after every kind of line: holds that end in each way, a
// release by another write, several entries, a decline, a refund and a credit limit. It is
// the same after a reload.
func TestRunningBalanceOfEveryLine(t *testing.T) {
	b := openAccount(t, "every")
	b.later(`import("/calls.js").then(async (calls) => {
		let n = 0;
		const send = async (call) => (await calls.send(call)).body.data?.id;
		const post = (body) => send(calls.posting("every-" + n++, { userId: "every", ...body }));
		const hold = (ammount, expiresIn) => post({ ammount, type: "debit", expiresIn });
		await post({ ammount: "50", type: "credit" });
		await hold("40", 1);
		await send(calls.ending(await hold("30", 600), "void"));
		await send(calls.ending(await hold("20", 600), "capture", "15"));
		await new Promise((go) => setTimeout(go, 2300));
		const debit = await post({ ammount: "130", type: "debit" });
		await post({ userId: undefined, entries: [{ userId: "every", ammount: "7", type: "credit" }, { userId: "every", ammount: "2", type: "debit" }, { userId: "every-other", ammount: "1", type: "credit" }] });
		await post({ ammount: "1000", type: "debit" });
		await send(calls.refunding(debit, "every-refund", "30"));
		await send(calls.ruling("every-rules", { userId: "every", creditLimit: "10" }));
		await post({ ammount: "45", type: "debit" });
		return "";
	})`)
	const lines = "−$45.00 Posted −$5.00|+$30.00 Posted $40.00|−$1,000.00 Declined|−$2.00 Posted $10.00|+$7.00 Posted –The first line|" +
		"−$130.00 Posted $5.00|−$15.00 Captured $135.00|$30.00 Voided|$40.00 Expired|+$50.00 Posted $150.00"
	for range 2 {
		b.sees("balance", "$5.00")
		b.sees("lent", "$10.00 credit limit")
		b.sees("own", "−$5.00 own money")
		b.waits(`document.querySelectorAll("#history tr").length === 10`)
		assert.Equal(t, strings.Split(lines, "|"), strings.Split(b.ask(`[...document.querySelectorAll("#history tr")].map((row) =>
			[row.children[3].textContent.split("$").slice(0, 2).join("$"), row.children[2].textContent, row.children[4].textContent.split(" of ")[0]].join(" ").trim()).join("|")`), "|"))
		b.sees("history", "$5.00 given back")
		b.sees("history", "$40.00 given back")
		b.sees("first", "$100.00")
		b.do(chromedp.Reload())
	}
}

// The page shows other callers' writes without a click. A focused row stays focused.
func TestRunningBalanceOfOthers(t *testing.T) {
	b := openAccount(t, "crowd")
	b.others("crowd", true, creditOf("5"), creditOf("5"), creditOf("5"))
	b.ownIs("$115.00", "$110.00", "$105.00")
	b.do(chromedp.Focus("#history a"))
	b.others("crowd", true, creditOf("7"), debitOf("3"))
	b.waits(`document.querySelectorAll("#history tr").length === 5`)
	assert.Equal(t, "2", b.ask(`String([...document.querySelectorAll("#history a")].indexOf(document.activeElement))`))
	b.waits(`document.querySelector("#history tr").lastElementChild.textContent === "$119.00"`)
	assert.Contains(t, []string{"$122.00", "$112.00"}, b.own()[1])
	assert.Equal(t, "2", b.count("#log .get"), "the readings that repeat are in no log")
	b.others("crowd", false, debitOf("1000"))
	b.sees("history", "Declined")
}

// While the account changes between any two reads, the page shows no running balance.
func TestRunningBalanceWhileItMoves(t *testing.T) {
	b := openAccount(t, "moving")
	b.run(`const real = window.fetch; let n = 0;
		window.fetch = async (path, options) => {
			const answer = await real(path, options);
			if (String(path).startsWith("/balance")) await real("/transactions", {method: "POST", headers: {"Idempotent-Key": "m" + n++ + Math.random()}, body: JSON.stringify({userId: "moving", ammount: "1", type: n % 2 ? "credit" : "debit"})});
			return answer;
		};
		window.rest = () => { window.fetch = real; };`)
	b.sees("unknown", "The account changed while it was read.")
	assert.NotContains(t, strings.Join(b.own(), ""), "$")
	b.run(`window.rest();`)
	b.waits(`document.querySelector("#history tr").lastElementChild.textContent === document.getElementById("balance").textContent`)
}

// If the lines do not add up to the balance, the page shows no running balance.
func TestRunningBalanceThatDisagrees(t *testing.T) {
	b := openAccount(t, "disagrees")
	b.others("disagrees", false, creditOf("5"), creditOf("5"))
	b.ownIs("$110.00", "$105.00")
	b.run(`const real = window.fetch;
		window.fetch = async (path, options) => {
			const answer = await real(path, options);
			if (!String(path).startsWith("/transactions?")) return answer;
			const body = await answer.json();
			return new Response(JSON.stringify({ ...body, data: body.data.slice(1) }), { headers: answer.headers });
		};`)
	b.sees("unknown", "The lines and the balance do not agree.")
	assert.Equal(t, []string{"–The lines and the balance do not agree."}, b.own())
}

// aged and young are scripts that make the lines look a minute older or younger.
var (
	aged  = shift("-")
	young = shift("+")
)

func shift(sign string) string {
	return strings.Replace(shifted, "- 60000", sign+" 60000", 1)
}

const shifted = `const real = window.fetch;
	window.fetch = async (path, options) => {
		const answer = await real(path, options);
		if (!String(path).startsWith("/transactions?")) return answer;
		const text = (await answer.text()).replace(/(?<="createdAt":")[^"]*/g, (time) => new Date(Date.parse(time) - 60000).toISOString());
		return new Response(text, { headers: answer.headers });
	};`

// The page warns if a key was used before, and offers a new one.
func TestKeyUsedAgain(t *testing.T) {
	b := openAccount(t, "again")
	assert.Equal(t, "true", b.ask(`String(document.getElementById("same-key").hidden)`))
	b.enter("key", "mine")
	b.click(credit)
	b.sees("balance", "$110.00")
	b.enter("key", "mine")
	b.sees("same-key", "This key was used before.")
	b.click(credit)
	b.sees("did", "Replayed.")
	b.choose("fault", "answer-lost")
	b.run(`document.getElementById("advanced").open = false; document.getElementById("advanced").oninput();`)
	b.sees("advanced-note", "the answer to you is lost")
	b.click(credit)
	b.sees("did", "No answer.")
	b.sees("same-key", "The key stays until its call is answered.")
	b.click("#same-key button")
	b.waits(`document.getElementById("same-key").hidden`)
}

// After a switch to the wire view and back, the account view shows the same as before.
func TestReturnFromTheWireView(t *testing.T) {
	b := openAccount(t, "back")
	b.click(credit)
	b.sees("did", "Posted. Credit of $10.00, user back.")
	b.click("#history a")
	b.sees("transaction", "Credit of $10.00, user back")
	b.click("#wire-tab")
	b.waits(`!document.getElementById("wire").hidden && location.hash === "#wire"`)
	b.sees("outcome", "Read. Credit of $10.00")
	b.click("#account-tab")
	b.sees("transaction", "Credit of $10.00, user back")
	b.waits(`!document.getElementById("chosen").hidden`)
	b.click("#close")
	b.waits(`document.getElementById("chosen").hidden && location.search === "?userId=back"`)
}

// The page does not read the account while another view is open.
func TestClosedAccountIsNotRead(t *testing.T) {
	b := openAccount(t, "unseen")
	b.run(`window.readings = 0; const real = window.fetch; window.fetch = (path, options) => { if (String(path).startsWith("/balance")) readings++; return real(path, options); };`)
	b.waits(`readings > 1`)
	b.click("#wire-tab")
	wait := `new Promise((r) => setTimeout(() => r(""), 200))`
	b.later(wait)
	b.run(`readings = 0;`)
	for range 12 {
		b.later(wait)
	}
	assert.Equal(t, "0", b.ask(`String(readings)`))
	b.others("unseen", false, creditOf("5"))
	b.click("#account-tab")
	b.ownIs("$105.00")
}

// A statement can show a thousand lines, each with its running balance.
func TestThousandLines(t *testing.T) {
	b := open(t, "/?userId=1")
	b.sees("balance", "$")
	for range 10 {
		b.others("thousand", true, slices.Repeat([]string{creditOf("1")}, 100)...)
	}
	b.run(aged)
	b.enter("user", "thousand")
	b.click("#open button")
	b.sees("balance", "$1,100.00")
	b.click("#all")
	b.waits(`document.querySelectorAll("#history tr").length === 1000 && document.getElementById("unknown").textContent === ""`)
	own := b.own()
	assert.Equal(t, "$1,100.00 $1,099.00 $101.00", own[0]+" "+own[1]+" "+own[999])
	b.others("thousand", false, debitOf("2"))
	b.waits(`document.querySelectorAll("#history tr").length === 1001`)
	assert.Equal(t, "$1,098.00", b.own()[0])
}

// If one read can't cover all recent lines, the page shows those that it has read, with
// running balances. A click shows the rest.
func TestBurst(t *testing.T) {
	b := open(t, "/?userId=1")
	b.sees("balance", "$")
	for range 10 {
		b.others("burst", true, slices.Repeat([]string{creditOf("1")}, 100)...)
	}
	b.run(young)
	b.enter("user", "burst")
	b.click("#open button")
	b.waits(`document.querySelectorAll("#history tr").length === 925 && document.getElementById("unknown").textContent === ""`)
	assert.Equal(t, "$1,100.00 $176.00", b.own()[0]+" "+b.own()[924])
	b.click("#all")
	b.waits(`document.querySelectorAll("#history tr").length === 1000 && document.getElementById("unknown").textContent === ""`)
	b.others("burst", false, debitOf("2"))
	b.waits(`document.querySelectorAll("#history tr").length === 1001 && document.getElementById("unknown").textContent === ""`)
	assert.Equal(t, "$1,098.00 $101.00", b.own()[0]+" "+b.own()[1000])
}

// The focus moves to the element that a key press has opened, and is never lost when an
// element disappears.
func TestFocusIsKept(t *testing.T) {
	b := open(t, "/?userId=goes-on")
	b.do(chromedp.EmulateViewport(320, 500))
	b.sees("balance", "$100.00")
	press := func(selector string) {
		b.reveal(selector)
		b.do(chromedp.Focus(selector), chromedp.KeyEvent(kb.Enter))
	}
	press(credit)
	b.sees("did", "Posted.")
	press("#resend")
	b.sees("did", "Replayed.")
	assert.Equal(t, "resend", b.focused())
	press("#history a")
	b.waits(`document.activeElement.id === "chosen-title"`)
	assert.Equal(t, "true", b.ask(`String(document.activeElement.getBoundingClientRect().top >= 0 && document.activeElement.getBoundingClientRect().bottom <= innerHeight)`), "it is in sight")
	press("#close")
	assert.Equal(t, "true", b.ask(`String(document.activeElement === document.querySelector("#history a"))`))
	b.enter("seconds", "600")
	press(debit)
	b.sees("did", "Pending.")
	press("#void")
	b.waits(`document.activeElement.id === "chosen-title" && document.getElementById("end").hidden`)
	press(credit)
	b.sees("did", "Not accepted.")
	assert.Equal(t, "seconds", b.focused())
	b.run(`document.getElementById("seconds").value = "";`)
	b.choose("fault", "answer-lost")
	press(credit)
	b.sees("did", "No answer.")
	press("#another-key")
	assert.Equal(t, "amount", b.focused())
}

// An open transaction shows refunds made in another tab, and keeps a person's input and the
// focus.
func TestRefundsOfAnotherTab(t *testing.T) {
	one := openAccount(t, "refunds")
	one.enter("amount", "30")
	one.click(debit)
	one.sees("balance", "$70.00")
	one.click("#history a")
	one.waits(`document.getElementById("refund").checkVisibility()`)
	two := newTab(t, one, one.ask(`location.href`))
	two.waits(`document.getElementById("refund").checkVisibility()`)
	one.enter("refunded", "5")
	two.enter("refunded", "12")
	two.click("#give-back")
	one.sees("transaction", "$12.00, $18.00 left")
	assert.Equal(t, "at most $18.00, 5", one.ask(`document.getElementById("refunded").placeholder + ", " + document.getElementById("refunded").value`))
	assert.Equal(t, "refunded", one.focused())
	one.do(chromedp.Focus("#transaction a"))
	two.enter("refunded", "18")
	two.click("#give-back")
	one.sees("transaction", "$30.00, $0.00 left")
	one.waits(`document.getElementById("refund").hidden`)
	assert.Equal(t, "true", one.ask(`String(document.activeElement === document.querySelector("#transaction a"))`))
}

// An open rules form shows a change made in another tab. If a person has edited the form,
// it keeps their input and shows a notice.
func TestRulesOfAnotherTab(t *testing.T) {
	one := openAccount(t, "rules-tabs")
	two := newTab(t, one, one.ask(`location.href`))
	two.sees("balance", "$100.00")
	const form = `["debits", "credits", "limit"].map((id) => document.getElementById(id).value).join()`
	one.click("#rules summary")
	two.click("#rules summary")
	two.choose("debits", "blocked")
	two.enter("limit", "7")
	two.click("#set-rules")
	one.sees("barred", "Debits are blocked")
	one.waits(form + ` === "blocked,allowed,7"`)
	one.enter("limit", "9.50")
	two.choose("debits", "allowed")
	two.click("#set-rules")
	one.sees("rules-note", "The rules have changed since: debits allowed, credits allowed, credit limit $7.00.")
	assert.Equal(t, "blocked,allowed,9.50", one.ask(form))
	one.click("#set-rules")
	one.sees("lent", "$9.50 credit limit")
	one.waits(`document.getElementById("rules-note").textContent === ""`)
	two.waits(form + ` === "blocked,allowed,9.5"`)
	assert.Empty(t, two.text("rules-note"))
}
