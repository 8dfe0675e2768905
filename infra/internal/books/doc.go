// Package books is the arithmetic of the ledger's rows, for the audit, the rebuild and
// the tests' kit. It takes rows in any order, and returns tallies of each user, the open
// holds, the transactions without all their rows, and the faults of a row. It reads and
// writes nothing.
package books
