package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"

	"onewrite/infra/infratest/runtimeapi"
)

// steps are what happens between the start of the process and the answer, as
// the command start tells them.
var steps = []string{"runtime", "configuration", "client", "connection", "first call"}

// coldStart is the time from the start of the process to the first answer
// through a Runtime API, next to that of a function that says hello.
type coldStart struct {
	Starts  int                `json:"starts"`
	Hello   quantiles          `json:"helloMs"`
	Ours    quantiles          `json:"oursMs"`
	Added   float64            `json:"addedMs"` // median of the pairs' differences
	Ratio   float64            `json:"ratio"`   // and of their ratios
	StepsMs map[string]float64 `json:"stepsMs"` // medians, without the Runtime API
}

// measureColdStart starts the three commands in turns.
func (sub *subject) measureColdStart(ctx context.Context, starts int, tick func()) (coldStart, error) {
	stepsBinary := sub.path("start")
	if err := runtimeapi.Build(ctx, "onewrite/infra/proof/bench/start", stepsBinary); err != nil {
		return coldStart{}, err
	}
	var hellos, ours []time.Duration
	var added, ratios []float64
	stepTimes := map[string][]float64{}
	for range starts {
		hello, err := sub.startAndAsk(ctx, sub.path("hello"), []byte(`{}`))
		if err != nil {
			return coldStart{}, err
		}
		our, err := sub.startAndAsk(ctx, sub.path("bootstrap"), balance.call(names{user: "start"}).event())
		if err != nil {
			return coldStart{}, err
		}
		took, err := sub.timeSteps(ctx, stepsBinary)
		if err != nil {
			return coldStart{}, err
		}
		hellos, ours = append(hellos, hello), append(ours, our)
		added = append(added, milliseconds(our-hello))
		ratios = append(ratios, float64(our)/float64(hello))
		for step, ms := range took {
			stepTimes[step] = append(stepTimes[step], ms)
		}
		tick()
	}
	medians := map[string]float64{}
	for step, times := range stepTimes {
		medians[step] = median(times)
	}
	return coldStart{starts, quantilesOf(hellos), quantilesOf(ours), median(added), median(ratios), medians}, nil
}

// startAndAsk measures the time from the start of a function to its first answer.
func (sub *subject) startAndAsk(ctx context.Context, binary string, payload []byte) (time.Duration, error) {
	began := time.Now()
	function, err := runtimeapi.Start(binary, sub.Env(), io.Discard)
	if err != nil {
		return 0, err
	}
	defer function.Kill()
	_, err = function.Invoke(ctx, payload)
	return time.Since(began), err
}

// timeSteps runs the command start, and is the milliseconds of each step.
func (sub *subject) timeSteps(ctx context.Context, binary string) (map[string]float64, error) {
	command := exec.CommandContext(ctx, binary)
	command.Env = sub.Env()
	before := time.Now().UnixNano()
	output, err := command.Output()
	if err != nil {
		return nil, errors.Join(ctx.Err(), err)
	}
	took := map[string]float64{}
	lines := bufio.NewScanner(bytes.NewReader(output))
	for _, step := range steps {
		var at int64
		if _, err := fmt.Sscanf(nextLine(lines), step+" %d", &at); err != nil {
			return nil, fmt.Errorf("step %s: %w in %s", step, err, output)
		}
		took[step] = float64(at-before) / 1e6
		before = at
	}
	return took, nil
}

func nextLine(lines *bufio.Scanner) string {
	lines.Scan()
	return lines.Text()
}
