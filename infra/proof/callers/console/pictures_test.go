package console

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const maxAnimationBytes = 200_000

// The README's pictures show the page after all steps have been played, in light and dark,
// and the drawings of the first three steps as an animation. The flag -update saves them.
func TestPictures(t *testing.T) {
	b := open(t, "/")
	if !*update {
		b.vary("step-5-seconds", "1")
	}
	for _, n := range []string{"5", "4", "3", "2", "1"} {
		b.step(n)
	}
	b.run(`document.activeElement.blur(); scrollTo(0, 0);`)
	for _, scheme := range []string{"light", "dark"} {
		b.prefer(scheme, "reduce")
		b.do(chromedp.EmulateViewport(1440, 900))
		png, err := chromedp.Run(b, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		assert.Less(t, len(png), maxScreenshotBytes, scheme)
		write(t, scheme+".png", png)
	}

	b.do(chromedp.EmulateViewport(1200, 900))
	animation, err := chromedp.Run(b, chromedp.Evaluate[string](strings.Replace(animate, "SCENES", strconv.Quote(sceneRules), 1), chromedp.EvalAwaitPromise))
	require.NoError(t, err)
	assert.Less(t, len(animation), maxAnimationBytes)
	assert.NotContains(t, animation, "light-dark")
	decoder := xml.NewDecoder(strings.NewReader(animation))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else {
			require.NoError(t, err)
		}
	}
	for _, text := range []string{"An answer is lost", "20 callers, one key", "20 debits of $10.00 on $100.00", "$100.00 − 10 × $10.00 = $0.00, exactly."} {
		assert.Contains(t, animation, text)
	}
	write(t, "story.svg", []byte(animation))
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join(screenshots, file), content, 0o600))
	}
}

// animate is a script that combines the drawings of three steps into one SVG, which plays
// them in a loop. The shapes, colours and CSS rules come from the page.
const animate = `(async () => {
	const steps = [1, 2, 3].map((n) => document.getElementById("step-" + n));
	const drawings = [];
	for (const step of steps) {
		for (const other of document.querySelectorAll(".step")) other.hidden = other !== step;
		const place = step.querySelector(".drawing");
		while (Number(place.querySelector("svg").getAttribute("width")) !== place.clientWidth) await new Promise(requestAnimationFrame);
		drawings.push(step.querySelector("svg[role=img]"));
	}
	const most = (name) => Math.max(...drawings.map((drawing) => Number(drawing.getAttribute(name))));
	const [width, height] = [most("width") + 64, most("height") + 166];

	const rules = [...document.styleSheets].flatMap(({cssRules}) => [...cssRules]).filter(({selectorText}) => selectorText);
	const pairs = [...rules.find(({selectorText}) => selectorText === ":root").cssText.matchAll(/(--[a-z]+): light-dark\((.*?), (.*?)\);/g)];
	const colours = (place) => "svg { " + pairs.map((found) => found[1] + ": " + found[place]).join("; ") + " }";
	const used = rules.filter(({selectorText}) => selectorText !== "*" && drawings.some((drawing) => drawing.querySelector(":is(" + selectorText + ")")));

	const source = (node) => new XMLSerializer().serializeToString(node).replaceAll(' xmlns="http://www.w3.org/2000/svg"', "");
	const text = (className, y, words) => {
		const made = document.createElementNS("http://www.w3.org/2000/svg", "text");
		for (const [name, value] of Object.entries({class: className, x: 32, y})) made.setAttribute(name, value);
		made.textContent = words;
		return source(made);
	};
	const scenes = steps.map((step, i) => '<g class="scene" style="--begins: ' + 7 * i + 's">' + [
		text("title", 46, step.querySelector(".step-title").textContent),
		'<g class="drawing" transform="translate(32 72)">' + [...drawings[i].childNodes].map(source).join("") + "</g>",
		text("counts", height - 56, [...step.querySelectorAll(".legend li")].map((one) => one.textContent).join(", ")),
		text("came", height - 28, "✓ " + step.querySelector(".sum").textContent),
	].join("") + "</g>");
	return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ' + width + " " + height + '" width="' + width + '" height="' + height + '">' + [
		"<style>", colours(2), "@media (prefers-color-scheme: dark) { " + colours(3) + " }", ...used.map(({cssText}) => cssText), SCENES, "</style>",
		'<rect class="sheet" x=".5" y=".5" width="' + (width - 1) + '" height="' + (height - 1) + '" rx="16"/>', ...scenes, "</svg>",
	].join("\n") + "\n";
})()`

// sceneRules are the CSS rules in the animation: each drawing is visible for 7 of 21
// seconds, in a loop. For readers who prefer reduced motion, only the first is visible, and
// still.
const sceneRules = `.sheet { fill: var(--sheet); stroke: var(--rule); }
.title, .counts, .came { font: 600 22px Inter, system-ui, sans-serif; fill: var(--ink); }
.counts { font-size: 15px; font-weight: 400; fill: var(--quiet); }
.came { font-size: 15px; fill: var(--green); }
.scene { animation: scene 21s var(--begins) infinite both; }
.scene .arrow { animation: part 21s calc(var(--begins) + .5s + var(--at)) infinite both; }
.scene .lanes { animation: race 21s calc(var(--begins) + .5s) infinite both linear; }
.scene :is(.counts, .came) { animation: part 21s calc(var(--begins) + 3.5s) infinite both; }
@keyframes scene { 0% { opacity: 0; } 1%, 32% { opacity: 1; } 33%, 100% { opacity: 0; } }
@keyframes part { 0% { opacity: 0; } 1%, 60% { opacity: 1; } 61%, 100% { opacity: 0; } }
@keyframes race { 0% { clip-path: inset(0 100% 0 0); } 14%, 100% { clip-path: inset(0); } }
@media (prefers-reduced-motion: reduce) { .scene, .scene * { animation: none !important; } .scene + .scene { display: none; } }`
