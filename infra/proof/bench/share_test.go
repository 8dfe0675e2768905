package main

import "testing"

// What a call takes with the network out of the picture, the SDK's part
// included: event in to event out.
func BenchmarkCall(b *testing.B) {
	for _, o := range outcomes {
		_, ours := shareOf(o)
		b.Run(o.name, benchmark(ours))
	}
}

// What the SDK takes of it: the bare requests.
func BenchmarkBareRequests(b *testing.B) {
	for _, o := range outcomes {
		bare, _ := shareOf(o)
		b.Run(o.name, benchmark(bare))
	}
}

func benchmark(run request) func(*testing.B) {
	return func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := run(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
