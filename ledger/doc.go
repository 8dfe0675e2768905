// Package ledger is a money ledger: users, their balances in one currency, and
// the transactions that move them. It is pure: it knows neither AWS nor HTTP,
// and its caller provides the clock and the [Store].
//
// # Model
//
// A ledger has [Settings] for ever: its currency, the decimal places of amounts, and
// the [Balance] that every user has before the first transaction. A
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
// A transaction that is to be pending has [Pending] in place of Posted: its debit
// is a [Hold], which is taken from the balance and kept aside. Nothing is ever
// half done, so a crash leaves nothing to repair: either the rows are there, and
// with them the outcome, or the key is unused.
//
// Entries count as if they were posted one after another, in their order, with
// nobody in between. A [Posting] says the same for one write: the rows, and a
// [Move] of each user, which is allowed exactly if each of the user's entries
// would have been. The first row holds all that a replay and a lookup need.
//
// # Holds
//
// A hold ends once, for ever, by the row of its [End] and in the write that puts
// it: a [Capture] takes the money or a part of it, and credits exactly that to the
// user of the second entry, if there is one; a [Void] and an [Expiry] give all of
// it back, as a capture does the rest. The pending row stays as it was.
//
// Nothing runs when a hold expires. From one second after that, the grace, every
// reading counts what was held as spendable, and a posting that needs it releases
// it in its own write, or in one before if they do not fit in one. A capture or
// void at or after the expiry is written as the expiry. All callers are told the
// same end as long as their clocks differ by no more than the grace less the time
// that a write is under way. By whatever they differ, the end that is stored
// stays, and no money is wrong.
//
// # Invariants
//
//   - A balance is the opening balance plus the posted credits minus the posted
//     debits, what was captured and what is held. It is never below zero, and no
//     credit lifts it above MaxBalance; only what a hold gives back may, up to
//     [HighestBalance]. A credit is bounded by the stored balance: it does not
//     count an expired hold whose release is not written yet.
//   - An open hold is a pending row without an end, and a user has at most
//     [MaxHolds]. What is held is the sum of them.
//   - A hold has at most one end, of which at most what was held is captured, and
//     a receiver is credited what was captured, with that end or never.
//   - The same request posted again, at once or years later, moves nothing and
//     gets the first outcome.
//   - A transaction posts as a whole or not at all, and its first row says
//     exactly which other rows there are.
//   - A key that comes with other entries, in another order, with other metadata
//     or another time to expire moves nothing.
//   - A decline and an end are reported only after they are stored, so a late
//     duplicate can never turn them into something else. What is not stored, too
//     many holds or a receiver's limit, is reported only if the call's row is not
//     there and no attempt of the call can still write it, and uses up nothing.
//   - The rows of one write have one time. [SortRows] is the order in which a
//     user's rows count.
//
// # Money
//
// Sums are decimals of the apd package, in a context that fails rather than
// round. Whole units in an int64 would hold 10^15 with three decimal places, and not
// with eight. Decimals need no conversion between a caller's text and a DynamoDB
// number, and no other code for a currency with other places. [Amount] and [Balance] hide
// them, because apd also parses "NaN" and "1e3", its == tells 10 from 10.00, and
// encoders lose its digits.
package ledger
