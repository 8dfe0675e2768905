package console

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// step runs a step, and returns what it says came of it.
func (b browser) step(n string) string {
	b.t.Helper()
	b.click("#step-" + n + " .run")
	b.waits(`document.querySelector("#step-` + n + ` .run").innerText === "Run again"`)
	return b.ask(`document.querySelector("#step-` + n + ` .course").innerText`)
}

// One click each shows what is special, and the lane what DynamoDB saw of it.
func TestSteps(t *testing.T) {
	b := open(t, "/?userId=steps")
	b.sees("balance", "$100.00")
	assert.Equal(t, "1 posted\n19 replayed\nBalance: $100.00 → $110.00. It counted once.", b.step("2"))
	assert.Regexp(t, `^\d+ requests, \d+ conflicts?`, b.text("lane-sum"))
	assert.Contains(t, b.text("lane"), "✕ TransactionConflict")
	assert.Contains(t, b.text("lane"), "if attribute_not_exists(id)")

	assert.Equal(t, "10 posted\n10 declined\nBalance: $100.00 → $0.00", b.step("3"))
	b.sees("balance", "$0.00")
	assert.Contains(t, b.text("lane"), "if balance >= 10 OR attribute_not_exists(user_id)")
	assert.Contains(t, b.text("lane"), "nothing written: the balance would leave its range")

	assert.Equal(t, "Sent: No answer\nSent again: Replayed\nBalance: $100.00 → $110.00. It counted once.", b.step("1"))
	b.sees("outcome", "Replayed. This is the first answer again")
	assert.Contains(t, b.text("lane-sum"), "1 answer lost")
	for _, line := range []string{"written, and the answer lost", "written, once: DynamoDB knows its token", "nothing written: the id is there, and its row came back"} {
		assert.Contains(t, b.text("lane"), line)
	}
	b.screenshots()
	b.noErrors()
}

// A person varies the steps, and each result is what the ledger then does.
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

	b.enter("step-2-amount", "ten")
	b.enter("step-2-callers", "2")
	assert.Equal(t, "2 not accepted\nBalance: $100.00 → $100.00", b.step("2"))
	b.noErrors()
}

// A fault of the form is for the one call, and what comes of it is in the lane.
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

// What a screen reader, low sight and colour blindness need, as far as axe-core
// can tell: names, roles, order, contrast.
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
		b.do(chromedp.EmulateViewport(1280, 1290), chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
		png, err := chromedp.Run(b, chromedp.CaptureScreenshot())
		require.NoError(b.t, err)
		assert.Less(b.t, len(png), maxScreenshotBytes, scheme)
		if *update {
			require.NoError(b.t, os.WriteFile(filepath.Join(screenshots, scheme+".png"), png, 0o600))
		}
	}
}
