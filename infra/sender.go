package infra

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// attemptTimeout ends an attempt whose answer is not there as a whole. DynamoDB
// answers in tens of milliseconds even at its slowest; more would eat the time
// of the attempts that can still succeed.
const attemptTimeout = time.Second

// Sender is the HTTP client: it sends a request as it is, and gives it
// attemptTimeout until its answer is there as a whole. An [http.Client] with a
// timeout starts a goroutine for each request, which takes 3 % of a read, and
// follows redirects, which DynamoDB doesn't have.
type Sender struct{ http.RoundTripper }

// Do implements the HTTPClient of the SDK. The answer's body is in memory.
func (s Sender) Do(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), attemptTimeout)
	defer cancel()
	answer, err := s.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}
