// Command audit checks each user's balance against the sum of the history, while the ledger is in
// use.
//
//	go run ./infra/audit [-rate UNITS] [-segments N] [-settle TIME] [-json | -emf]
//	go run ./infra/audit -rebuild [-write] [-user ID] [-json]
//	go run ./infra/audit -user ID [-from TIME] [-to TIME] [-csv | -json]
//	go run ./infra/audit -export transactions|balances [-from TIME] [-to TIME] [-csv | -json]
//
// It takes the table names from the same environment as the function (see
// [onewrite/infra.ConfigFromEnv]). Only -rebuild -write writes to the tables. A DynamoDB on this
// machine, named by AWS_ENDPOINT_URL_DYNAMODB, needs no other variable. The exit status is
//
//	0  every balance is the sum of its history
//	1  something is wrong, whether or not the run could finish
//	2  a flag or the environment is wrong, and no row was read
//	3  nothing wrong was found, and some users moved all the time
//	4  nothing wrong was found, and some rows could not be read
//
// (go run itself turns every status but 0 into 1: build the command for scripts.) A run can't
// finish if it lacks a permission, DynamoDB fails for long, or a signal ends it. It then reports
// all findings so far and the reason: as a line of the text, as "unfinished" in JSON, and as the
// metric AuditFailed. Only a run that read everything and found nothing reports zero mismatches, so
// an alarm on BalanceMismatches lasts until then.
//
// # Checks
//
// The audit reads the tables' settings first. Missing settings are damage, and so are sums with too
// many decimal places.
//
// Rows are written once and never change, and the write that moves a balance counts its rows in
// version. So at any moment a user has as many rows as version, not counting declined ones. Their
// sum is the balance minus the opening balance and the credit limit, and they account for the held
// money. The audit also checks each row alone. It must have its attributes, with their types and
// ranges, and no other, an id that fits its user and key, no time in the future, and a reason for a
// decline.
//
// A transaction with several entries has a row for each. The audit adds a hash for each row that a
// first row lists, and subtracts one for each row that it reads, so it keeps no row. If the sum is
// not zero, another scan finds the transactions. A hold's end must have the user and the sum of its
// pending row; a capture's credit is one more entry. Each open hold in a balance must be a pending
// row without an end, with the same amount and expiry. Rows from the minute before the audit wait
// for the next one, because a scan may see only part of a transaction.
//
// A refund must be the opposite of entries in its original, which is posted or captured, not
// younger, and no refund itself. So the audit reads each refund's original. It adds what the first
// rows of refunds return for each entry, and subtracts the sums in the refund accounts, so it keeps
// neither. If the sum is not zero, another scan of both tables finds the transactions. It also
// compares an account with several refunds with the original: no entry may be refunded beyond its
// amount. Accounts with a refund from the last minute wait for the next audit, as do the few that
// share their sum.
//
// The changes to an account's rules are numbered from 1, and the balance's rule_changes is the last
// number. So all numbers must be there, each limit must follow the one before, and the changes in
// their order must make the balance's rules. The audit keeps 150 bytes for each change. Where a
// user's rules differ, it reads the changes once more between two readings of the balance, each at
// a distance of -settle.
//
// A balance's transaction_id is the id of the first row in the write that moved it. Mostly this
// write has the user's newest row; otherwise the audit reads that first row. A balance that an
// older version or a rebuild wrote last has no transaction_id.
//
// A complete audit also totals the credits, debits and balances for all users with a balance, each
// user at the moment of the comparison. So the totals agree where nothing is wrong, even while the
// ledger is in use. A hold is a debit, and a release a credit.
//
// # Damage that it can't find
//
// The tables hold nothing to compare a row with, except its key and the user's balance and version.
// They don't show
//
//   - a missing declined row, which no number counts: its key is unused again, and its
//     caller's next attempt may post;
//   - another amount or balance in a declined row that is still a reason to decline: the
//     tables don't store earlier balances;
//   - another time in the past, but for refunds before their original: the tables don't store the
//     order of writes;
//   - changed amounts with the same sum, and an invented row that replaces a missing one with
//     the same effect;
//   - another transaction_id in a balance, if it names an earlier write that moved it;
//   - in general, a rewritten history and balance that pass every check. To find those, keep a
//     copy of the rows elsewhere, by -export or by point-in-time recovery.
//
// # One user
//
// -user audits one user: each row in the index, and their sum against the balance. Only the audit of
// all users checks that transactions have all their rows, and account rules, which are in no index.
// Only a table scan finds a missing row, so a user whose balance counts more rows than the index has
// is unsettled here.
//
// A statement's balances are the user's own money, without a credit limit; a line "limit" at the
// end has the balance with it. Only if no order of the rows stays within today's limit, the
// statement assumes a higher one.
//
// # Writes in flight raise no alarm
//
// No request reads both tables at one moment: a scan is no transaction, and even a posting shows in
// one table an instant before the other. But rows only come, and version only grows. The audit
// reads rows, in any way, and then the balance by TransactGetItems, which DynamoDB cancels during a
// write to the item. So version counts every one of those rows, and
//
//   - more rows than version are wrong;
//   - as many rows as version are the same rows, and their sum must be right;
//   - fewer rows mean that some came later, or that the index lags, or that one is
//     missing: the audit reads again.
//
// A row is missing only if a strongly consistent scan does not find it, and version counted it at
// least -settle before that scan began. That time lets DynamoDB finish a write that shows in the
// balance first, which takes milliseconds. It also replaces TransactGetItems: at -settle after the
// rows were read, version counts every one of them, however the audit reads the balance.
//
// # Reading
//
//  1. One scan of the transactions and then one of the balances, both strongly
//     consistent, decide for all users who did not move meanwhile: a read unit for each
//     4 KB, and no request for each user. These scans don't read balances by
//     TransactGetItems, so a row whose move is in flight could hide a missing row with the
//     same amount. So they decide only for users without a row from the last minute.
//  2. The audit reads each other user alone, the rows from the index and the balance by
//     TransactGetItems, until the two can be compared, at most 20 times. After the first
//     time it reads only the last minute again.
//  3. If rows seem to be missing, or DynamoDB cancels every TransactGetItems because the
//     user is written to so often, the audit scans the transactions once more for those
//     users, between two readings of their balances, each at a distance of -settle.
//
// Some users may be left over: their rows never rest during a reading, or DynamoDB throttles their
// partition all the time. The report calls such a user unsettled, neither right nor wrong, and
// still has everything else.
//
// # Rebuild
//
// A restore from point-in-time recovery brings each table back at a moment of its own, and may
// bring back some changes from a write and not the others. The rows of transactions are the truth,
// and every balance derives from them. So -rebuild shows two steps, and makes them with -write:
//
//  1. Make transactions whole. A first row lists all entries, and a hold's end has the
//     captured sum. If that row is there, the rebuild writes the missing rows. If it is
//     missing, the rebuild removes the others: the transaction did not happen, and its
//     caller's next attempt posts it. The same holds for a capture and its credit, for an end
//     without its pending row, and for a refund without its original. If a user's rows have
//     a negative sum unless expired holds are released, the rebuild writes the releases: a
//     posting spent that money in the same write. In place of a lost rule change, which a
//     later change or the balance counts, it writes a change that blocks debits and credits,
//     with the limit that the others prove. An operator who knows better allows them again.
//  2. Write each balance that differs from its rows: balance, version, held, holds, an
//     attribute for each open hold, and the rules. Such a balance has no transaction_id
//     until the next posting. The rebuild removes a wrong transaction_id, and a balance
//     without rows. It writes and removes refund accounts in the same way.
//
// It never guesses. It keeps and lists, each with the reason: rows that contradict each other,
// users with damaged rows or with more than 100 lost rule changes, and sums below zero or above the
// highest balance.
//
// It writes as many rows at once as it reads table segments, and -rate limits the units for both.
//
// Every write has a condition: a missing row is still missing, and a balance is still the same as
// before the rows were read. So a rebuild is safe to run again at any time, also after a fault, and
// continues its work. It keeps a user who is written to meanwhile. Stop the writers first, and
// audit afterwards: the audit finds damaged rows, which a rebuild can't mend.
//
// It writes a line for each change as it makes it:
//
//	would      transaction 47b9e303-…: write 1 missing row
//	would      transaction 0f6c4a46-…: remove 2 orphans
//	would      user "alice": from no balance to 60 at version 3 and 40 held by 1 hold
//	kept       user "bob" with 10 at version 2: rows of this user are damaged, so that the history is not known
//	3 users, 9 rows: 2 transactions and 1 balance would be rebuilt, 1 kept, 0 wrong; -write does it
//
// With -write, "rebuilt" replaces "would". With -json each change is a line {"transactionId",
// "missing", "orphans", "userId", "refundsOf", "from", "to", "kept", "written"}, and the last line
// is the summary {"users", "transactions", "transactionsRebuilt", "balancesRebuilt", "kept",
// "written", "mismatches", "unfinished"}. The status is 0 if the rebuild left nothing to do, 1 if
// it left something, and 4 if it left nothing and could not read everything. -user rebuilds one
// user: the user's transactions, and the balances of all users whose rows change by that.
//
// # Memory
//
// The audit keeps a tally for each user and nothing for each transaction: about 200 bytes a user,
// 16 MB for sums, and a few pages with 1,000 rows each. It compares a hold's rows when it has read
// both. When 100,000 rows wait for their other row, it looks those up, and later those beyond twice
// the open holds. A waiting row or an open hold takes 250 bytes. It also keeps its findings. A
// rebuild keeps the torn transactions' rows with the ten in a million that share their sum, and the
// sums for each wrong or missing refund account.
package main
