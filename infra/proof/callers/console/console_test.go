// Package console tests the local server's pages as a person at a browser does.
package console

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the screenshots of the README anew; they are set in Debian's fonts-inter and fonts-jetbrains-mono")

const (
	screenshots        = "../../../../local/screenshots"
	maxScreenshotBytes = 300_000
	within             = 30 * time.Second // for anything to appear
)

// browser is a new Chromium with nothing but a page of the local server.
type browser struct {
	context.Context
	t      *testing.T
	errors chan string // that the page has raised
}

func open(t *testing.T, path string) browser {
	t.Helper()
	server := os.Getenv("LEDGER_URL")
	require.NotEmpty(t, server, "LEDGER_URL must be the URL of a new local server: .ci/serve starts one")
	program := installed("chromium", "chromium-browser", "google-chrome")
	require.NotEmpty(t, program, "this test needs Chromium: apt-get install chromium")
	allocator, end := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, // CI is root in a container
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)...)
	t.Cleanup(end)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(end)
	t.Cleanup(func() { assert.NoError(t, chromedp.Cancel(ctx)) })
	require.NoError(t, chromedp.Do(ctx, call(log.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{})))

	b := browser{ctx, t, make(chan string, 100)}
	watch(b, runtime.ExceptionThrown, func(e runtime.EventExceptionThrown) string { return e.ExceptionDetails.Text })
	watch(b, log.EntryAdded, func(e log.EventEntryAdded) string {
		if e.Entry.Level != log.EntryLevelError || strings.Contains(e.Entry.Text, "responded with a status of 4") {
			return "" // a problem of the ledger is none of the page
		}
		return e.Entry.Text
	})
	b.do(chromedp.EmulateViewport(1200, 900), chromedp.Navigate(server+path))
	return b
}

// installed is the first of the programs that is, or "".
func installed(programs ...string) string {
	for _, program := range programs {
		if path, err := exec.LookPath(program); err == nil {
			return path
		}
	}
	return ""
}

// watch collects what goes wrong in the page: exceptions, and whatever the
// browser refuses to load or to run.
func watch[E any](b browser, event cdp.Event[E], text func(E) string) {
	events := chromedp.Events(b, event)
	go func() {
		for e, err := range events {
			if err == nil && text(e) != "" {
				b.errors <- text(e)
			}
		}
	}()
}

// call is a command of the browser's protocol.
func call[P any](command cdp.Command[P, cdp.Empty], parameters P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, command, parameters)
		return err
	})
}

func (b browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b, within)
	defer cancel()
	require.NoError(b.t, chromedp.Do(ctx, steps...))
}

// ask is what the expression says in the page.
func (b browser) ask(expression string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b, within)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	require.NoError(b.t, err, expression)
	return text
}

// sees waits until the element with this id says this.
func (b browser) sees(id, text string) {
	b.t.Helper()
	for end := time.Now().Add(within); !strings.Contains(b.text(id), text); time.Sleep(20 * time.Millisecond) {
		require.True(b.t, time.Now().Before(end), "#%s says %q, not %q", id, b.text(id), text)
	}
}

// text is what the element with this id shows.
func (b browser) text(id string) string {
	b.t.Helper()
	return b.ask(`document.getElementById("` + id + `")?.innerText ?? ""`)
}

func (b browser) enter(id, text string) {
	b.t.Helper()
	b.do(chromedp.Focus("#"+id), chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`), chromedp.KeyEvent(text))
}

func (b browser) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(selector))
}

// focused is the id, or else the text, of what has the keyboard's focus.
func (b browser) focused() string {
	b.t.Helper()
	return b.ask(`document.activeElement.id || document.activeElement.innerText`)
}

// noErrors is that the page has raised none.
func (b browser) noErrors() {
	b.t.Helper()
	select {
	case e := <-b.errors:
		assert.Fail(b.t, "the page has an error", e)
	default:
	}
}

const (
	credit = "button[value=credit]"
	debit  = "button[value=debit]"
)

// A newcomer opens the page, moves money, sends the same call again, and is
// declined.
func TestConsole(t *testing.T) {
	b := open(t, "/")
	b.sees("balance", "$100.00")
	b.sees("none", "Every user begins with $100.00")
	b.sees("answer", `{"data":{"balance":"100"}}`)

	b.enter("amount", "1250")
	b.click(credit)
	b.sees("outcome", "Posted. The balance went from $100.00 to $1,350.00.")
	b.sees("history", "+$1,250.00")

	b.enter("amount", "2000")
	b.click(debit)
	b.sees("outcome", "Declined. Your balance can't be negative. The balance did not move: $1,350.00.")
	b.sees("history", "Declined")
	b.click("#again")
	b.sees("outcome", "Replayed.")
	b.sees("answer", "HTTP/1.1 422")

	b.enter("amount", "12.50")
	b.click(debit)
	b.sees("outcome", "Posted. The balance went from $1,350.00 to $1,337.50.")
	first := b.text("answer")
	assert.NotContains(t, first, "Idempotent-Replayed")
	b.click("#again")
	b.sees("outcome", "Replayed. This is the first answer again. The balance did not move: $1,337.50.")
	again := b.text("answer")
	assert.Contains(t, again, "Idempotent-Replayed: true")
	assert.Equal(t, first[strings.Index(first, "{"):], again[strings.Index(again, "{"):], "the first answer again")
	assert.Equal(t, 3, strings.Count(b.text("history"), "$"), "a replay adds no row")
	assert.Equal(t, "$1,337.50", b.text("balance"))
	b.screenshots()

	output, err := exec.CommandContext(t.Context(), "bash", "-c", b.text("curl")).Output()
	require.NoError(t, err, "the line for curl")
	assert.Contains(t, string(output), "Idempotent-Replayed: true")

	b.click("#history .id")
	b.sees("request", "GET /transactions/")
	b.sees("answer", "HTTP/1.1 200")
	b.noErrors()
}

// All of it goes by keyboard, and what the ledger refuses is marked and has
// the focus.
func TestConsoleByKeyboard(t *testing.T) {
	b := open(t, "/?userId=keyboard")
	b.sees("balance", "$100.00")
	b.do(chromedp.Focus("#amount"))
	var order []string
	for range 5 {
		b.do(chromedp.KeyEvent(kb.Tab))
		order = append(order, b.focused())
	}
	assert.Equal(t, []string{"key", "new-key", "+ Credit", "− Debit", "copy"}, order)

	b.enter("amount", "ten")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.sees("outcome", "Bad request. ammount must be a plain decimal")
	assert.Equal(t, "amount", b.focused())
	b.enter("amount", "5")
	b.do(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Enter))
	b.sees("outcome", "Posted. The balance went from $100.00 to $105.00.")
	assert.Equal(t, "+ Credit", b.focused(), "the focus stays")
	assert.Equal(t, "none", b.ask(`document.querySelector("[aria-invalid]")?.id ?? "none"`))

	b.enter("key", "mine")
	b.click(credit)
	b.sees("outcome", "to $110.00.")
	b.enter("key", "mine")
	b.enter("amount", "6")
	b.click(credit)
	b.sees("outcome", "Unprocessable entity. This key was used before")

	b.enter("user", " ")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.sees("outcome", "Bad request. userId must not be blank.")
	b.enter("user", "another")
	b.do(chromedp.KeyEvent(kb.Enter))
	b.sees("balance", "$100.00")
	b.sees("none", "Nothing yet")
	assert.Empty(t, b.text("outcome"))
	b.noErrors()
}

// The history goes on page by page.
func TestConsoleOlder(t *testing.T) {
	b := open(t, "/?userId=pages")
	b.sees("balance", "$100.00")
	b.enter("amount", "1")
	for _, balance := range strings.Fields("101 102 103 104 105 106 107 108 109 110 111 112") {
		b.click(credit)
		b.sees("outcome", "to $"+balance+".00")
	}
	rows := func() string { return b.ask(`String(document.querySelectorAll("#history tr").length)`) }
	assert.Equal(t, "10", rows())
	b.click("#older")
	b.do(chromedp.WaitNotVisible("#older"))
	assert.Equal(t, "12", rows())
	b.noErrors()
}

func TestReference(t *testing.T) {
	b := open(t, "/docs")
	for _, text := range []string{"A money ledger whose balances are never wrong", "/balance", "/transactions/{id}"} {
		b.sees("reference", text)
	}
	b.click("#operations-Balances-readBalance button")
	b.sees("reference", "Strongly consistent.")
	b.click("#operations-Balances-readBalance .try-out button")
	b.click("#operations-Balances-readBalance button.execute")
	b.sees("reference", `"balance": "100"`)
	b.noErrors()
}

// What a screen reader, low sight and colour blindness need, as far as axe-core
// can tell: names, roles, order, contrast.
func TestConsoleIsAccessible(t *testing.T) {
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
	b.click(credit)
	b.sees("outcome", "Posted")
	check("posted")
	b.click("#again")
	b.sees("outcome", "Replayed")
	check("replayed")
	b.enter("amount", "1000")
	b.click(debit)
	b.sees("outcome", "Declined")
	check("declined")
	b.enter("amount", "ten")
	b.click(debit)
	b.sees("outcome", "Bad request")
	check("refused")
	b.do(chromedp.EmulateViewport(320, 700))
	check("narrow")
	assert.Equal(t, "320", b.ask(`String(document.documentElement.scrollWidth)`), "nothing is cut off")
}

// atTen moves the page to where it is ten o'clock, whose times are as wide as
// any.
func (b browser) atTen() {
	b.t.Helper()
	hour := time.Now().UTC().Hour()
	zone := fmt.Sprintf("Etc/GMT%+d", hour-10) // east is negative
	if hour == 23 {
		zone = "Etc/GMT+1"
	}
	b.do(call(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone}))
}

// prefer sets the colour scheme that the person prefers.
func (b browser) prefer(scheme string) {
	b.t.Helper()
	b.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
}

// screenshots takes the page in light and dark. They are written with -update.
func (b browser) screenshots() {
	b.t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.prefer(scheme)
		b.do(chromedp.EmulateViewport(1120, 1, chromedp.EmulateScale(1.5)), chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
		png, err := chromedp.Run(b, chromedp.FullScreenshot(100))
		require.NoError(b.t, err)
		assert.Less(b.t, len(png), maxScreenshotBytes, scheme)
		if *update {
			require.NoError(b.t, os.WriteFile(filepath.Join(screenshots, scheme+".png"), png, 0o600))
		}
	}
}
