package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
)

// Prices in dollars, in us-east-1 on 2026-09-20:
//
// https://aws.amazon.com/dynamodb/pricing/on-demand/
// https://aws.amazon.com/lambda/pricing/
// https://aws.amazon.com/api-gateway/pricing/
// https://aws.amazon.com/cloudwatch/pricing/
// https://aws.amazon.com/xray/pricing/
const (
	perMillionWriteUnits   = 0.625
	perMillionReadUnits    = 0.125
	perMillionInvocations  = 0.20
	perGBSecond            = 0.0000133334 // on arm64
	perMillionHTTPRequests = 1.00
	perGBLogged            = 0.50
	perMillionTraces       = 5.00

	memoryMB       = 512
	billedMs       = 10   // per call; assumed
	accessLogBytes = 384  // per log line, if each $context variable in it takes 20 bytes
	tracedShare    = 0.05 // X-Ray's default sampling rate
)

// units are the cost of requests to DynamoDB. They are computed from the requests and responses,
// because the units that DynamoDB Local reports are wrong. AWS's rules are:
//
//   - a write costs one unit for each KB of its item, or two in a transaction, even if
//     its condition fails;
//   - a new row costs another unit for each KB in every index that contains it;
//   - a strongly consistent read costs one unit for each 4 KB, and at least one; an
//     eventually consistent read costs half as much.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
type units struct {
	requests      int
	writes, reads float64
}

// attributes is an item in DynamoDB's JSON.
type attributes map[string]struct {
	S string
	N string
	L []struct {
		N string
		M attributes
	}
}

// bytes returns the size of the names and values in an item. A number takes one byte and half a
// byte for each digit. A list or map takes three bytes, and one for each member.
func (a attributes) bytes() (n int) {
	number := func(digits string) int { return ceilDivide(len(digits), 2) + 1 }
	for name, value := range a {
		n += len(name) + len(value.S)
		if value.N != "" {
			n += number(value.N)
		}
		if value.L != nil {
			n += 3
		}
		for _, one := range value.L {
			if one.M != nil {
				n += 1 + 3 + len(one.M) + one.M.bytes()
			} else {
				n += 1 + number(one.N)
			}
		}
	}
	return n
}

func ceilDivide(n, by int) int { return (n + by - 1) / by }

// count adds the units of one request, which DynamoDB rejected if applied is false.
func (u *units) count(operation string, sent, received []byte, applied bool) error {
	var request struct {
		Item          attributes
		TransactItems []struct {
			Put, Update *struct{ Item attributes }
		}
		ConsistentRead bool
	}
	var answer struct {
		Item  attributes
		Items []attributes
	}
	if err := json.Unmarshal(sent, &request); err != nil {
		return err
	}
	u.requests++
	if operation == "GetItem" || operation == "Query" {
		if err := json.Unmarshal(received, &answer); err != nil {
			return err
		}
		size := answer.Item.bytes()
		for _, item := range answer.Items {
			size += item.bytes()
		}
		read := float64(max(1, ceilDivide(size, 4096)))
		if !request.ConsistentRead {
			read /= 2
		}
		u.reads += read
		return nil
	}
	write := func(row attributes, factor int) {
		kB := max(1, ceilDivide(row.bytes(), 1024))
		u.writes += float64(factor * kB)
		if applied && row["account"].S == "" {
			u.writes += float64(kB) // the history index, which contains no rule changes
		}
	}
	if operation == "PutItem" {
		write(request.Item, 1)
	}
	for _, item := range request.TransactItems {
		if item.Put != nil {
			write(item.Put.Item, 2)
		} else {
			u.writes += 2 // the balance rows here are under 1 KB: about 850 bytes with 16 holds
		}
	}
	return nil
}

// TestCost computes the table in costs.md: what a million calls cost, for each outcome. Even with
// the longest user and key, a one-entry row here takes at most 1 KB, so long names add no write
// units.
func TestCost(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("../../../template.yaml")
	require.NoError(t, err)
	require.Contains(t, string(template), fmt.Sprintf("MemorySize: %d\n", memoryMB))
	fixed := perMillionInvocations + 1e6*memoryMB/1024*billedMs/1000*perGBSecond

	books, _ := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	log := &bytes.Buffer{}
	var used units
	books.Network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		sent, err := faults.Body(r)
		require.NoError(t, err)
		response, err := deliver()
		require.NoError(t, err)
		received, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		response.Body = io.NopCloser(bytes.NewReader(received))
		return response, used.count(faults.Operation(r), sent, received, response.StatusCode == http.StatusOK)
	})
	serve := newHandler(infra.NewStore(books.Client, books.Config), 0, log)
	for _, o := range outcomes {
		n := newNames()
		o.prepare(t, books, n)
		used = units{}
		log.Reset()
		require.NoError(t, o.request(serve, n)(t.Context()), o.name)
		assert.Equal(t, o.units, used, o.name)
		database := used.writes*perMillionWriteUnits + used.reads*perMillionReadUnits
		logs := float64(log.Len()+accessLogBytes)/1000*perGBLogged + tracedShare*perMillionTraces
		t.Logf("| %s | %d | %g | %g | %.2f | %.2f | %.2f |", o.name, used.requests, used.writes, used.reads,
			database, logs, database+fixed+perMillionHTTPRequests+logs)
	}
	used = units{}
	require.NoError(t, infra.NewStore(books.Client, books.Config).Start(t.Context()))
	assert.Equal(t, units{1, 0, 1}, used, "a start reads the settings")
}
