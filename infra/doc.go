// Package infra keeps a ledger in DynamoDB.
//
// # Tables
//
// Both are on demand. Money is of type N, written as plain decimal text.
//
//   - transactions, one row an entry, never changed: id (partition key),
//     user_id, ammount, type, status, created_at. The first row of a
//     transaction also has idempotency_key; metadata, if there is any, as text
//     of JSON; entries, if there are several, as a list of maps of user_id,
//     type and ammount; and if it is declined, balance, that of the first
//     entry's user that did not fit, and the place of that entry,
//     declined_entry, if there are several. A declined one has no other row.
//     The other rows of a posted one have transaction_id. One that is or was to
//     be pending has expires_at, and no other row until its hold ends. The end
//     is a row of the same user, with transaction_id, whose type is capture,
//     void or expiry and whose status is posted, voided or expired; ammount is
//     what was captured or given back, and a capture's held is what was held.
//     The credit that comes with a capture has the row of its entry. First rows,
//     and the ends that captures and voids write, have posted_by, the caller, if
//     it is known and the version is not from before. The index
//     user_id-created_at holds the history of each user.
//   - transactions_aggregate, one row a user who has posted: user_id
//     (partition key), balance (what can be spent), version (how many of the
//     user's rows are not declined), transaction_id (the id of the first row of
//     the write that moved the balance last, whoever's row that is; a version
//     from before leaves it as it is). A user who has had a hold also has held,
//     what all open ones come to, holds, their number, and for each an
//     attribute of its own: hold: and its transaction's id in base64, a list of
//     the amount and the milliseconds since 1970 at which it expires. A row of
//     16 stays under 1 KB, unless the user's id is long.
//
// "ammount" is how the field has always been spelled on the wire and here.
//
// # Posting
//
// One TransactWriteItems puts the rows if their ids are new and moves the
// balances if they stay in range, or does neither. There is no lock and no
// state in between, so a crash at any moment leaves nothing to repair.
//
// A hold is that write too, with an attribute set if fewer than 16 holds are open,
// and so is an end, with the attribute removed if it is there. A posting of a user
// without holds is not a byte longer for them.
package infra
