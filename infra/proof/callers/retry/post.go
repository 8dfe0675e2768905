// Package retry shows how a caller retries, so that a transaction counts only once.
package retry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// UnknownError reports that the transaction may or may not have counted. The same
// call with the same key, now or in a week, settles it.
type UnknownError struct {
	Key string
	Err error
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("outcome unknown; keep the key %q and send the same call again: %v", e.Key, e.Err)
}
func (e *UnknownError) Unwrap() error { return e.Err }

// Post retries a transaction until an answer is final, or ctx is done. Save the key with
// the order before the first call.
func Post(ctx context.Context, url, key, body string) (status int, answer string, err error) {
	maybe := false // whether an attempt may have counted
	for attempt := 0; ; attempt++ {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			return 0, "", err // nothing was sent
		}
		request.Header.Set("Idempotent-Key", key)
		request.Header.Set("Content-Type", "application/json")
		status, answer, retryAfter, err := send(request)
		switch {
		case err != nil || status >= 500 || status == http.StatusRequestTimeout:
			maybe = true
		case status == http.StatusTooManyRequests || status == http.StatusTooEarly: // the call did not reach the ledger
		case status == http.StatusCreated || status == http.StatusUnprocessableEntity || !maybe && status >= 400:
			return status, answer, nil
		default:
			// A redirect or another 2xx is not the ledger's answer. A 401 after a lost
			// answer does not show whether the transaction counted.
			return 0, "", &UnknownError{key, fmt.Errorf("the last answer was %d", status)}
		}
		if err == nil {
			err = fmt.Errorf("the last answer was %d", status)
		}
		backOff := min(5*time.Second, 200*time.Millisecond<<min(attempt, 5))
		wait := max(retryAfter, rand.N(backOff))
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

// send makes one attempt. An incomplete answer is an error. Redirects are not followed,
// because the POST would become a GET.
func send(request *http.Request) (status int, answer string, retryAfter time.Duration, err error) {
	client := http.Client{
		Timeout:       15 * time.Second, // the ledger answers within 10 s
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", 0, err
	}
	defer response.Body.Close()
	status = response.StatusCode
	body, err := io.ReadAll(response.Body)
	if final := status == http.StatusCreated || status == http.StatusUnprocessableEntity; err == nil && final && !json.Valid(body) {
		err = errors.New("the answer was cut")
	}
	seconds, _ := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 64) // anything but whole seconds counts as missing
	return status, string(body), time.Duration(min(seconds, 3600)) * time.Second, err
}
