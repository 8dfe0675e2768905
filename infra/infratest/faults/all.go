package faults

import "net/http"

// Kind is one of the faults in [All].
type Kind struct {
	Name    string
	Fault   Fault
	Applied bool // whether DynamoDB still applies the request
}

// All lists the temporary faults: after any of them, a retry can succeed. Every test and trial that
// uses this list tries all of them, so a new fault needs only a row here.
var All = []Kind{
	{Name: "request lost", Fault: LoseRequest},
	{Name: "response lost", Fault: LoseResponse, Applied: true},
	{Name: "response cut", Fault: CutResponse, Applied: true},
	{Name: "digit added", Fault: damage(addDigit), Applied: true},
	{Name: "response empty", Fault: emptyResponse, Applied: true},
	{Name: "proxy's empty 200", Fault: proxy(http.StatusOK, "")},
	{Name: "proxy's empty object", Fault: proxy(http.StatusOK, "{}")},
	{Name: "proxy's page", Fault: proxy(http.StatusOK, "<!doctype html><title>Sign in</title>")},
	{Name: "proxy's empty 403", Fault: proxy(http.StatusForbidden, "")},
	{Name: "proxy's error", Fault: proxy(http.StatusForbidden, `{"message":"Forbidden"}`)},
	{Name: "conflict", Fault: Conflict},
	{Name: "throttled", Fault: Throttle},
	{Name: "throughput exceeded", Fault: cancellation("ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException")},
	{Name: "request limit", Fault: Exception(http.StatusBadRequest, "RequestLimitExceeded", "Throughput exceeds the current throughput limit for your account.")},
	{Name: "transaction in progress", Fault: Exception(http.StatusBadRequest, "TransactionInProgressException", "The transaction with the given request token is already in progress.")},
	{Name: "replication conflict", Fault: Exception(http.StatusBadRequest, "ReplicatedWriteConflictException", "One or more items in this request are being modified by a request in another Region.")},
	{Name: "unavailable", Fault: Exception(http.StatusServiceUnavailable, "ServiceUnavailable", "The service is unavailable.")},
	{Name: "server error", Fault: ServerError},
	{Name: "server error after the write", Fault: FailAfter, Applied: true},
}

// proxy returns a fault in which a proxy answers, and DynamoDB never receives the request.
func proxy(status int, body string) Fault {
	return func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return foreign(r, status, body), nil
	}
}

var (
	// Conflict answers as DynamoDB does while another transaction writes the item.
	Conflict = cancellation("TransactionConflict", "TransactionConflictException")

	// Throttle answers as DynamoDB does when requests exceed the table's throughput.
	Throttle = cancellation("ThrottlingError", "ThrottlingException")

	// ServerError answers with an internal error of DynamoDB. Nothing is applied.
	ServerError = Exception(http.StatusInternalServerError, "InternalServerError",
		"The request processing has failed because of an unknown error, exception or failure.")
)

// FailAfter applies the request, and then answers with an internal error of DynamoDB.
func FailAfter(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	if err := dropAnswer(deliver); err != nil {
		return nil, err
	}
	return ServerError(r, deliver)
}
