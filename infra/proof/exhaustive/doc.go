// Package exhaustive plays everything that can happen to a few calls: every order of two callers'
// requests, with one mishap to any request on its way, or in some scenarios two.
//
// The real ledger and the real store run on a model of DynamoDB, in virtual time. One goroutine
// plays the network, which chooses the next request to deliver and its fate. It takes the first
// option, notes how many there were, and takes another in the next run of the same calls, until
// none is left. After each run the books must be right, every answer must match the stored rows,
// and the same calls again must receive the same answers.
//
// It is the model in ../model with the code in place of its actions: Post, Decline, Capture and
// Void are methods with the same names, and Rule is ChangeRules. Refunds are posts that count in an
// account, too.
package exhaustive
