package main

import (
	"bytes"
	"fmt"
	"image/color"
	"os"
	"path/filepath"

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

// draw makes a chart of the latencies and one of the cold start.
func (r *report) draw(dir string) error {
	var names []string
	var floors, ours plotter.Values
	for _, l := range r.Latency {
		if l.Transport == "event" && l.Callers == 1 && l.Users == distinct {
			names = append(names, l.Outcome)
			floors, ours = append(floors, l.Floor.P50), append(ours, l.Ours.P50)
		}
	}
	if names != nil {
		if err := drawBars(filepath.Join(dir, "latency.svg"), "median ms a call", names,
			bars{"the bare DynamoDB requests", floors}, bars{"onewrite", ours}); err != nil {
			return err
		}
	}
	if r.Start == nil {
		return nil
	}
	var took plotter.Values
	for _, step := range steps {
		took = append(took, r.Start.StepsMs[step])
	}
	return drawBars(filepath.Join(dir, "coldstart.svg"), "median ms a step", steps, bars{"cold start", took})
}

type bars struct {
	name   string
	values plotter.Values
}

// drawBars draws groups of bars, the last of each group in blue.
func drawBars(path, axis string, names []string, groups ...bars) error {
	p := plot.New()
	p.BackgroundColor = nil // the page's own
	p.Y.Label.Text, p.Y.Min = axis, 0
	p.Legend.Top, p.Legend.Left = true, true
	p.X.Color, p.Y.Color, p.X.Tick.Color, p.Y.Tick.Color = grey, grey, grey, grey
	for _, style := range []*draw.TextStyle{&p.Legend.TextStyle, &p.Y.Label.TextStyle, &p.X.Tick.Label, &p.Y.Tick.Label} {
		style.Color, style.Font.Variant = grey, "Sans"
	}
	const width = 6 * vg.Millimeter
	for i, group := range groups {
		chart, err := plotter.NewBarChart(group.values, width)
		if err != nil {
			return fmt.Errorf("chart %s: %w", path, err)
		}
		chart.LineStyle.Width = 0
		chart.Offset = width * vg.Length(2*i-len(groups)+1) / 2
		chart.Color = grey
		if i == len(groups)-1 {
			chart.Color = blue
		}
		p.Add(chart)
		p.Legend.Add(group.name, chart)
	}
	p.NominalX(names...)
	p.X.Min, p.X.Max = -0.5, float64(len(names))-0.5
	p.Y.Max *= 1.3 // the legend is above the bars
	chart, err := p.WriterTo(140*vg.Millimeter, 70*vg.Millimeter, "svg")
	if err != nil {
		return fmt.Errorf("chart %s: %w", path, err)
	}
	var svg bytes.Buffer
	if _, err := chart.WriteTo(&svg); err != nil {
		return err
	}
	anyFont := bytes.ReplaceAll(svg.Bytes(), []byte("Liberation Sans"), []byte("sans-serif"))
	return os.WriteFile(path, anyFont, 0o644)
}
