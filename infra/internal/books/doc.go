// Package books is the arithmetic of the ledger's rows, for the audit, the rebuild
// and the tests' kit. It takes rows in any order, and returns tallies of each user,
// the open holds, the transactions that lack a row, and what is wrong with a row.
// It reads and writes nothing.
package books
