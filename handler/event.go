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
//   - payload 1.0, from a REST API or an HTTP API: HTTPMethod, Path, and headers and
//     query in single and multiple values;
//   - bare, from a direct invocation: an object with queryStringParameters, headers and
//     body, and nothing else. A body means POST /transactions, no body means GET
//     /balance.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type event struct {
	Version                         string              `json:"version"` // "2.0", or "1.0"; absent from a REST API
	HTTPMethod                      string              `json:"httpMethod"`
	Path                            string              `json:"path"`
	Resource                        string              `json:"resource"` // payload 1.0: the API route's path
	RawPath                         string              `json:"rawPath"`
	RawQueryString                  string              `json:"rawQueryString"`
	RouteKey                        string              `json:"routeKey"` // payload 2.0: the API route's method and path
	PathParameters                  map[string]string   `json:"pathParameters"`
	Headers                         eventHeaders        `json:"headers"`
	MultiValueHeaders               eventHeaders        `json:"multiValueHeaders"`
	QueryStringParameters           map[string]string   `json:"queryStringParameters"`
	MultiValueQueryStringParameters map[string][]string `json:"multiValueQueryStringParameters"`
	Body                            jsontext.Value      `json:"body"` // a string; in a bare event also an object
	IsBase64Encoded                 bool                `json:"isBase64Encoded"`
	RequestContext                  requestContext      `json:"requestContext"`

	// direct means a direct invocation.
	direct bool
}

type requestContext struct {
	RequestID  string         `json:"requestId"`
	Stage      string         `json:"stage"`
	DomainName string         `json:"domainName"`
	HTTP       requestLine    `json:"http"` // payload 2.0
	ELB        jsontext.Value `json:"elb"`  // a load balancer's
	Authorizer jsontext.Value `json:"authorizer"`
	Identity   jsontext.Value `json:"identity"` // payload 1.0
}

type requestLine struct {
	Method string `json:"method"`
}

const senders = "must be an event of API Gateway or of a function URL, or an object of queryStringParameters, headers and body"

// readEvent reads a payload. The error is an *invalidRequest.
func readEvent(payload []byte) (event, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return event{}, invalidField(eventField, senders+": "+unreadable(err))
	}
	e.direct = !e.hasMethod() && isBare(payload)
	return e, nil
}

// hasMethod reports whether the event names a method. Gateways send one, direct
// invocations do not.
func (e event) hasMethod() bool {
	return e.HTTPMethod != "" || e.RequestContext.HTTP.Method != ""
}

// checkSender returns an *invalidRequest for an event from another sender, whose
// members could mean something else. A load balancer's event looks like payload 1.0,
// but its query is not decoded.
//
// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
func (e event) checkSender() error {
	balancer := e.RequestContext.ELB != nil
	if e.hasMethod() && !balancer || e.direct {
		return nil
	}
	return invalidField(eventField, senders)
}

// isBare reports whether a payload has only the bare inputs' members. Only such a
// payload is a direct invocation. Services that forward requests add members: API
// Gateway, function URLs and load balancers a requestContext, VPC Lattice a method.
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

// request returns the event as an HTTP request. The error is an *invalidRequest; then
// only the request's body is missing.
func (e event) request() (*http.Request, error) {
	body, err := e.body()
	method, path := e.target()
	u := &url.URL{Path: path, RawQuery: e.query()}
	// A function URL's path is encoded, an API's may be decoded already. A path
	// that does not decode stays as it is.
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

// query returns the encoded query. Payload 2.0 has the original; its
// queryStringParameters join repeated values by commas.
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

// hasBody reports whether there is a body. An empty string is no body.
func (e event) hasBody() bool {
	return e.Body != nil && e.Body.Kind() != 'n' && string(e.Body) != `""`
}

// body returns the body's bytes, or nil without a body.
func (e event) body() ([]byte, error) {
	if !e.hasBody() {
		return nil, nil
	}
	body, err := jsontext.AppendUnquote(nil, e.Body)
	if err != nil {
		body = e.Body // an object, unchanged
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

// signature returns the ARN of the caller that IAM let in by an API or a function URL,
// and whether the event has a member for it. Each payload format has one place for it,
// and only that one counts.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
// https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
func (e event) signature() (arn string, signed bool) {
	place := e.RequestContext.Identity // of every call, by IAM or not
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

// claims returns the claims from the token that API Gateway has checked, or nil. Each
// payload format has one place for them, and only that one counts.
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

// authorizer is what API Gateway found out about the caller.
type authorizer struct {
	IAM    jsontext.Value `json:"iam"`    // payload 2.0
	JWT    jsontext.Value `json:"jwt"`    // payload 2.0: the claims are in it
	Claims jsontext.Value `json:"claims"` // payload 1.0
}

// authorizer returns the event's authorizer. Any other kind has no members here.
func (e event) authorizer() (a authorizer) {
	if json.Unmarshal(e.RequestContext.Authorizer, &a) != nil {
		return authorizer{}
	}
	return a
}
