// Package infra keeps a ledger in DynamoDB.
//
// # Tables
//
// Both tables are on demand. Money has type N, written as plain decimal text.
//
// transactions has one row for each entry, each hold's end and each change to an
// account's rules. Rows never change.
//
//	id               partition key
//	user_id          partition key in the index user_id-created_at, each user's history;
//	                 not in a rule change, which is in no history
//	created_at       its sort key
//	ammount          in an end: the captured or released amount
//	type             credit or debit; in an end: capture, void or expiry; in a rule
//	                 change: account
//	status           posted, declined or pending; in an end: posted, voided or expired
//	transaction_id   the first row's id; not in a first row
//	idempotency_key  in a first row
//	metadata         in a first row, as JSON text, if there is any
//	entries          in a first row with several entries: maps of user_id, type and ammount
//	expires_at       in a first row that was asked to be pending
//	balance          in a declined row: the balance of the user whose entry did not fit
//	declined_entry   in a declined row with several entries: that entry's place
//	declined_by      in a declined row: block, if a block and not the balance declined it
//	held             in a capture: the whole hold
//	posted_by        the caller, if known, in a first row and in an end by a capture or void
//	refund_of        in every row of a refund: the refunded transaction's id
//	refund_places    in a refund's first row: the place there of each refunded entry
//
// A rule change also has
//
//	account              the user
//	debits, credits      blocked or allowed, if asked for
//	credit_limit         if asked for, with credit_limit_before, the limit until then
//	rule_change          its place among the account's changes, from 1; not in a declined one
//
// A declined transaction has only its first row. So has a pending one until its hold
// ends. The capture writes the credit's row.
//
// One more row has the id settings, no user_id, and both tables' settings: currency,
// places, opening and created_at. The first start puts it.
//
// transactions_aggregate has one row for each user with a posted transaction or
// changed rules.
//
//	user_id         partition key
//	balance         the spendable balance
//	version         how many of the user's rows are not declined, without rule changes
//	transaction_id  the first row's id in the write that last moved the balance or
//	                changed the rules; versions without it leave it unchanged
//	held, holds     the sum and number of open holds, after the user's first hold
//	hold:ID         one attribute for each open hold, named by its transaction's id in
//	                base64: the amount, and the expiry in milliseconds since 1970
//	debits_blocked, credits_blocked
//	                true, while the account blocks them
//	credit_limit    the lent part of the balance, while it is above zero
//	rule_changes    how often the rules were changed, after the first change
//
// A row with 16 holds stays under 1 KB unless the user's id is long.
//
// It also has one row for each transaction with a refund.
//
//	user_id      " refunds " and the transaction's id; no user begins with a space
//	version      how many refunds were posted
//	r0, r1, …    the refunded sum for the entry in that place, if there is any
//	refunded_at  when the last refund's rows were created
//
// "ammount" is the field's original spelling, on the wire and here.
//
// # Posting
//
// One TransactWriteItems puts the rows if their ids are new, and moves the balances if
// they stay in range, or does neither. There is no lock and no intermediate state, so
// a crash at any moment leaves nothing to repair.
//
// A hold is such a write too: it sets an attribute if fewer than 16 holds are open. An
// end removes the attribute if it is there. Users without holds pay no extra byte.
//
// A refund is such a write, too. It adds to its original's sums if none of them passes
// the entry's amount.
//
// A rule change reads rule_changes, and its write has the condition that the number is
// still the same. So an account's changes have one order, which their rows show,
// whatever the clocks. Debits and credits have the condition that the block's attribute
// is absent.
package infra
