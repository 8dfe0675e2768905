// Package console tests the local server's pages in a browser, as a person would use them.
package console

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the screenshots of the README anew; they are set in Debian's fonts-inter and fonts-jetbrains-mono")

const (
	screenshots        = "../../../local/screenshots"
	maxScreenshotBytes = 300_000
	within             = time.Minute // the longest wait for anything to appear
)

// chromium is the browser that all tests share. Each test has its own profile in it.
var chromium context.Context

func TestMain(m *testing.M) {
	if err := startChromium(); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	if err := chromedp.Cancel(chromium); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

func startChromium() error {
	program := installed("chromium", "chromium-browser", "google-chrome")
	if program == "" {
		return errors.New("these tests need Chromium: apt-get install chromium")
	}
	allocator, _ := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.NoSandbox, // CI runs as root in a container
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)...)
	chromium, _ = chromedp.NewContext(allocator)
	return chromedp.Do(chromium)
}

func installed(programs ...string) string {
	for _, program := range programs {
		if path, err := exec.LookPath(program); err == nil {
			return path
		}
	}
	return ""
}

// browser is a tab with a page of the local server.
type browser struct {
	context.Context
	t      *testing.T
	errors chan string // errors that the page has raised
	motion string      // prefers-reduced-motion in this tab
}

// open opens a page of the local server whose currency is the dollar.
func open(t *testing.T, path string) browser {
	t.Helper()
	return openAt(t, "LEDGER_URL", path)
}

// openAccount opens the account of a new user.
func openAccount(t *testing.T, user string) browser {
	t.Helper()
	b := open(t, "/?userId="+user)
	b.sees("balance", "$100.00")
	return b
}

// openAt opens a page of the local server whose URL is in an environment variable. The test
// runs in parallel from then on.
func openAt(t *testing.T, variable, path string) browser {
	t.Helper()
	t.Parallel()
	server := os.Getenv(variable)
	require.NotEmpty(t, server, "%s must be the URL of a new local server: .ci/callers starts it", variable)
	return openURL(t, server+path)
}

// openURL opens a page in a new profile. If the page raises an error, the test fails when it ends.
func openURL(t *testing.T, url string) browser {
	t.Helper()
	return newTab(t, chromium, url, chromedp.WithNewBrowserContext())
}

// newTab opens a page in a new tab of the parent's profile.
func newTab(t *testing.T, parent context.Context, url string, options ...chromedp.ContextOption) browser { //nolint:revive // t comes first here
	t.Helper()
	ctx, end := chromedp.NewContext(parent, options...)
	t.Cleanup(end)
	t.Cleanup(func() { assert.NoError(t, chromedp.Cancel(ctx)) })
	require.NoError(t, chromedp.Do(ctx, call(cdplog.Enable, cdp.Empty{}), call(runtime.Enable, cdp.Empty{}),
		call(emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})))

	b := browser{ctx, t, make(chan string, 100), "reduce"}
	if strings.HasSuffix(url, "/docs") {
		b.motion = "no-preference" // Scalar's dialogs take five times as long with reduced motion
	}
	t.Cleanup(b.noErrors)
	watch(b, runtime.ExceptionThrown, func(e runtime.EventExceptionThrown) string { return e.ExceptionDetails.Text })
	watch(b, cdplog.EntryAdded, func(e cdplog.EventEntryAdded) string {
		if e.Entry.Level != cdplog.EntryLevelError || strings.Contains(e.Entry.Text, "responded with a status of 4") || strings.Contains(e.Entry.Text, "net::ERR_") {
			return "" // caused by a problem document, or by an answer lost on purpose
		}
		return e.Entry.Text
	})
	b.prefer("light", b.motion)
	b.do(chromedp.EmulateViewport(1200, 900), chromedp.Navigate(url))
	return b
}

// watch collects errors from the page's events of one kind, such as exceptions or log
// entries. The function text returns an event's error, or "".
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

// call returns an action that sends a command of the Chrome DevTools protocol.
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

// ask evaluates an expression in the page, and returns its value.
func (b browser) ask(expression string) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b, within)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression))
	require.NoError(b.t, err, expression)
	return text
}

// sees waits until the element shows the text.
func (b browser) sees(id, text string) {
	b.t.Helper()
	for end := time.Now().Add(within); !strings.Contains(b.text(id), text); time.Sleep(20 * time.Millisecond) {
		require.True(b.t, time.Now().Before(end), "#%s has %q, not %q", id, b.text(id), text)
	}
}

func (b browser) text(id string) string {
	b.t.Helper()
	return b.ask(`document.getElementById("` + id + `")?.innerText ?? ""`)
}

// reveal opens the view, the step and the details that contain the element.
func (b browser) reveal(selector string) {
	b.t.Helper()
	b.run(fmt.Sprintf(`const found = document.querySelector(%q);
		const view = found?.closest("[role=tabpanel]");
		if (view?.hidden) document.getElementById(view.id + "-tab").click();
		const step = found?.closest(".step");
		if (step?.hidden) document.querySelector("[aria-controls=" + step.id + "]").click();
		const details = found?.closest("details");
		if (details && !found.closest("summary")) details.open = true;`, selector))
}

// enter replaces the text of a field, in any view.
func (b browser) enter(id, text string) {
	b.t.Helper()
	b.reveal("#" + id)
	b.do(chromedp.Focus("#"+id), chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`), chromedp.KeyEvent(text))
}

func (b browser) click(selector string) {
	b.t.Helper()
	b.reveal(selector)
	b.do(chromedp.Click(selector))
}

// focused returns the id of the focused element, or its text if it has no id.
func (b browser) focused() string {
	b.t.Helper()
	return b.ask(`document.activeElement.id || document.activeElement.innerText`)
}

// noErrors fails the test if the page has raised an error.
func (b browser) noErrors() {
	select {
	case e := <-b.errors:
		assert.Fail(b.t, "the page has an error", e)
	default:
	}
}

func (b browser) choose(id, value string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`(() => { const menu = document.getElementById(%q); menu.value = %q; menu.dispatchEvent(new Event("change")); })()`, id, value)))
}

func (b browser) run(statement string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`(() => { ` + statement + ` })()`))
}

// waits waits until an expression in the page is true.
func (b browser) waits(expression string) {
	b.t.Helper()
	for end := time.Now().Add(within); b.ask(`String(`+expression+`)`) != "true"; time.Sleep(20 * time.Millisecond) {
		require.True(b.t, time.Now().Before(end), "it stays false: %s", expression)
	}
}

func (b browser) count(selector string) string {
	b.t.Helper()
	return b.ask(fmt.Sprintf(`String(document.querySelectorAll(%q).length)`, selector))
}

// atTen sets a time zone in which it is ten o'clock, because times with two-digit hours are
// the widest.
func (b browser) atTen() {
	b.t.Helper()
	hour := time.Now().UTC().Hour()
	zone := fmt.Sprintf("Etc/GMT%+d", hour-10) // Etc/GMT-1 is one hour ahead of UTC
	if hour == 23 {
		zone = "Etc/GMT+1"
	}
	b.do(call(emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone}))
}

// prefer emulates a person's preferences for colour scheme and motion.
func (b browser) prefer(scheme, motion string) {
	b.t.Helper()
	b.do(call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: motion}},
	}))
}
