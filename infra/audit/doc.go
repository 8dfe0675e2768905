// Command audit tells for every user whether the balance is what the history
// says, while the ledger goes on being used.
//
//	go run ./infra/audit [-rate UNITS] [-segments N] [-settle TIME] [-json | -emf]
//	go run ./infra/audit -repair [-write] [-json]
//	go run ./infra/audit -user ID [-from TIME] [-to TIME] [-csv | -json]
//	go run ./infra/audit -export transactions|balances [-from TIME] [-to TIME] [-csv | -json]
//
// It reads the tables that the environment names as it does for the function
// (see [onewrite/infra.ConfigFromEnv]), and writes nothing to them, unless
// -repair -write says so. If AWS_ENDPOINT_URL_DYNAMODB names a DynamoDB on this
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
// its pending row; what a capture credits is one more entry. Rows of the last minute
// before the audit, and those since, are for the next one: a scan may have seen a
// part of a transaction.
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
//   - another time of expiry of an open hold, or another transaction's in its place
//     of the same sum: the open holds of a user are compared by what they come to;
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
// # Repair
//
// A restore from point-in-time recovery brings each table back as it was at a
// moment of its own, and so can leave a row without its balance move, and a
// move without its row. -repair says what it would do about that, and -write
// does it. It audits first, and writes only if everything could be read.
//
// The rows are what happened: none was written but together with its move. So
// of a user with more rows than version counts, whose balance is what those
// rows make but for the last that were written, the moves of these are what is
// missing, and the balance is written that all the rows make. No balance at all
// is the same, with all moves missing. (The last that were written are the last
// by created_at, but for rows that were written in another order than they were
// begun, within the seconds that a call takes. Where more of those could be
// chosen from than there are sums to tell them by, it does not choose.)
//
// Everything else is kept as it is and listed with the reason. With as many
// rows as version counts or fewer, rows are gone, or somebody has changed
// something, and the tables don't say what: a row that is gone has taken its key
// with it. A caller who sends such a call again posts it a second time on a
// balance that has it already, so nobody may post before the audit is right.
// Who knows that the rows that are there are all that shall count can remove
// the row of the balance: the repair makes it anew.
//
// A repair is one write, on the condition that balance and version are still
// what was read before the rows were (or that there still is no row). Version
// grows with every posting, so a user who was posted to meanwhile fails the
// condition and is kept. It is safe at any time, and makes sense only while
// nobody posts: see infra/operations.md.
//
// # Memory
//
// It keeps a count and a sum for each user, and nothing for each transaction:
// about 200 bytes for a user, one page of 1,000 rows for each segment, 1 MB, and for
// each hold some 200 bytes while only its beginning or only its end was read. On
// top comes what it finds.
package main
