// Package retry is the caller's half of the guarantee in Go.
package retry

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// UnknownError says that the transaction may have counted or not. The same call
// with the same key, now or in a week, tells which.
type UnknownError struct {
	Key string
	Err error
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("outcome unknown; keep the key %q and send the same call again: %v", e.Key, e.Err)
}
func (e *UnknownError) Unwrap() error { return e.Err }

// Post sends a transaction until an answer is final, or ctx ends. The key was
// saved with what is paid for, before the first call.
func Post(ctx context.Context, url, key, body string) (status int, answer string, err error) {
	maybe := false // an attempt may have counted
	for attempt := 0; ; attempt++ {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			return 0, "", err // nothing was sent
		}
		request.Header.Set("Idempotent-Key", key)
		request.Header.Set("Content-Type", "application/json")
		status, answer, told, err := send(request)
		switch {
		case err != nil || status >= 500:
			maybe = true
		case status == http.StatusTooManyRequests: // did not reach the ledger
		case maybe && status != http.StatusCreated && status != http.StatusUnprocessableEntity:
			// Such as 401 by now: it says nothing of the attempts before.
			return 0, "", &UnknownError{key, fmt.Errorf("the last answer was %d", status)}
		default:
			return status, answer, nil
		}
		if err == nil {
			err = fmt.Errorf("the last answer was %d", status)
		}
		backOff := min(5*time.Second, 200*time.Millisecond<<min(attempt, 5))
		wait := max(told, rand.N(backOff))
		if end, ok := ctx.Deadline(); ok && time.Until(end) < wait {
			return 0, "", &UnknownError{key, err}
		}
		select {
		case <-ctx.Done():
			return 0, "", &UnknownError{key, err}
		case <-time.After(wait):
		}
	}
}

// send makes one attempt. Half an answer is none.
func send(request *http.Request) (status int, answer string, told time.Duration, err error) {
	client := http.Client{Timeout: 15 * time.Second} // the function itself answers within 10
	response, err := client.Do(request)
	if err != nil {
		return 0, "", 0, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
	return response.StatusCode, string(body), time.Duration(seconds) * time.Second, err
}
