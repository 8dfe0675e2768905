// Package mutate shows that the tests find defects. It puts hand-made defects
// into the code, one at a time, and runs the one test that must find each.
//
//	go test ./mutate -v -every 1
//
// gremlins makes the mutants by machine, with another operator in the place of
// each one; see ../README.md.
package mutate
