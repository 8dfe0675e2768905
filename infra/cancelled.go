package infra

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// The writes of a posting, by their position in the request, which is the
// position of their cancellation reasons, too.
const (
	putPosition = iota
	updatePosition
	positions
)

// conditionFailed is the cancellation reason of a write whose condition failed.
const conditionFailed = "ConditionalCheckFailed"

// idTaken reports whether a posting was cancelled because its id is taken,
// whatever else failed. No later attempt can change that.
func idTaken(err error) bool {
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	return ok && len(cancelled.CancellationReasons) == positions &&
		aws.ToString(cancelled.CancellationReasons[putPosition].Code) == conditionFailed
}

// postError returns the error of [ledger.Store] for a posting that failed with
// err. The reasons of a cancelled one may be mixed, so the order of the questions
// matters: a taken id is the answer whatever else failed, and contention may hide
// it, so that a balance counts only if nothing but its condition has failed.
func postError(err error) error {
	cancelled, ok := errors.AsType[*types.TransactionCanceledException](err)
	if !ok || len(cancelled.CancellationReasons) != positions {
		return storeError(err)
	}
	put, update := cancelled.CancellationReasons[putPosition], cancelled.CancellationReasons[updatePosition]
	switch {
	case idTaken(err):
		return recorded(put.Item)
	case Transient(err):
		return storeError(err)
	case aws.ToString(put.Code) == "None" && aws.ToString(update.Code) == conditionFailed:
		balance, err := decodeBalance(update.Item)
		if err != nil {
			return err
		}
		return &ledger.OutOfRangeError{Balance: balance}
	default:
		return err
	}
}

// recorded returns the error of [ledger.Store] for an id that is taken, from the
// row that came back when the condition failed.
func recorded(row item) error {
	t, err := DecodeTransaction(row)
	if err != nil {
		return err
	}
	return &ledger.RecordedError{Recorded: t}
}
