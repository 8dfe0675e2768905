package handler_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
)

// Callers see the gateway's request id; a direct invocation has only Lambda's.
func TestRequestID(t *testing.T) {
	t.Parallel()
	h, _, log := newHandler(t)
	for _, c := range []struct{ gateway, lambda, want string }{
		{"gateway-1", "lambda-1", "gateway-1"},
		{"", "lambda-1", "lambda-1"},
		{"gateway-1", "", "gateway-1"},
		{"", "", ""},
	} {
		log.Reset()
		event := event2(request{method: http.MethodGet, target: "/balance?userId=1"})
		event["requestContext"].(map[string]any)["requestId"] = c.gateway
		ctx := t.Context()
		if c.lambda != "" {
			ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: c.lambda})
		}
		_, err := h.Invoke(ctx, encode(t, event))
		require.NoError(t, err)
		var line struct {
			RequestID string `json:"request_id"`
		}
		require.NoError(t, json.Unmarshal(log.Bytes(), &line))
		assert.Equal(t, c.want, line.RequestID, "%+v", c)
	}
}

// A caller without permission does not learn about other faults.
func TestForbiddenBeforeBadBody(t *testing.T) {
	t.Parallel()
	for name, want := range map[handler.Authorization]int{handler.None: http.StatusBadRequest, handler.JWT: http.StatusForbidden, handler.IAM: http.StatusForbidden} {
		h, _, _ := newHandlerFor(t, handler.Access{Authorization: name})
		event := event2(request{http.MethodPost, "/transactions", map[string]string{"Idempotent-Key": "1"}, "{"})
		event["isBase64Encoded"] = true
		assert.Equal(t, want, invoke(t, h, encode(t, event)).Status, "%v", name)
	}
}
