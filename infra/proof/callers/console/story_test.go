package console

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// step plays a step, and returns the sentence about its result.
func (b browser) step(n string) string {
	b.t.Helper()
	b.click("#step-" + n + " .run")
	b.ends(n)
	return b.ask(`document.querySelector("#step-` + n + ` .sum").textContent`)
}

func (b browser) ends(n string) {
	b.t.Helper()
	b.waits(`document.getElementById("step-` + n + `").ariaBusy === "false"`)
}

// drawn returns the text of a step's drawing.
func (b browser) drawn(n string) string {
	b.t.Helper()
	return b.ask(`(() => { const drawn = document.querySelector("#step-` + n + ` .drawing");
		return (drawn.querySelector("[role=img]")?.ariaLabel ?? "") + "\n" + drawn.innerText; })()`)
}

// Each step reports its result in one sentence. The sentence is true for any values of the
// step's fields.
func TestStepSentences(t *testing.T) {
	b := open(t, "/")
	const (
		unread = `the balance could not be read.`
		plain  = `The amount must be a plain decimal such as "12.50": digits, no sign, no exponent, no spaces.`
		zero   = `The amount must be at least 0.01.`
		places = `The amount must have at most two decimal places.`
		lost   = `No answer came, so the same call was sent again. The answer settles both: not accepted, and the balance is still $100.00. `
	)
	b.later(`import("/calls.js").then(({ruling, send}) => send(ruling("block", {userId: "blocked", credits: "blocked"}))).then(() => "")`)
	unused := strconv.FormatInt(time.Now().UnixMilli(), 36) // makes the receivers' names unique to this run
	for _, c := range []struct {
		n      string
		fields string // id=value, separated by semicolons
		server string // how the server fails: see [browser.breakServer]
		want   string
		kind   string
	}{
		{"1", "", "", `No answer came, so the same call was sent again. It counted once: $100.00 became $110.00.`, "kept"},
		{"1", "faults=write-answer-lost;amount=2.50", "", `The same call was sent twice. It counted once: $100.00 became $102.50.`, "kept"},
		{"1", "faults=write-lost,answer-lost", "", `No answer came, so the same call was sent again. It counted once: $100.00 became $102.50.`, "kept"},
		{"1", "amount=0", "", lost + zero, "kept"},
		{"1", "amount=-1", "", lost + plain, "kept"},
		{"1", "amount=1,000", "", lost + plain, "kept"},
		{"1", "amount=1e3", "", lost + plain, "kept"},
		{"1", "amount=0.001", "", lost + places, "kept"},
		{"1", "amount=10000000000000", "", lost + `The amount must be at most 1000000000000.`, "kept"},
		{"1", "amount=0", "every POST", `No answer came, not even when the same call was sent again. When the balance was read it was still $100.00.`, "open"},
		{"1", "faults=;amount=ten", "second POST", `The same call was sent twice, and the second time no answer came. The answer settles both: not accepted, and the balance is still $100.00. ` + plain, "kept"},
		{"1", "faults=write-lost", "", `The same call was sent twice: not accepted, and the balance is still $100.00. ` + plain, "kept"},
		{"1", "amount=10", "second POST", `The same call was sent twice, and the second time no answer came. It counted once: $100.00 became $110.00.`, "kept"},
		{"1", "", "every POST", `No answer came, not even when the same call was sent again. When the balance was read it was still $100.00.`, "open"},
		{"1", "", "same balance", `The same call was sent twice. But the balance is still $100.00, which is not one credit of $10.00.`, "broken"},
		{"1", "", "dies", `No answer came, not even when the same call was sent again; ` + unread, "open"},
		{"1", "", "wrong balance", `The same call was sent twice. But $100.00 became $777.00, which is not one credit of $10.00.`, "broken"},
		{"1", "", "not settled", `The same call was sent twice: not settled. When the balance was read it was still $100.00.`, "open"},

		{"2", "", "", `1 posted, 19 replayed. It counted once: $100.00 became $110.00.`, "kept"},
		{"2", "callers=1;faults=", "", `1 posted. It counted once: $100.00 became $110.00.`, "kept"},
		{"2", "callers=2;amount=ten", "", `2 not accepted, and the balance is still $100.00. ` + plain, "kept"},
		{"2", "amount=10;callers=3;faults=answer-lost", "", `3 without an answer. It counted once: $100.00 became $110.00.`, "kept"},
		{"2", "amount=0", "", `3 without an answer. When the balance was read it was still $100.00.`, "open"},
		{"2", "amount=10", "every POST", `3 without an answer. When the balance was read it was still $100.00.`, "open"},
		{"2", "faults=", "unread", `1 posted, 2 replayed; ` + unread, "open"},
		{"1", "", "meddles", `The same call was sent twice. But $100.00 became $117.00, which is not one credit of $10.00. Another call changed this account meanwhile.`, "open"},
		{"1", "", "fails", `The same call was sent twice: failed. When the balance was read it was still $100.00.`, "open"},

		{"1", "faults=", "second POST unread", `The same call was sent twice, and the second time no answer came; ` + unread, "open"},

		{"2", "", "loses some", `1 posted, 1 replayed, 1 without an answer. It counted once: $100.00 became $110.00.`, "kept"},
		{"2", "", "same balance", `1 posted, 2 replayed. But the balance is still $100.00, which is not one credit of $10.00.`, "broken"},
		{"2", "", "dies", `3 without an answer; ` + unread, "open"},
		{"2", "", "fails at once", `3 not settled. When the balance was read it was still $100.00.`, "open"},

		{"3", "", "", `10 posted, 10 declined. $100.00 − 10 × $10.00 = $0.00, exactly.`, "kept"},
		{"3", "callers=3;amount=60;faults=", "", `1 posted, 2 declined. $100.00 − 1 × $60.00 = $40.00, exactly.`, "kept"},
		{"3", "callers=1;amount=0.01", "", `1 posted. $100.00 − 1 × $0.01 = $99.99, exactly.`, "kept"},
		{"3", "callers=2;amount=ten", "", `2 not accepted, and the balance is still $100.00. ` + plain, "kept"},
		{"3", "amount=0.001", "", `2 not accepted, and the balance is still $100.00. ` + places, "kept"},
		{"3", "amount=101", "", `2 declined, and the balance is still $100.00.`, "kept"},
		{"3", "amount=10;faults=answer-lost", "", `2 without an answer. $100.00 became $80.00.`, "open"},
		{"3", "", "every POST", `2 without an answer. When the balance was read it was still $100.00.`, "open"},
		{"3", "faults=", "unread", `2 posted; ` + unread, "open"},
		{"3", "", "wrong balance", `2 posted. But $100.00 − 2 × $10.00 is not $777.00.`, "broken"},
		{"3", "", "loses some", `1 posted, 1 without an answer. $100.00 became $80.00.`, "open"},
		{"3", "", "dies", `2 without an answer; ` + unread, "open"},
		{"3", "", "fails at once", `2 not settled. When the balance was read it was still $100.00.`, "open"},

		{"4", "receiver=friend-NEW;shop=kiosk-NEW", "", `In one write USER paid $10.00, friend-NEW got $9.00 and kiosk-NEW got $1.00.`, "kept"},
		{"4", "received=500", "", `Not accepted as a whole. The field "balanced" must be false or left out, or the entries must credit as much as they debit. All balances are as before.`, "kept"},
		{"4", "amount=100.01;received=99.01", "", `Declined as a whole. Entry 1, debit of $100.01, user USER, met a balance of $100.00. All balances are as before.`, "kept"},
		{"4", "", "unread", `Declined as a whole. Entry 1, debit of $100.01, user USER, met a balance of $100.00. None of the entries counted.`, "kept"},
		{"4", "amount=5;received=x;receiver=uncle-NEW", "", `Not accepted as a whole. Entry 2: the amount must be a plain decimal such as "12.50": digits, no sign, no exponent, no spaces. All balances are as before.`, "kept"},
		{"4", "received=4", "every POST", `No answer came. When the balances were read they were as before.`, "open"},
		{"4", "", "dies", `No answer came; the balances could not be read.`, "open"},
		{"4", "shop=stall-NEW", "loses answers", `No answer came, and the balances changed: USER $100.00 became $95.00, uncle-NEW $100.00 became $104.00, stall-NEW $100.00 became $101.00.`, "open"},
		{"4", "", "unread", `In one write USER paid $5.00, uncle-NEW got $4.00 and stall-NEW got $1.00.`, "kept"},
		{"4", "", "requests unread", `Together USER paid $5.00, uncle-NEW got $4.00 and stall-NEW got $1.00.`, "kept"},
		{"4", "receiver=both-NEW;shop=both-NEW", "loses answers", `No answer came, and the balances changed: USER $100.00 became $95.00, both-NEW $100.00 became $105.00.`, "open"},
		{"4", "receiver=both-NEW;shop=both-NEW", "", `In one write USER paid $5.00 and both-NEW got $4.00 and $1.00.`, "kept"},
		{"4", "", "not settled", `Not settled. Send it again.`, "open"},
		{"4", "receiver=" + strings.Repeat("a", 129), "unread", `Not accepted as a whole. Entry 2: the user must have at most 128 characters. None of the entries counted.`, "kept"},
		{"4", "receiver=blocked", "", `Blocked as a whole. This account is blocked for such entries. When the block is lifted, a new attempt takes a new key; a capture does not. All balances are as before.`, "kept"},
		{"4", "", "status 502", `Rejected with status 502. The answer gives no reason.`, "open"},

		{"5", "seconds=1", "", `$40.00 was held and came back by itself. The debit was posted: $0.00 can be spent.`, "kept"},
		{"5", "debit=60;amount=101", "", `The hold was declined, as the balance was $100.00. The debit was posted: $40.00 can be spent.`, "kept"},
		{"5", "amount=ten", "", `The hold was not accepted. ` + plain + ` The debit was posted: $40.00 can be spent.`, "kept"},
		{"5", "amount=0", "", `The hold was not accepted. ` + zero + ` The debit was posted: $40.00 can be spent.`, "kept"},
		{"5", "debit=-1", "", `The hold was not accepted. ` + zero + ` The debit was not accepted. ` + plain + ` $100.00 can be spent.`, "kept"},
		{"5", "debit=0.001;amount=40", "", `$40.00 was held and came back by itself. The debit was not accepted. ` + places + ` $100.00 can be spent.`, "kept"},
		{"5", "debit=101", "", `$40.00 was held and came back by itself. The debit was declined: $100.00 can be spent.`, "kept"},
		{"5", "debit=60", "second POST", `$40.00 was held and came back by itself. The debit got no answer: $100.00 can be spent.`, "open"},
		{"5", "", "every POST", `The hold got no answer. The debit got no answer: $100.00 can be spent.`, "open"},
		{"5", "", "unread", `$40.00 was held, and after its time the balance could not be read. The debit was posted; ` + unread, "open"},
		{"5", "", "dies after a call", `$40.00 was held, and after its time ` + unread + ` The debit got no answer; ` + unread, "open"},
		{"5", "", "not settled", `The hold was not settled (status 503). The debit was not settled (status 503): $100.00 can be spent.`, "open"},
		{"5", "", "second POST not settled", `$40.00 was held and came back by itself. The debit was not settled (status 503): $100.00 can be spent.`, "open"},
		{"5", "", "loses the first answer", `The hold got no answer. The debit was posted: $0.00 can be spent, $40.00 is held.`, "open"},
		{"5", "", "wrong balance", `$40.00 was held, and after its time $777.00 can be spent. The debit was posted: $777.00 can be spent.`, "broken"},
	} {
		c.fields, c.want = strings.ReplaceAll(c.fields, "NEW", unused), strings.ReplaceAll(c.want, "NEW", unused)
		for field := range strings.SplitSeq(c.fields, ";") {
			if id, value, ok := strings.Cut(field, "="); ok {
				b.vary("step-"+c.n+"-"+id, value)
			}
		}
		b.breakServer(c.server)
		sum := b.step(c.n)
		b.run(`window.mend?.()`)
		user := b.ask(`document.querySelector("#step-4 .holder b")?.innerText ?? ""`)
		assert.Equal(t, strings.ReplaceAll(c.want, "USER", user), sum, "%+v", c)
		assert.Equal(t, c.kind, b.ask(`document.getElementById("step-`+c.n+`").dataset.came`), "%+v", c)
		assert.Equal(t, sum, b.ask(`document.querySelector("#steps li:nth-child(`+c.n+`) .result").textContent`))
	}
}

// vary sets a field to a value, even to one that is not in the field's menu.
func (b browser) vary(id, value string) {
	b.t.Helper()
	b.run(fmt.Sprintf(`const field = document.getElementById(%q);
		if (field.options && ![...field.options].some((one) => one.value === %[2]q)) field.append(new Option(%[2]q));
		field.value = %[2]q;
		field.dispatchEvent(new Event("input", {bubbles: true}));`, id, value))
}

// breakServer makes the page's calls fail as described by how, until mend() is called in
// the page.
func (b browser) breakServer(how string) {
	b.t.Helper()
	if how == "" {
		return
	}
	b.run(fmt.Sprintf(`const [real, how] = [window.fetch, %q];
		let [posts, answers] = [0, 0];
		window.mend = () => { window.fetch = real; };
		const gone = () => Promise.reject(new TypeError("Failed to fetch"));
		window.fetch = async (path, options = {}) => {
			const post = options.method === "POST";
			posts += post;
			if (post && how === "second POST unread" && posts === 2 || how === "second POST unread" && posts === 2 && path.startsWith("/balance")) return gone();
			if (post && (how === "every POST" || how === "dies" || how === "second POST" && posts === 2)) return gone();
			if (how === "dies" && posts || how === "dies after a call" && answers) return gone();
			if (how === "fails at once" && post) return new Response(JSON.stringify(JSON.parse(options.body).map(() =>
				({status: 503, reason: "", headers: {}, text: JSON.stringify({type: "/problems/try-again", detail: "Send it again."})}))));
			if (how === "meddles" && post && posts === 1) {
				const {userId} = JSON.parse(options.body);
				await real(path, {...options, headers: {"Idempotent-Key": "another"}, body: JSON.stringify({userId, type: "credit", ammount: "7"})});
			}
			if (post && how.startsWith("status ")) return new Response("{}", {status: Number(how.slice(7))});
			if (how === "loses some" && post) {
				const all = await (await real(path, options)).json();
				all[Math.max(0, all.findLastIndex(({headers}) => headers["Idempotent-Replayed"]))] = null;
				return new Response(JSON.stringify(all));
			}
			if (how === "loses the first answer" && post && posts === 1) return real(path, options).then(gone);
			if (post && how === "fails") return new Response(JSON.stringify({type: "/problems/internal"}), {status: 500});
			if (post && (how === "not settled" || how === "second POST not settled" && posts === 2)) return new Response(JSON.stringify({type: "/problems/try-again", detail: "Send it again."}), {status: 503});
			if (how === "unread" && path.startsWith("/balance")) return gone();
			if (how === "requests unread" && path.startsWith("/local/requests")) return gone();
			if (how === "loses answers" && post) return real(path, options).then(gone);
			if (how.endsWith(" balance") && path.startsWith("/balance") && posts) return new Response(JSON.stringify({data: {balance: how === "same balance" ? "100" : "777"}}));
			const answer = await real(path, options);
			answers += post;
			return answer;
		};`, how))
}

// If another call moves money in a step's account, the step proves nothing, and its
// sentence reports that.
func TestStepsDisturbedByOthers(t *testing.T) {
	b := open(t, "/")
	b.vary("step-5-seconds", "2")
	const another = " Another call changed this account meanwhile."
	for _, c := range []struct{ call, want, kind string }{
		{`ending(hold, "void")`, "$40.00 was held, and after its time $100.00 can be spent. The debit was posted: $0.00 can be spent." + another, "open"},
		{`ending(hold, "capture", "10")`, "$40.00 was held, and after its time $90.00 can be spent. The debit was declined: $90.00 can be spent." + another, "open"},
		{`posting("other", {userId, type: "debit", ammount: "10"})`, "$40.00 was held, and after its time $90.00 can be spent. The debit was declined: $90.00 can be spent." + another, "open"},
		{`posting("other", {userId, type: "debit", ammount: "10", expiresIn: 600})`, "$40.00 was held, and after its time $90.00 can be spent, $10.00 is held. The debit was declined: $90.00 can be spent, $10.00 is held." + another, "open"},
		{`ruling("other", {userId, debits: "blocked"})`, "$40.00 was held and came back by itself. The debit was blocked: $100.00 can be spent.", "kept"},
		{`ruling("other", {userId, creditLimit: "50"})`, "$40.00 was held, and after its time $150.00 can be spent. The debit was posted: $50.00 can be spent." + another, "open"},
	} {
		b.click("#step-5 .run")
		b.waits(`document.querySelector("#step-5 .drawing").innerText.includes("Expires in")`)
		assert.Equal(t, "true", b.later(`import("/calls.js").then(async ({ending, historyOf, posting, ruling, send}) => {
			const userId = document.querySelector("#log .post .note").textContent.match(/try-[0-9a-f]+$/)[0];
			const hold = (await send(historyOf(userId, 1))).body.data[0].id;
			return String((await send(`+c.call+`)).status < 300); })`))
		b.ends("5")
		assert.Equal(t, c.want, b.ask(`document.querySelector("#step-5 .sum").textContent`))
		assert.Equal(t, c.kind, b.ask(`document.getElementById("step-5").dataset.came`))
	}
}

// A step's drawing shows the calls, requests and balances recorded while the step ran.
func TestStepsDraw(t *testing.T) {
	b := open(t, "/")
	assert.Contains(t, b.drawn("1"), "Nothing was sent yet.")
	b.step("1")
	assert.Equal(t, strings.Join([]string{
		"Caller to Ledger: add $10.00, with a key",
		"Ledger to DynamoDB: write, if the key is new",
		"DynamoDB to Ledger: no answer arrives (lost)",
		"Ledger to DynamoDB: the same write",
		"DynamoDB to Ledger: written, and only once",
		"Ledger to Caller: no answer arrives (lost)",
		"Caller to Ledger: the same call, the same key",
		"Ledger to DynamoDB: write, if the key is new",
		"DynamoDB to Ledger: the key is there already",
		"Ledger to Caller: replayed: the first answer again",
	}, "; "), strings.Split(b.drawn("1"), "\n")[0])
	b.vary("step-1-faults", "write-lost,answer-lost")
	b.step("1")
	assert.Contains(t, b.drawn("1"), "Ledger to DynamoDB: write, if the key is new (lost); Ledger to DynamoDB: the same write; DynamoDB to Ledger: written; Ledger to Caller")
	b.breakServer("every POST")
	b.step("1")
	b.run(`window.mend()`)
	assert.Equal(t, "Caller to Ledger: add $10.00, with a key (it may not have arrived); Caller to Ledger: the same call, the same key (it may not have arrived)", strings.Split(b.drawn("1"), "\n")[0])

	b.vary("step-1-amount", "0")
	b.step("1")
	assert.Equal(t, "Caller to Ledger: add $0.00, with a key; Ledger to Caller: no answer arrives (lost); Caller to Ledger: the same call, the same key; Ledger to Caller: not accepted", strings.Split(b.drawn("1"), "\n")[0])

	b.step("2")
	assert.Regexp(t, `^20 callers on a time axis of \d+ ms: 1 posted, 19 replayed, \d+ conflicts? on the way\n`, b.drawn("2"))
	conflicts := b.ask(`document.querySelector("#step-2 .legend .conflict").innerText.match(/\d+/)[0]`)
	assert.Equal(t, "1 19 "+conflicts, b.count("#step-2 .lanes .dot.posted")+" "+b.count("#step-2 .lanes .dot.replayed")+" "+b.count("#step-2 .lanes .dot.conflict"))
	b.vary("step-3-callers", "50")
	b.vary("step-3-faults", "")
	b.step("3")
	assert.Equal(t, b.ask(`[...document.querySelectorAll("#step-3 .legend li")].map((one) => one.className + parseInt(one.innerText)).sort().join()`),
		b.ask(`[...document.querySelectorAll("#step-3 .legend li")].map(({className}) => className + document.querySelectorAll("#step-3 .lanes .dot." + className).length).sort().join()`))
	assert.Equal(t, "50", b.count("#step-3 .lanes > g"))

	b.vary("step-4-shop", "till-"+strconv.FormatInt(time.Now().UnixMilli(), 36))
	b.step("4")
	assert.Regexp(t, `^\nPays \$10.00\npayer-[0-9a-f]{8}\n\$100.00 →\n\$90.00\nGets \$9.00\nfriend\n.* →\n.*\nFee \$1.00\ntill-\w+\n\$100.00 →\n\$101.00\n\$9.00\n\$1.00\n\nPosted: one write of 6 items$`, b.drawn("4"))
	b.vary("step-4-receiver", b.ask(`document.getElementById("step-4-shop").value`))
	b.step("4")
	assert.Regexp(t, `^\nPays \$10.00\npayer-[0-9a-f]{8}\n\$100.00 →\n\$90.00\nGets \$9.00, Fee \$1.00\ntill-\w+\n\$101.00 →\n\$111.00\n\$9.00\n\$1.00\n\nPosted: one write of \d items$`, b.drawn("4"))

	b.vary("step-4-amount", "500")
	b.step("4")
	assert.Regexp(t, `^\nPays \$500.00\npayer-[0-9a-f]{8}\n\$100.00\nGets \$9.00, Fee \$1.00\ntill-\w+\n\$111.00\n\$9.00\n\$1.00\n\nNot accepted$`, b.drawn("4"))

	b.vary("step-5-seconds", "1")
	b.click("#step-5 .run")
	b.waits(`document.querySelector("#step-5 .drawing").innerText.includes("Expires in")`)
	assert.Regexp(t, `Hold of \$40.00: pending\n\$60.00 can be spent, \$40.00 is held. Expires`, b.drawn("5"))
	b.ends("5")
	assert.Equal(t, "\nAt first\n$100.00 can be spent\nHold of $40.00: pending\n$60.00 can be spent, $40.00 is held\nAfter its time\n$100.00 can be spent\nDebit of $100.00: posted\n$0.00 can be spent", b.drawn("5"))
	assert.Equal(t, "100% 60% 40% 100% 0%", b.ask(`(() => {
		const width = (part) => part.getBoundingClientRect().width;
		const place = width(document.querySelector("#step-5 .bars"));
		return [...document.querySelectorAll("#step-5 .bar > *")].map((part) => Math.round(100 * width(part) / place) + "%").join(" ");
	})()`))
	assert.Equal(t, "60% 40%", b.ask(`[...document.querySelectorAll("#step-5 .bar-row:nth-child(2) .bar > *")].map(({style}) => style.width).join(" ")`))
}

// speedUp makes the page's timers run ten times as fast.
func (b browser) speedUp() {
	b.t.Helper()
	b.run(`const real = window.setTimeout; window.setTimeout = (then, time, ...more) => real(then, time / 10, ...more);`)
}

// By keyboard alone, a person can play all steps of the story in order, and stop the story.
func TestStory(t *testing.T) {
	b := open(t, "/")
	b.prefer("light", "no-preference")
	b.speedUp()
	b.vary("step-5-seconds", "1")
	b.do(chromedp.Focus("#play"), chromedp.KeyEvent(kb.Enter))
	assert.Equal(t, "Stop", b.text("play"))
	for n := 1; n <= 5; n++ {
		b.waits(fmt.Sprintf(`document.querySelector("[aria-current=step]").getAttribute("aria-controls") === "step-%d"`, n))
		b.waits(fmt.Sprintf(`document.querySelectorAll("#steps .kept").length === %d`, n))
	}
	b.sees("play", "Play it again")
	assert.Equal(t, "play", b.focused(), "the focus stays")

	b.vary("step-5-seconds", "30")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.waits(`document.querySelector("#step-5 .drawing").innerText.includes("Expires in")`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.ends("5")
	assert.Equal(t, "$40.00 was still held when you stopped: $60.00 can be spent, $40.00 is held.", b.ask(`document.querySelector("#step-5 .sum").textContent`))
	assert.Contains(t, b.drawn("5"), "Stopped\n$60.00 can be spent, $40.00 is held")

	b.do(chromedp.KeyEvent(kb.Enter))
	b.waits(`document.querySelector("#step-5 .drawing").innerText.includes("Expires in")`)
	b.breakServer("unread")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.ends("5")
	b.run(`window.mend()`)
	assert.Equal(t, "$40.00 was held when you stopped; the balance could not be read.", b.ask(`document.querySelector("#step-5 .sum").textContent`))

	b.do(chromedp.KeyEvent(kb.Enter))
	b.waits(`document.getElementById("step-1").ariaBusy === "true"`)
	b.do(chromedp.KeyEvent(kb.Enter))
	b.ends("1")
	b.sees("play", "Play it again")
	time.Sleep(time.Second) // longer than the story stays at a step
	assert.Equal(t, "step-1", b.ask(`document.querySelector("[aria-current=step]").getAttribute("aria-controls")`))
	b.click("#steps li:nth-child(3)")
	assert.Equal(t, "step-3", b.ask(`document.querySelector(".step:not([hidden])").id`))
}

// On small screens, the sentence of each step is visible while the story plays.
func TestStoryShowsSentences(t *testing.T) {
	for _, size := range [][2]int64{{320, 640}, {720, 450}, {768, 1000}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			b := open(t, "/")
			b.prefer("light", "no-preference")
			b.do(chromedp.EmulateViewport(size[0], size[1]))
			b.speedUp()
			b.vary("step-5-seconds", "1")
			b.click("#play")
			for n := 1; n <= 5; n++ {
				b.waits(fmt.Sprintf(`document.querySelectorAll("#steps .kept").length === %d`, n))
				assert.Equal(t, "true", b.ask(fmt.Sprintf(`(() => {
					const sum = document.querySelector("#step-%d .sum");
					const {top, bottom, left, width} = sum.getBoundingClientRect();
					return String([top + 1, bottom - 1].every((y) => document.elementFromPoint(left + width / 2, y) === sum));
				})()`, n)), "step %d", n)
			}
		})
	}
}

// A step is drawn in slow motion, unless the person prefers reduced motion. The final
// drawing is the same.
func TestSlowMotion(t *testing.T) {
	b := open(t, "/")
	b.prefer("light", "no-preference")
	b.click("#step-1 .run")
	b.waits(`document.querySelector("#step-1 .playing") !== null`)
	assert.NotEqual(t, "0", b.ask(`String(document.getAnimations().length)`))
	b.ends("1")
	assert.Equal(t, "0", b.ask(`String(document.getAnimations().length)`))
	arrows := b.drawn("1")
	b.prefer("light", "reduce")
	b.click("#step-1 .run")
	b.waits(`document.getElementById("step-1").ariaBusy === "true" || document.querySelector("#step-1 .sum").textContent`)
	assert.Equal(t, "0", b.ask(`String(document.getAnimations().length)`))
	b.ends("1")
	assert.Equal(t, arrows, b.drawn("1"))
}

// Steps that run at once have different users. A running step is not started again.
func TestStepsOverlap(t *testing.T) {
	b := open(t, "/")
	b.vary("step-5-seconds", "1")
	b.run(`for (const n of [5, 2, 3, 1, 2, 5]) document.querySelector("#step-" + n + " .run").click();`)
	for n, want := range map[string]string{
		"1": "It counted once: $100.00 became $110.00.", "2": "1 posted, 19 replayed. It counted once: $100.00 became $110.00.",
		"3": "$100.00 − 10 × $10.00 = $0.00, exactly.", "5": "$40.00 was held and came back by itself. The debit was posted: $0.00 can be spent.",
	} {
		b.ends(n)
		assert.Contains(t, b.ask(`document.querySelector("#step-`+n+` .sum").textContent`), want, n)
	}
}

// After a reload no step looks as if it had been played, and the story can be played.
func TestReloadDuringTheStory(t *testing.T) {
	b := open(t, "/")
	b.prefer("light", "no-preference")
	b.click("#play")
	b.waits(`document.querySelector("#step-1").ariaBusy === "true"`)
	b.do(chromedp.Reload())
	b.sees("play", "Play the story")
	assert.Equal(t, "0 ", b.count("#steps li[class]:not([class=''])")+" "+b.ask(`[...document.querySelectorAll(".sum, .result")].map((one) => one.textContent).join("")`))
	assert.Contains(t, b.step("1"), "It counted once")
}

// Each step's links open its own requests and its own account, even if other steps have run
// since.
func TestStoryLinks(t *testing.T) {
	b := open(t, "/")
	b.step("4")
	payer := b.ask(`document.querySelector("#step-4 .holder b").innerText`)
	b.step("1")
	b.click("#step-4 .requests")
	b.sees("request", payer)
	b.sees("lane-sum", "1 request")
	assert.Equal(t, "wire-tab /#wire", b.focused()+" "+b.ask(`location.pathname + location.hash`))
	b.click("#step-4 .user")
	b.sees("owner", payer)
	b.sees("balance", "$90.00")
	assert.Equal(t, "account-tab /?userId="+payer, b.focused()+" "+b.ask(`location.pathname + location.search`))
	b.click("#story-tab")
	assert.Contains(t, b.ask(`document.querySelector("#step-4 .sum").textContent`), payer, "the page was not loaded anew")
}

// An invalid field stops the story at the step with that field, and gets the focus.
func TestStoryStopsAtInvalidFields(t *testing.T) {
	b := open(t, "/")
	b.vary("step-2-callers", "101")
	b.click("#play")
	b.waits(`document.activeElement.id === "step-2-callers"`)
	b.sees("play", "Play it again")
	b.click("#step-2 .run")
	assert.Equal(t, "true false", b.ask(`document.querySelector("#step-2 details").open + " " + (document.getElementById("step-2").ariaBusy ?? "false")`))
}

func TestTitlesOfSteps(t *testing.T) {
	b := open(t, "/")
	titles := func() string {
		return b.ask(`[...document.querySelectorAll(".pick")].map((pick) => pick.textContent).join("; ")`)
	}
	const opened = "An answer is lost; 20 callers, one key; 20 debits of $10.00 on $100.00; A payment with a fee; A hold of $40.00 for 3 s"
	assert.Equal(t, opened, titles())
	for id, value := range map[string]string{"step-2-callers": "1", "step-3-callers": "3", "step-3-amount": "60", "step-5-amount": "\u202eten", "step-5-seconds": "7"} {
		b.vary(id, value)
	}
	assert.Equal(t, `An answer is lost; 1 caller, one key; 3 debits of $60.00 on $100.00; A payment with a fee; A hold of \u202eten for 7 s`, titles())
	for _, id := range []string{"step-2-callers", "step-3-callers", "step-3-amount", "step-5-amount", "step-5-seconds"} {
		b.vary(id, "")
	}
	assert.Equal(t, opened, titles())
	assert.Equal(t, titles(), b.ask(`[...document.querySelectorAll(".step-title")].map((title) => title.textContent).join("; ")`))
}

// isDrawn waits until a step's drawing is as wide as the space for it.
func (b browser) isDrawn(n string) {
	b.t.Helper()
	b.waits(fmt.Sprintf(`document.querySelector("#step-%[1]s .drawing").clientWidth === Math.round(document.querySelector("#step-%[1]s .drawing > *").getBoundingClientRect().width)`, n))
}

// fits checks that a view fits the width of the page, and that each text stays within its
// drawing or box.
func (b browser) fits(view string, width int64) {
	b.t.Helper()
	assert.Equal(b.t, fmt.Sprint(width), b.ask(`String(document.documentElement.scrollWidth)`), view)
	cutOff := b.ask(`(() => {
	const found = [];
	for (const text of document.querySelectorAll(".step:not([hidden]) svg[role=img] text")) {
		const [box, whole] = [text.getBoundingClientRect(), text.closest("svg").getBoundingClientRect()];
		if (box.left < whole.left - 1 || box.right > whole.right + 1 || box.bottom > whole.bottom + 1) found.push(text.textContent);
	}
	for (const box of document.querySelectorAll("#` + view + ` *")) {
		if (!box.checkVisibility() || box.closest("svg, .unseen, thead, select")) continue;
		const {display, overflowX} = getComputedStyle(box);
		const isBox = overflowX === "visible" ? display !== "inline" && box.clientWidth : box.tagName !== "INPUT";
		if (isBox && box.scrollWidth > box.clientWidth + 1 || box.getBoundingClientRect().right > innerWidth) found.push(box.outerHTML.slice(0, 80));
	}
	return found.join();
})()`)
	assert.Empty(b.t, cutOff, "%s at %d", view, width)
}

// axe-core finds no problem in the story before, during or after a step.
func TestStoryIsAccessible(t *testing.T) {
	b := open(t, "/")
	b.loadAxe()
	b.checkAxe("as opened")
	b.vary("step-5-seconds", "30")
	for _, n := range []string{"1", "3", "4", "2"} {
		b.step(n)
		b.run(`document.querySelector("#step-` + n + ` details").open = true`)
		b.checkAxe("after step " + n)
	}
	b.click("#step-5 .run")
	b.waits(`document.querySelector("#step-5 .drawing").innerText.includes("Expires in")`)
	b.checkAxe("while money is held")
	b.do(chromedp.EmulateViewport(320, 700))
	b.checkAxe("narrow")
}

// The arrow keys switch the tabs, and the address changes with them.
func TestTabs(t *testing.T) {
	b := open(t, "/")
	where := func() string {
		return b.ask(`document.querySelector("[role=tab][aria-selected=true]").innerText + " " + [...document.querySelectorAll("[role=tabpanel]")].filter((panel) => panel.checkVisibility()).map((panel) => panel.id) + " " + location.pathname + location.search + location.hash`)
	}
	b.do(chromedp.Focus("#story-tab"))
	for _, c := range []struct{ key, want string }{
		{kb.ArrowRight, "Account account /?userId=1"},
		{kb.ArrowRight, "Wire wire /?userId=1#wire"},
		{kb.ArrowRight, "Story story /"},
		{kb.ArrowLeft, "Wire wire /#wire"},
		{kb.Home, "Story story /"},
		{kb.End, "Wire wire /#wire"},
	} {
		b.do(chromedp.KeyEvent(c.key))
		assert.Equal(t, c.want, where())
		assert.Equal(t, "1", b.count("[role=tab][tabindex='0']:focus"))
	}
	b.run(`history.back();`)
	b.waits(`document.querySelector("#story").checkVisibility()`)
	b.run(`history.forward();`)
	b.waits(`document.querySelector("#wire").checkVisibility()`)
	b.do(chromedp.Reload())
	b.waits(`document.querySelector("#wire").checkVisibility()`)
	assert.Equal(t, "Wire wire /#wire", where())
	b.click("#account-tab")
	b.sees("owner", "1")
}

func (b browser) loadAxe() {
	b.t.Helper()
	axe, err := os.ReadFile(os.Getenv("AXE"))
	require.NoError(b.t, err, "AXE must be the path of axe-core's axe.min.js: .ci/callers gets it")
	b.do(chromedp.Evaluate[chromedp.Void](string(axe)))
}

// checkAxe checks that axe-core finds no problem in the light and dark colour schemes. In
// the dark one it checks only contrast, because only the colours differ.
func (b browser) checkAxe(state string) {
	b.t.Helper()
	for scheme, rules := range map[string]string{"light": "{}", "dark": `{runOnly: ["color-contrast"]}`} {
		b.prefer(scheme, b.motion)
		b.settles(scheme)
		violations, err := chromedp.Run(b, chromedp.Evaluate[[]any](
			`axe.run(`+rules+`).then((found) => found.violations.flatMap((v) => v.nodes.map((n) => [v.help, n.html, n.failureSummary])))`,
			chromedp.EvalAwaitPromise))
		require.NoError(b.t, err)
		assert.Empty(b.t, violations, "%s, %s", state, scheme)
	}
}
