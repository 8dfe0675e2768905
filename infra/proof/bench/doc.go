// Package bench measures a call next to its floor: the same requests to DynamoDB, sent by an SDK
// client without our code around it. It also measures callers who share one user, and counts the
// cost of calls.
package bench
