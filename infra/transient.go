package infra

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// transactionConflict is the cancellation reason if another request was writing the item.
const transactionConflict = "TransactionConflict"

// transientReasons are the cancellation reasons that may be gone at the next attempt.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
var transientReasons = map[string]bool{
	transactionConflict:             true,
	"ThrottlingError":               true,
	"ProvisionedThroughputExceeded": true,
}

// transientCodes lists errors below status 500 that may be gone at the next attempt.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
var transientCodes = map[string]bool{
	"ThrottlingException":                    true,
	"ProvisionedThroughputExceededException": true,
	"RequestLimitExceeded":                   true,
	"TransactionConflictException":           true,
	"TransactionInProgressException":         true,
	"ReplicatedWriteConflictException":       true,
}

// Transient reports whether the same request can succeed later: after contention,
// throttling, a server fault, or a lost answer.
func Transient(err error) bool {
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return slices.ContainsFunc(cancelled.CancellationReasons, func(reason types.CancellationReason) bool {
			return transientReasons[aws.ToString(reason.Code)]
		})
	}
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}
	if known, ok := errors.AsType[smithy.APIError](err); ok {
		return transientCodes[known.ErrorCode()] || clockSkewed(err)
	}
	return lost(err)
}

// outcomeUnknown reports whether a write that failed with a transient error may have been
// applied, or may still be applied. That is possible if DynamoDB sent no answer, or
// reported its own fault.
func outcomeUnknown(err error) bool {
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}
	if _, ok := errors.AsType[*types.TransactionInProgressException](err); ok {
		return true // an earlier attempt at this write is still in progress
	}
	_, answered := errors.AsType[smithy.APIError](err)
	return !answered
}

// conflict reports whether another request was writing one of the request's items.
func conflict(err error) bool {
	if cancelled, ok := errors.AsType[*types.TransactionCanceledException](err); ok {
		return slices.ContainsFunc(cancelled.CancellationReasons, func(reason types.CancellationReason) bool {
			return aws.ToString(reason.Code) == transactionConflict
		})
	}
	_, ok := errors.AsType[*types.TransactionConflictException](err)
	return ok
}

// lost reports whether a request or its answer was lost or incomplete. A write may have
// been applied.
func lost(err error) bool {
	if _, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[*aws.RequestCanceledError](err); ok {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// clockSkewed reports whether a signature was rejected because of its time. The SDK has
// then already corrected its clock from the answer's Date header.
func clockSkewed(err error) bool {
	skewed, ok := errors.AsType[interface {
		error
		RetryableError() bool
	}](err)
	return ok && skewed.RetryableError()
}
