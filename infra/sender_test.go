package infra_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
)

// roundTripper is a network of one function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// An attempt ends after a second, in which its answer must arrive as a whole.
// What ended so may be sent again.
func TestSenderEndsAttempts(t *testing.T) {
	t.Parallel()
	silence := func(r *http.Request) error {
		<-r.Context().Done()
		return r.Context().Err()
	}
	for name, network := range map[string]roundTripper{
		"no answer": func(r *http.Request) (*http.Response, error) { return nil, silence(r) },
		"half an answer": func(r *http.Request) (*http.Response, error) {
			body, more := io.Pipe()
			go func() {
				_, _ = io.WriteString(more, `{"Item":`)
				more.CloseWithError(silence(r))
			}()
			return &http.Response{StatusCode: http.StatusOK, Body: body}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				answer, err := infra.Sender{RoundTripper: network}.Do(newRequest(t)) //nolint:bodyclose // there is none
				require.Error(t, err)
				assert.Nil(t, answer)
				assert.True(t, infra.Transient(err))
				assert.Equal(t, time.Second, time.Since(began))
			})
		})
	}
}

// An answer in time is handed on, and its body is there after the attempt has ended.
func TestSenderHandsOn(t *testing.T) {
	t.Parallel()
	answer, err := infra.Sender{RoundTripper: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader("{}"))}, nil
	})}.Do(newRequest(t))
	require.NoError(t, err)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	assert.Equal(t, "{}", string(body))
	require.NoError(t, answer.Body.Close())
}

func newRequest(t *testing.T) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1/", http.NoBody)
	require.NoError(t, err)
	return r
}
