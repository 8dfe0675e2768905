package faults

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Exception returns a fault that answers every request with a DynamoDB error, such as
// "ValidationException", and applies nothing.
func Exception(status int, name, message string) Fault {
	return func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return Answer(r, status, fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":%q}`, name, message)), nil
	}
}

// cancellation returns a fault that cancels a transaction, with the given reason for its last
// write, and answers any other request with the exception.
func cancellation(reason, exception string) Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if Operation(r) != "TransactWriteItems" {
			return Exception(http.StatusBadRequest, exception, "rejected")(r, deliver)
		}
		body, err := Body(r)
		if err != nil {
			return nil, err
		}
		var request struct{ TransactItems []json.RawMessage }
		if err := json.Unmarshal(body, &request); err != nil {
			return nil, fmt.Errorf("faults: read %s: %w", Operation(r), err)
		}
		none := strings.Repeat(`{"Code":"None"},`, len(request.TransactItems)-1)
		return Answer(r, http.StatusBadRequest, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",`+
			`"Message":"Transaction cancelled, please refer cancellation reasons for specific reasons",`+
			`"CancellationReasons":[`+none+`{"Code":"`+reason+`","Message":"rejected"}]}`), nil
	}
}

// Answer returns a response from DynamoDB, with this body and its checksum.
func Answer(r *http.Request, status int, body string) *http.Response {
	answer := foreign(r, status, body)
	answer.Header.Set(checksum, checksumOf(body))
	return answer
}

// checksum is the header in which DynamoDB sends the body's CRC-32.
const checksum = "X-Amz-Crc32"

func checksumOf(body string) string {
	return strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 10)
}

// foreign returns a response from another server, such as a proxy. It has no checksum.
func foreign(r *http.Request, status int, body string) *http.Response {
	return &http.Response{
		StatusCode:    status,
		Header:        http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body:          io.NopCloser(strings.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       r,
	}
}
