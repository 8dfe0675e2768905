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

// whyCancelled returns the error of [ledger.Store] for a posting that was
// cancelled. Its reasons may be mixed, so the order of the questions matters: a
// taken id is the answer whatever else failed, and contention may hide it, so
// that a balance counts only if its condition alone has failed.
func whyCancelled(cancelled *types.TransactionCanceledException) error {
	reasons := cancelled.CancellationReasons
	if len(reasons) != positions {
		return cancelled
	}
	put, update := reasons[putPosition], reasons[updatePosition]
	switch {
	case idTaken(cancelled):
		return recorded(put.Item)
	case Transient(cancelled):
		return storeError(cancelled)
	case aws.ToString(put.Code) == "None" && aws.ToString(update.Code) == conditionFailed:
		balance, err := decodeBalance(update.Item)
		if err != nil {
			return err
		}
		return &ledger.OutOfRangeError{Balance: balance}
	default:
		return cancelled
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
