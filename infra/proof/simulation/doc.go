// Package simulation shows that the ledger is never wrong, whatever the network and the processes
// do. Its tests drive callers who share users and keys through the real ledger, store and client,
// and break everything below: requests and answers are lost, come twice or come twenty minutes
// late, writes conflict, DynamoDB throttles and fails, and processes are killed. In some runs money
// is held, which expires, and clocks differ. In some, callers refund one original at once.
//
// Underneath is the model of DynamoDB, in virtual time and from a seed, so that thousands of runs
// take seconds and a failed run can be repeated to the nanosecond; or DynamoDB Local, in real time.
//
// After each run the books are checked, and the history must be linearizable. There must be one
// order of events, each between its call's beginning and end, in which a ledger that does one thing
// at a time would have given every caller the same answers. It is one order for all users, whom
// transactions with several entries tie together. A hold has one end in it; a caller may spend an
// expired hold a second later, by its own clock.
package simulation
