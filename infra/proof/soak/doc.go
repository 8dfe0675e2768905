// Package soak runs the built function in processes under callers who insist on their calls, and
// checks every answer, every row and every cent afterwards. TestCrash kills the processes; TestSoak
// adds faults in DynamoDB and its network, and hostile events.
package soak
