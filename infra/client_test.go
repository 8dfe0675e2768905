package infra_test

import (
	"bufio"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest/faults"
)

// wire is a fake DynamoDB that answers every request with the same bytes.
type wire struct {
	bytes    string
	pause    time.Duration // before each byte
	closes   bool          // whether to close the connection after the bytes, or keep it open and silent
	requests int
	served   sync.WaitGroup
}

func head(status, length int, more ...string) string {
	lines := append([]string{
		fmt.Sprintf("HTTP/1.1 %d X", status), "Location: http://127.0.0.1/", fmt.Sprintf("Content-Length: %d", length),
	}, more...)
	return strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func checksum(body string) string {
	return fmt.Sprintf("X-Amz-Crc32: %d", crc32.ChecksumIEEE([]byte(body)))
}

func (w *wire) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	w.served.Go(func() {
		defer far.Close()
		received := bufio.NewReader(far)
		for {
			r, err := http.ReadRequest(received)
			if err != nil {
				return // the client closed the connection
			}
			_, _ = io.Copy(io.Discard, r.Body)
			w.requests++
			time.Sleep(time.Millisecond) // network latency
			for _, b := range []byte(w.bytes) {
				time.Sleep(w.pause)
				if _, err := far.Write([]byte{b}); err != nil {
					return // the client gave up
				}
			}
			if w.closes {
				return
			}
		}
	})
	return near, nil
}

// read reads a row over the wire with the client from NewClient.
func (w *wire) read(t *testing.T) (answer *dynamodb.GetItemOutput, took time.Duration, err error) {
	t.Helper()
	transport := &http.Transport{DialContext: w.dial}
	defer w.served.Wait()
	defer transport.CloseIdleConnections()
	config := infra.Config{Region: "us-east-1", Endpoint: "http://127.0.0.1"}
	unsigned := func(o *dynamodb.Options) { o.Credentials = aws.AnonymousCredentials{} }
	began := time.Now()
	answer, err = infra.NewClient(config, unsigned, faults.Over(transport)).GetItem(t.Context(), &dynamodb.GetItemInput{
		TableName: aws.String("transactions_aggregate"),
		Key:       map[string]types.AttributeValue{"user_id": &types.AttributeValueMemberS{Value: "1"}},
	})
	return answer, time.Since(began), err
}

func whole(status int, body string, more ...string) string {
	return head(status, len(body), more...) + body
}

// An attempt without a complete answer ends after one second. An answer that is truncated,
// damaged or from another server counts as lost, so the call may be retried. It is never
// read as an absent row, and none of it reaches the caller.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	const (
		row   = `{"Item":{"balance":{"N":"120"}}}`
		other = `{"Item":{"balance":{"N":"9120"}}}`
		page  = "<!doctype html><title>Sign in</title>"
		fails = `{"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"no"}`
	)
	silent := map[string]string{
		"no answer":              "",
		"truncated header":       "HTTP/1.1 200 OK\r\nContent-Le",
		"no body":                head(200, 100),
		"truncated body":         head(200, 100) + `{"Item":`,
		"truncated error":        head(400, 100) + `{"__type":`,
		"truncated server error": head(500, 100) + `{"__type":`,
		"no last chunk":          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
	}
	damaged := map[string]string{
		"no body":                         whole(200, ""),
		"no body, matching checksum":      whole(200, "", checksum("")),
		"no body, the row's checksum":     whole(200, "", checksum(row)),
		"no content":                      whole(204, ""),
		"an added digit":                  whole(200, other, checksum(row)),
		"partial content":                 whole(206, row[:10], checksum(row)),
		"truncated":                       whole(200, row[:len(row)-1], checksum(row)),
		"truncated, matching checksum":    whole(200, row[:len(row)-1], checksum(row[:len(row)-1])),
		"no checksum":                     whole(200, row),
		"an empty object, no checksum":    whole(200, "{}"),
		"a checksum that is not a number": whole(200, row, "X-Amz-Crc32: none"),
		"null":                            whole(200, "null", checksum("null")),
		"a list":                          whole(200, "["+row+"]", checksum("["+row+"]")),
		"two objects":                     whole(200, row+row, checksum(row+row)),
		"an HTML page":                    whole(200, page, "Content-Type: text/html"),
		"an HTML page, matching checksum": whole(200, page, checksum(page)),
		"invalid gzip":                    whole(200, "\x1f\x8b"+row, "Content-Encoding: gzip", checksum("\x1f\x8b"+row)),
		"an item of the wrong type":       whole(200, `{"Item":"120"}`, checksum(`{"Item":"120"}`)),
		"an error without a body":         whole(400, ""),
		"an error without a type":         whole(403, `{"message":"Forbidden"}`),
		"a null error":                    whole(400, "null"),
		"an HTML page as an error":        whole(403, page),
		"an error with a wrong checksum":  whole(400, fails, checksum(row)),
	}
	for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusInternalServerError} {
		for _, part := range []string{"", "{}", `{"Item":`} {
			damaged[fmt.Sprintf("cut off after %q of %d", part, status)] = head(status, 100) + part
		}
	}
	lost := func(name string, w *wire, within time.Duration) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, took, err := w.read(t)
				require.Error(t, err)
				assert.True(t, infra.Transient(err), "%v", err)
				assert.Nil(t, got)
				assert.Equal(t, within, took)
				assert.Equal(t, 1, w.requests)
			})
		})
	}
	for name, bytes := range silent {
		lost(name, &wire{bytes: bytes}, time.Second)
	}
	lost("a slow answer", &wire{bytes: whole(200, "{}"), pause: 50 * time.Millisecond}, time.Second)
	for name, bytes := range damaged {
		lost(name, &wire{bytes: bytes, closes: true}, time.Millisecond)
	}
}

// An answer that is complete within one second counts, even if it arrives byte by byte.
func TestAnswerInTime(t *testing.T) {
	t.Parallel()
	const body = `{"Item":{"balance":{"N":"1"}}}`
	synctest.Test(t, func(t *testing.T) {
		w := &wire{bytes: whole(http.StatusOK, body, checksum(body)), pause: 5 * time.Millisecond}
		got, _, err := w.read(t)
		require.NoError(t, err)
		assert.Equal(t, &types.AttributeValueMemberN{Value: "1"}, got.Item["balance"])
	})
}

// The client follows no redirects, so that it never sends a posting to another host.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		synctest.Test(t, func(t *testing.T) {
			w := &wire{bytes: whole(status, "{}")}
			_, _, err := w.read(t)
			require.Error(t, err, status)
			assert.False(t, infra.Transient(err), "%d: %v", status, err)
			assert.Equal(t, 1, w.requests, status)
		})
	}
}
