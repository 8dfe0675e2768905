package console

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// later returns the value of a promise in the page.
func (b browser) later(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err, expression)
	return text
}

// lines are a function of the page that makes lines of a history, and the answers to the
// calls that wrote them. The time is in seconds.
const lines = `
	const at = (seconds) => new Date(1e12 + seconds * 1000).toISOString();
	const line = (id, seconds, type, ammount, more) => ({ id, createdAt: at(seconds), type, ammount, status: "posted", ...more });
	const answer = (data, date) => ({ status: 201, body: { data }, headers: date === undefined ? [] : [["date", new Date(1e12 + date * 1000).toUTCString()]] });
	const post = { method: "POST", path: "/transactions" };
	const get = { method: "GET", path: "/transactions" };
`

// The own money stands where the order of the writes is certain, and nowhere else.
func TestRunning(t *testing.T) {
	b := open(t, "/?userId=running")
	b.sees("balance", "$100.00")
	for _, c := range []struct {
		name, before, lines string
		own, limit          int
		more                bool
		want                string
	}{
		{"a call's time apart", "", `line("b", 10, "debit", "20"), line("a", 0, "credit", "10")`, 9000, 0, false, "9000 11000"},
		{"less apart", "", `line("b", 9.999, "debit", "20"), line("a", 0, "credit", "10")`, 9000, 0, false, "9000 order"},
		{"at one time", "", `line("b", 0, "debit", "20"), line("a", 0, "credit", "10")`, 9000, 0, false, "9000 order"},
		{"alike, in any order", "", `line("c", 0.1, "debit", "20"), line("b", 0, "debit", "20"), line("a", 0, "debit", "20")`, 4000, 0, false, "4000 6000 8000"},
		{"alike, and one that is not", "", `line("c", 0.1, "debit", "20"), line("b", 0, "debit", "20"), line("a", 0, "debit", "21")`, 4000, 0, false, "4000 order order"},
		{"a group between certain ones", "", `line("d", 50, "credit", "1"), line("c", 20.1, "debit", "20"), line("b", 20, "debit", "5"), line("a", 0, "debit", "21")`, 5500, 0, false, "5500 5400 order 7900"},
		{"one write of several lines", "", `line("b", 0, "credit", "5", {transactionId: "w"}), line("w", 0, "debit", "2")`, 10300, 0, false, "10300 together"},
		{"alike writes of several lines", "", `line("b", 1, "credit", "5", {transactionId: "w"}), line("w", 1, "debit", "2"), line("a", 0, "credit", "3")`, 10600, 0, false, "10600 together 10300"},
		{"a hold moves nothing, its capture does", "", `line("e", 30, "capture", "25", {transactionId: "h"}), line("h", 0, "debit", "40", {status: "pending"})`, 7500, 0, false, "7500 -"},
		{"capture within a call's time of its hold", "", `line("e", 1, "capture", "25", {transactionId: "h"}), line("h", 0, "debit", "40", {status: "pending"}), line("a", -20, "credit", "1")`, 7600, 0, false, "7600 - 10100"},
		{"void and expiry", "", `line("f", 2, "expiry", "4", {transactionId: "g", status: "expired"}), line("e", 1, "void", "4", {transactionId: "h", status: "voided"}), line("a", 0, "debit", "1")`, 9900, 0, false, "- - 9900"},
		{"declined", "", `line("b", 1, "debit", "500", {status: "declined"}), line("a", 0, "debit", "1")`, 9900, 0, false, "- 9900"},
		{"a declined transaction of several entries", "", `{id: "b", createdAt: at(1), status: "declined", entries: [{type: "debit", ammount: "5", userId: "1"}]}, line("a", 0, "debit", "1")`, 9900, 0, false, "- 9900"},
		{"older lines may have counted later", "", `line("c", 20, "debit", "1"), line("b", 1, "debit", "2"), line("a", 0, "debit", "2")`, 9500, 0, true, "9500 9600 older"},
		{"older lines may have counted after all of these", "", `line("c", 9, "debit", "1"), line("b", 1, "debit", "2")`, 9500, 0, true, "9500 older"},
		{"more than there was", "", `line("b", 30, "credit", "200"), line("a", 0, "debit", "10")`, 9000, 0, false, "9000 negative"},
		{"as far as the credit limit", "", `line("b", 30, "credit", "200"), line("a", 0, "debit", "10")`, 9000, 11000, false, "9000 -11000"},
		{"own money below zero", "", `line("a", 0, "debit", "130")`, -3000, 5000, false, "-3000"},
		{"ten to the fifteenth", "", `line("b", 30, "credit", "1000000000000"), line("a", 0, "debit", "0.01")`, 99_999_999_999_999_999, 0, false, "99999999999999999 99899999999999999"},

		{"the first was answered when the second was sent", `const n = m.knownWrites(); m.learn(post, answer(line("s1", 0, "credit", "10")), n);
			m.learn(post, answer(line("s2", 0.5, "debit", "20")), m.knownWrites());`, `line("s2", 0.5, "debit", "20"), line("s1", 0, "credit", "10")`, 9000, 0, false, "9000 11000"},
		{"both were sent before an answer", `const n = m.knownWrites(); m.learn(post, answer(line("t1", 0, "credit", "10")), n);
			m.learn(post, answer(line("t2", 0.5, "debit", "20")), n);`, `line("t2", 0.5, "debit", "20"), line("t1", 0, "credit", "10")`, 9000, 0, false, "9000 order"},
		{"a replay proves no order", `const n = m.knownWrites(); m.learn(post, answer(line("u1", 0, "credit", "10")), n);
			m.learn(post, {...answer(line("u2", 0.5, "debit", "20")), replayed: true}, m.knownWrites());`, `line("u2", 0.5, "debit", "20"), line("u1", 0, "credit", "10")`, 9000, 0, false, "9000 order"},
		{"seen by the server's clock before the second began", `m.learn(get, answer([line("v1", 0.5, "credit", "10")], 1), 0);`,
			`line("v2", 2, "debit", "20"), line("v1", 0.5, "credit", "10")`, 9000, 0, false, "9000 11000"},
		{"seen within the second in which the second began", `m.learn(get, answer([line("w1", 0.5, "credit", "10")], 1), 0);`,
			`line("w2", 1.9, "debit", "20"), line("w1", 0.5, "credit", "10")`, 9000, 0, false, "9000 order"},
		{"a capture after an answer", `const n = m.knownWrites(); m.learn(post, answer(line("x1", 0, "credit", "10")), n);
			m.learn({method: "POST", path: "/transactions/xh/capture"}, {...answer(line("xh", -50, "debit", "40")), status: 200}, m.knownWrites());
			m.learn(get, answer([line("xe", 0.5, "capture", "20", {transactionId: "xh"})]), 0);`, `line("xe", 0.5, "capture", "20", {transactionId: "xh"}), line("x1", 0, "credit", "10")`, 9000, 0, false, "9000 11000"},
		{"the clock went backwards", `const n = m.knownWrites(); m.learn(post, answer(line("y1", 100, "credit", "10")), n);
			m.learn(post, answer(line("y2", 0, "debit", "20")), m.knownWrites());`, `line("y1", 100, "credit", "10"), line("y2", 0, "debit", "20")`, 9000, 0, false, "clock clock"},
	} {
		got := b.later(fmt.Sprintf(`import("/running.js").then((m) => { %s %s
			const why = Object.fromEntries(Object.entries(m.reasons).map(([name, text]) => [text, name]));
			return m.running([%s], %dn, %dn, %t).map((one) => String(one.own ?? why[one.why] ?? "-")).join(" "); })`, lines, c.before, c.lines, c.own, c.limit, c.more))
		assert.Equal(t, c.want, got, c.name)
	}
	b.noErrors()
}

// random is a function of the page that makes a random number below another one, the
// same each time.
const random = `
	let state = 7;
	const random = (below) => {
		state = state + 0x6D2B79F5 | 0;
		let t = Math.imul(state ^ state >>> 15, 1 | state);
		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return Math.floor(((t ^ t >>> 14) >>> 0) / 4294967296 * below);
	};
`

// Whatever the order in which writes begin, count and are seen, no own money is shown that
// was not there.
func TestRunningNeverShowsWhatWasNotThere(t *testing.T) {
	b := open(t, "/?userId=random")
	b.sees("balance", "$100.00")
	assert.Regexp(t, `^\d{4,} right, 0 wrong$`, b.later(`import("/running.js?anew").then((m) => {
		`+lines+random+`
		let right = 0, wrong = 0;
		for (let trial = 0; trial < 1000; trial++) {
			const writes = Array.from({ length: 2 + random(9) }, (_, i) => {
				const begins = random(100000);
				const counts = begins + 1 + random(random(3) ? 300 : 9999);
				const own = random(2) ? { sent: begins - random(3), answered: counts + random(300) } : {};
				const amount = () => trial % 3 ? 1 + random(1e6) : 100;
				const moves = Array.from({ length: random(4) ? 1 : 1 + random(3) }, () => [random(3) && trial % 3 ? "credit" : "debit", amount()]);
				const nothing = !random(5);
				return { id: "w" + trial + "-" + i, begins, counts, ...own, nothing, moved: nothing ? 0 : moves.reduce((sum, [type, x]) => sum + (type === "credit" ? x : -x), 0), moves };
			});
			const linesOf = ({ id, begins, moves, nothing }) => moves.map(([type, x], i) => line(i ? id + "." + i : id, begins / 1000, type, (x / 100).toFixed(2), { ...(i && { transactionId: id }), ...(nothing && { status: "declined" }) }));
			const events = [
				...writes.filter(({ sent }) => sent !== undefined).flatMap((w) => [
					{ at: w.sent, run: () => { w.before = m.knownWrites(); } },
					{ at: w.answered, run: () => m.learn(post, answer(linesOf(w)[0], w.answered / 1000), w.before) }]),
				...Array.from({ length: random(6) }, () => random(110000)).map((at) => ({ at, run: () => m.learn(get, answer(writes.filter(({ counts }) => counts < at).flatMap(linesOf), at / 1000), 0) })),
			];
			events.sort((x, y) => x.at - y.at).forEach(({ run }) => run());
			let own = 1e9;
			const there = new Set(writes.toSorted((x, y) => x.counts - y.counts).map(({ moved }) => own += moved));
			const all = writes.toSorted((x, y) => y.begins - x.begins).flatMap(linesOf);
			const some = random(2) ? all.slice(0, 1 + random(all.length)) : all;
			for (const { own: shown } of m.running(some, BigInt(own), 0n, some.length < all.length)) {
				if (shown !== undefined) there.has(Number(shown)) ? right++ : wrong++;
			}
		}
		return right + " right, " + wrong + " wrong";
	})`))
	b.noErrors()
}

// While writes count between any two readings, in any order, the page shows no own money
// that was not there. When they rest, it shows the balance.
func TestStatementNeverShowsWhatWasNotThere(t *testing.T) {
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
				const shown = () => [...document.querySelectorAll("#history .own")].map((cell) => cell.textContent).filter((text) => text.startsWith("$")).map((text) => Number(text.replace(/\D/g, "")));
				for (const one of shown()) there.has(one) ? right++ : wrong.push(one);
				while (rate === 0 && shown()[0] !== own) await new Promise((go) => setTimeout(go, 50));
			}
			return [right > 100, wrong.length].join(" ");
		};`)
	b.enter("user", "sim")
	b.click("#open button")
	b.waits(`document.getElementById("owner").textContent === "sim"`)
	assert.Equal(t, "true 0", b.later(`simulate()`))
	b.noErrors()
}

// others makes another caller post these, all at once or one after another.
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

// ownIs waits until the statement's rows have this own money.
func (b browser) ownIs(want ...string) {
	b.t.Helper()
	b.waits(fmt.Sprintf(`[...document.querySelectorAll("#history tr")].map((row) => row.lastElementChild.textContent.slice(0, 12)).join("|") === %q`, strings.Join(want, "|")))
}

const unknown = "–Other write"

// A person's own calls have an order, for a reloaded page as well.
func TestRunningBalanceOfOwnCalls(t *testing.T) {
	b := open(t, "/?userId=runs")
	b.sees("balance", "$100.00")
	post := func(button, amount, balance string) {
		b.enter("amount", amount)
		b.click(button)
		b.sees("balance", balance)
	}
	post(credit, "20", "$120.00")
	post(debit, "50", "$70.00")
	post(credit, "1.50", "$71.50")
	b.ownIs("$71.50", "$70.00", "$120.00")
	b.do(chromedp.Reload())
	b.ownIs("$71.50", "$70.00", "$120.00")
	b.enter("seconds", "600")
	post(debit, "30", "$41.50")
	b.ownIs("", "$71.50", "$70.00", "$120.00")
	b.sees("held", "$30.00 held")
	b.sees("own", "$71.50 own money")
	b.enter("captured", "10")
	b.click("#capture")
	b.ownIs("$61.50", "$71.50", "$70.00", "$120.00")
	b.sees("history", "$20.00 given back")
	b.noErrors()
}

// Every kind of line keeps the own money right: holds that end in each way, a release by
// another write, several entries, a decline, a refund and a credit limit.
func TestRunningBalanceOfEveryLine(t *testing.T) {
	b := open(t, "/?userId=every")
	b.sees("balance", "$100.00")
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
	b.sees("balance", "$5.00")
	b.sees("own", "−$5.00 own money")
	b.waits(`document.querySelectorAll("#history tr").length === 10`)
	assert.Equal(t, strings.Split("−$45.00 Posted −$5.00|+$30.00 Posted $40.00|−$1,000.00 Declined|−$2.00 Posted $10.00|+$7.00 Posted –A write|−$130.00 Posted $5.00|−$15.00 Captured $135.00|$30.00 Voided|$40.00 Expired|+$50.00 Posted $150.00", "|"),
		strings.Split(b.ask(`[...document.querySelectorAll("#history tr")].map((row) => [row.children[3].textContent.split("$").slice(0, 2).join("$"), row.children[2].textContent, row.children[4].textContent.split(" of ")[0]].join(" ").trim()).join("|")`), "|"))
	b.sees("history", "$5.00 given back")
	b.sees("history", "$40.00 given back")
	b.sees("first", "$100.00")
	b.noErrors()
}

// Writes of other callers at about the same time have no known order, unless they are
// alike.
func TestRunningBalanceOfOthers(t *testing.T) {
	b := open(t, "/?userId=crowd")
	b.sees("balance", "$100.00")
	b.others("crowd", true, creditOf("5"), creditOf("5"), creditOf("5"))
	b.ownIs("$115.00", "$110.00", "$105.00") // the page updates by itself
	b.sees("unknown", "")
	b.others("crowd", true, creditOf("7"), debitOf("3"))
	b.waits(`document.querySelectorAll("#history tr").length === 5`)
	b.sees("unknown", "their order is not known")
	assert.Equal(t, "$119.00", b.own()[0])
	assert.Contains(t, b.own()[1], "their order is not known")
	assert.Equal(t, "2", b.count("#log .get"), "the readings that repeat are in no log")
	b.others("crowd", false, debitOf("1000"))
	b.sees("history", "Declined")
	b.noErrors()
}

// A credit limit moves the balance, and no own money.
func TestRunningBalanceWithCreditLimit(t *testing.T) {
	b := open(t, "/?userId=lent")
	b.sees("balance", "$100.00")
	b.click("#rules summary")
	b.enter("limit", "50")
	b.click("#set-rules")
	b.sees("balance", "$150.00")
	b.sees("lent", "$50.00 credit limit")
	b.sees("own", "$100.00 own money")
	b.enter("amount", "130")
	b.click(debit)
	b.sees("balance", "$20.00")
	b.sees("own", "−$30.00 own money")
	b.ownIs("−$30.00")
	b.noErrors()
}

// An account that changes between two readings shows no own money until it rests.
func TestRunningBalanceWhileItMoves(t *testing.T) {
	b := open(t, "/?userId=moving")
	b.sees("balance", "$100.00")
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
	b.noErrors()
}

// Lines that do not add up to the balance show no own money.
func TestRunningBalanceThatDisagrees(t *testing.T) {
	b := open(t, "/?userId=disagrees")
	b.sees("balance", "$100.00")
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
	b.noErrors()
}

// aged makes the page read a history whose lines are a minute older.
const aged = `const real = window.fetch;
	window.fetch = async (path, options) => {
		const answer = await real(path, options);
		if (!String(path).startsWith("/transactions?")) return answer;
		const text = (await answer.text()).replace(/(?<="createdAt":")[^"]*/g, (time) => new Date(Date.parse(time) - 60000).toISOString());
		return new Response(text, { headers: answer.headers });
	};`

// The lines at the end of a page wait for the older ones.
func TestRunningBalanceOfAPage(t *testing.T) {
	b := open(t, "/?userId=1")
	b.sees("balance", "$")
	all := make([]string, 30)
	for i := range all {
		all[i] = creditOf("1")
	}
	b.others("paged", true, all...)
	b.run(aged)
	b.enter("user", "paged")
	b.click("#open button")
	b.sees("balance", "$130.00")
	b.sees("unknown", "An older line, which is not read, may have counted later.")
	assert.Equal(t, "$130.00", b.own()[0])
	assert.Equal(t, "25 true", b.count("#history tr")+" "+b.ask(`String(document.getElementById("first").hidden)`))
	b.click("#all")
	b.waits(`document.querySelectorAll("#history tr").length === 30 && document.getElementById("unknown").textContent === ""`)
	assert.Equal(t, "$101.00 Opening balance\t$100.00", b.own()[29]+" "+b.text("first"))
	b.noErrors()
}

// A server that dies leaves the last balance with its time. Another one, with new tables,
// begins anew.
func TestServerThatDies(t *testing.T) {
	b := open(t, "/?userId=dies")
	b.sees("balance", "$100.00")
	b.sees("as-of", "as of ")
	b.enter("amount", "7")
	b.click(credit)
	b.ownIs("$107.00")
	b.run(`window.real = window.fetch; window.fetch = async () => { throw new TypeError("Failed to fetch"); };`)
	b.sees("stale", "The server does not answer.")
	assert.Equal(t, "$107.00", b.text("balance"))
	assert.Contains(t, b.text("as-of"), "as of ")
	b.run(`window.fetch = async (path, options) => window.real(String(path).replaceAll("userId=dies", "userId=reborn"), options);`)
	b.sees("balance", "$100.00")
	b.waits(`document.querySelectorAll("#history tr").length === 0`)
	assert.Empty(t, b.text("stale"))
	b.sees("none", "Nothing yet.")
	b.noErrors()
}

// The page warns of a key that was used before, and offers a new one.
func TestKeyUsedAgain(t *testing.T) {
	b := open(t, "/?userId=again")
	b.sees("balance", "$100.00")
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
	b.sees("advanced-says", "the answer to you is lost")
	b.click(credit)
	b.sees("did", "No answer.")
	b.sees("same-key", "The key stays until its call is answered.")
	b.click("#same-key button")
	b.waits(`document.getElementById("same-key").hidden`)
	b.noErrors()
}

// A person who comes back from the wire finds the account as it was.
func TestBackFromTheWire(t *testing.T) {
	b := open(t, "/?userId=back")
	b.sees("balance", "$100.00")
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
	b.noErrors()
}

// Where nobody looks at the account, nothing is read.
func TestOnlyTheOpenAccountIsRead(t *testing.T) {
	b := open(t, "/?userId=unseen")
	b.sees("balance", "$100.00")
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
	b.noErrors()
}

// A thousand lines are shown whole, and each with the own money after it.
func TestThousandLines(t *testing.T) {
	b := open(t, "/?userId=1")
	b.sees("balance", "$")
	for range 10 {
		all := make([]string, 100)
		for i := range all {
			all[i] = creditOf("1")
		}
		b.others("thousand", true, all...)
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
	b.noErrors()
}

// The focus goes to what a key opened, and is never lost with what is gone.
func TestFocusGoesOn(t *testing.T) {
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
	b.noErrors()
}

// A row that has the focus keeps it while the statement grows.
func TestStatementKeepsTheFocus(t *testing.T) {
	b := open(t, "/?userId=focus")
	b.sees("balance", "$100.00")
	b.others("focus", false, creditOf("5"))
	b.ownIs("$105.00")
	b.do(chromedp.Focus("#history a"))
	b.others("focus", false, debitOf("2"))
	b.waits(`document.querySelectorAll("#history tr").length === 2`)
	assert.Equal(t, "1", b.ask(`String([...document.querySelectorAll("#history a")].indexOf(document.activeElement))`))
	b.noErrors()
}
