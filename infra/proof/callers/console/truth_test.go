package console

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

// The page stops showing a hold when it expires, even a hold that it knows from the
// balance alone. The statement shows how the hold ended.
func TestHoldExpiresOnAReloadedPage(t *testing.T) {
	b := open(t, "/?userId=reloaded")
	b.sees("balance", "$100.00")
	b.enter("amount", "40")
	b.enter("seconds", "2")
	b.click(debit)
	b.sees("did", "Pending.")
	b.do(chromedp.Reload())
	b.sees("held", "$40.00 held")
	b.sees("history", "Pending until")
	b.waits(`document.getElementById("balance").innerText === "$100.00" && document.getElementById("held").innerText === ""`)
	b.sees("history", "Expired")
	assert.NotContains(t, b.text("history"), "Pending")
	b.noErrors()
}

// The statement shows a hold as it ended, and how much came back.
func TestStatementFoldsHolds(t *testing.T) {
	b := open(t, "/?userId=folded")
	b.sees("balance", "$100.00")
	b.enter("amount", "40")
	b.enter("seconds", "600")
	b.click(debit)
	b.sees("history", "Pending until")
	b.enter("captured", "24.50")
	b.click("#capture")
	b.sees("did", "Captured.")
	b.sees("history", "$15.50 given back")
	b.sees("history", "Captured")
	b.click(debit)
	b.sees("history", "Pending until")
	b.click("#void")
	b.sees("history", "Voided")
	b.waits(`!document.getElementById("history").innerText.includes("Pending")`)
	b.sees("balance", "$75.50")
	b.noErrors()
}

// A rejected capture leaves the hold pending, and its form in place.
func TestRefusedCaptureKeepsItsForm(t *testing.T) {
	b := open(t, "/?userId=refused")
	b.sees("balance", "$100.00")
	b.enter("amount", "40")
	b.enter("seconds", "600")
	b.click(debit)
	b.sees("did", "Pending.")
	for _, wrong := range []string{"41", "x"} {
		b.enter("captured", wrong)
		b.click("#capture")
		b.sees("did", "Not accepted.")
		assert.Equal(t, "captured "+wrong, b.focused()+" "+b.ask(`document.getElementById("captured").value`))
		assert.Equal(t, "true", b.ask(`document.getElementById("captured").ariaInvalid ?? "false"`))
	}
	b.enter("captured", "30")
	b.click("#capture")
	b.sees("did", "Captured. $30.00")
	b.waits(`document.getElementById("end").hidden`)
	b.noErrors()
}

// A key that the page chose is for one transaction; one that a person chose is left.
func TestAnotherButtonTakesAnotherKey(t *testing.T) {
	b := open(t, "/?userId=hasty")
	b.sees("balance", "$100.00")
	b.run(`document.querySelector("button[value=credit]").click(); document.querySelector("button[value=debit]").click();`)
	b.waits(`document.querySelectorAll("#log .post .posted").length === 2`)
	b.sees("balance", "$100.00")
	b.enter("key", "mine")
	b.run(`document.querySelector("button[value=credit]").click(); document.querySelector("button[value=debit]").click();`)
	b.waits(`document.getElementById("log").innerText.includes("The key is taken")`)
	b.noErrors()
}

// No name moves the page's own text, or reaches out of it.
func TestNames(t *testing.T) {
	b := open(t, "/?userId=1")
	for _, id := range []string{strings.Repeat("a", 58), strings.Repeat("W", 128), strings.Repeat("€", 128), "\u202eevil\u2066\u200fx", "\u05d0\u05d1\u05d2", "\u2069x\u2068"} {
		b.run(fmt.Sprintf(`document.getElementById("user").value = %q;`, id))
		b.click(credit)
		b.sees("did", "Posted. Credit of $10.00, user ")
		b.waits(`document.querySelectorAll("#history tr").length > 0`)
		b.run(fmt.Sprintf(`document.getElementById("step-4-receiver").value = %q;`, id))
		b.step("4")
		b.run(fmt.Sprintf(`document.getElementById("user").value = %q;`, id))
		b.click("#open button")
		b.sees("outcome", "Read. User")
		for _, width := range []int64{320, 1440} {
			b.do(chromedp.EmulateViewport(width, 900))
			assert.Equal(t, fmt.Sprint(width), b.ask(`String(document.documentElement.scrollWidth)`), "%q", id)
			assert.Empty(t, b.ask(`[...document.querySelectorAll("section")].filter((s) => s.scrollWidth > s.clientWidth).map((s) => s.className).join()`), "%q at %d", id, width)
		}
		for _, shown := range []string{"\u202e", "\u2066", "\u2068", "\u2069", "\u200f"} {
			assert.NotContains(t, b.ask(`document.querySelector("main").innerText`), shown, "%q", id)
		}
		if strings.Contains(id, "evil") {
			assert.Contains(t, b.text("owner"), `\u202eevil\u2066\u200fx`)
		}
		assert.NotEqual(t, "0", b.count("#owner bdi"))
		assert.NotEqual(t, "0", b.count("#outcome bdi"))
	}
	b.noErrors()
}

// The largest balance breaks between its groups of digits.
func TestSumsBreakBetweenGroups(t *testing.T) {
	b := open(t, "/?userId=rich")
	b.do(chromedp.EmulateViewport(320, 900))
	b.sees("balance", "$100.00")
	b.enter("amount", "1000000000000")
	b.click(credit)
	b.sees("balance", "$1,000,000,000,100.00")
	assert.Equal(t, "true", b.ask(`String([...document.getElementById("balance").childNodes].filter((n) => n.nodeType === 3).every((n) => {
		const range = document.createRange(); range.selectNodeContents(n); return range.getClientRects().length === 1; }))`))
	assert.Equal(t, "320", b.ask(`String(document.documentElement.scrollWidth)`))
	b.noErrors()
}
