package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"onewrite/infra"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// instant is a DynamoDB that answers at once: an HTTP client with an answer
// for each operation, and no network.
type instant map[string]string

// Do implements dynamodb.HTTPClient.
func (answers instant) Do(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	operation := faults.Operation(r)
	body, status := answers[operation], http.StatusOK
	if strings.Contains(body, "__type") {
		status = http.StatusBadRequest
	}
	return faults.Answer(r, status, body), nil
}

// onInstant returns a client whose requests of an outcome are answered at once.
func onInstant(o outcome, n names) (*dynamodb.Client, infra.Config) {
	config := infra.Config{
		TransactionsTable: "transactions",
		AggregateTable:    "transactions_aggregate",
		Region:            "us-east-1",
		Credentials:       aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"},
		Settings:          ledger.DefaultSettings(),
	}
	return infra.NewClient(config, func(c *dynamodb.Options) { c.HTTPClient = answersAtOnce(o, n) }), config
}

// answersAtOnce returns DynamoDB's answers to the requests of an outcome.
func answersAtOnce(o outcome, n names) instant {
	aggregate := `{"user_id":{"S":"` + n.user + `"},"balance":{"N":"110.5"},"version":{"N":"1"}}`
	failed := func(item string) string {
		return `{"Code":"ConditionalCheckFailed","Message":"The conditional request failed","Item":` + item + `}`
	}
	cancelled := func(put, update string) string {
		return `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",` +
			`"Message":"Transaction cancelled","CancellationReasons":[` + put + `,` + update + `]}`
	}
	const fine = `{"Code":"None"}`
	switch o.name {
	case balance.name:
		return instant{"GetItem": `{"Item":` + aggregate + `}`}
	case replayed.name:
		return instant{"TransactWriteItems": cancelled(failed(stored(n)), fine)}
	case declined.name:
		return instant{"TransactWriteItems": cancelled(fine, failed(aggregate)), "GetItem": `{"Item":` + aggregate + `}`, "PutItem": `{}`}
	}
	return instant{"TransactWriteItems": `{}`}
}

// stored returns the row of a posted call, as DynamoDB sends it.
func stored(n names) string {
	text, err := json.Marshal(wire(row(n, "credit", "1", "posted", "").Item()))
	if err != nil {
		panic(err) // our own types
	}
	return string(text)
}
