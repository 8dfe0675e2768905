package console

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// buildServer builds the local server once, for tests that start their own.
var buildServer = sync.OnceValues(func() (string, error) {
	program, err := filepath.Abs("../../../../.cache/local")
	if err != nil {
		return "", err
	}
	output, err := exec.Command("go", "build", "-C", "../../../..", "-o", program, "./infra/local").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, output)
	}
	return program, nil
})

type server struct {
	url  string
	kill func()
}

// serve starts a local server with additional flags, and kills it when the test ends.
func serve(t *testing.T, addr string, flags ...string) server {
	t.Helper()
	program, err := buildServer()
	require.NoError(t, err)
	command := exec.Command(program, append(flags, "-addr", addr, "-currency", "USD", "-places", "2")...) // these flags override the environment
	var log bytes.Buffer
	command.Stderr = &log
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	kill := sync.OnceFunc(func() {
		_ = command.Process.Kill() // it may have exited already
		_ = command.Wait()
	})
	t.Cleanup(kill)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "listening on "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return server{url, kill}
		}
	}
	kill()
	require.FailNow(t, "the server has ended", log.String())
	return server{}
}

func (s server) addr() string { return strings.TrimPrefix(s.url, "http://") }

// If the server is killed, the page keeps the last balance and shows when it was read. The
// page continues when a server with the same tables starts. It rejects answers from a
// server with other tables, even in the middle of a step.
func TestServerIsKilled(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	first := serve(t, "127.0.0.1:0", "-data", data)
	b := openURL(t, first.url+"/?userId=killed")
	b.sees("balance", "$100.00")
	b.enter("amount", "7")
	b.click(credit)
	b.ownIs("$107.00")

	first.kill()
	b.sees("stale", "The server does not answer.")
	assert.Equal(t, "$107.00", b.text("balance"))
	assert.Contains(t, b.text("as-of"), "as of ")
	b.click(credit)
	b.sees("did", "It may have counted or not.")

	same := serve(t, first.addr(), "-data", data)
	b.waits(`document.getElementById("stale").innerText === ""`)
	assert.Equal(t, "$107.00", b.text("balance"))
	b.click("#resend")
	b.sees("did", "Posted. Credit of $7.00")
	b.ownIs("$114.00", "$107.00")
	assert.Equal(t, "true", b.ask(`String(document.getElementById("other").hidden)`))

	b.vary("step-5-seconds", "10")
	b.click("#step-5 .run")
	b.waits(`document.querySelector("#step-5 .drawing").innerText.includes("Expires in")`)
	same.kill()
	other := serve(t, first.addr())
	b.ends("5")
	const text = "The server restarted with other tables, which have none of this page's data."
	assert.Equal(t, "Another ledger answered. "+text, b.ask(`document.querySelector("#step-5 .sum").textContent`))
	assert.Equal(t, "open", b.ask(`document.getElementById("step-5").dataset.came`))
	assert.Equal(t, "Another ledger answers. "+text+" Load the page again", b.text("other"))
	b.click("#account-tab")
	b.sees("stale", "Another ledger answers.")
	assert.Equal(t, "$114.00", b.text("balance"))
	b.click(credit)
	b.sees("did", "Another ledger answered.")
	b.loadAxe()
	b.checkAxe("another ledger")

	other.kill()
	serve(t, first.addr(), "-data", data)
	b.waits(`document.getElementById("other").hidden && document.getElementById("stale").innerText === ""`)
	assert.Equal(t, "$114.00", b.text("balance"))
	assert.Contains(t, b.step("1"), "It counted once")
}

// Two tabs of one browser show the same account. A change in either shows in both.
func TestTwoTabs(t *testing.T) {
	one := openAccount(t, "tabs")
	two := newTab(t, one, one.ask(`location.href`))
	two.sees("balance", "$100.00")
	one.enter("amount", "40")
	one.enter("seconds", "600")
	one.click(debit)
	for _, tab := range []browser{one, two} {
		tab.sees("balance", "$60.00")
		tab.sees("held", "$40.00 held")
		tab.sees("history", "Pending until")
	}
	two.click("#history a")
	two.waits(`document.getElementById("end").checkVisibility()`)
	two.enter("captured", "25")
	two.click("#capture")
	two.sees("did", "Captured. $25.00")
	for _, tab := range []browser{one, two} {
		tab.sees("balance", "$75.00")
		tab.ownIs("$75.00")
		tab.waits(`document.getElementById("end").hidden`)
		assert.NotContains(t, tab.text("history"), "Pending")
	}
	one.vary("seconds", "")
	key := one.ask(`document.getElementById("key").value`)
	two.vary("seconds", "")
	two.enter("amount", "40")
	two.enter("key", key)
	one.click(credit)
	one.ownIs("$115.00", "$75.00")
	two.click(credit)
	two.sees("did", "Replayed.")
	two.ownIs("$115.00", "$75.00")
	one.vary("step-5-seconds", "1")
	two.vary("step-5-seconds", "1")
	one.run(`document.querySelector("#step-5 .run").click();`)
	assert.Contains(t, two.step("5"), "came back by itself")
	one.ends("5")
	assert.Contains(t, one.ask(`document.querySelector("#step-5 .sum").textContent`), "came back by itself")
}

// If the opening balance is 0, a step first credits its user. If that fails, the step is
// not played.
func TestStepsWithoutAnOpeningBalance(t *testing.T) {
	t.Parallel()
	b := openURL(t, serve(t, "127.0.0.1:0", "-opening", "0").url)
	b.breakServer("every POST")
	assert.Equal(t, "This step was not played, because its user could not get the money for it.", b.step("3"))
	assert.Equal(t, "open", b.ask(`document.getElementById("step-3").dataset.came`))
	b.run(`window.mend()`)
	assert.Equal(t, "10 posted, 10 declined. $100.00 − 10 × $10.00 = $0.00, exactly.", b.step("3"))
	b.vary("step-5-seconds", "1")
	assert.Equal(t, "$40.00 was held and came back by itself. The debit was posted: $0.00 can be spent.", b.step("5"))
}

// Nothing is cut off or hidden, even with the highest balances (10^15) and the longest
// names and amounts, at the widths of a phone, a tablet and a desktop. Zooming to 200 %
// halves the width, so these widths test it too. Amounts wrap only between groups of
// digits.
func TestHighestBalances(t *testing.T) {
	t.Parallel()
	user := strings.Repeat("M", 128)
	b := openURL(t, serve(t, "127.0.0.1:0", "-opening", "1000000000000").url+"/?userId="+user)
	b.atTen()
	b.later(`import("/calls.js").then(async ({posting, send}) => {
		const entries = Array(37).fill({userId: document.getElementById("user").value, type: "credit", ammount: "1000000000000"});
		for (let n = 0; n < 27; n++) await send(posting("c" + n, {entries}));
		return "";
	})`)
	b.sees("balance", "$1,000,000,000,000,000.00")
	b.enter("amount", "1000000000000")
	b.enter("seconds", "600")
	b.click(debit)
	b.sees("held", "$1,000,000,000,000.00 held")
	b.vary("seconds", "")
	b.click(debit)
	b.sees("history", "$999,000,000,000,000.00") // appears once all lines are older than the longest call
	for id, value := range map[string]string{
		"step-1-amount": "1000000000000", "step-4-amount": "1000000000000", "step-4-received": "999999999999", "step-4-receiver": user,
		"step-5-amount": "1000000000000", "step-5-seconds": "1",
	} {
		b.vary(id, value)
	}
	for n := 1; n <= 5; n++ {
		b.step(fmt.Sprint(n))
	}
	b.click("#history tr:nth-child(2) a") // the hold
	b.waits(`document.getElementById("end").checkVisibility()`)
	b.click("#rules summary")
	b.click("#step-4 .requests")
	b.sees("lane", "credit of $999,999,999,999.00")
	b.run(`document.querySelectorAll("#lane details").forEach((one) => { one.open = true; })`)
	for _, width := range []int64{320, 384, 720, 768, 960, 1024, 1440} {
		b.do(chromedp.EmulateViewport(width, 900))
		for _, view := range []string{"account", "wire"} {
			b.click("#" + view + "-tab")
			b.fits(view, width)
		}
		for n := 1; n <= 5; n++ {
			b.click(fmt.Sprintf("#steps li:nth-child(%d)", n))
			b.isDrawn(fmt.Sprint(n))
			b.fits("story", width)
		}
	}
	b.do(chromedp.EmulateViewport(320, 700))
	inOneLine := func(nodes string) {
		assert.Equal(t, "true", b.ask(`String(`+nodes+`.every((whole) => {
			const range = document.createRange();
			range.selectNodeContents(whole);
			return new Set([...range.getClientRects()].map(({top}) => top)).size === 1;
		}))`), nodes)
	}
	b.click("#account-tab")
	inOneLine(`[...document.getElementById("balance").childNodes].filter(({nodeType}) => nodeType === 3)`)
	b.click("#step-1 .user")
	b.sees("history", "$2,000,000,000,000.00")
	inOneLine(`[...document.querySelectorAll("#history td:is(.number, .own), #history time")]`)
}
