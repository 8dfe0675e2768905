// Package mutate shows that the tests find defects. It puts hand-made defects into the code, one at
// a time, and runs the one test that must find each.
//
//	go test ./mutate -v -every 1
//
// gremlins makes mutants by machine, each with another operator; see ../README.md.
package mutate
