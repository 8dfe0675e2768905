// Package ledger is a money ledger: users, their balances in one currency, and the
// transactions that move them. It is pure: no AWS, no HTTP, and its caller provides
// the clock and the [Store].
//
// # Model
//
// A ledger has [Settings] for ever: its currency, its decimal places, and every user's
// opening [Balance]. A transaction has one or more entries. Each entry credits or
// debits one user with an [Amount], so a transfer is a debit and a credit. The first
// entry's user and the caller's [IdempotencyKey] name the transaction. It has exactly
// one outcome, for ever:
//   - [Posted]: one atomic write put its rows, one an entry, and moved all
//     balances;
//   - [Declined]: only its first row was written and nothing moved, because a
//     balance would have left the range from zero to [MaxBalance], or an account
//     blocked an entry;
//   - [Pending]: its debit became a [Hold]. The money left the balance and is kept
//     aside.
//
// A crash leaves nothing to repair: the rows are stored, with the outcome in them, or
// the key is unused.
//
// Entries count as if they were posted one after another, in their order, with no
// other write between them. A [Posting] expresses this as one write: the rows, and
// one [Move] for each user. The store allows a move exactly if it would allow each
// of the user's entries.
//
// # Holds
//
// A hold ends once, for ever. One write stores its [End] and changes the balance. A
// [Capture] takes all or part of the money, credits exactly that to the second entry's
// user, if there is one, and releases the rest. A [Void] and an [Expiry] release
// everything.
//
// No code runs when a hold expires. One second later, after the grace, every read
// counts the money as spendable. A posting that needs the money releases it in its own
// write, or in an earlier write if both do not fit in one. A capture or void at or
// after the expiry is written as the expiry. All callers get the same end as long as
// their clocks differ by less than the grace minus a write's duration. Beyond that the
// stored end stays, and no balance is wrong.
//
// # Refunds and rules
//
// A refund is a transaction whose entries reverse some entries in a posted or captured
// one. The same write counts it in its [Original]'s [Refunds].
//
// An account may block debits or credits, and may have a credit limit. A [RuleChange]
// is a row beside the transactions: its user has one set of keys for both. A limit is
// lent money: the balance includes it, so a balance stays what the user can spend.
//
// A block declines an entry before the balance or the number of holds does. It stops no
// capture, void or release of the account's own holds, because that money was taken
// before. Under blocked debits the user's expired holds stay unreleased, and count as
// spendable in every read.
//
// # Invariants
//
//   - A balance is the opening balance plus the credit limit and posted credits, minus
//     posted debits, captures and open holds. It is never below zero. No credit and no
//     higher limit lifts it above MaxBalance; only a release may. The ceiling applies to
//     the stored balance, without the expired holds whose release is not written yet.
//   - An open hold is a pending row without an end. A user has at most [MaxHolds].
//   - A hold has at most one end, which captures at most the held amount. The
//     receiver gets the captured amount in the same write, or never.
//   - The same request posted again, at once or years later, moves nothing and
//     gets the first outcome. A used key moves nothing when it comes with other
//     entries, another order, other metadata or another expiry.
//   - A decline and an end are reported only after they are stored, so a late
//     duplicate can never change them. Three answers are not stored: too many
//     holds, a receiver's limit or block, and a refund's limit. They are reported
//     only if the call's row is absent and no attempt of the call can still write
//     it. They use up nothing.
//   - Together the refunds of one entry return at most its amount.
//   - All rows in one write have one time. [SortRows] defines the order in which a
//     user's rows count.
//
// # Money
//
// Sums are apd decimals, in a context that fails instead of rounding. Whole units in an
// int64 would hold 10^15 with three decimal places, but not with eight. Decimals also
// need no conversion between a caller's text and a DynamoDB number. [Amount] and
// [Balance] hide them, because apd also parses "NaN" and "1e3", its == distinguishes 10
// from 10.00, and encoders lose its digits.
package ledger
