package console

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// step runs a step, and returns the course that it shows.
func (b browser) step(n string) string {
	b.t.Helper()
	b.click("#step-" + n + " .run")
	b.waits(`document.querySelector("#step-` + n + ` .run").innerText === "Run again"`)
	return b.ask(`document.querySelector("#step-` + n + ` .course").innerText`)
}

// Each step is one click, and the lane shows DynamoDB's requests.
func TestSteps(t *testing.T) {
	b := open(t, "/?userId=steps")
	b.sees("balance", "$100.00")
	assert.Equal(t, "1 posted\n19 replayed\nBalance: $100.00 → $110.00. It counted once.", b.step("2"))
	assert.Regexp(t, `^\d+ requests, \d+ conflicts?`, b.text("lane-sum"))
	assert.Contains(t, b.text("lane"), "✕ TransactionConflict")
	assert.Contains(t, b.text("lane"), "if attribute_not_exists(id)")

	assert.Equal(t, "10 posted\n10 declined\nBalance: $100.00 → $0.00", b.step("3"))
	b.sees("balance", "$0.00")
	assert.Contains(t, b.text("lane"), "if (balance >= 10 OR attribute_not_exists(user_id)) AND attribute_not_exists(debits_blocked)")
	assert.Contains(t, b.text("lane"), "nothing written: the balance would leave its range")

	b.checkPayment()
	b.checkHold()

	assert.Equal(t, "Sent: No answer\nSent again: Replayed\nBalance: $100.00 → $110.00. It counted once.", b.step("1"))
	b.sees("outcome", "Replayed. This is the first answer again")
	assert.Contains(t, b.text("lane-sum"), "1 answer lost")
	for _, line := range []string{"written, and the answer lost", "written, once: DynamoDB knows its token", "nothing written: the id is there, and its row came back"} {
		assert.Contains(t, b.text("lane"), line)
	}
	b.screenshots()
	b.noErrors()
}

// checkPayment runs the step of several entries: they are one write, or none.
func (b browser) checkPayment() {
	b.t.Helper()
	said := b.step("4")
	b.sees("outcome", "Posted. Debit of $10.00, user try-")
	user := b.text("owner")
	assert.Equal(b.t, "Sent: Posted\nOne write of 6 items\n"+user+": $100.00 → $90.00\nfriend: $100.00 → $109.00\nshop: $100.00 → $101.00", said)
	assert.Equal(b.t, "1 request", b.text("lane-sum"))
	for _, row := range []string{"debit of 10, user " + user + ", posted, first of 3 entries", "credit of 9, user friend, posted", "credit of 1, user shop, posted"} {
		assert.Contains(b.t, b.text("lane"), row)
	}
	assert.Contains(b.t, b.text("transaction"), "Credit of $9.00, user friend")
}

// checkHold runs the step of a hold that lets go by itself, and the debit that
// releases it in its own write.
func (b browser) checkHold() {
	b.t.Helper()
	b.click("#step-5 .run")
	b.waits(`document.querySelector("#step-5 .course").innerText.includes("Expires in")`)
	b.sees("answer", `{"data":{"balance":"60","held":"40"}}`)
	b.sees("balance", "$60.00")
	b.sees("held", "$40.00 held")
	b.waits(`document.querySelector("#step-5 .run").innerText === "Run again"`)
	assert.Equal(b.t, "Hold: Pending\nBalance: $100.00 → $60.00, and $40.00 held\nIt has expired.\nBalance: $100.00\nDebit of 100: Posted\nBalance: $0.00",
		b.ask(`document.querySelector("#step-5 .course").innerText`))
	assert.Contains(b.t, b.text("lane"), "nothing written: the balance would leave its range")
	assert.Contains(b.t, b.text("lane"), "written, and what had expired was released with it")
	assert.Regexp(b.t, `if balance >= 60 AND attribute_not_exists\(debits_blocked\) AND attribute_exists\(hold:[\w-]{22}\)`, b.text("lane"))
	assert.Empty(b.t, b.text("held"))
	for _, line := range []string{"Expiry", "Expired", "+$40.00"} {
		assert.Contains(b.t, b.text("history"), line)
	}
}

// The fields of a step vary it.
func TestStepsVaried(t *testing.T) {
	b := open(t, "/?userId=varied")
	b.sees("balance", "$100.00")
	b.choose("step-1-faults", "write-answer-lost")
	b.enter("step-1-amount", "2.50")
	assert.Equal(t, "Sent: Posted\nSent again: Replayed\nBalance: $100.00 → $102.50. It counted once.", b.step("1"))
	b.choose("step-1-faults", "write-lost,answer-lost")
	assert.Equal(t, "Sent: No answer\nSent again: Replayed\nBalance: $100.00 → $102.50. It counted once.", b.step("1"))
	assert.Contains(t, b.text("lane"), "lost on its way; nothing written")

	b.enter("step-3-callers", "3")
	b.enter("step-3-amount", "60")
	b.choose("step-3-faults", "")
	assert.Equal(t, "1 posted\n2 declined\nBalance: $100.00 → $40.00", b.step("3"))

	b.enter("step-4-amount", "100.01")
	assert.Regexp(t, `^Sent: Declined\n(.*): \$100.00 → \$100.00\nfriend`, b.step("4"))
	assert.Regexp(t, `^Declined. Your balance can't be negative. Entry 1, debit of \$100.01, user try-.*, met a balance of \$100.00; nothing moved.$`, b.text("outcome"))
	b.waits(`document.querySelector("#history tr.declined")?.innerText.includes("3 entries")`)
	b.enter("step-4-amount", "5")
	b.enter("step-4-received", "x")
	b.enter("step-4-receiver", "uncle")
	assert.Regexp(t, `\nuncle: \$100.00 → \$100.00\n`, b.step("4"))
	b.sees("outcome", "Not accepted. Entry 2: the amount must be a plain decimal")

	b.enter("step-5-seconds", "1")
	b.enter("step-5-amount", "100.01")
	assert.Equal(t, "Hold: Declined\nBalance: $100.00 → $100.00\nDebit of 100: Posted\nBalance: $0.00", b.step("5"))

	b.enter("step-2-amount", "ten")
	b.enter("step-2-callers", "2")
	assert.Equal(t, "2 not accepted\nBalance: $100.00 → $100.00", b.step("2"))
	b.noErrors()
}

// A hold of the form ends by a capture, a void or its expiry.
func TestHolds(t *testing.T) {
	b := open(t, "/?userId=holds")
	b.sees("balance", "$100.00")
	b.enter("seconds", "soon")
	b.click(debit)
	b.sees("outcome", "Not accepted. The time of the hold must be")
	assert.Equal(t, "seconds", b.focused())

	hold := func(amount, seconds string) {
		b.enter("amount", amount)
		b.enter("seconds", seconds)
		b.click(debit)
		b.sees("outcome", "Pending. Debit of $"+amount+".00, user holds: held until")
	}
	hold("40", "600")
	b.sees("balance", "$60.00")
	b.sees("held", "$40.00 held")
	assert.Regexp(t, `^Expires in \d+ min.$`, b.text("left"))
	assert.Equal(t, "40", b.ask(`document.getElementById("captured").value`))
	b.enter("captured", "41")
	b.click("#capture")
	b.sees("outcome", "Not accepted. The amount must be at most what was held: 40.")
	b.run(`document.querySelector("#history a").click();`) // in one go: the statement is read anew meanwhile
	b.sees("outcome", "Read. Debit of $40.00, user holds: pending, held until")
	b.enter("captured", "25")
	b.click("#capture")
	b.sees("outcome", "Captured. $25.00 of the debit of $40.00, user holds.")
	b.sees("balance", "$75.00")
	assert.Empty(t, b.text("held"))
	b.sees("history", "Capture")
	assert.Contains(t, b.text("transaction"), "posted, $25.00 captured")
	assert.Equal(t, "none", b.ask(`getComputedStyle(document.getElementById("end")).display`))
	b.click("#again")
	b.sees("outcome", "Replayed. This is the first answer again: debit of $40.00, user holds: posted, $25.00 captured.")
	b.run(`document.querySelector("#history a").click();`) // in one go: the statement is read anew meanwhile
	b.sees("outcome", "Read. Debit of $40.00, user holds: posted, $25.00 captured; made")

	hold("10", "600")
	b.click("#void")
	b.sees("outcome", "Voided. Debit of $10.00, user holds. The held money is back.")
	b.sees("history", "Void")
	b.sees("balance", "$75.00")

	hold("20", "1")
	b.sees("held", "$20.00 held")
	b.waits(`document.getElementById("left").innerText === "It has expired."`)
	b.waits(`document.getElementById("balance").innerText === "$75.00" && document.getElementById("held").innerText === ""`)
	b.click("#void")
	b.sees("outcome", "It has ended. It had expired. A hold ends once, for ever; nothing moved.")

	b.enter("seconds", "600")
	b.enter("amount", "1")
	for i := range 17 {
		b.run(fmt.Sprintf(`document.getElementById("key").value = "many-%d";`, i))
		b.click(debit)
		b.waits(fmt.Sprintf(`document.getElementById("request").innerText.includes("many-%d") && /^(Pending|Too many holds)\./.test(document.getElementById("outcome").innerText)`, i))
	}
	b.sees("outcome", "Too many holds. A user may have 16 open holds.")

	b.run(`document.getElementById("seconds").value = ""`)
	b.click(credit)
	b.sees("outcome", "Posted.")
	id := b.ask(`JSON.parse(document.getElementById("answer").innerText.match(/{.*}/)[0]).data.id`)
	b.run(fmt.Sprintf(`document.getElementById("end").dataset.id = %q; document.getElementById("void").click();`, id))
	b.sees("outcome", "Nothing to end. This transaction never was pending")
	b.noErrors()
}

// A fault of the form is for one call, and the lane shows its effect.
func TestFaultOfTheForm(t *testing.T) {
	b := open(t, "/?userId=faulty")
	b.sees("balance", "$100.00")
	for _, c := range []struct{ fault, outcome, lane string }{
		{"conflict", "Posted.", "conflict: another write has the item; nothing written"},
		{"write-lost", "Posted.", "lost on its way; nothing written"},
		{"write-answer-lost", "Posted.", "written, and the answer lost"},
		{"answer-lost", "No answer. It may have counted or not.", "written"},
	} {
		b.choose("fault", c.fault)
		b.click(credit)
		b.sees("outcome", c.outcome)
		b.sees("lane", c.lane)
	}
	b.choose("fault", "")
	b.click(credit) // the key is still that of the call whose answer was lost
	b.sees("outcome", "Replayed.")
	b.sees("balance", "$140.00")
	b.noErrors()
}

// axe-core finds no missing name, role or contrast and no wrong order.
func TestPagesAreAccessible(t *testing.T) {
	axe, err := os.ReadFile(os.Getenv("AXE"))
	require.NoError(t, err, "AXE must be the path of axe-core's axe.min.js: .ci/callers gets it")
	b := open(t, "/?userId=axe")
	b.atTen()
	b.do(chromedp.Evaluate[chromedp.Void](string(axe)))
	check := func(state string) {
		for _, scheme := range []string{"light", "dark"} {
			b.prefer(scheme)
			violations, err := chromedp.Run(b, chromedp.Evaluate[[]any](
				`axe.run().then((found) => found.violations.flatMap((v) => v.nodes.map((n) => [v.help, n.html, n.failureSummary])))`,
				chromedp.EvalAwaitPromise))
			require.NoError(t, err)
			assert.Empty(t, violations, "%s, %s", state, scheme)
		}
	}
	b.sees("balance", "$100.00")
	check("as opened")
	b.enter("amount", "1000")
	b.click(debit)
	b.sees("outcome", "Declined")
	b.sees("history", "Declined")
	check("declined")
	b.enter("amount", "ten")
	b.click(debit)
	b.sees("outcome", "Not accepted")
	check("refused")
	b.step("3")
	check("after a crowd")
	b.step("4")
	check("after a payment")
	b.step("5")
	check("after a hold")
	b.enter("seconds", "600")
	b.enter("amount", "1")
	b.click(credit)
	b.sees("outcome", "Not accepted")
	check("a hold refused")
	b.click(debit)
	b.sees("outcome", "Declined")
	b.step("1")
	b.enter("amount", "1")
	b.click(debit)
	b.sees("outcome", "Pending")
	b.sees("history", "Pending")
	check("a hold")
	b.step("1")
	b.choose("language", "Go")
	check("after a lost answer")
	b.do(chromedp.EmulateViewport(320, 700))
	check("narrow")

	b.do(chromedp.Navigate(os.Getenv("LEDGER_URL")+"/docs"), chromedp.EmulateViewport(1200, 900))
	b.sees("reference", "/transactions/{id}")
	b.do(chromedp.Evaluate[chromedp.Void](string(axe)))
	check("reference")
	b.click("#operations-Transactions-postTransaction button")
	b.click("#operations-Transactions-postTransaction .try-out button")
	b.sees("reference", "Execute")
	check("reference, about to post")
}

// screenshots takes the page in light and dark. They are written with -update.
func (b browser) screenshots() {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.prefer(scheme)
		b.do(chromedp.EmulateViewport(1280, 1340), chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
		png, err := chromedp.Run(b, chromedp.CaptureScreenshot())
		require.NoError(b.t, err)
		assert.Less(b.t, len(png), maxScreenshotBytes, scheme)
		if *update {
			require.NoError(b.t, os.WriteFile(filepath.Join(screenshots, scheme+".png"), png, 0o600))
		}
	}
}
