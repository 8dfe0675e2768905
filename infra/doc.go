// Package infra keeps a ledger in DynamoDB.
//
// # Tables
//
// Both tables have on-demand capacity. Money has type N, in plain decimal notation.
//
// transactions has one row for each entry, each hold's end and each change to an
// account's rules. Rows never change.
//
//	id               partition key
//	user_id          partition key of the index user_id-created_at, each user's history;
//	                 absent in a rule change, which is in no history
//	created_at       sort key of that index
//	ammount          in an end: the captured or released amount
//	type             credit or debit; in an end: capture, void or expiry; in a rule
//	                 change: account
//	status           posted, declined or pending; in an end: posted, voided or expired
//	transaction_id   the first row's id; absent in a first row
//	idempotency_key  in a first row
//	metadata         in a first row, as JSON text, if there is any
//	entries          in a first row with several entries: maps of user_id, type and ammount
//	expires_at       in a hold's first row, even if the hold was declined
//	balance          in a declined row: the balance of the user whose entry did not fit
//	declined_entry   in a declined row with several entries: that entry's place, from 0
//	declined_by      in a declined row: block, if a block declined it and not the balance
//	held             in a capture: the amount of the whole hold
//	posted_by        the caller, if known, in a first row, a capture and a void
//	refund_of        in every row of a refund: the refunded transaction's id
//	refund_places    in a refund's first row: each entry's place in the refunded transaction
//
// A rule change also has
//
//	account              the user
//	debits, credits      blocked or allowed, if the request sets it
//	credit_limit         if the request sets it; credit_limit_before is the previous limit
//	rule_change          the change's number in its account, from 1; absent if declined
//
// A declined transaction has only its first row, and so does a pending one until its
// hold ends. A capture also writes the receiver's row, if the hold has a receiver.
//
// One more row has the id "settings" and no user_id. It stores both tables' settings:
// currency, places, opening and created_at. The first start writes it.
//
// transactions_aggregate has one row for each user with a posted transaction or
// changed rules.
//
//	user_id         partition key
//	balance         the spendable balance
//	version         the number of the user's rows, without declined ones and rule changes
//	transaction_id  the id of the first row in the write that last changed the balance or
//	                the rules; program versions without this attribute leave it unchanged
//	held, holds     the sum and number of open holds; absent before the first hold
//	hold:ID         one attribute for each open hold: the amount, and the expiry in
//	                milliseconds since 1970; ID is the hold's transaction id in base64
//	debits_blocked, credits_blocked
//	                true while debits or credits are blocked, otherwise absent
//	credit_limit    the part of the balance that is lent; absent if zero
//	rule_changes    the number of rule changes; absent before the first
//
// A row with 16 holds stays under 1 KB unless the user's id is long.
//
// transactions_aggregate also has one row for each transaction with a refund.
//
//	user_id      " refunds " and the transaction's id; no user's id begins with a space
//	version      the number of posted refunds
//	r0, r1, …    the sum refunded of entry 0, 1, …; absent if none was
//	refunded_at  when the last refund was created
//
// "ammount" is the field's original spelling, on the wire and here.
//
// # Posting
//
// One TransactWriteItems call inserts the rows and changes the balances. It does nothing
// if an id is taken, or if a balance would leave its range. There is no lock and no
// intermediate state, so a crash at any moment leaves nothing to repair.
//
// A hold is one such write, which also adds the hold's attribute. It requires that fewer
// than 16 holds are open. The end of the hold removes the attribute, and requires that it
// is still there. Users without holds pay for no extra byte.
//
// A refund is one such write, which also adds to the original's refunded sums. It requires
// that no sum then exceeds its entry's amount.
//
// A rule change first reads rule_changes, and its write requires the same number. So an
// account's changes are numbered in one order, which does not depend on clocks. Debits and
// credits require that the attribute for their block is absent.
package infra
