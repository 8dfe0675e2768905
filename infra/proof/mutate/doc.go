// Package mutate shows that the tests find defects: it puts defects that were
// made by hand into the code, one at a time, and runs the one test that must
// find each.
//
//	go test ./mutate -v -every 1
//
// Mutants by machine, which put another operator in the place of each one, are
// gremlins' work; see ../README.md.
package mutate
