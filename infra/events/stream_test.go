package events_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
)

// image is a row in a record, in DynamoDB's JSON: {"balance": {"N": "9.5"}}.
type image map[string]map[string]any

func (i image) text(name string) string {
	for _, value := range i[name] {
		s, _ := value.(string)
		return s
	}
	return ""
}

// record is a stream record, both decoded and as DynamoDB sent it.
type record struct {
	EventName string
	Change    struct {
		Keys, NewImage, OldImage image
	} `json:"dynamodb"`
	sent json.RawMessage
}

// streamARNs turns on both tables' streams, as Streams=on does, and returns their ARNs.
func streamARNs(t *testing.T, books *infratest.Books) (transactions, balances string) {
	t.Helper()
	turnOn := func(table string, view types.StreamViewType) string {
		out, err := books.Client.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{
			TableName:           &table,
			StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: view},
		})
		require.NoError(t, err)
		return *out.TableDescription.LatestStreamArn
	}
	return turnOn(books.Config.TransactionsTable, types.StreamViewTypeNewImage), turnOn(books.Config.AggregateTable, types.StreamViewTypeNewAndOldImages)
}

// readStream reads a stream from its beginning, as a pipe does. It uses HTTP without the
// SDK, so the records stay as DynamoDB sends them.
func readStream(t *testing.T, endpoint, arn string) (records []record) {
	t.Helper()
	var stream struct {
		StreamDescription struct{ Shards []struct{ ShardID string } }
	}
	ask(t, endpoint, "DescribeStream", map[string]any{"StreamArn": arn}, &stream)
	for _, shard := range stream.StreamDescription.Shards {
		var next struct{ ShardIterator string }
		ask(t, endpoint, "GetShardIterator", map[string]any{"StreamArn": arn, "ShardId": shard.ShardID, "ShardIteratorType": "TRIM_HORIZON"}, &next)
		for empty := 0; next.ShardIterator != "" && empty < 2; {
			var page struct {
				Records           []json.RawMessage
				NextShardIterator string
			}
			ask(t, endpoint, "GetRecords", map[string]any{"ShardIterator": next.ShardIterator, "Limit": 1000}, &page)
			next.ShardIterator = page.NextShardIterator
			if len(page.Records) == 0 {
				empty++
			}
			for _, sent := range page.Records {
				r := record{sent: sent}
				require.NoError(t, json.Unmarshal(sent, &r))
				records = append(records, r)
			}
		}
	}
	return records
}

// ask sends one request to DynamoDB Streams. DynamoDB Local accepts any signature.
func ask(t *testing.T, endpoint, operation string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, bytes.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("X-Amz-Target", "DynamoDBStreams_20120810."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=local/20261122/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, "%s: %s", operation, text)
	require.NoError(t, json.Unmarshal(text, out))
}

// event returns the bus event that a pipe makes from a record: the detail is the record, with its
// stream's ARN.
func event(t *testing.T, detailType, arn string, r record) json.RawMessage {
	t.Helper()
	var detail map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(r.sent, &detail))
	detail["eventSourceARN"] = json.RawMessage(fmt.Sprintf("%q", arn))
	made, err := json.Marshal(map[string]any{
		"version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": detailType, "source": "onewrite",
		"account": "123456789012", "time": "2026-11-22T12:00:00Z", "region": "us-east-1", "resources": []string{}, "detail": detail,
	})
	require.NoError(t, err)
	return made
}
