package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra/infratest/faults"
)

// units are what requests to DynamoDB cost, counted from the requests and
// their answers by AWS's rules, because DynamoDB Local's own count is wrong:
//
//   - a write takes a unit a KB of its item, and two in a transaction; one
//     whose condition fails takes the same;
//   - a new row takes a unit a KB in each index that holds it, on top;
//   - a strongly consistent read takes a unit for each 4 KB, at least one, and
//     an eventually consistent one half of that.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html
type units struct {
	Requests int     `json:"requests"`
	Writes   float64 `json:"writeUnits"`
	Reads    float64 `json:"readUnits"`
}

// meter is the HTTP client of a DynamoDB client, and counts.
type meter struct {
	client dynamodb.HTTPClient
	units  units
}

// attributes are an item's, each with its type and its value.
type attributes map[string]value

// value is an attribute's, or one in it.
type value struct {
	S string     `json:",omitempty"`
	N string     `json:",omitempty"`
	L []value    `json:",omitempty"`
	M attributes `json:",omitempty"`
}

// wire returns the attributes of a row that has one entry.
func wire(row item) attributes {
	a := attributes{}
	for name, attribute := range row {
		switch v := attribute.(type) {
		case *types.AttributeValueMemberS:
			a[name] = value{S: v.Value}
		case *types.AttributeValueMemberN:
			a[name] = value{N: v.Value}
		default:
			panic(fmt.Sprintf("attribute %s is a %T", name, v)) // our own rows
		}
	}
	return a
}

// Do implements dynamodb.HTTPClient.
func (m *meter) Do(r *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	response, err := m.client.Do(r)
	if err != nil {
		return nil, err
	}
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(received))
	operation := faults.Operation(r)
	return response, m.count(operation, sent, received, response.StatusCode == http.StatusOK)
}

func (m *meter) count(operation string, sent, received []byte, applied bool) error {
	var request struct {
		Item          attributes
		TransactItems []struct {
			Put, Update *struct{ Item, Key attributes }
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
	m.units.Requests++
	if operation == "GetItem" || operation == "Query" {
		if err := json.Unmarshal(received, &answer); err != nil {
			return err
		}
		bytes := answer.Item.bytes()
		for _, item := range answer.Items {
			bytes += item.bytes()
		}
		read := float64(max(1, ceilDivide(bytes, 4096)))
		if !request.ConsistentRead {
			read /= 2
		}
		m.units.Reads += read
		return nil
	}
	write := func(row attributes, factor int) {
		kB := max(1, ceilDivide(row.bytes(), 1024))
		m.units.Writes += float64(factor * kB)
		if applied {
			m.units.Writes += float64(kB) // the history's index
		}
	}
	if operation == "PutItem" {
		write(request.Item, 1)
	}
	for _, item := range request.TransactItems {
		if item.Put != nil {
			write(item.Put.Item, 2)
		} else {
			m.units.Writes += 2 // a row of the aggregate table has less than 1 KB: with 16 holds some 850 bytes
		}
	}
	return nil
}

// bytes returns the size of an item: of its names and values.
func (a attributes) bytes() (n int) {
	for name, value := range a {
		n += len(name) + value.bytes()
	}
	return n
}

// bytes returns the size of a value: of a text in UTF-8. A number takes half a byte
// a digit and one more; a list or map three bytes, and one for each in it.
func (v value) bytes() (n int) {
	switch {
	case v.N != "":
		return ceilDivide(len(v.N), 2) + 1
	case v.L != nil:
		for _, one := range v.L {
			n += 1 + one.bytes()
		}
		return n + 3
	case v.M != nil:
		return v.M.bytes() + len(v.M) + 3
	}
	return len(v.S)
}

func ceilDivide(n, by int) int { return (n + by - 1) / by }
