package dynamodbmodel

import (
	"fmt"
	"io"
	"net/http"

	"github.com/go-json-experiment/json"

	"onewrite/infra/infratest/faults"
)

// request has the members of every supported request.
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
	Select                 string // ignored: ProjectionExpression selects the attributes
	ProjectionExpression   string // of a scan: the key's name, or empty for all attributes
	ExclusiveStartKey      item
	Segment                int
	TotalSegments          int
	ReturnConsumedCapacity string // ignored: responses do not report it

	ClientRequestToken string
	TransactItems      []struct{ Put, Update, Get *request }
	RequestItems       map[string][]struct{ PutRequest struct{ Item item } }

	failure error // set if the body could not be decoded
}

// read decodes a request. An unknown member is a failure, because DynamoDB might act on it.
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

type answer struct {
	status int
	body   map[string]any
}

func ok(body map[string]any) answer { return answer{http.StatusOK, body} }

func refused(exception string, message any) answer {
	return answer{http.StatusBadRequest, map[string]any{
		"__type":  "com.amazonaws.dynamodb.v20120810#" + exception,
		"message": message,
	}}
}

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
		panic(err) // cannot happen: the body has only maps and strings
	}
	return faults.Answer(r, a.status, string(body))
}
