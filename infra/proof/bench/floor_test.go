package bench

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
)

// recording holds one call's requests to DynamoDB, as SDK inputs, and the responses.
type recording struct {
	inputs  []any
	answers []answer
}

type answer struct {
	status int
	body   string
}

// record makes an outcome's call on a new DynamoDB model, and records its requests and responses.
func record(t testing.TB, o outcome, n names) *recording {
	t.Helper()
	books, model := infratest.NewOnModel(t, dynamodbmodel.Moment{})
	o.prepare(t, books, n)
	r := &recording{}
	client := infra.NewClient(books.Config, faults.Over(faults.Fault(r.keepAnswer).Before(model)), func(options *dynamodb.Options) {
		options.Credentials = credentials.NewStaticCredentialsProvider("local", "local", "")
		options.APIOptions = append(options.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("record", r.keepInput), middleware.Before)
		})
	})
	require.NoError(t, o.request(newHandler(infra.NewStore(client, books.Config), 0, io.Discard), n)(t.Context()))
	return r
}

func (r *recording) keepInput(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
	r.inputs = append(r.inputs, in.Parameters)
	return next.HandleInitialize(ctx, in)
}

func (r *recording) keepAnswer(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	response, err := deliver()
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body = io.NopCloser(bytes.NewReader(body))
	r.answers = append(r.answers, answer{response.StatusCode, string(body)})
	return response, err
}

// on returns a request that repeats the recorded requests with this client, on config's tables.
// That request fails if DynamoDB rejects what it accepted in the recording, or the reverse.
func (r *recording) on(client *dynamodb.Client, config infra.Config) request {
	table := func(name *string) *string { // returns config's name for a recorded table
		if *name == "transactions" {
			return &config.TransactionsTable
		}
		return &config.AggregateTable
	}
	var all []request
	for _, input := range r.inputs {
		switch in := input.(type) {
		case *dynamodb.GetItemInput:
			in.TableName = table(in.TableName)
			all = append(all, func(ctx context.Context) error { _, err := client.GetItem(ctx, in); return err })
		case *dynamodb.PutItemInput:
			in.TableName = table(in.TableName)
			all = append(all, func(ctx context.Context) error { _, err := client.PutItem(ctx, in); return err })
		case *dynamodb.TransactWriteItemsInput:
			for _, item := range in.TransactItems {
				if item.Put != nil {
					item.Put.TableName = table(item.Put.TableName)
				} else {
					item.Update.TableName = table(item.Update.TableName)
				}
			}
			all = append(all, func(ctx context.Context) error { _, err := client.TransactWriteItems(ctx, in); return err })
		default:
			panic(fmt.Sprintf("%T is not sent", in))
		}
	}
	return func(ctx context.Context) error {
		for i, send := range all {
			err := send(ctx)
			_, ok := errors.AsType[smithy.APIError](err)
			if expected := r.answers[i].status != http.StatusOK; ok != expected || err != nil && !ok {
				return fmt.Errorf("request %d of the floor: %w", i, cmp.Or(err, errors.New("not rejected")))
			}
		}
		return nil
	}
}

// replay is an HTTP client that returns the recorded responses in turn, without a network.
type replay struct {
	answers []answer
	next    int
}

// Do implements [dynamodb.HTTPClient].
func (p *replay) Do(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	a := p.answers[p.next]
	p.next = (p.next + 1) % len(p.answers)
	return faults.Answer(r, a.status, a.body), nil
}
