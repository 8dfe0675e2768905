package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// operation is a method and a path in the API's description.
type operation struct {
	method, path string
	examples     []string // the names of its body's examples, or [""] if it has none
	status       string   // the documented 2xx status
}

func operations(t *testing.T, server string) (all []operation) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/docs/openapi.json", nil)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	var document struct {
		Paths map[string]map[string]json.RawMessage
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&document))
	for path, item := range document.Paths {
		for method, source := range item {
			if method == "parameters" {
				continue
			}
			var described struct {
				RequestBody struct {
					Content map[string]struct{ Examples map[string]any }
				}
				Responses map[string]any
			}
			require.NoError(t, json.Unmarshal(source, &described))
			o := operation{method: method, path: path}
			for name := range described.RequestBody.Content["application/json"].Examples {
				o.examples = append(o.examples, name)
			}
			if o.examples == nil {
				o.examples = []string{""}
			}
			for status := range described.Responses {
				if strings.HasPrefix(status, "2") {
					o.status = status
				}
			}
			all = append(all, o)
		}
	}
	return all
}

// section returns the selector for the operation's part of the page.
func (o operation) section() string {
	return fmt.Sprintf(`[id$="/%s%s"]`, strings.ToUpper(o.method), o.path)
}

// shows scrolls to the operation until it is rendered. Scalar renders only the parts in
// view.
func (b browser) shows(o operation) {
	b.t.Helper()
	for end := time.Now().Add(within); b.count(o.section()+" .show-api-client-button") == "0"; time.Sleep(200 * time.Millisecond) {
		require.True(b.t, time.Now().Before(end), "%s %s does not appear", o.method, o.path)
		b.run(fmt.Sprintf(`document.querySelector(%q)?.scrollIntoView();`, o.section()))
	}
}

func (b browser) selects(o operation, example string) {
	b.t.Helper()
	names, err := json.Marshal(o.examples)
	require.NoError(b.t, err)
	menu := fmt.Sprintf(`[...document.querySelectorAll(%q)].find((button) => %s.includes(button.innerText.trim()))`, o.section()+" button[aria-haspopup=listbox]", names)
	b.waits(menu + ` != null`)
	b.run(menu + `.click();`)
	option := fmt.Sprintf(`[...document.querySelectorAll("[role=option]")].find((option) => option.innerText.trim() === %q)`, example)
	b.waits(option + ` != null`)
	b.run(option + `.click();`)
	b.waits(menu + fmt.Sprintf(`.innerText.trim() === %q`, example))
}

const (
	sendButton = `[...document.querySelectorAll("[role=dialog] button")].find((button) => button.innerText.startsWith("Send") && button.checkVisibility())`
	response   = `(document.querySelector("[role=dialog] section[aria-label=Response]")?.innerText ?? "")`
)

// opens opens the dialog for calling the operation.
func (b browser) opens(o operation) {
	b.t.Helper()
	b.run(fmt.Sprintf(`document.querySelector(%q).click();`, o.section()+" .show-api-client-button")) // clicked by script, because the button may move
	b.waits(fmt.Sprintf(`%s?.innerText.includes(%q)`, sendButton, strings.ToLower(o.method)+" request to "+b.ask("location.origin")+o.path))
	assert.NotContains(b.t, b.ask(response), "Status:", "of another call")
}

func (b browser) closes() {
	b.t.Helper()
	b.do(chromedp.KeyEvent(kb.Escape))
	b.waits(`document.querySelector(".scalar-client--open") === null`)
}

// sends calls the operation from the page, and returns the text of the answer.
func (b browser) sends(o operation) string {
	b.t.Helper()
	b.opens(o)
	b.run(sendButton + `.click();`)
	b.waits(response + `.includes("Status:")`)
	return b.ask(response)
}

// Each example of each operation can be sent as it is, and gets the documented status. In
// dinars this test sends only the transactions: TestExamplesInAnyOrder sends the rest.
func TestReference(t *testing.T) {
	for _, variable := range []string{"LEDGER_URL", "DINARS_URL"} {
		t.Run(variable, func(t *testing.T) {
			b := openAt(t, variable, "/docs")
			b.sees("made", "Every example runs")
			b.sees("reference", "move them")
			all := operations(t, os.Getenv(variable))
			require.Greater(t, len(all), 8)
			for _, o := range all {
				if variable == "DINARS_URL" && o.path != "/transactions" {
					continue
				}
				b.shows(o)
				for _, example := range o.examples {
					if example != "" {
						b.selects(o, example)
					}
					want := o.status + " " + map[string]string{"200": "OK", "201": "Created"}[o.status]
					assert.Contains(t, b.sends(o), want, "%s %s %s", o.method, o.path, example)
					b.closes()
				}
			}
		})
	}
}

// The code samples run, and all make the same call.
func TestReferenceSamples(t *testing.T) {
	b := open(t, "/docs")
	b.sees("made", "Every example runs")
	o := operation{method: "post", path: "/transactions", examples: []string{"credit"}}
	sample := fmt.Sprintf(`(document.querySelector(%q)?.innerText ?? "")`, o.section()+" pre[id^=scalar-refs]")
	ids := map[string]bool{}
	for _, c := range []struct {
		tab, in, file string
		command       []string
		print         string // code to print the answer, if the sample has none
	}{
		{"Shell", "curl", "call.sh", []string{"sh"}, ""},
		{"Go", "package main", "call.go", []string{"go", "run"}, ""},
		{"Python", "import http.client", "call.py", []string{"python3"}, ""},
		{"JavaScript", "fetch(", "call.mjs", []string{"node"}, ".then((answer) => answer.text()).then(console.log)"},
	} {
		b.run(`window.scrollTo(0, 0);`)
		b.run(fmt.Sprintf(`[...document.querySelectorAll(".client-libraries")].find((tab) => tab.innerText.trim() === %q).click();`, c.tab))
		b.shows(o)
		b.waits(fmt.Sprintf(`%s.includes(%q)`, sample, c.in))
		path := filepath.Join(t.TempDir(), c.file)
		require.NoError(t, os.WriteFile(path, []byte(strings.TrimSpace(b.ask(sample))+c.print), 0o600))
		output, err := exec.CommandContext(t.Context(), c.command[0], append(c.command[1:], path)...).Output()
		require.NoError(t, err, c.tab)
		found := regexp.MustCompile(`"id": ?"([0-9a-f-]{36})"`).FindSubmatch(output)
		require.NotNil(t, found, "%s: %s", c.tab, output)
		ids[string(found[1])] = true
	}
	assert.Len(t, ids, 1, "the same call")
}

// settles waits until the page has the scheme's colours. Scalar marks the scheme with a
// class.
func (b browser) settles(scheme string) {
	b.t.Helper()
	b.waits(fmt.Sprintf(`document.body.className === "" || document.body.classList.contains(%q)`, scheme+"-mode"))
	_, err := chromedp.Run(b, chromedp.Evaluate[string](`new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(() => go(""))))`, chromedp.EvalAwaitPromise))
	require.NoError(b.t, err)
}

// The reference and its dialogs are accessible at the widths of a phone, a tablet and a
// desktop, and load nothing from other sites.
func TestReferenceIsAccessible(t *testing.T) {
	b := open(t, "/docs")
	all := operations(t, os.Getenv("LEDGER_URL"))
	post := all[slices.IndexFunc(all, func(o operation) bool { return o.method == "post" && o.path == "/transactions" })]
	b.loadAxe()
	b.run(`document.head.append(Object.assign(document.createElement("style"), { textContent: "* { transition: none !important }" }));`)
	widths := []int64{320, 768, 1440}
	b.do(chromedp.EmulateViewport(widths[0], 900))
	b.sees("made", "Every example runs")
	b.shows(post)
	b.click(post.section() + " button[aria-haspopup=dialog]")
	b.waits(`document.querySelector("[role=dialog][aria-label^=Auth]") !== null`)
	b.checkAxe("authentication")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.sends(post)
	for _, width := range widths { // before the loop below makes the page long
		b.do(chromedp.EmulateViewport(width, 900))
		b.checkAxe(fmt.Sprint("posted at ", width))
	}
	b.closes()
	for _, o := range all {
		b.shows(o)
	}
	for _, width := range widths {
		b.do(chromedp.EmulateViewport(width, 900))
		b.checkAxe(fmt.Sprint("all operations at ", width))
		assert.Equal(t, fmt.Sprint(width), b.ask(`String(document.documentElement.scrollWidth)`))
	}
	assert.Empty(t, b.ask(`performance.getEntriesByType("resource").map((r) => r.name).filter((name) => !name.startsWith(location.origin) && !name.startsWith("data:")).join()`))
}
