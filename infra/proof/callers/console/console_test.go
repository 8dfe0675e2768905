package console

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	credit = "button[value=credit]"
	debit  = "button[value=debit]"
)

// A new user opens the page, moves money, is declined, and sends the same calls again.
func TestConsole(t *testing.T) {
	b := openAccount(t, "newcomer")
	b.sees("none", "Every user begins with $100.00")
	b.sees("answer", `{"data":{"balance":"100"}}`)
	b.sees("outcome", "Read. User newcomer has $100.00.")

	b.enter("amount", "1250")
	b.click(credit)
	b.sees("did", "Posted. Credit of $1,250.00, user newcomer.")
	b.sees("balance", "$1,350.00")
	b.sees("history", "+$1,250.00")

	b.enter("amount", "2000")
	b.click(debit)
	b.sees("did", "Declined. Your balance can't be negative. It was $1,350.00; nothing moved.")
	b.sees("history", "Declined")
	b.click("#resend")
	b.sees("did", "Replayed. This is the first answer again: declined.")
	b.sees("answer", "HTTP/1.1 422")

	b.enter("amount", "12.50")
	b.click(debit)
	b.sees("did", "Posted. Debit of $12.50, user newcomer.")
	first := b.text("answer")
	assert.NotContains(t, first, "Idempotent-Replayed")
	b.sees("balance", "$1,337.50")
	b.click("#resend")
	b.sees("did", "Replayed. This is the first answer again: debit of $12.50, user newcomer. It counted once; nothing moved now.")
	again := b.text("answer")
	assert.Contains(t, again, "Idempotent-Replayed: true")
	assert.Equal(t, first[strings.Index(first, "{"):], again[strings.Index(again, "{"):], "the first answer again")
	b.waits(`document.querySelectorAll("#history tr").length === 3`) // a replay adds no row
	assert.Equal(t, []string{"$1,337.50", "", "$1,350.00"}, b.own())
	assert.Equal(t, "$1,337.50", b.text("balance"))
}

// own returns the running balance in each row of the statement, or why it is unknown.
func (b browser) own() []string {
	b.t.Helper()
	return strings.Split(b.ask(`[...document.querySelectorAll("#history tr")].map((row) => row.lastElementChild.textContent).join("|")`), "|")
}

// Another currency is shown with its own sign, name and decimal places.
func TestConsoleInDinars(t *testing.T) {
	b := openAt(t, "DINARS_URL", "/?userId=1")
	b.sees("balance", "KWD\u00a0100.000")
	b.sees("none", "Every user begins with KWD\u00a0100.000")
	assert.Equal(t, "KWD Kuwaiti Dinar", b.ask(`document.getElementById("currency").textContent + " " + document.getElementById("currency").title`))
	b.enter("amount", "1250.125")
	b.click(credit)
	b.sees("did", "Posted. Credit of KWD\u00a01,250.125, user 1.")
	b.sees("balance", "KWD\u00a01,350.125")
	b.sees("history", "+KWD\u00a01,250.125")
	b.sees("answer", `"currency":"KWD"`)
	b.enter("amount", "0.0001")
	b.click(debit)
	b.sees("did", "Not accepted. The amount must have at most 3 decimal places.")
	b.enter("amount", "0.125")
	b.click(debit)
	b.sees("balance", "KWD\u00a01,350.000")

	assert.Equal(t, "20 debits of KWD\u00a010.000 on KWD\u00a0100.000", b.ask(`document.querySelector("#step-3-title").textContent`))
	b.vary("step-3-amount", "0.125")
	assert.Equal(t, "20 posted. KWD\u00a0100.000 − 20 × KWD\u00a00.125 = KWD\u00a097.500, exactly.", b.step("3"))
	assert.Regexp(t, `^In one write payer-[0-9a-f]{8} paid KWD\x{a0}10.000, friend got KWD\x{a0}9.000 and shop got KWD\x{a0}1.000.$`, b.step("4"))
}

// A debit can be refunded in parts, up to its whole amount.
func TestRefundOnThePage(t *testing.T) {
	b := openAccount(t, "buyer")
	b.enter("amount", "30")
	b.click(debit)
	b.sees("history", "−$30.00")
	b.click("#history a")
	b.sees("outcome", "Read. Debit of $30.00, user buyer: posted")
	b.enter("refunded", "20")
	b.click("#give-back")
	b.sees("did", "Refunded. Credit of $20.00, user buyer.")
	b.sees("balance", "$90.00")
	b.waits(`document.querySelectorAll("#history a").length === 2`)
	b.sees("transaction", "$20.00, $10.00 left")
	assert.Equal(t, "at most $10.00", b.ask(`document.getElementById("refunded").placeholder`))
	b.enter("refunded", "10.01")
	b.click("#give-back")
	b.sees("did", "Less is left.")
	b.sees("balance", "$90.00")
	b.click("#history tr:first-child a")
	b.sees("transaction", "Refund of")
	b.do(chromedp.WaitNotVisible("#refund"))
	b.click("#history tr:last-child a")
	b.sees("transaction", "$20.00, $10.00 left")
	b.enter("refunded", "10")
	b.click("#give-back")
	b.sees("transaction", "$30.00, $0.00 left")
	b.do(chromedp.WaitNotVisible("#refund"))
}

// An operator can give a user a credit limit, and block the user's debits.
func TestRulesOnThePage(t *testing.T) {
	b := openAccount(t, "ruled")
	b.click("#rules summary")
	b.enter("limit", "50")
	b.click("#set-rules")
	b.sees("did", "Posted. Rules of user ruled: debits allowed, credits allowed, credit limit $50.00.")
	b.sees("balance", "$150.00")
	b.run(`document.getElementById("debits").value = "blocked";`)
	b.click("#set-rules")
	b.sees("did", "debits blocked")
	b.click(debit)
	b.sees("did", "Blocked.")
	b.enter("limit", "ten")
	b.click("#set-rules")
	b.sees("did", "Not accepted. The credit limit must be a plain decimal")
	assert.Equal(t, "limit", b.focused())
	b.do(chromedp.Reload())
	b.sees("balance", "$150.00")
	b.waits(`document.getElementById("debits").value + " " + document.getElementById("limit").value === "blocked 50"`)
	b.sees("barred", "Debits are blocked")
}

// Fifteen clicks at once post one transaction. A generated key is for one transaction, so a
// click on another button generates a new key. A key that a person typed is kept.
func TestClicksAtOnce(t *testing.T) {
	b := openAccount(t, "clicks")
	b.run(`for (let i = 0; i < 15; i++) document.querySelector("button[value=credit]").click();`)
	b.waits(`document.querySelectorAll("#log .post .posted, #log .post .replayed").length === 15`)
	assert.Equal(t, "1 14", b.count("#log .post .posted")+" "+b.count("#log .post .replayed"))
	b.sees("balance", "$110.00")
	b.waits(`document.querySelectorAll("#history tr").length === 1`)
	const both = `document.querySelector("button[value=credit]").click(); document.querySelector("button[value=debit]").click();`
	b.run(both)
	b.waits(`document.querySelectorAll("#log .post .posted").length === 3`)
	b.sees("balance", "$110.00")
	b.enter("key", "mine")
	b.run(both)
	b.waits(`document.getElementById("log").innerText.includes("The key is taken")`)
}

// holdBack delays the answers to calls whose URL contains path, until release() is called
// in the page.
func (b browser) holdBack(path string) {
	b.t.Helper()
	b.run(fmt.Sprintf(`const real = window.fetch; const held = []; let released = false;
		window.fetch = async (path, options) => {
			const answer = await real(path, options);
			if (path.includes(%q) && !released) await new Promise((go) => held.push(go));
			return answer;
		};
		window.release = () => { released = true; window.fetch = real; held.forEach((go) => go()); };`, path))
}

// An answer that arrives late does not replace what the page shows of another user or call.
func TestLateAnswers(t *testing.T) {
	b := openAccount(t, "early")
	b.holdBack("/transactions")
	b.click(credit)
	b.sees("did", "Sent. Waiting for the answer")
	b.enter("user", "late")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.sees("outcome", "Read. User late has $100.00.")
	b.run(`window.release();`)
	b.waits(`document.querySelectorAll("#log .post .posted").length === 1`)
	b.sees("none", "Nothing yet")
	assert.Equal(t, "late $100.00 Read. User late has $100.00.", b.text("owner")+" "+b.text("balance")+" "+b.text("outcome"))
	b.click("#log .post")
	b.sees("outcome", "Posted. Credit of $10.00, user early.")

	b.holdBack("/balance?userId=early")
	b.enter("user", "early")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.sees("outcome", "Reading. Waiting for the answer")
	b.enter("user", "late")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.sees("balance", "$100.00")
	b.run(`window.release();`)
	b.waits(`!document.querySelector("#log .waiting")`)
	assert.Equal(t, "late $100.00 0", b.text("owner")+" "+b.text("balance")+" "+b.count("#history tr"))
}

// A click moves money for the user in the user field, and then shows that user's account.
// The address keeps the user and the transaction, so that reload, back and forward work.
func TestAddress(t *testing.T) {
	b := open(t, "/?userId=1")
	b.sees("balance", "$")
	b.enter("user", "address")
	b.click(credit)
	b.sees("did", "Posted. Credit of $10.00, user address.")
	b.sees("balance", "$110.00")
	assert.Equal(t, "address address /?userId=address", b.text("owner")+" "+b.text("statement-owner")+" "+b.ask(`location.pathname + location.search`))
	b.sees("history", "+$10.00")
	b.click("#history a")
	b.sees("outcome", "Read. Credit of $10.00, user address: posted")
	id := b.ask(`new URLSearchParams(location.search).get("transaction")`)
	assert.Regexp(t, "^[0-9a-f-]{36}$", id)
	b.do(chromedp.Reload())
	b.sees("request", "GET /transactions/"+id)
	b.sees("outcome", "Read. Credit of $10.00, user address: posted")
	b.sees("balance", "$110.00")

	b.run(`history.back();`)
	b.sees("outcome", "Read. User address has $110.00.")
	b.run(`history.back();`)
	b.sees("owner", "1")
	assert.Equal(t, "1", b.ask(`document.getElementById("user").value`))
	b.run(`history.forward();`)
	b.sees("owner", "address")
	b.sees("balance", "$110.00")

	b.do(chromedp.Navigate(os.Getenv("LEDGER_URL") + "/docs"))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, os.Getenv("LEDGER_URL")+"/transactions", strings.NewReader(`{"userId":"address","ammount":"5","type":"debit"}`))
	require.NoError(t, err)
	r.Header.Set("Idempotent-Key", "elsewhere")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	answer.Body.Close()
	b.run(`setTimeout(() => history.back());`) // the browser may restore the page without loading it
	b.sees("owner", "address")
	b.sees("balance", "$105.00")
}

// If the server does not answer, the page reports whether a read or a transaction failed.
// The transaction can be sent again later, even after other reads.
func TestNoServer(t *testing.T) {
	b := openAccount(t, "offline")
	b.run(`const real = window.fetch; window.fetch = async () => { throw new TypeError("Failed to fetch"); }; window.online = () => { window.fetch = real; };`)
	b.click(credit)
	b.sees("did", "No answer. It may have counted or not. Send the same call again to find out; it can't count twice.")
	key := b.ask(`document.getElementById("key").value`)
	b.click("#open button")
	b.sees("did", "No answer. Nothing was read, and reading moves nothing.")
	b.run(`window.online();`)
	b.click("#again")
	b.sees("outcome", "Read. User offline has $100.00.")
	b.run(`document.querySelector("#log .post").click();`) // find and click in one step, because the log may grow between the two
	b.sees("outcome", "No answer. It may have counted")
	b.click("#again")
	b.sees("did", "Posted. Credit of $10.00, user offline.")
	b.sees("request", key)
	b.sees("balance", "$110.00")
}

// The page describes the ledger's problems in plain sentences. If a key can't be sent, the
// page reports that and sends nothing.
func TestPlainSentences(t *testing.T) {
	b := openAccount(t, "words")
	for _, c := range []struct{ amount, key, want string }{
		{"ten", "w1", "Not accepted. The amount must be a plain decimal"},
		{"10000000000001", "w1", "Not accepted. The amount must be at most 1000000000000."},
		{"1", "w1", "Posted. Credit of $1.00, user words."},
		{"2", "w1", "The key is taken. This key was used before, for another transaction."},
		{"1", "", "Not accepted. The key must have 1 to 255 characters."},
		{"1", "ключ", "Not sent. The key can't be sent: a header takes ASCII characters only"},
		{"1", "naïve", "Not sent. The key can't be sent"},
		{"1", "two\u00a0words", "Not sent. The key can't be sent"},
		{"1", "plain", "Posted. Credit of $1.00, user words."},
	} {
		b.enter("amount", c.amount)
		b.run(fmt.Sprintf(`document.getElementById("key").value = %q;`, c.key))
		b.click(credit)
		b.sees("outcome", c.want)
		if strings.HasPrefix(c.want, "Not sent") {
			assert.Equal(t, "key", b.focused(), c.key)
		}
	}
	b.sees("balance", "$102.00")
	b.enter("user", " ")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.sees("did", "Not accepted. The user must not be blank.")
}

// The forms can be used by keyboard alone. Enter in a field moves no money, and a rejected
// field is marked and focused.
func TestConsoleByKeyboard(t *testing.T) {
	b := openAccount(t, "keyboard")
	b.do(chromedp.Focus("#amount"))
	var order []string
	for range 4 {
		b.do(chromedp.KeyEvent(kb.Tab))
		order = append(order, b.focused())
	}
	assert.Equal(t, []string{"Add money", "Take money", "Advanced", "Rules of the account"}, order)

	b.enter("amount", "5")
	b.do(chromedp.KeyEvent(kb.Enter))
	assert.Equal(t, "0", b.count("#log .post"))
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	b.sees("did", "Posted. Credit of $5.00, user keyboard.")
	assert.Equal(t, "Add money", b.focused(), "the focus stays")

	b.enter("amount", "ten")
	b.click(credit)
	b.sees("did", "Not accepted.")
	assert.Equal(t, "amount", b.focused())
	b.enter("amount", "5")
	b.click(credit)
	b.sees("did", "Posted.")
	assert.Equal(t, "0", b.count("[aria-invalid]"))
}

// The statement can be read page by page to its end. Each page has its running balances
// before older lines are read.
func TestStatement(t *testing.T) {
	b := open(t, "/?userId=1")
	b.sees("balance", "$")
	for range 3 {
		b.others("pages", true, slices.Repeat([]string{creditOf("1")}, 42)...)
	}
	b.run(aged)
	b.enter("user", "pages")
	b.click("#open button")
	b.sees("balance", "$226.00")
	rows := func(n string) {
		b.waits(`document.querySelectorAll("#history tr").length === ` + n + ` && document.getElementById("unknown").textContent === ""`)
	}
	rows("25")
	assert.Equal(t, "$226.00 $202.00", b.own()[0]+" "+b.own()[24])
	assert.Equal(t, "true", b.ask(`String(document.getElementById("first").hidden)`))
	b.click("#older")
	rows("50")
	b.click("#all")
	rows("126")
	assert.Equal(t, "$101.00 Opening balance\t$100.00", b.own()[125]+" "+b.text("first"))
	assert.Equal(t, "126", b.ask(`String(new Set([...document.querySelectorAll("#history a")].map((a) => a.href)).size)`))
	b.do(chromedp.WaitNotVisible("#older"), chromedp.WaitNotVisible("#all"))
}

// The code on display makes the same call when it is run in a shell or as a program.
func TestCopies(t *testing.T) {
	b := openAccount(t, "copies")
	b.enter("key", `it's "mine"`) // quotes, which the code must escape
	b.enter("amount", "7")
	b.click(credit)
	b.sees("did", "Posted.")
	b.checkCopies(http.StatusCreated, `"ammount":"7"`)
	b.enter("seconds", "600")
	b.click(debit)
	b.sees("did", "Pending.")
	b.enter("captured", "2.50")
	b.click("#capture")
	b.sees("did", "Captured.")
	b.checkCopies(http.StatusOK, `"captured":"2.5"`)
}

// checkCopies runs the code on display in each language. Each run must be a replay.
func (b browser) checkCopies(status int, want string) {
	t := b.t
	t.Helper()
	for _, c := range []struct {
		language, file string
		command        []string
		want           string
	}{
		{"curl", "call.sh", []string{"bash"}, "Idempotent-Replayed: true"},
		{"Go", "call.go", []string{"go", "run"}, fmt.Sprintf("%d %s replayed: true", status, http.StatusText(status))},
		{"Python", "call.py", []string{"python3"}, fmt.Sprintf("%d replayed: true", status)},
		{"TypeScript", "call.mjs", []string{"node"}, fmt.Sprintf("%d replayed: true", status)}, // the sample has no types, so that Node runs it unchanged
	} {
		b.choose("language", c.language)
		path := filepath.Join(t.TempDir(), c.file)
		require.NoError(t, os.WriteFile(path, []byte(b.ask(`document.getElementById("code").textContent`)), 0o600))
		output, err := exec.CommandContext(t.Context(), c.command[0], append(c.command[1:], path)...).CombinedOutput()
		require.NoError(t, err, "%s: %s", c.language, output)
		assert.Contains(t, string(output), c.want, c.language)
		assert.Contains(t, string(output), want, c.language)
	}
}

// axe-core finds no accessibility problem in the account and wire views.
func TestPagesAreAccessible(t *testing.T) {
	b := openAccount(t, "axe")
	b.atTen()
	b.loadAxe()
	b.checkAxe("as opened")
	b.enter("amount", "1000")
	b.click(debit)
	b.sees("outcome", "Declined")
	b.sees("history", "Declined")
	b.checkAxe("declined")
	b.enter("amount", "ten")
	b.click(debit)
	b.sees("outcome", "Not accepted")
	b.checkAxe("refused")
	b.enter("seconds", "600")
	b.enter("amount", "1")
	b.click(credit)
	b.sees("outcome", "Not accepted")
	b.checkAxe("a hold refused")
	b.click(debit)
	b.sees("outcome", "Pending")
	b.sees("history", "Pending")
	b.checkAxe("a hold")
	b.do(chromedp.EmulateViewport(320, 700))
	b.checkAxe("a hold, narrow")
	b.choose("language", "Go")
	b.click("#lane summary")
	b.click("#log summary")
	b.checkAxe("the wire, narrow")
	b.do(chromedp.EmulateViewport(1200, 900))
	b.checkAxe("the wire")
}
