package console

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// The wire view describes the requests to DynamoDB in plain sentences. Opening a line shows
// the expressions in its requests.
func TestWireViewInPlainSentences(t *testing.T) {
	b := openAccount(t, "wired")
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
	b.sees("lane", "release $10.00 of the held money, only if the hold is still open")
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
}

// Each bar in the lane begins when its request was sent and ends when the response came.
func TestLaneHasATimeAxis(t *testing.T) {
	b := openAccount(t, "axis")
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
}

// With several callers, each caller has one line, with a bar for each of its requests.
func TestLaneOfSeveralCallers(t *testing.T) {
	b := openAccount(t, "lanes")
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
}

// Consecutive reads share one line of the log until it is opened.
func TestReadsCollapse(t *testing.T) {
	b := openAccount(t, "collapse")
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
}
