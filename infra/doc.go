// Package infra keeps a ledger in DynamoDB.
//
// # Tables
//
// Both are on demand. Money is of type N, written as plain decimal text.
//
//   - transactions, one row a transaction, never changed: id (partition key),
//     user_id, ammount, type, status, idempotency_key, created_at, and on a
//     declined one the balance that declined it. The index
//     user_id-created_at holds the history of each user.
//   - transactions_aggregate, one row a user who has posted: user_id
//     (partition key), balance, version (how many transactions were posted).
//
// "ammount" is how the field has always been spelled on the wire and here.
//
// # Posting
//
// One TransactWriteItems puts the row if its id is new and moves the balance
// if it stays in range, or does neither. There is no lock and no state in
// between, so a crash at any moment leaves nothing to repair.
package infra
