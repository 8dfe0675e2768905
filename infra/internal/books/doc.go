// Package books adds up the ledger's rows, for the audit, the rebuild and the tests'
// kit. It takes rows in any order, and returns each user's tally, the open holds, the
// transactions that lack rows, and each row's faults. It reads and writes nothing. The
// audit's TestDamage has a case for each fault.
package books
