// Package simulation tests that the ledger is never wrong, no matter how the network and the
// processes fail. Callers who share users and keys make calls through the real ledger, store and
// client. Faults are injected below the client: requests and answers are lost, duplicated or twenty
// minutes late, writes conflict, DynamoDB throttles and fails, and processes are killed. In some
// runs, holds expire and clocks differ; in some, callers refund the same transaction concurrently.
//
// The database is a model of DynamoDB, with virtual time. TestSimulation generates each run from a
// seed: thousands of runs take seconds, and a failed run can be repeated exactly. TestDynamoDBLocal
// makes such runs on DynamoDB Local, in real time.
//
// TestEveryOrder is exhaustive for a few calls. It tries every order in which two callers' requests
// can reach DynamoDB, with a fault in any one request, or in some scenarios in two. At each step
// the network chooses the next request to deliver, and a fault or none. Each run makes different
// choices, until all combinations have been tried. The test corresponds to the model in ../model,
// with the code in place of the model's actions: Post, Decline, Capture and Void are methods with
// the same names, and Rule is ChangeRules. A refund is a Post that also updates a refund account.
//
// After each run the books are checked, and the history must be linearizable. There must be one
// order of all events, each between its call's start and end, in which a ledger that handles one
// call at a time gives the same answers. The order spans all users, because one transaction can
// have several users' entries. No hold ends twice in it. A caller may spend the money of an expired
// hold from one second after the expiry, by the caller's own clock.
package simulation
