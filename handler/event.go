package handler

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// event is a Lambda event in any accepted shape:
//   - payload 2.0, from an HTTP API or a function URL: RawPath, RawQueryString,
//     RequestContext.HTTP.Method;
//   - payload 1.0, from a REST API or an HTTP API: HTTPMethod, Path, and headers and query
//     in single-value and multi-value members;
//   - bare, from a direct invocation: an object with queryStringParameters, headers and
//     body, and nothing else. A body means POST /transactions, no body means GET
//     /balance.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type event struct {
	Version                         string              `json:"version"` // "2.0" or "1.0"; a REST API sends none
	HTTPMethod                      string              `json:"httpMethod"`
	Path                            string              `json:"path"`
	Resource                        string              `json:"resource"` // payload 1.0: the path of API Gateway's route
	RawPath                         string              `json:"rawPath"`
	RawQueryString                  string              `json:"rawQueryString"`
	RouteKey                        string              `json:"routeKey"` // payload 2.0: the method and path of API Gateway's route
	PathParameters                  map[string]string   `json:"pathParameters"`
	Headers                         eventHeaders        `json:"headers"`
	MultiValueHeaders               eventHeaders        `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	Body                            jsontext.Value      `json:"body"` // a string, or in a bare event also an object
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
	RequestContext                  requestContext      `json:"requestContext"`

	// direct is true for a bare event, which only a direct invocation can send.
	direct bool
}

type requestContext struct {
	RequestID  string         `json:"requestId"`
	Stage      string         `json:"stage"`
	DomainName string         `json:"domainName"`
	HTTP       requestLine    `json:"http"` // only in payload 2.0
	ELB        jsontext.Value `json:"elb"`  // only load balancers send it
	Authorizer jsontext.Value `json:"authorizer"`
	Identity   jsontext.Value `json:"identity"` // only in payload 1.0
}

type requestLine struct {
	Method string `json:"method"`
}

const senders = "must be an event of API Gateway or of a function URL, or an object of queryStringParameters, headers and body"

// readEvent decodes a payload. Its error is an *invalidRequest.
func readEvent(payload []byte) (event, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return event{}, invalidField(eventField, senders+": "+unreadable(err))
	}
	e.direct = !e.hasMethod() && isBare(payload)
	return e, nil
}

// hasMethod reports whether the event names a method. Gateways send one; direct invocations
// do not.
func (e event) hasMethod() bool {
	return e.HTTPMethod != "" || e.RequestContext.HTTP.Method != ""
}

// checkSender returns an *invalidRequest for an event of any other shape, because the same
// members can have other meanings there. For example, a load balancer's event looks like
// payload 1.0, but its query is not decoded.
//
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
func (e event) checkSender() error {
	balancer := e.RequestContext.ELB != nil
	if e.hasMethod() && !balancer || e.direct {
		return nil
	}
	return invalidField(eventField, senders)
}

// isBare reports whether a payload has only the members of a bare event. Only a direct
// invocation sends such a payload, because other services add members: API Gateway,
// function URLs and load balancers add a requestContext, and VPC Lattice adds a method.
func isBare(payload []byte) bool {
	var members map[string]jsontext.Value
	if err := json.Unmarshal(payload, &members); err != nil {
		return false
	}
	for name := range members {
		switch name {
		case "queryStringParameters", "headers", "body":
		default:
			return false
		}
	}
	return true
}

// request returns the event as an HTTP request. If the body can't be decoded, the error is
// an *invalidRequest, and the request has no body.
func (e event) request() (*http.Request, error) {
	body, err := e.body()
	method, path := e.target()
	u := &url.URL{Path: path, RawQuery: e.query()}
	// Function URLs send the path encoded, API Gateway sometimes decoded. A path that can't
	// be decoded is used unchanged.
	if decoded, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = decoded, path
	}
	return &http.Request{
		Method: method,
		URL:    u,
		Header: e.header(),
		Body:   io.NopCloser(bytes.NewReader(body)),
	}, err
}

// query returns the encoded query. Payload 2.0 contains the query as sent. Its
// queryStringParameters are no substitute: they join repeated values with commas.
func (e event) query() string {
	if e.RawQueryString != "" {
		return e.RawQueryString
	}
	values := url.Values(e.MultiValueQueryStringParameters)
	if values == nil {
		values = url.Values{}
	}
	for name, value := range e.QueryStringParameters {
		if !values.Has(name) {
			values.Set(name, value)
		}
	}
	return values.Encode()
}

// hasBody reports whether the event has a body. An empty string or null is no body.
func (e event) hasBody() bool {
	return e.Body != nil && e.Body.Kind() != 'n' && string(e.Body) != `""`
}

// body returns the decoded body, or nil if there is none.
func (e event) body() ([]byte, error) {
	if !e.hasBody() {
		return nil, nil
	}
	body, err := jsontext.AppendUnquote(nil, e.Body)
	if err != nil {
		body = e.Body // an object, used unchanged
	}
	if !e.IsBase64Encoded {
		return body, nil
	}
	decoded, err := base64.StdEncoding.AppendDecode(nil, body)
	if err != nil {
		return nil, invalidField(bodyField, "must be base64, as isBase64Encoded says: "+err.Error())
	}
	return decoded, nil
}

// signature returns the ARN of the caller that IAM authorized, through an API or a function
// URL. signed reports whether the event has the member for the ARN, even if it is
// unreadable. Each payload format has one such member, and all others are ignored.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
func (e event) signature() (arn string, signed bool) {
	place := e.RequestContext.Identity // in every event of payload 1.0, signed or not
	if e.RequestContext.HTTP.Method != "" {
		place = e.authorizer().IAM
		signed = present(place) != nil
	}
	var caller struct {
		UserARN jsontext.Value `json:"userArn"`
	}
	if json.Unmarshal(place, &caller) != nil || present(caller.UserARN) == nil {
		return "", signed
	}
	if json.Unmarshal(caller.UserARN, &arn) != nil {
		return "", true
	}
	return arn, true
}

// claims returns the claims of the token that API Gateway has verified, or nil if there is
// none. Each payload format has one member for them, and all others are ignored.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-jwt-authorizer.html
func (e event) claims() jsontext.Value {
	a := e.authorizer()
	if e.RequestContext.HTTP.Method == "" {
		return present(a.Claims)
	}
	var token struct {
		Claims jsontext.Value `json:"claims"`
	}
	if json.Unmarshal(a.JWT, &token) != nil {
		return present(a.JWT)
	}
	return present(token.Claims)
}

// present returns a member, or nil if it is null.
func present(member jsontext.Value) jsontext.Value {
	if member.Kind() == jsontext.KindNull {
		return nil
	}
	return member
}

// authorizer is a requestContext's authorizer member, in which API Gateway identifies the
// caller.
type authorizer struct {
	IAM    jsontext.Value `json:"iam"`    // only in payload 2.0
	JWT    jsontext.Value `json:"jwt"`    // only in payload 2.0; contains the claims
	Claims jsontext.Value `json:"claims"` // only in payload 1.0
}

// authorizer returns the event's authorizer, or an empty one if it can't be decoded.
func (e event) authorizer() (a authorizer) {
	if json.Unmarshal(e.RequestContext.Authorizer, &a) != nil {
		return authorizer{}
	}
	return a
}
