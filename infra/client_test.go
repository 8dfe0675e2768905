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

// wire is a DynamoDB that answers every request with the same bytes.
type wire struct {
	bytes    string
	pause    time.Duration // before each byte
	closes   bool          // close the connection after the bytes; otherwise it stays silent
	requests int           // how many arrived
	served   sync.WaitGroup
}

// head returns the head for an answer whose body has that length.
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
				return // the client closed it
			}
			_, _ = io.Copy(io.Discard, r.Body)
			w.requests++
			time.Sleep(time.Millisecond) // the way back
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

// read reads a row over the wire, with the function's client.
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

// An attempt ends after one second without a complete answer. It may be sent again.
func TestAttemptEnds(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*wire{
		"no answer":     {},
		"half a head":   {bytes: "HTTP/1.1 200 OK\r\nContent-Le"},
		"no body":       {bytes: head(200, 100)},
		"half a body":   {bytes: head(200, 100) + `{"Item":`},
		"half an error": {bytes: head(400, 100) + `{"__type":`},
		"half a fault":  {bytes: head(500, 100) + `{"__type":`},
		"no last chunk": {bytes: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"},
		"a slow answer": {bytes: head(200, 2) + "{}", pause: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, took, err := w.read(t)
				require.Error(t, err)
				assert.True(t, infra.Transient(err), "%v", err)
				assert.Equal(t, time.Second, took)
				assert.Equal(t, 1, w.requests)
			})
		})
	}
}

// A truncated answer is lost; it never means an absent row.
func TestAnswerCutOff(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusBadRequest, http.StatusInternalServerError} {
		for _, body := range []string{"", "{}", `{"Item":`} {
			synctest.Test(t, func(t *testing.T) {
				w := &wire{bytes: head(status, 100) + body, closes: true}
				_, _, err := w.read(t)
				require.Error(t, err, "%d %q", status, body)
				assert.True(t, infra.Transient(err), "%d %q: %v", status, body, err)
			})
		}
	}
}

// An answer that is complete within the second counts, in whatever pieces it
// arrives.
func TestAnswerInTime(t *testing.T) {
	t.Parallel()
	const body = `{"Item":{"balance":{"N":"1"}}}`
	synctest.Test(t, func(t *testing.T) {
		w := &wire{bytes: head(http.StatusOK, len(body), checksum(body)) + body, pause: 5 * time.Millisecond}
		got, _, err := w.read(t)
		require.NoError(t, err)
		assert.Equal(t, &types.AttributeValueMemberN{Value: "1"}, got.Item["balance"])
	})
}

// A damaged answer, or another server's, is lost. The caller receives nothing from it.
func TestAnswerDamaged(t *testing.T) {
	t.Parallel()
	const (
		row   = `{"Item":{"balance":{"N":"120"}}}`
		other = `{"Item":{"balance":{"N":"9120"}}}`
		page  = "<!doctype html><title>Sign in</title>"
		fails = `{"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"no"}`
	)
	for name, c := range map[string]struct {
		status int
		body   string
		lines  []string
	}{
		"no body":                      {200, "", nil},
		"no body, and its checksum":    {200, "", []string{checksum("")}},
		"no body, and the row's":       {200, "", []string{checksum(row)}},
		"no content":                   {204, "", nil},
		"a digit added":                {200, other, []string{checksum(row)}},
		"a part":                       {206, row[:10], []string{checksum(row)}},
		"cut":                          {200, row[:len(row)-1], []string{checksum(row)}},
		"cut, and its checksum":        {200, row[:len(row)-1], []string{checksum(row[:len(row)-1])}},
		"no checksum":                  {200, row, nil},
		"an empty object, no checksum": {200, "{}", nil},
		"a checksum that is a word":    {200, row, []string{"X-Amz-Crc32: none"}},
		"null":                         {200, "null", []string{checksum("null")}},
		"a list":                       {200, "[" + row + "]", []string{checksum("[" + row + "]")}},
		"two objects":                  {200, row + row, []string{checksum(row + row)}},
		"a page":                       {200, page, []string{"Content-Type: text/html"}},
		"a page, and its checksum":     {200, page, []string{checksum(page)}},
		"gzip that does not unpack":    {200, "\x1f\x8b" + row, []string{"Content-Encoding: gzip", checksum("\x1f\x8b" + row)}},
		"another type":                 {200, `{"Item":"120"}`, []string{checksum(`{"Item":"120"}`)}},
		"an error without a body":      {400, "", nil},
		"an error without a type":      {403, `{"message":"Forbidden"}`, nil},
		"an error that is null":        {400, "null", nil},
		"an error that is a page":      {403, page, nil},
		"an error, damaged":            {400, fails, []string{checksum(row)}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &wire{bytes: head(c.status, len(c.body), c.lines...) + c.body, closes: true}
				got, _, err := w.read(t)
				require.Error(t, err)
				assert.True(t, infra.Transient(err), "%v", err)
				assert.Nil(t, got)
			})
		})
	}
}

// The client follows no redirect: DynamoDB has none, and no other host may receive
// a posting.
func TestRedirects(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		synctest.Test(t, func(t *testing.T) {
			w := &wire{bytes: head(status, 2) + "{}"}
			_, _, err := w.read(t)
			require.Error(t, err, status)
			assert.False(t, infra.Transient(err), "%d: %v", status, err)
			assert.Equal(t, 1, w.requests, status)
		})
	}
}
