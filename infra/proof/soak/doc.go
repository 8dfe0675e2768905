// Package soak runs processes of the built function under callers who insist on
// their calls, and checks every answer, every row and every cent afterwards.
// TestCrash kills the processes; TestSoak gives them faults of DynamoDB and its
// network, and hostile events.
package soak
