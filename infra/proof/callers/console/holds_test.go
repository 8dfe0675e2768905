package console

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// A hold posted with the form can end by capture, void or expiry, and has one row in the
// statement. After a rejected capture, the hold is still pending and the capture form stays
// open.
func TestHolds(t *testing.T) {
	b := openAccount(t, "holds")
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
	b.sees("own", "$100.00 own money")
	b.ownIs("")
	assert.Regexp(t, `^Expires in \d+ min.$`, b.text("left"))
	assert.Equal(t, "40", b.ask(`document.getElementById("captured").value`))
	for wrong, why := range map[string]string{"41": "at most what was held: 40.", "x": "a plain decimal"} {
		b.enter("captured", wrong)
		b.click("#capture")
		b.sees("outcome", "Not accepted. The amount must be "+why)
		assert.Equal(t, "captured "+wrong, b.focused()+" "+b.ask(`document.getElementById("captured").value`))
		assert.Equal(t, "true", b.ask(`document.getElementById("captured").ariaInvalid ?? "false"`))
	}
	b.run(`document.querySelector("#history a").click();`) // find and click in one step, because the statement may be read again between the two
	b.sees("outcome", "Read. Debit of $40.00, user holds: pending, held until")
	b.enter("captured", "25")
	b.click("#capture")
	b.sees("outcome", "Captured. $25.00 of the debit of $40.00, user holds.")
	b.sees("balance", "$75.00")
	assert.Empty(t, b.text("held"))
	b.sees("history", "Captured")
	b.sees("history", "$15.00 given back")
	b.ownIs("$75.00")
	assert.Contains(t, b.text("transaction"), "Posted, $25.00 captured")
	assert.Equal(t, "none", b.ask(`getComputedStyle(document.getElementById("end")).display`))
	b.click("#again")
	b.sees("outcome", "Replayed. This is the first answer again: debit of $40.00, user holds: posted, $25.00 captured.")
	b.run(`document.querySelector("#history a").click();`) // find and click in one step, because the statement may be read again between the two
	b.sees("outcome", "Read. Debit of $40.00, user holds: posted, $25.00 captured; made")

	hold("10", "600")
	b.click("#void")
	b.sees("outcome", "Voided. Debit of $10.00, user holds. The held money is back.")
	b.sees("history", "Voided")
	b.waits(`!document.getElementById("history").innerText.includes("Pending")`)
	b.sees("balance", "$75.00")

	hold("20", "1")
	b.sees("held", "$20.00 held")
	b.sees("transaction", "Expired")
	b.waits(`document.getElementById("end").hidden`)
	b.waits(`document.getElementById("balance").innerText === "$75.00" && document.getElementById("held").innerText === ""`)
	b.run(`document.getElementById("void").click();`) // clicked by script, as if the page did not show the expiry yet
	b.sees("outcome", "It has ended. It had expired. A hold ends once, for ever; nothing moved.")

	b.enter("seconds", "600")
	b.enter("amount", "1")
	for i := range 17 {
		// Find and click in one step, because the statement may be read again between the two.
		b.run(fmt.Sprintf(`document.getElementById("key").value = "many-%d"; document.querySelector("%s").click();`, i, debit))
		b.waits(fmt.Sprintf(`document.getElementById("request").innerText.includes("many-%d") && /^(Pending|Too many holds)\./.test(document.getElementById("outcome").innerText)`, i))
	}
	b.sees("outcome", "Too many holds. A user may have 16 open holds.")

	b.run(`document.getElementById("seconds").value = ""`)
	b.click(credit)
	b.sees("outcome", "Posted.")
	id := b.ask(`JSON.parse(document.getElementById("answer").innerText.match(/{.*}/)[0]).data.id`)
	b.run(fmt.Sprintf(`document.getElementById("end").dataset.id = %q; document.getElementById("void").click();`, id))
	b.sees("outcome", "Nothing to end. This transaction never was pending")
}

// A fault chosen in the form is injected into the call, and the list of the call's requests
// shows its effect.
func TestFaultFromTheForm(t *testing.T) {
	b := openAccount(t, "faulty")
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
	b.click(credit) // with the key of the call whose answer was lost
	b.sees("outcome", "Replayed.")
	b.sees("balance", "$140.00")
}
