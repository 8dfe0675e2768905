package faults

import "net/http"

// Kind is a fault in [All].
type Kind struct {
	Name    string
	Fault   Fault
	Applied bool // whether DynamoDB applies a request that meets the fault
}

// All lists the faults that end by themselves: after any of them the same request may succeed. A
// new one is a row here, and every test and trial that takes faults from this list tries it.
var All = []Kind{
	{Name: "request lost", Fault: LoseRequest},
	{Name: "response lost", Fault: LoseResponse, Applied: true},
	{Name: "response cut", Fault: CutResponse, Applied: true},
	{Name: "digit added", Fault: Damage(addDigit), Applied: true},
	{Name: "response empty", Fault: Replace(""), Applied: true},
	{Name: "proxy's empty 200", Fault: Proxy(http.StatusOK, "")},
	{Name: "proxy's empty object", Fault: Proxy(http.StatusOK, "{}")},
	{Name: "proxy's page", Fault: Proxy(http.StatusOK, "<!doctype html><title>Sign in</title>")},
	{Name: "proxy's empty 403", Fault: Proxy(http.StatusForbidden, "")},
	{Name: "proxy's error", Fault: Proxy(http.StatusForbidden, `{"message":"Forbidden"}`)},
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

// Proxy returns a fault in which a proxy answers for DynamoDB and nothing is applied.
func Proxy(status int, body string) Fault {
	return func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return Foreign(r, status, body), nil
	}
}

var (
	// Conflict answers as DynamoDB does while another transaction writes the item.
	Conflict = cancellation("TransactionConflict", "TransactionConflictException")

	// Throttle answers as DynamoDB does beyond the table's throughput.
	Throttle = cancellation("ThrottlingError", "ThrottlingException")

	// ServerError fails as DynamoDB itself does, before it has applied anything.
	ServerError = Exception(http.StatusInternalServerError, "InternalServerError",
		"The request processing has failed because of an unknown error, exception or failure.")
)

// FailAfter fails as DynamoDB itself does, after it has applied the request.
func FailAfter(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	if err := dropAnswer(deliver); err != nil {
		return nil, err
	}
	return ServerError(r, deliver)
}
