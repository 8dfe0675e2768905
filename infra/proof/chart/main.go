// Command chart draws bars: it reads their numbers as JSON and writes a picture as SVG.
// infra/proof/bench runs it.
//
// It is a module of its own, so that nobody who tests the ledger has to compile a library
// that draws, with its fonts.
package main

import (
	"bytes"
	"encoding/json"
	"image/color"
	"io"
	"log"
	"os"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Colours that can be read on a light page and on a dark one.
var (
	grey = color.NRGBA{0x80, 0x80, 0x80, 0xff}
	blue = color.NRGBA{0x3b, 0x8e, 0xea, 0xff}
)

// chart is groups of bars, with a bar of each group under each name.
type chart struct {
	Axis   string   `json:"axis"` // what the bars measure
	Names  []string `json:"names"`
	Groups []group  `json:"groups"`
}

type group struct {
	Name   string         `json:"name"`
	Values plotter.Values `json:"values"`
}

func main() {
	log.SetFlags(0)
	if err := run(os.Stdin, os.Stdout); err != nil {
		log.Fatalf("chart: %v", err)
	}
}

func run(in io.Reader, out io.Writer) error {
	var c chart
	if err := json.NewDecoder(in).Decode(&c); err != nil {
		return err
	}
	return c.draw(out)
}

// draw writes the chart, the last group in blue.
func (c chart) draw(out io.Writer) error {
	p := plot.New()
	p.BackgroundColor = nil // the page's own
	p.Y.Label.Text, p.Y.Min = c.Axis, 0
	p.Legend.Top, p.Legend.Left = true, true
	p.X.Color, p.Y.Color, p.X.Tick.Color, p.Y.Tick.Color = grey, grey, grey, grey
	for _, style := range []*draw.TextStyle{&p.Legend.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Color, style.Font.Variant = grey, "Sans"
	}
	const width = 6 * vg.Millimeter
	for i, group := range c.Groups {
		bars, err := plotter.NewBarChart(group.Values, width)
		if err != nil {
			return err
		}
		bars.LineStyle.Width = 0
		bars.Offset = width * vg.Length(2*i-len(c.Groups)+1) / 2
		bars.Color = grey
		if i == len(c.Groups)-1 {
			bars.Color = blue
		}
		p.Add(bars)
		p.Legend.Add(group.Name, bars)
	}
	p.NominalX(c.Names...)
	p.X.Min, p.X.Max = -0.5, float64(len(c.Names))-0.5
	p.Y.Max *= 1.3 // the legend is above the bars
	picture, err := p.WriterTo(140*vg.Millimeter, 70*vg.Millimeter, "svg")
	if err != nil {
		return err
	}
	var svg bytes.Buffer
	if _, err := picture.WriteTo(&svg); err != nil {
		return err
	}
	_, err = out.Write(bytes.ReplaceAll(svg.Bytes(), []byte("Liberation Sans"), []byte("sans-serif")))
	return err
}
