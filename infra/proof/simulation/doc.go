// Package simulation shows that the ledger is never wrong, no matter how the network and the
// processes fail. Its tests run callers who share users and keys, through the real ledger, store
// and client. Below the client they inject faults: requests and answers are lost, duplicated or
// twenty minutes late, writes conflict, DynamoDB throttles and fails, and processes are killed.
// Some runs have holds, which expire, and clocks that differ. In some, callers refund the same
// transaction at once.
//
// The database is a model of DynamoDB, in virtual time. TestSimulation draws each run from a seed:
// thousands of runs take seconds, and a failed run can be repeated exactly. TestDynamoDBLocal
// makes such runs on DynamoDB Local, in real time.
//
// TestEveryOrder is exhaustive for a few calls. It tries every order in which two callers'
// requests can reach DynamoDB, with a fault to any one request, or in some scenarios to two. The
// network chooses the next request to deliver, and a fault or none. It takes the first option,
// notes how many there were, and takes another in the next run of the same calls, until all have
// been tried. The test corresponds to the model in ../model, with the code in place of the model's
// actions: Post, Decline, Capture and Void are methods with the same names, and Rule is
// ChangeRules. Refunds are posts that also count in a refund account.
//
// After each run the books are checked, and the history must be linearizable. There must be one
// order of all events, each between its call's start and end, in which a ledger that handles one
// call at a time gives the same answers. The order spans all users, because transactions with
// several entries tie them together. Each hold ends once in it. A caller may spend an expired hold
// one second after the expiry, by its own clock.
package simulation
