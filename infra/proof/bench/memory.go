package main

import (
	"context"
	"fmt"
	"os"
	"strings"
)

// memory is what the function's process held after so many calls.
type memory struct {
	Calls      int     `json:"calls"`
	ResidentMB float64 `json:"residentMB"`
	PeakMB     float64 `json:"peakMB"`
}

// measureMemory sends calls to a new function, half of them posts, and looks
// at its memory after each of those numbers.
func (sub *subject) measureMemory(ctx context.Context, after []int, tick func()) (all []memory, err error) {
	function, err := sub.run("bootstrap")
	if err != nil {
		return nil, err
	}
	send := overRuntime(function)
	calls := 0
	for _, number := range after {
		for ; calls < number; calls++ {
			o := []outcome{balance, posted}[calls%2]
			if err := send(o, sub.names(distinct))(ctx); err != nil {
				return nil, err
			}
			tick()
		}
		m := memory{Calls: calls}
		if m.ResidentMB, m.PeakMB, err = residentMB(function.PID()); err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}

// residentMB returns a process's memory and its peak, as Linux shows them
// (proc(5)).
func residentMB(pid int) (now, peak float64, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kB float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kB); err == nil {
			now = kB / 1024
		}
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kB); err == nil {
			peak = kB / 1024
		}
	}
	return now, peak, nil
}
