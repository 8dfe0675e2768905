// Package bench measures a call next to its floor: the same requests to DynamoDB, sent
// by a client of the SDK with nothing of ours around it. It also measures callers of
// one user, and counts what calls cost.
package bench
