// Command audit checks each user's balance against the sum of the user's history. The ledger may be
// in use meanwhile.
//
//	go run ./infra/audit [-rate UNITS] [-segments N] [-settle TIME] [-json | -emf]
//	go run ./infra/audit -rebuild [-write] [-user ID] [-json]
//	go run ./infra/audit -user ID [-from TIME] [-to TIME] [-csv | -json]
//	go run ./infra/audit -export transactions|balances [-from TIME] [-to TIME] [-csv | -json]
//
// It reads the table names from the same environment variables as the function (see
// [onewrite/infra.ConfigFromEnv]). Only -rebuild -write writes to the tables. If
// AWS_ENDPOINT_URL_DYNAMODB names a DynamoDB on this machine, no other variable is needed. The exit
// status is
//
//	0  every balance is the sum of its history
//	1  something is wrong, whether or not the run could finish
//	2  a flag or the environment is wrong, and no row was read
//	3  nothing wrong was found, but some users could not be compared
//	4  nothing wrong was found, but some rows could not be read
//
// (go run itself turns every status but 0 into 1, so scripts need a built command.) A run can't
// finish if a permission is missing, DynamoDB keeps failing, or a signal ends it. It then reports
// all findings so far, and why it did not finish: in a line of the text, or as "unfinished" in
// JSON. The metric AuditFailed is then 1. Only a run that read everything and found nothing reports
// zero mismatches, so an alarm on BalanceMismatches lasts until such a run.
//
// # Checks
//
// The audit first reads the tables' settings. Missing settings are damage, and so are amounts and
// balances with more decimal places than the settings allow.
//
// Rows never change, and each write adds the number of a user's new rows to the version of that
// user's balance. So at any moment the version is the number of the user's rows, without declined
// rows and rule changes. Their sum is the balance minus the opening balance and the credit limit,
// and their open holds add up to the held sum. The audit also checks each row alone. A row must
// contain valid attributes and no unknown ones. Its id must match its user and key, its time must
// not be in the future, and a declined row must show a reason for the decline.
//
// A transaction with several entries has a row for each, and its first row lists them all. The
// audit keeps a million checksums and chooses one by the transaction's id. It adds a hash to the
// checksum for each row that a first row lists, and subtracts the same hash when it reads that row,
// so it need not keep the rows. If a checksum is not zero, another scan finds the transactions that
// don't match. A hold's end must have the same user and sum as its pending row. The credit of a
// capture counts as one more entry. Each open hold in a balance must match the amount and expiry of
// a pending row without an end. Rows from the minute before the audit are left to the next audit,
// because a scan may see only part of a transaction.
//
// A refund must reverse entries of its original, which must be posted or captured, not younger than
// the refund, and not a refund itself. So the audit reads the original of each refund. It adds up
// the refunds for each entry in checksums, and subtracts the sums in the refund accounts, so it
// need not keep either. If a checksum is not zero, another scan of both tables finds the accounts.
// The audit also compares accounts of several refunds with the original: no entry may be refunded
// beyond its amount. Accounts that change during these scans are left to the next audit. So are
// accounts with a refund from the last minute, and the few that share a checksum with them.
//
// Changes to an account's rules are numbered from 1, and the balance's rule_changes is the last
// number. So no number may be missing, each change must begin with the limit that the previous one
// set, and all changes together must result in the balance's rules. The audit keeps 150 bytes for
// each change. If a user's rules differ from the changes, it scans for the changes again, and reads
// the balance -settle before that scan and -settle after it.
//
// A balance's transaction_id is the id of the first row in the last write that changed it. Usually
// that write also contains the user's newest row; otherwise the audit reads the first row. A
// balance has no transaction_id after a rebuild, or if only older versions, which don't know it,
// have written the balance.
//
// A complete audit also totals the credits, debits and balances of all users with a balance, each
// as of the moment of the user's comparison. So the totals agree if nothing is wrong, even while
// the ledger is in use. A hold counts as a debit, and a release as a credit.
//
// # Damage that it can't find
//
// The audit can compare a row only with its key, with related rows, and with the user's balance and
// version. It does not find
//
//   - a missing declined row, which no version counts: the key is unused again, and the caller's
//     next attempt may post;
//   - changed entries, or a changed balance or expiry, in a declined row that still shows a reason
//     to decline: the tables don't store earlier balances;
//   - a changed receiver of a payment on hold, until the capture writes the receiver's row;
//   - changed metadata or posted_by, a changed expiry of an ended hold, and changed rules in a rule
//     change that a later one overrides: no other row repeats them;
//   - a changed time in the past, unless related rows contradict it: the tables don't store the
//     order of writes;
//   - changed amounts with the same sum, or an invented row that replaces a missing one with the
//     same effect;
//   - a wrong transaction_id in a balance, if it names an earlier write to that balance;
//   - any rewritten history and balance that pass every check. To find those, keep a copy of the
//     rows elsewhere, with -export or point-in-time recovery.
//
// # One user
//
// With -user, the audit checks each of the user's rows in the index, and compares their sum with
// the balance. It checks neither that transactions have all their rows, nor that ends and refunds
// match the rows that they name, nor account rules, which are in no index. Only a table scan can
// show whether a row is missing or the index lags, so a user whose balance counts more rows than the
// index has is unsettled here.
//
// The balances in a statement don't include a credit limit. A line "limit" at the end adds it. The
// statement assumes a higher limit only if no order of the rows stays within today's limit.
//
// # Writes in flight raise no alarm
//
// No request reads both tables at one moment: a scan is not a transaction, and even a posting
// becomes visible in one table shortly before the other. But rows are only added, and version only
// grows. The audit first reads the user's rows. Then it reads the balance with TransactGetItems,
// which DynamoDB cancels while the balance is being written. So version counts every row that was
// read, and
//
//   - more rows than version counts are damage;
//   - if there are as many rows as version counts, none is missing, and their sum must be right;
//   - if there are fewer, some were written later, the index lags, or a row is missing: the audit
//     reads again.
//
// The audit reports a row as missing only if a strongly consistent scan does not find it, and
// version counted it at least -settle before that scan began. DynamoDB may apply a write to the
// balance first, and completes it within milliseconds. Waiting for -settle can replace
// TransactGetItems: that long after the rows were read, version counts all of them, however the
// audit reads the balance.
//
// # Reading
//
//  1. The audit scans the transactions and then the balances, both with strong consistency. That
//     settles all users who were not written to meanwhile, with a read unit for each 4 KB and no
//     request per user. A scan may see a row that the balance does not count yet, and that row
//     could hide a missing one with the same amount. So the two scans don't settle users with a row
//     from the last minute.
//  2. The audit reads each other user separately: the rows from the index, and the balance with
//     TransactGetItems. It repeats that until the two can be compared, at most 20 times. After the
//     first query it reads only the last minute again.
//  3. If rows seem to be missing, or DynamoDB cancels every TransactGetItems because a user is
//     written to so often, the audit scans the transactions once more for those users. It reads
//     their balances -settle before that scan and -settle after it.
//
// Some users can remain, because they are written to during every reading or DynamoDB keeps
// throttling their partition. The report lists them as unsettled, neither right nor wrong.
//
// # Rebuild
//
// Point-in-time recovery restores each table as of its own moment, and can restore only some of the
// changes in a write. The transaction rows are the truth, and every balance derives from them. So
// -rebuild shows the changes of two steps, and makes them with -write:
//
//  1. Make transactions whole. A first row lists all entries, and the end of a captured hold has
//     the captured sum. If that row is there, the rebuild writes the missing rows. If it is
//     missing, the rebuild removes the others: the transaction did not happen, and the caller's
//     next attempt posts it. The same rule applies to a capture and its credit, to an end without
//     its pending row, and to a refund without its original. If a user's sum is negative unless
//     expired holds are released, the rebuild writes the releases: a posting spent that money in
//     the same write. A rule change is lost if it is missing, but a later change or the balance
//     counts it. In its place, the rebuild writes a change that blocks debits and credits, with the
//     limit that the other changes imply. An operator can allow them again.
//  2. Write each balance that differs from its rows: balance, version, held, holds, an attribute
//     for each open hold, and the rules. A rebuilt balance has no transaction_id until the next
//     posting. The rebuild also removes wrong transaction_ids and balances without rows. It treats
//     refund accounts in the same way.
//
// The rebuild never guesses. It leaves the following unchanged, and lists them with the reason:
// rows that contradict each other, users with damaged rows or with more than 100 lost rule changes,
// and sums below zero or above the highest balance.
//
// It makes up to -segments writes at once, and -rate limits reads and writes together.
//
// Every write has a condition: a missing row must still be missing, and a balance must be unchanged
// since before the rows were read. So a rebuild can run again at any time, and continues after a
// fault. It does not change users who are written to meanwhile. Stop the writers first, and audit
// afterwards: the audit finds damaged rows, which a rebuild can't repair.
//
// It writes a line for each change as it makes it:
//
//	planned    transaction 47b9e303-…: write 1 missing row
//	planned    transaction 0f6c4a46-…: remove 2 orphans
//	planned    user "alice": from no balance to 60 at version 3 and 40 held by 1 hold
//	kept       user "bob" with 10 at version 2: rows of this user are damaged, so the history is not known
//	3 users, 9 rows: 2 transactions and 1 balance would be rebuilt, 1 kept, 0 wrong; use -write to make these changes
//
// With -write, "rebuilt" replaces "planned". With -json each change is a line {"transactionId",
// "missing", "orphans", "userId", "refundsOf", "from", "to", "kept", "written"}, and the last line
// is the summary {"users", "transactions", "transactionsRebuilt", "balancesRebuilt", "kept",
// "written", "mismatches", "unfinished"}. The exit status is 0 if nothing is left to rebuild, 1 if
// something is, and 4 if nothing is left but some rows could not be read. With -user, the rebuild
// covers this user's transactions, and the balances of all users whose rows it changes.
//
// # Memory
//
// The audit keeps a tally for each user and nothing for each transaction: about 200 bytes a user,
// 16 MB for checksums, and a few pages of 1,000 rows. It also keeps its findings. A hold's pending
// row waits for its end, or the end for the pending row. Each waiting row takes 250 bytes. When
// 100,000 rows wait, the audit looks up their counterparts. Then it raises that limit by twice the
// rows still waiting, because open holds have no counterpart. A rebuild also keeps the rows of torn
// transactions, those of about one in a million others, which share a checksum with a torn one, and
// the sums of each wrong or missing refund account.
package main
