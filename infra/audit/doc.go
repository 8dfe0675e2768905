// Command audit tells for every user whether the balance is what the history
// says, while the ledger goes on being used.
//
//	go run ./infra/audit [-rate UNITS] [-segments N] [-settle TIME] [-json | -emf]
//	go run ./infra/audit -rebuild [-write] [-user ID] [-json]
//	go run ./infra/audit -user ID [-from TIME] [-to TIME] [-csv | -json]
//	go run ./infra/audit -export transactions|balances [-from TIME] [-to TIME] [-csv | -json]
//
// It reads the tables that the environment names as it does for the function
// (see [onewrite/infra.ConfigFromEnv]), and writes nothing to them, unless
// -rebuild -write says so. If AWS_ENDPOINT_URL_DYNAMODB names a DynamoDB on this
// machine, nothing else must be set. It exits with status
//
//	0  every balance that was asked for is what its history says
//	1  something is not as it must be, whether or not the run could finish
//	2  a flag or the environment is wrong, and no row was read
//	3  nothing wrong was found, and some users moved all the time
//	4  nothing wrong was found, and not everything could be read
//
// (go run itself makes 1 of all but 0: build it for scripts.) A run that can't
// finish, because it may not read, DynamoDB fails for long or a signal ends it,
// reports what it found until then, and why it is not all: as a line of the
// text, as "unfinished" in JSON, and as the metric AuditFailed. Only a run that
// read everything and found all right says that there are no mismatches, so
// that an alarm on BalanceMismatches stays until then.
//
// # What it compares
//
// It goes by the settings that the tables were begun with: it reads them first. Tables
// without them, and sums with more decimal places than they allow, are damage.
//
// The ledger's rows are written once and never changed or removed, and version
// counts them in the same atomic write that moves the balance. So of any
// moment: the rows of a user that are not declined are version in number, and come
// to balance minus the opening balance, and to what is held. Each row is also looked at by itself: that each
// attribute of the table is there, in its type and range, and no other; that its
// id is that of its user and key; that its time is not still to come; and that
// what declined it was out of range.
//
// A transaction of several entries has a row for each. What its first row says of
// the others is added up as hashes, and what these say of themselves is subtracted,
// so that nothing of them need be kept. If that does not come to zero, a further
// scan names the transactions. The end of a hold must be of the user and the sum of
// its pending row; what a capture credits is one more entry. The open holds of a
// balance must be pending rows without an end, of the same amount and expiry. Rows of the last minute
// before the audit, and those since, are for the next one: a scan may have seen a
// part of a transaction.
//
// A balance's transaction_id is the id of the first row of the write that moved it.
// That is mostly the write of the user's newest row. If it is not, the audit looks
// the first row up. A balance that an older version or a rebuild wrote last has none.
//
// An audit that read everything also has the totals of all users who posted: of
// credits, debits and balances, each user as at the moment of the comparison. So
// where nothing is wrong they come out even, also while the ledger is used. What is
// held is debited, and what is given back is credited.
//
// # What it can't find
//
// The tables hold nothing that a row could be compared with, but for its key and
// the user's balance and version. Nobody finds by them
//
//   - a declined row that is gone: nothing counts those. Its key is unused again,
//     and who sends that call again may have it posted;
//   - another amount or balance of a declined row, as long as it still is a reason
//     to decline: which balances a user had, and when, is not stored;
//   - another time in the past: the order in which rows were written is not stored;
//   - amounts that were changed so that they come to the same sum, and a row that
//     was made up in the place of one that is gone, with the same effect;
//   - another transaction_id of a balance, of an earlier write that moved it;
//   - in general, a history that was rewritten with its balance so that all that is
//     compared holds again. For that, a copy of the rows must be kept elsewhere,
//     such as by -export, or by point-in-time recovery.
//
// # One user
//
// -user writes the statement of a user and audits this user alone: the rows of the
// index, each by itself, and what they come to against the balance. Rows that
// can't be read are lines of the statement, too. -from and -to choose what is
// written; the whole history is read and compared all the same. That a transaction
// has all its rows is for the audit of everybody. Only a scan of the table can tell
// that a row is missing, so a user whose balance counts more rows than the index
// has is unsettled here.
//
// # Export
//
// -export writes a table as it is stored, rows that can't be read as well, and
// what is wrong with each row by itself. It compares no balance with its history,
// and while the ledger is used its rows are of no one moment.
//
// # Why writes in flight raise no alarm
//
// No reading sees both tables at one moment: a scan is no transaction, and even
// a posting is seen in one table for an instant before the other. But rows
// only come, and version only grows. Say that rows were read, in whatever way
// and time, and then the balance, by TransactGetItems. DynamoDB cancels that
// while a write of the item is being applied, so version counts every one of
// the rows. Then
//
//   - more rows than version: wrong;
//   - as many rows as version: they are the very same, and the sum must be
//     right;
//   - fewer rows: some came after the reading, or the reading was of the index
//     and that lags, or one is missing. Read again.
//
// Few rows become missing rows only by a strongly consistent scan of the table
// that began when version, settle earlier, was already higher than what the
// scan found. The time (-settle) is for a posting whose balance has moved to
// have its row in place, which takes DynamoDB milliseconds. It also takes the
// place of the transaction that reads the balance: settle after the rows were
// read, version counts every one of them, however the balance is read.
//
// # How it reads
//
//  1. It scans the transactions and then the balances, each once, strongly
//     consistent. That settles everybody who did not move meanwhile, at a read
//     unit for each 4 KB and no request for each user. This balance is not
//     read by TransactGetItems, so a row whose balance move is still in flight
//     could stand in for a missing one of the same amount: it settles only
//     users without a row of the last minute.
//  2. Those who moved are read one by one, rows from the index and the balance
//     by TransactGetItems, until the two can be compared, at most 20 times.
//     After the first time only the last minute is read again.
//  3. If rows seem to be missing, or a balance is written so often that
//     DynamoDB cancels every transaction that reads it, the transactions are
//     scanned once more, for those users alone, between two readings of their
//     balances, settle apart from each.
//
// A user who is never at rest for as long as a reading takes may be left over,
// and one whose partition is throttled all the time. The report calls that
// unsettled, and neither right nor wrong. It keeps nothing else back.
//
// # Rebuild
//
// A restore from point-in-time recovery brings each table back as it was at a
// moment of its own, and may bring back some changes of a write and not the others.
// The rows of transactions are what happened, and every balance derives from them.
// So -rebuild shows, and with -write does, two steps:
//
//  1. It makes transactions whole. A first row lists all entries, and the end of a
//     hold says what was captured. If that row is there, the missing rows are
//     written. If it is missing, the others are removed: the transaction did not
//     happen, and its caller's next attempt posts it. The same holds for a capture
//     and its credit, and for an end without its pending row. If a user's rows come
//     to less than zero without the release of expired holds, their releases are
//     written: a posting spent that money in the same write.
//  2. It writes each balance that differs from its rows: balance, version, held,
//     holds and an attribute for each open hold. Such a balance has no
//     transaction_id until the next posting, and a wrong one is removed. A balance
//     without rows is removed.
//
// It never guesses. Rows that contradict each other, users with damaged rows, and
// rows that come to less than zero or more than a balance can be are kept as they
// are, and listed with the reason.
//
// It writes as many rows at once as it reads parts of a table, and -rate limits the
// units of both.
//
// Every write has a condition: a missing row is still missing, a balance is still
// as it was before the rows were read. So a rebuild is safe to run again at any
// time, also after a fault, and goes on where it was. A user who is written to
// meanwhile is kept. It makes sense only while the writers are stopped. Audit
// afterwards: the audit finds what a rebuild can't, such as damaged rows.
//
// It writes a line for each change as it makes it:
//
//	would      transaction 47b9e303-…: write 1 missing row
//	would      transaction 0f6c4a46-…: remove 2 orphans
//	would      user "alice": from no balance to 60 at version 3 and 40 held by 1 hold
//	kept       user "bob" with 10 at version 2: rows of this user are damaged, so that the history is not known
//	3 users, 9 rows: 2 transactions and 1 balance would be rebuilt, 1 kept, 0 wrong; -write does it
//
// and "rebuilt" in place of "would" with -write. With -json each change is a line
// {"transactionId", "missing", "orphans", "userId", "from", "to", "kept",
// "written"}, and the last line is the summary {"users", "transactions",
// "transactionsRebuilt", "balancesRebuilt", "kept", "written", "mismatches",
// "unfinished"}. The status is 0 if nothing was to be rebuilt or all of it was, 1
// if something is left, and 4 if nothing is left and not everything could be read.
// -user rebuilds one user: the transactions that the user is in, and the balances
// of all users whose rows change by that.
//
// # Memory
//
// It keeps a tally for each user, and nothing for each transaction: about 200 bytes
// for a user, 16 MB of sums, and a few pages of 1,000 rows. The rows of a hold are
// compared when both were read. While 100,000 rows wait for their other row, which
// takes 20 MB, the audit looks the others up. Open holds take 200 bytes each. On top
// comes what it finds, and, for a rebuild, the rows of torn transactions and of the
// ten in a million that share their sum.
package main
