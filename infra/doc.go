// Package infra keeps a ledger in DynamoDB.
//
// # Tables
//
// Both tables are on demand. Money has type N, written as plain decimal text.
//
// transactions has one row for each entry, each end of a hold and each change of an
// account's rules. Rows never change.
//
//	id               partition key
//	user_id          partition key of the index user_id-created_at, each user's history;
//	                 not in a change of rules, which is in no history
//	created_at       its sort key
//	ammount          of an end: the captured or released amount
//	type             credit or debit; of an end: capture, void or expiry; of a change
//	                 of rules: account
//	status           posted, declined or pending; of an end: posted, voided or expired
//	transaction_id   the first row's id; not in a first row
//	idempotency_key  in a first row
//	metadata         in a first row, as JSON text, if there is any
//	entries          in a first row of several entries: maps of user_id, type and ammount
//	expires_at       in a first row that was asked to be pending
//	balance          in a declined row: of the user whose entry did not fit
//	declined_entry   in a declined row of several entries: the place of that entry
//	declined_by      in a declined row: block, if a block and not the balance declined it
//	held             in a capture: the whole hold
//	posted_by        the caller, if known, in a first row and in an end by a capture or void
//	refund_of        in every row of a refund: the refunded transaction's id
//	refund_places    in the first row of a refund: the place there of each refunded entry
//
// A change of rules also has
//
//	account              the user
//	debits, credits      blocked or allowed, if asked for
//	credit_limit         if asked for, with credit_limit_before, the limit until then
//	rule_change          its place among the account's changes, from 1; not in a declined one
//
// A declined transaction has only its first row, and a pending one until its hold
// ends. The capture writes the row of the credit.
//
// One more row, whose id is settings and which has no user_id, has the settings of
// both tables: currency, places, opening and created_at. The first start puts it.
//
// transactions_aggregate has one row for each user with a posted transaction or
// changed rules.
//
//	user_id         partition key
//	balance         the spendable balance
//	version         the number of the user's rows that are not declined, without
//	                the changes of rules
//	transaction_id  the first row's id of the write that last moved the balance or
//	                changed the rules; versions without it leave it unchanged
//	held, holds     the sum and the number of open holds, after the user's first hold
//	hold:ID         one attribute for each open hold, named by its transaction's id in
//	                base64: the amount, and the expiry in milliseconds since 1970
//	debits_blocked, credits_blocked
//	                true, while the account blocks them
//	credit_limit    the lent part of the balance, while it is above zero
//	rule_changes    the number of changes of the rules, after the first one
//
// A row with 16 holds stays under 1 KB unless the user's id is long.
//
// It also has one row for each transaction of which something was refunded.
//
//	user_id      " refunds " and the transaction's id; no user begins with a space
//	version      the number of posted refunds
//	r0, r1, …    the refunded sum of the entry in that place, if there is any
//	refunded_at  the time of the last refund's rows
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
// A refund is such a write, too. It adds to the sums of its original if none of them
// passes what the entry moved.
//
// A change of rules reads rule_changes, and its write has the condition that the
// number is still the same. So the changes of an account have one order, which their
// rows show, whatever the clocks. Debits and credits have the condition that the
// attribute of the block is absent.
package infra
