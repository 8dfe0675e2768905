// Package exhaustive plays all that can happen to a few calls: every order
// of the requests of two callers, and to any of them one of the things that can
// happen to a request on its way, or in some scenarios two.
//
// The real ledger and the real store run on a model of DynamoDB, in virtual
// time. One goroutine plays the network: where it has a choice, what to deliver
// next and what happens to it, it takes the first, notes how many there were,
// and in the next run of the same calls takes another, until there is none left.
// After each run the books must be right, every caller must have been told what
// is stored, and the same calls again must be told the same.
//
// It is the model of ../model with the code in place of its actions: Post,
// Decline, Capture and Void are methods of the same names, and Rule is ChangeRules.
// Refunds are posts that
// count in an account, too.
package exhaustive
