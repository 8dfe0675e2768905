package console

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
)

// The wire words the requests to DynamoDB. The expressions are there on demand.
func TestWireInWords(t *testing.T) {
	b := open(t, "/?userId=wired")
	b.sees("balance", "$100.00")
	b.choose("fault", "conflict")
	b.click(credit)
	b.sees("did", "Posted.")
	b.click("#next a")
	b.sees("lane-sum", "2 requests, 1 conflict")
	b.sees("lane", "conflict: another write has the item; nothing written")
	b.sees("lane", "Record credit of $10.00, user wired, posted, only if this key is new")
	b.sees("lane", "User wired: add $10.00")
	assert.NotContains(t, b.text("lane"), "attribute_not_exists")
	b.click("#lane summary")
	b.sees("lane", "if attribute_not_exists(id)")

	b.choose("fault", "")
	b.enter("seconds", "600")
	b.click(debit)
	b.sees("did", "Pending.")
	b.sees("lane", "hold $10.00, only if $10.00 or more is left, and debits are allowed, and fewer than 16 holds are open")
	b.click("#capture")
	b.sees("did", "Captured.")
	b.sees("lane", "only if the hold has not ended")
	b.sees("lane", "release $10.00 of what is held, only if the hold is still open")
	b.click("#rules summary")
	b.click("#set-rules")
	b.sees("did", "Posted. Rules of user wired")
	b.sees("lane", "Record rules of user wired, posted, only if this key is new")
	b.sees("lane", "User wired: change the rules, only if no other write changed the rules")
	b.click("#history a")
	b.sees("outcome", "Read.")
	b.enter("refunded", "4")
	b.click("#give-back")
	b.sees("did", "Refunded.")
	b.sees("lane", "Count the refund, only if no more is refunded than was moved")
	b.noErrors()
}

// Each bar of the lane begins and ends when its request did.
func TestLaneHasATimeAxis(t *testing.T) {
	b := open(t, "/?userId=axis")
	b.sees("balance", "$100.00")
	b.choose("fault", "write-answer-lost")
	b.click(credit)
	b.sees("did", "Posted.")
	b.click("#wire-tab")
	b.waits(`document.querySelectorAll("#lane .bar").length > 1`)
	assert.Equal(t, "true", b.ask(`String([...document.querySelectorAll("#lane .axis")].every((axis) => {
		const [track, bar] = [axis.getBoundingClientRect(), axis.firstChild.getBoundingClientRect()];
		const [, sent, took] = axis.firstChild.title.match(/^sent at ([\d.]+) ms, took ([\d.]+) ms$/);
		const scale = track.width / Number(document.querySelector("#lane .part").lastChild.textContent.match(/[\d.]+/)[0]);
		return Math.abs(bar.left - track.left - sent * scale) < 3 + scale && Math.abs(bar.width - Math.max(took * scale, 3.2)) < 3 + scale && bar.right <= track.right + 4;
	}))`))
	b.noErrors()
}

// Each caller among several has one line, with a bar for each of its requests.
func TestLaneOfACrowd(t *testing.T) {
	b := open(t, "/?userId=lanes")
	b.sees("balance", "$100.00")
	requests := b.later(`Promise.all([import("/log.js"), import("/calls.js")]).then(async ([log, calls]) => {
		const lane = log.newLane();
		await log.madeAtOnce(Array.from({length: 5}, (_, i) => calls.posting("crowd-" + i, {userId: "lanes", ammount: "1", type: "credit"})), "lanes", {faults: "contention", lane});
		return String(lane.parts[0].requests.length);
	})`)
	b.click("#wire-tab")
	assert.Equal(t, "5 "+requests, b.count("#lane > li:not(.part)")+" "+b.count("#lane .bar"))
	assert.Regexp(t, `(?s)Caller 1: .*Caller 2: .*Caller 3: .*Caller 4: .*Caller 5: `, b.text("lane"))
	assert.Regexp(t, `\d conflicts?, then written`, b.text("lane"))
	assert.Equal(t, "5", b.count("#lane .posted > .status"))
	b.noErrors()
}

// Nothing of the account or the wire is cut off, also not at 200 % zoom, which halves the
// width.
func TestAccountAndWireFit(t *testing.T) {
	b := open(t, "/?userId=fits")
	b.sees("balance", "$100.00")
	b.enter("seconds", "600")
	b.click(debit)
	b.sees("transaction", "Pending")
	b.click("#rules summary")
	b.run(`document.querySelectorAll("#lane details").forEach((one) => { one.open = true; })`)
	for _, view := range []string{"account", "wire"} {
		b.click("#" + view + "-tab")
		for _, width := range []int64{320, 384, 720, 768, 960, 1440} {
			b.do(chromedp.EmulateViewport(width, 900))
			assert.Equal(t, fmt.Sprint(width), b.ask(`String(document.documentElement.scrollWidth)`), "%s at %d", view, width)
			assert.Empty(t, b.ask(fmt.Sprintf(`[...document.querySelectorAll("#%s *")].filter((e) => e.checkVisibility() && !e.closest(".unseen, thead") && (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX !== "visible" && e.tagName !== "INPUT" || e.getBoundingClientRect().right > %d)).map((e) => e.outerHTML.slice(0, 80)).join()`, view, width)), "%s at %d", view, width)
		}
	}
	b.noErrors()
}

// Readings in a row are one line of the calls until they are opened.
func TestReadingsCollapse(t *testing.T) {
	b := open(t, "/?userId=collapse")
	b.sees("balance", "$100.00")
	b.waits(`document.querySelectorAll("#log .get").length === 2`)
	b.click("#wire-tab")
	assert.Equal(t, "2 readings", b.text("log"))
	b.click("#log summary")
	b.sees("log", "GET /balance?userId=collapse")
	b.click(credit)
	b.sees("did", "Posted.")
	b.click("#wire-tab")
	assert.Equal(t, "2", b.count("#log > li"))
	b.click("#log .post")
	b.sees("call-title", "Call 3")
	assert.Equal(t, "true", b.ask(`document.querySelector("#log .post").ariaCurrent`))
	b.noErrors()
}
