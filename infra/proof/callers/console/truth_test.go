package console

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

// The page stops showing a hold when it expires, even after a reload. The statement shows
// how the hold ended.
func TestHoldExpiresOnAReloadedPage(t *testing.T) {
	b := openAccount(t, "reloaded")
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
}

// No user's name reorders the text around it, or overflows the account or the story.
func TestNames(t *testing.T) {
	b := open(t, "/?userId=1")
	noControls := func(view, id string) {
		assert.NotRegexp(t, "[\u202e\u2066\u2068\u2069\u200f]", b.text(view), "%s with %q", view, id)
	}
	for _, id := range []string{strings.Repeat("a", 58), strings.Repeat("W", 128), strings.Repeat("€", 128), "\u202eevil\u2066\u200fx", "\u05d0\u05d1\u05d2", "\u2069x\u2068"} {
		b.run(fmt.Sprintf(`document.getElementById("user").value = %q;`, id))
		b.click(credit)
		b.sees("did", "Posted. Credit of $10.00, user ")
		b.waits(`document.querySelectorAll("#history tr").length > 0`)
		b.vary("step-4-receiver", id)
		b.step("4")
		assert.Equal(t, "3", b.count("#step-4 .holder bdi"))
		noControls("story", id)
		for _, width := range []int64{320, 768, 1440} {
			b.do(chromedp.EmulateViewport(width, 900))
			b.isDrawn("4")
			b.fits("story", width)
		}
		b.run(fmt.Sprintf(`document.getElementById("user").value = %q;`, id))
		b.click("#open button")
		b.sees("outcome", "Read. User")
		for _, width := range []int64{320, 1440} {
			b.do(chromedp.EmulateViewport(width, 900))
			assert.Equal(t, fmt.Sprint(width), b.ask(`String(document.documentElement.scrollWidth)`), "%q", id)
			assert.Empty(t, b.ask(`[...document.querySelectorAll("section")].filter((s) => s.scrollWidth > s.clientWidth).map((s) => s.className).join()`), "%q at %d", id, width)
		}
		noControls("account", id)
		if strings.Contains(id, "evil") {
			assert.Contains(t, b.text("owner"), `\u202eevil\u2066\u200fx`)
		}
		assert.NotEqual(t, "0", b.count("#owner bdi"))
		assert.NotEqual(t, "0", b.count("#outcome bdi"))
	}
}
