package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// barChart is what the command infra/proof/chart draws.
type barChart struct {
	Axis   string   `json:"axis"`
	Names  []string `json:"names"`
	Groups []bars   `json:"groups"`
}

type bars struct {
	Name   string    `json:"name"`
	Values []float64 `json:"values"`
}

// draw makes a chart of the latencies and one of the cold start.
func (r *report) draw(ctx context.Context, dir string) error {
	var names []string
	floors, ours := bars{Name: "the bare DynamoDB requests"}, bars{Name: "onewrite"}
	for _, l := range r.Latency {
		if l.Transport == "event" && l.Callers == 1 && l.Users == distinct {
			names = append(names, l.Outcome)
			floors.Values, ours.Values = append(floors.Values, l.Floor.P50), append(ours.Values, l.Ours.P50)
		}
	}
	if names != nil {
		calls := barChart{"median ms a call", names, []bars{floors, ours}}
		if err := calls.draw(ctx, filepath.Join(dir, "latency.svg")); err != nil {
			return err
		}
	}
	if r.Start == nil {
		return nil
	}
	took := bars{Name: "cold start"}
	for _, step := range steps {
		took.Values = append(took.Values, r.Start.StepsMs[step])
	}
	return barChart{"median ms a step", steps, []bars{took}}.draw(ctx, filepath.Join(dir, "coldstart.svg"))
}

// draw writes the chart into a file.
func (c barChart) draw(ctx context.Context, path string) error {
	numbers, err := json.Marshal(c)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "run", "-C", "infra/proof/chart", ".")
	var said bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(numbers), &said
	svg, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("chart %s: %w\n%s", path, err, said.Bytes())
	}
	return os.WriteFile(path, svg, 0o644)
}
