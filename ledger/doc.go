// Package ledger is a money ledger: users, their balances in US dollars, and
// the transactions that move them. It is pure: it knows neither AWS nor HTTP,
// and its caller provides the clock and the [Store].
//
// # Model
//
// Every user has a [Balance], [OpeningBalance] before the first transaction. A
// transaction has one or more entries, each of which credits or debits an
// [Amount] of one user: a transfer is a debit and a credit. The user of the first
// entry and the caller's [IdempotencyKey] name it, and it has exactly one
// outcome, for ever:
//
//   - [Posted]: its rows, one an entry, were written and all balances moved, in
//     one atomic write;
//   - [Declined]: its first row alone was written and nothing moved, because a
//     balance would have left the range from zero to [MaxBalance].
//
// There is no third state, so a crash leaves nothing to repair: either the rows
// are there, and with them the outcome, or the key is unused.
//
// Entries count as if they were posted one after another, in their order, with
// nobody in between. A [Posting] says the same for one write: the rows, and a
// [Move] of each user, which is allowed exactly if each of the user's entries
// would have been. The first row holds all that a replay and a lookup need.
//
// # Invariants
//
//   - A balance is OpeningBalance plus the posted credits minus the posted
//     debits, never below zero and never above MaxBalance.
//   - The same request posted again, at once or years later, moves nothing and
//     gets the first outcome.
//   - A transaction posts as a whole or not at all, and its first row says
//     exactly which other rows there are.
//   - A key that comes with other entries, in another order, or with other
//     metadata moves nothing.
//   - A decline is reported only after it is stored, so a late duplicate can
//     never turn it into a posting.
//
// # Money
//
// Sums are decimals of the apd package, in a context that fails rather than
// round. Whole cents in an int64 would hold today's range; decimals need no
// conversion between a caller's text and a DynamoDB number, and no other code
// for a wider range or a currency with other places. [Amount] and [Balance] hide
// them, because apd also parses "NaN" and "1e3", its == tells 10 from 10.00, and
// encoders lose its digits.
package ledger
