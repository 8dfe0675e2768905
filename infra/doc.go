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
//     The other rows of a posted one have transaction_id. The index
//     user_id-created_at holds the history of each user.
//   - transactions_aggregate, one row a user who has posted: user_id
//     (partition key), balance, version (how many of the user's rows are
//     posted).
//
// "ammount" is how the field has always been spelled on the wire and here.
//
// # Posting
//
// One TransactWriteItems puts the rows if their ids are new and moves the
// balances if they stay in range, or does neither. There is no lock and no
// state in between, so a crash at any moment leaves nothing to repair.
package infra
