package dynamodbmodel

import (
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"onewrite/infra/infratest/faults"
)

// request is any operation's.
type request struct {
	operation string
	body      string

	TableName                           string
	Key                                 item
	Item                                item
	ConditionExpression                 string
	UpdateExpression                    string
	ExpressionAttributeNames            map[string]string
	ExpressionAttributeValues           item
	ReturnValuesOnConditionCheckFailure string
	ConsistentRead                      bool

	IndexName              string
	KeyConditionExpression string
	ScanIndexForward       *bool
	Limit                  int
	Select                 string // for a scan: SPECIFIC_ATTRIBUTES, or all
	ProjectionExpression   string // for a scan: the key, or all
	ExclusiveStartKey      item
	Segment                int
	TotalSegments          int
	ReturnConsumedCapacity string // the answer has none

	ClientRequestToken string
	TransactItems      []struct{ Put, Update, Get *request }
	RequestItems       map[string][]struct{ PutRequest struct{ Item item } }

	failure error // if it could not be read
}

// read reads a request strictly: an unknown member is a failure, because DynamoDB might
// not ignore it.
func read(r *http.Request) (asked request, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return request{}, err
	}
	asked.failure = json.Unmarshal(body, &asked, json.RejectUnknownMembers(true))
	asked.operation = faults.Operation(r)
	asked.body = string(body)
	return asked, nil
}

// answer is a status and a body, which becomes JSON.
type answer struct {
	status int
	body   map[string]any
}

func ok(body map[string]any) answer { return answer{http.StatusOK, body} }

// refused returns an exception by its name.
func refused(exception string, message any) answer {
	return answer{http.StatusBadRequest, map[string]any{
		"__type":  "com.amazonaws.dynamodb.v20120810#" + exception,
		"message": message,
	}}
}

// cancelled refuses a transaction.
func cancelled(reasons []map[string]any) answer {
	a := refused("TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons")
	a.body["CancellationReasons"] = reasons
	return a
}

func invalid(format string, arguments ...any) answer {
	return refused("ValidationException", fmt.Sprintf(format, arguments...))
}

func (a answer) response(r *http.Request) *http.Response {
	body, err := json.Marshal(a.body, json.Deterministic(true))
	if err != nil {
		panic(err) // maps and texts only
	}
	return faults.Answer(r, a.status, string(body))
}
