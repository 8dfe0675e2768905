package soak

import (
	"fmt"
	"os"
	"strings"
)

// health is a process's resources.
type health struct {
	residentBytes int
	files         int // open, sockets included
}

// healthOf reads them from Linux (proc(5)).
func healthOf(pid int) (h health, err error) {
	folder := fmt.Sprintf("/proc/%d/", pid)
	files, err := os.ReadDir(folder + "fd")
	if err != nil {
		return h, err
	}
	status, err := os.ReadFile(folder + "status")
	if err != nil {
		return h, err
	}
	_, resident, _ := strings.Cut(string(status), "VmRSS:")
	_, err = fmt.Sscan(resident, &h.residentBytes)
	return health{h.residentBytes << 10, len(files)}, err
}

// worst returns the most of each.
func (h health) worst(other health) health {
	return health{max(h.residentBytes, other.residentBytes), max(h.files, other.files)}
}
