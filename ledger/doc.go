// Package ledger is a money ledger: users, their balances in US dollars, and
// the transactions that move them. It is pure: it knows neither AWS nor HTTP,
// and its caller provides the clock and the [Store].
//
// # Model
//
// Every user has a [Balance], [OpeningBalance] before the first transaction.
// A [Transaction] credits or debits an [Amount]. Its user and the caller's
// [IdempotencyKey] name it, and it has exactly one outcome, for ever:
//
//   - [Posted]: its row was written and the balance moved, in one atomic write;
//   - [Declined]: its row was written and nothing moved, because the balance
//     would have left the range from zero to [MaxBalance].
//
// There is no third state, so a crash leaves nothing to repair: either the row
// is there, and with it the outcome, or the key is unused.
//
// # Invariants
//
//   - A balance is OpeningBalance plus the posted credits minus the posted
//     debits, never below zero and never above MaxBalance.
//   - The same request posted again, at once or years later, moves nothing and
//     gets the first outcome.
//   - A key that comes with another type or amount moves nothing.
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
