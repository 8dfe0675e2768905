// Package simulation shows that the ledger is never wrong, whatever the network and the processes
// do. Its tests drive callers who share users and keys through the real ledger, store and client,
// and break everything below: requests and answers are lost, come twice or come twenty minutes
// late, writes conflict, DynamoDB throttles and fails, and processes are killed. In some runs money
// is held, which expires, and clocks differ. In some, callers refund one original at once.
//
// Underneath is the model of DynamoDB, in virtual time. TestSimulation draws each run from a seed:
// thousands of runs take seconds, and a failed run can be repeated to the nanosecond.
// TestDynamoDBLocal makes the same runs on DynamoDB Local, in real time.
//
// TestEveryOrder plays everything that can happen to a few calls: every order of two callers'
// requests, with one mishap to any request on its way, or in some scenarios two. The network chooses
// the next request to deliver and its fate. It takes the first option, notes how many there were,
// and takes another in the next run of the same calls, until none is left. It is the model in
// ../model with the code in place of its actions: Post, Decline, Capture and Void are methods with
// the same names, and Rule is ChangeRules. Refunds are posts that count in an account, too.
//
// After each run the books are checked, and the history must be linearizable: one order of events
// must exist, each between its call's beginning and end, that explains all answers. In that order,
// a ledger that does one thing at a time gives every caller the same answers. It is one order for
// all users, because transactions with several entries tie them together. A hold has one end in it.
// A caller may spend an expired hold a second later, by its own clock.
package simulation
