package console

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const maxAnimationBytes = 200_000

// The README's pictures: the page after its story in light and dark, and the drawings
// of the first three steps as an animation. They are written with -update.
func TestPictures(t *testing.T) {
	b := open(t, "/")
	b.prefer("light")
	if !*update {
		b.vary("step-5-seconds", "1")
	}
	for _, n := range []string{"5", "4", "3", "2", "1"} {
		b.step(n)
	}
	b.run(`document.activeElement.blur(); scrollTo(0, 0);`)
	for _, scheme := range []string{"light", "dark"} {
		b.prefer(scheme)
		b.do(chromedp.EmulateViewport(1440, 900))
		png, err := chromedp.Run(b, chromedp.CaptureScreenshot())
		require.NoError(t, err)
		assert.Less(t, len(png), maxScreenshotBytes, scheme)
		write(t, scheme+".png", png)
	}

	b.do(chromedp.EmulateViewport(1200, 900))
	animation, err := chromedp.Run(b, chromedp.Evaluate[string](animate, chromedp.EvalAwaitPromise))
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
	b.noErrors()
}

// write writes a picture, with -update.
func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join(screenshots, file), content, 0o600))
	}
}

// animate makes one SVG of the drawings of three steps, which play one after another for
// ever. Its rules are the page's own.
const animate = `(async () => {
	const cycle = 21, each = cycle / 3; // seconds
	const steps = [1, 2, 3].map((n) => document.getElementById("step-" + n));
	const drawings = [];
	for (const step of steps) {
		for (const other of document.querySelectorAll(".step")) other.hidden = other !== step;
		const place = step.querySelector(".drawing");
		while (Number(place.querySelector("svg").getAttribute("width")) !== place.clientWidth) await new Promise(requestAnimationFrame);
		drawings.push(step.querySelector("svg[role=img]").cloneNode(true));
	}
	const rules = [...document.styleSheets].flatMap(({cssRules}) => [...cssRules]);
	const root = rules.find(({selectorText}) => selectorText === ":root").cssText;
	const colours = (place) => [...root.matchAll(/(--[a-z]+): light-dark\((.*?), (.*?)\);/g)].map((found) => found[1] + ": " + found[place] + ";").join(" ");
	const used = rules.filter(({selectorText}) => selectorText && selectorText !== "*" && steps.some((step) => step.querySelector(".drawing svg[role=img] :is(" + selectorText + ")")));
	const [width, height] = [Math.max(...drawings.map((one) => Number(one.getAttribute("width")))) + 64, Math.max(...drawings.map((one) => Number(one.getAttribute("height")))) + 166];
	const text = (className, y, words) => { const made = document.createElementNS("http://www.w3.org/2000/svg", "text"); made.setAttribute("class", className); made.setAttribute("x", 32); made.setAttribute("y", y); made.textContent = words; return new XMLSerializer().serializeToString(made); };
	const inside = (drawing) => [...drawing.childNodes].map((child) => new XMLSerializer().serializeToString(child).replaceAll(' xmlns="http://www.w3.org/2000/svg"', "")).join("");
	const scenes = drawings.map((drawing, i) => '<g class="scene" style="--begins: ' + i * each + 's">' + text("title", 46, steps[i].querySelector(".step-title").textContent)
		+ text("counts", height - 56, [...steps[i].querySelectorAll(".legend li")].map((one) => one.textContent).join(", "))
		+ '<g class="drawing" transform="translate(32 72)">' + inside(drawing) + "</g>" + text("came", height - 28, "✓ " + steps[i].querySelector(".sum").textContent) + "</g>");
	return '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ' + width + " " + height + '" width="' + width + '" height="' + height + '"><style>\n'
		+ "svg { " + colours(2) + " } @media (prefers-color-scheme: dark) { svg { " + colours(3) + " } }\n"
		+ used.map(({cssText}) => cssText).join("\n") + "\n"
		+ ".sheet { fill: var(--sheet); stroke: var(--rule); } .title { font: 600 22px Inter, system-ui, sans-serif; fill: var(--ink); } .counts { font: 400 15px Inter, system-ui, sans-serif; fill: var(--quiet); } .came { font: 600 15px Inter, system-ui, sans-serif; fill: var(--green); }\n"
		+ ".scene { animation: scene " + cycle + "s var(--begins) infinite both; } .scene :is(.came, .counts) { animation: arrow " + cycle + "s calc(var(--begins) + 3.5s) infinite both; }\n"
		+ ".scene .arrow { animation: arrow " + cycle + "s calc(var(--begins) + .5s + var(--at)) infinite both; } .scene .lanes { animation: race " + cycle + "s calc(var(--begins) + .5s) infinite both linear; }\n"
		+ "@keyframes scene { 0% { opacity: 0 } 1%, 32% { opacity: 1 } 33%, 100% { opacity: 0 } } @keyframes arrow { 0% { opacity: 0 } 1%, 60% { opacity: 1 } 61%, 100% { opacity: 0 } }\n"
		+ "@keyframes race { 0% { clip-path: inset(0 100% 0 0) } 14%, 100% { clip-path: inset(0) } }\n"
		+ "@media (prefers-reduced-motion: reduce) { .scene, .scene * { animation: none !important } .scene + .scene { display: none } }\n"
		+ '</style><rect class="sheet" x=".5" y=".5" width="' + (width - 1) + '" height="' + (height - 1) + '" rx="16"/>' + scenes.join("") + "</svg>\n";
})()`
