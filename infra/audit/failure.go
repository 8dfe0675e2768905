package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/aws/smithy-go"
)

// requestError is a request that failed, in words for a person: without the
// attempts, ids and layers of the SDK.
type requestError struct {
	doing string
	err   error
}

// failed returns the error of a request that was for doing this.
func failed(err error, format string, args ...any) error {
	return &requestError{fmt.Sprintf(format, args...), err}
}

// Error says what was done, and what DynamoDB or the network answered.
func (e *requestError) Error() string {
	if answer, ok := errors.AsType[smithy.APIError](e.err); ok {
		if answer.ErrorCode() == "ExpiredTokenException" {
			return e.doing + ": the credentials have expired (ExpiredTokenException); sign in again and start again, with AWS_PROFILE or a role, whose credentials are renewed"
		}
		return fmt.Sprintf("%s: %s: %s", e.doing, answer.ErrorCode(), answer.ErrorMessage())
	}
	if network, ok := errors.AsType[*net.OpError](e.err); ok {
		return fmt.Sprintf("%s: %v", e.doing, network)
	}
	return fmt.Sprintf("%s: %v", e.doing, e.err)
}

// Unwrap returns the error of the SDK.
func (e *requestError) Unwrap() error { return e.err }
