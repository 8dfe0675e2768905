// Package ledger implements a money ledger. It keeps users' balances in one currency and
// records the transactions that change them. It uses no AWS and no HTTP code. Start with
// [New] and [Ledger.Post]. The caller provides the clock and the [Store].
//
// # Model
//
// A ledger's [Settings] never change. They are the currency, the decimal places and every
// user's opening [Balance]. A transaction has one or more entries. Each entry credits or
// debits one user with an [Amount], so a transfer is a debit and a credit. The first
// entry's user and the caller's [IdempotencyKey] identify the transaction. Posting it has
// exactly one outcome, which never changes:
//   - [Posted]: one atomic write stored its rows, one for each entry, and changed the
//     users' balances.
//   - [Declined]: only its first row was stored and no balance changed. An entry would have
//     taken a balance below zero or above [MaxBalance], or an account blocked it.
//   - [Pending]: its debit opened a [Hold]. The money has left the balance and is set
//     aside.
//
// A crash leaves nothing to repair. Either the rows are stored, including the outcome, or
// the key is still unused.
//
// Entries count as if they were posted one after another, in their order, with no other
// write between them. A [Posting] is one write, with the rows and one [Move] for each user.
// The store allows a move if and only if it would allow each of the user's entries in turn.
//
// # Holds
//
// A hold can end only once. One write stores its [End] and changes the balance. A [Capture]
// takes all or part of the held money and releases the rest. It credits the captured amount
// to the second entry's user, if there is one. A [Void] and an [Expiry] release everything.
//
// No code runs when a hold expires. After a grace period of one second, every read counts
// the money as spendable. A posting that needs the money also releases the hold, in the
// same write if that fits, or else in an earlier one. A capture or void at or after the
// expiry is stored as the expiry. All callers get the same end as long as their clocks
// differ by less than the grace period minus the time that a write takes. Even if clocks
// differ by more, the stored end never changes and all balances are correct.
//
// # Refunds and rules
//
// A refund is a transaction whose entries reverse entries of a posted or captured
// transaction, its [Original]. The write that posts it also adds it to the original's
// [Refunds].
//
// An account may block debits or credits, and may have a credit limit. A [RuleChange] sets
// these rules. It is stored as a row of its own. A user's rule changes and transactions
// share one set of keys. A credit limit is lent money that the balance includes, so the
// balance is always the amount that the user can spend.
//
// A block is checked before the balance and the number of holds. It never stops a capture,
// void or release of the account's own holds, because that money has already left the
// balance. While debits are blocked, expired holds may stay unreleased, but every read
// counts them as spendable.
//
// # Invariants
//
//   - A balance equals the opening balance plus the credit limit and posted credits, minus
//     posted debits, captures and open holds. It is never negative. A credit or a higher
//     limit never raises it above MaxBalance; only a release can. This ceiling applies to
//     the stored balance, which excludes expired holds that are not yet released.
//   - An open hold is a pending row without an end. A user has at most [MaxHolds] of them.
//   - A hold has at most one end, which captures at most the held amount. The same write
//     credits the captured amount to the receiver, if there is one.
//   - Posting the same request again, at once or years later, changes nothing and returns
//     the first outcome. A request that reuses the key with different entries, entry order,
//     metadata or expiry is rejected.
//   - A decline or an end is reported only after it is stored, so a late duplicate request
//     can never change it. Three refusals are not stored: one hold too many, a capture that
//     the receiver's account does not allow, and a refund above the amount left. They are
//     returned only if the call's row is absent and no attempt at the call can still write
//     it. They use up no key and end no hold.
//   - All refunds of one entry together return at most its amount.
//   - All rows in one write have the same time. [SortRows] defines the order of a user's
//     rows.
//
// # Money
//
// Sums are apd decimals, in a context that fails instead of rounding. An int64 that counts
// the smallest units could hold 10^15 with three decimal places, but not with eight.
// Decimals also need no conversion between a caller's text and a DynamoDB number. [Amount]
// and [Balance] hide the apd type, because apd also parses "NaN" and "1e3", because its ==
// distinguishes 10 from 10.00, and because encoding it loses digits.
package ledger
