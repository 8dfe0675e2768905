package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// health is what a process uses.
type health struct {
	residentBytes int
	threads       int
	files         int // open, sockets included
}

// healthOf reads what Linux says of a process (proc(5)).
func healthOf(pid int) (h health, err error) {
	folder := fmt.Sprintf("/proc/%d/", pid)
	status, err := os.ReadFile(folder + "status")
	if err != nil {
		return h, err
	}
	files, err := os.ReadDir(folder + "fd")
	if err != nil {
		return h, err
	}
	h.files = len(files)
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) < 2:
		case fields[0] == "VmRSS:":
			kilobytes, err := strconv.Atoi(fields[1])
			if err != nil {
				return h, err
			}
			h.residentBytes = kilobytes << 10
		case fields[0] == "Threads:":
			if h.threads, err = strconv.Atoi(fields[1]); err != nil {
				return h, err
			}
		}
	}
	return h, nil
}

// worst returns the most of each.
func (h health) worst(other health) health {
	return health{
		max(h.residentBytes, other.residentBytes),
		max(h.threads, other.threads),
		max(h.files, other.files),
	}
}

// flat reports whether later is no more than h, but for the play of the garbage
// collector and the scheduler.
func (h health) flat(later health) bool {
	return later.residentBytes <= h.residentBytes*5/4+4<<20 &&
		later.threads <= h.threads+4 &&
		later.files <= h.files+4
}

func (h health) String() string {
	return fmt.Sprintf("%.1f MB, %d threads, %d open files", float64(h.residentBytes)/(1<<20), h.threads, h.files)
}
