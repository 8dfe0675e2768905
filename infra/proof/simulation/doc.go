// Package simulation shows that the ledger is never wrong, whatever the network and the processes
// do. Its tests drive callers who share users and keys through the real ledger, store and client,
// and break everything below: requests and answers are lost, come twice or come twenty minutes
// late, writes conflict, DynamoDB throttles and fails, and processes are killed. In some runs money
// is held, which expires, and clocks differ. In some, callers refund one original at once.
//
// Underneath is the model of DynamoDB, in virtual time and from a seed. Thousands of runs take
// seconds, and a failed run can be repeated to the nanosecond. The same runs also use DynamoDB
// Local, in real time.
//
// After each run the books are checked, and the history must be linearizable: one order of events
// must exist, each between its call's beginning and end, that explains all answers. In that order,
// a ledger that does one thing at a time gives every caller the same answers. It is one order for
// all users, because transactions with several entries tie them together. A hold has one end in it.
// A caller may spend an expired hold a second later, by its own clock.
package simulation
