package handler

import (
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// event is a Lambda event in any of the shapes that are understood:
//   - payload 2.0, of an HTTP API or a function URL: RawPath, RawQueryString,
//     RequestContext.HTTPMethod;
//   - payload 1.0, of a REST API or an HTTP API: HTTPMethod, Path, and
//     headers and query in single and multiple values;
//   - bare, of a direct invocation: neither method nor path. A body means POST
//     /transactions, none means GET /balance.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
type event struct {
	HTTPMethod                      string
	Path                            string
	RawPath                         string
	RawQueryString                  string
	Headers                         keyHeaders
	MultiValueHeaders               keyHeaders
	QueryStringParameters           map[string]string
	MultiValueQueryStringParameters map[string][]string
	Body                            jsontext.Value // a string; bare, also an object
	IsBase64Encoded                 bool
	RequestContext                  requestContext
}

type requestContext struct {
	RequestID  string
	Stage      string
	HTTPMethod string // payload 2.0
	Authorizer authorizer
}

// request is the HTTP request that the event stands for. The error is an
// *invalidRequest, and the request is then whole but for its body.
func (e event) request() (*http.Request, error) {
	body, err := e.body()
	method, path := e.target(body)
	return &http.Request{
		Method: method,
		URL:    &url.URL{Path: path, RawQuery: e.query()},
		Header: e.header(),
		Body:   io.NopCloser(bytes.NewReader(body)),
	}, err
}

// target is the method, and the path without its stage.
func (e event) target(body []byte) (method, path string) {
	switch {
	case e.RequestContext.HTTPMethod != "":
		method, path = e.RequestContext.HTTPMethod, e.RawPath
	case e.HTTPMethod != "":
		method, path = e.HTTPMethod, e.Path
	case len(body) > 0:
		return http.MethodPost, transactionsPath
	default:
		return http.MethodGet, balancePath
	}
	if rest, staged := strings.CutPrefix(path, "/"+e.RequestContext.Stage+"/"); staged {
		path = "/" + rest
	}
	if decoded, err := url.PathUnescape(path); err == nil { // a function URL's is encoded
		path = decoded
	}
	return method, path
}

// query is the query, encoded. Payload 2.0 has it as it was sent; its
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

// header is the headers that a route reads.
func (e event) header() http.Header {
	header := http.Header{}
	for _, sent := range []keyHeaders{e.MultiValueHeaders, e.Headers} {
		for name, values := range sent {
			header[name] = append(header[name], values...)
		}
	}
	return header
}

// body is the body's bytes, nil if there is none.
func (e event) body() ([]byte, error) {
	if e.Body == nil || e.Body.Kind() == 'n' {
		return nil, nil
	}
	body, err := jsontext.AppendUnquote(nil, e.Body)
	if err != nil {
		body = e.Body // an object, as it stands
	}
	if !e.IsBase64Encoded {
		return body, nil
	}
	decoded, err := base64.StdEncoding.AppendDecode(nil, body)
	if err != nil {
		invalid := &invalidRequest{}
		invalid.add(bodyField, "must be base64, as isBase64Encoded says: "+err.Error())
		return nil, invalid
	}
	return decoded, nil
}
