package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// report is everything that was measured; a part that was not is left out.
type report struct {
	Machine string       `json:"machine"`
	Latency []latency    `json:"latency,omitempty"`
	Entries []latency    `json:"entries,omitempty"`
	Holds   []latency    `json:"holds,omitempty"`
	CPU     []cpu        `json:"cpu,omitempty"`
	Share   []ownShare   `json:"share,omitempty"`
	Start   *coldStart   `json:"coldStart,omitempty"`
	Memory  []memory     `json:"memory,omitempty"`
	Size    *size        `json:"size,omitempty"`
	Cost    []bill       `json:"cost,omitempty"`
	Month   *month       `json:"month,omitempty"`
	Prices  prices       `json:"prices"`
	Scale   []throughput `json:"scale,omitempty"`

	EntryShare []ownShare   `json:"entryShare,omitempty"`
	HotAccount []hotAccount `json:"hotAccount,omitempty"`
	HotEntries []hotEntry   `json:"hotEntries,omitempty"`
}

// machine describes what the times depend on.
func machine() string {
	return fmt.Sprintf("%s/%s, %d cores, %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}

// print writes a table of each part.
func (r *report) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	section := func(title, head string) {
		fmt.Fprintf(w, "\n%s\n%s\t\n", title, strings.Join(strings.Split(head, "|"), "\t"))
	}
	fmt.Fprintln(w, r.Machine)
	latencies := func(title string, all []latency) {
		if all != nil {
			section(title, "outcome|transport|users|callers|floor p50|p95|p99|ours p50|p95|p99|ratio")
		}
		for _, l := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t%.3f\t\n", l.Outcome, l.Transport, l.Users, l.Callers,
				l.Floor.P50, l.Floor.P95, l.Floor.P99, l.Ours.P50, l.Ours.P95, l.Ours.P99, l.Ratio)
		}
	}
	latencies("Latency in ms, each call next to its floor, and the median of the pairs' ratios", r.Latency)
	latencies("Latency of several entries, likewise", r.Entries)
	latencies("Latency of holds and their ends, likewise", r.Holds)
	if r.CPU != nil {
		section("CPU in µs a call, over the network", "outcome|floor|ours|ratio")
	}
	for _, c := range r.CPU {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.3f\t\n", c.Outcome, c.Floor, c.Ours, c.Ratio)
	}
	if r.Share != nil {
		section("Own share of a call, event in to event out, with a DynamoDB that answers at once", "outcome|µs|allocations|bytes|SDK µs|SDK allocations")
	}
	for _, s := range r.Share {
		fmt.Fprintf(w, "%s\t%.1f\t%d\t%d\t%.1f\t%d\t\n", s.Outcome, s.Microseconds, s.Allocations, s.Bytes, s.SDKMicros, s.SDKAllocations)
	}
	if r.EntryShare != nil {
		section("Own share of a posting by its entries", "entries|µs|allocations|bytes|µs an entry|allocations an entry|SDK µs|SDK allocations")
	}
	for _, s := range r.EntryShare {
		n := float64(s.Entries)
		fmt.Fprintf(w, "%d\t%.1f\t%d\t%d\t%.1f\t%.1f\t%.1f\t%d\t\n", s.Entries, s.Microseconds, s.Allocations, s.Bytes,
			s.Microseconds/n, float64(s.Allocations)/n, s.SDKMicros, s.SDKAllocations)
	}
	if s := r.Start; s != nil {
		section("Cold start in ms, process start to first answer", "|p50|p95|p99")
		fmt.Fprintf(w, "hello\t%.1f\t%.1f\t%.1f\t\n", s.Hello.P50, s.Hello.P95, s.Hello.P99)
		fmt.Fprintf(w, "onewrite\t%.1f\t%.1f\t%.1f\t\n", s.Ours.P50, s.Ours.P95, s.Ours.P99)
		fmt.Fprintf(w, "added\t%.1f\t\n", s.Added)
		for _, step := range steps {
			fmt.Fprintf(w, "%s\t%.2f\t\n", step, s.StepsMs[step])
		}
	}
	if r.Memory != nil {
		section("Memory of the process in MB", "calls|resident|peak")
	}
	for _, m := range r.Memory {
		fmt.Fprintf(w, "%d\t%.1f\t%.1f\t\n", m.Calls, m.ResidentMB, m.PeakMB)
	}
	if r.Size != nil {
		section("Size in bytes, for arm64", "|bytes")
		fmt.Fprintf(w, "binary\t%d\t\nzipped\t%d\t\n", r.Size.Bytes, r.Size.ZipBytes)
		for _, p := range r.Size.Packages {
			fmt.Fprintf(w, "%s\t%d\t\n", p.Name, p.Bytes)
		}
	}
	if r.Cost != nil {
		section(fmt.Sprintf("Dollars a million calls (%s, %s, %g ms at %g MB)", r.Prices.Region, r.Prices.Date, r.Prices.BilledMs, r.Prices.MemoryMB),
			"outcome|requests|write units|read units|DynamoDB|Lambda|HTTP API|logs, traces|total")
	}
	for _, b := range r.Cost {
		fmt.Fprintf(w, "%s\t%d\t%g\t%g\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", b.Outcome, b.Requests, b.Writes, b.Reads, b.DynamoDB, b.Lambda, b.HTTPAPI, b.Logs, b.Total)
	}
	if r.Month != nil {
		section("Dollars a month, besides the calls", "|total")
		r.Month.print(w)
	}
	if r.Scale != nil {
		section("Posts a second and core, our own share and the SDK's", "users at once|posts/s")
	}
	for _, t := range r.Scale {
		fmt.Fprintf(w, "%d\t%.0f\t\n", t.Users, t.PerSecond)
	}
	if r.HotAccount != nil {
		section("Callers of one user, by how long a write holds its items", "hold ms|callers|posted/s|of 1/hold|attempts a posting|p50 ms|p99 ms|max ms|503")
	}
	for _, h := range r.HotAccount {
		share, attempts := fmt.Sprintf("%.0f %%", 100*h.HoldShare), fmt.Sprintf("%.1f", h.Attempts)
		if h.HoldMs == 0 {
			share, attempts = "", ""
		}
		fmt.Fprintf(w, "%g\t%s\t%.0f\t%s\t%s\t%.0f\t%.0f\t%.0f\t%d\t\n",
			h.HoldMs, h.callersText(), h.PerSecond, share, attempts, h.Took.P50, h.Took.P99, h.MaxMs, h.Unavailable)
	}
	if r.HotEntries != nil {
		section(fmt.Sprintf("Entries a second into one user, by %d processes", environments), "entries a write|writes/s|entries/s|of single ones|p50 ms|p99 ms|503")
	}
	for _, h := range r.HotEntries {
		fmt.Fprintf(w, "%d\t%.0f\t%.0f\t%.1f\t%.0f\t%.0f\t%d\t\n", h.Entries, h.PerSecond, h.EntriesPerSecond, h.OfSingle, h.Took.P50, h.Took.P99, h.Unavailable)
	}
	return w.Flush()
}

// broken returns the bounds that what was measured breaks, of those that no
// machine's speed can change.
func (r *report) broken() (all []string) {
	check := func(what string, got, bound int) {
		if got > bound {
			all = append(all, fmt.Sprintf("%s: %d, of at most %d", what, got, bound))
		}
	}
	for _, s := range r.Share {
		check("own allocations, "+s.Outcome, s.Allocations, maxOwnAllocations)
	}
	for _, s := range r.EntryShare {
		check("own allocations, "+s.Outcome, s.Allocations, maxOwnAllocations+s.Entries*maxEntryAllocations)
	}
	if r.Size != nil {
		check("bytes of the binary", r.Size.Bytes, maxBinaryBytes)
		check("bytes of its archive", r.Size.ZipBytes, maxZipBytes)
	}
	return all
}

// figures returns the numbers that are worth comparing between runs: the ratios,
// and what does not depend on the machine's speed.
func (r *report) figures() map[string]float64 {
	f := map[string]float64{}
	for _, l := range slices.Concat(r.Latency, r.Entries, r.Holds) {
		f["ratio of latency, "+l.String()] = l.Ratio
	}
	for _, c := range r.CPU {
		f["ratio of CPU, "+c.Outcome] = c.Ratio
	}
	for _, s := range slices.Concat(r.Share, r.EntryShare) {
		f["own allocations, "+s.Outcome] = float64(s.Allocations)
	}
	if r.Start != nil {
		f["ratio of cold start"] = r.Start.Ratio
	}
	for _, m := range r.Memory {
		f[fmt.Sprintf("resident MB after %d calls", m.Calls)] = m.ResidentMB
	}
	if r.Size != nil {
		f["bytes of the binary"] = float64(r.Size.Bytes)
		f["bytes of its archive"] = float64(r.Size.ZipBytes)
	}
	for _, b := range r.Cost {
		f["write units, "+b.Outcome], f["read units, "+b.Outcome] = b.Writes, b.Reads
	}
	return f
}

// readReport reads the JSON of an earlier report.
func readReport(path string) (*report, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var earlier report
	if err := json.Unmarshal(text, &earlier); err != nil {
		return nil, fmt.Errorf("%s is no report of bench -json: %w", path, err)
	}
	return &earlier, nil
}

// compare writes what differs from an earlier report by more than a tenth.
func (r *report) compare(out io.Writer, earlier *report) {
	figures, was, same := r.figures(), earlier.figures(), 0
	for _, name := range slices.Sorted(maps.Keys(figures)) {
		is, before := figures[name], was[name]
		switch {
		case is == before || before != 0 && is/before > 0.9 && is/before < 1.1:
			same++
		default:
			fmt.Fprintf(out, "  %s: %.4g, was %.4g\n", name, is, before)
		}
	}
	fmt.Fprintf(out, "  %d figures are the same within a tenth\n", same)
}
