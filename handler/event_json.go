package handler

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readEvent reads a payload. The error is an *invalidRequest.
func readEvent(payload []byte) (event, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		invalid := &invalidRequest{}
		invalid.add(eventField, "must be an event of API Gateway or of a function URL, or an object of queryStringParameters, headers and body: "+unreadable(err))
		return event{}, invalid
	}
	return e, nil
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom]. Tags would do, and make
// longer what is already the longest part of our own share of a read.
func (e *event) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return readMembers(d, func(name []byte) error {
		switch string(name) {
		case "httpMethod":
			return readString(d, &e.HTTPMethod)
		case "path":
			return readString(d, &e.Path)
		case "rawPath":
			return readString(d, &e.RawPath)
		case "rawQueryString":
			return readString(d, &e.RawQueryString)
		case "headers":
			return e.Headers.UnmarshalJSONFrom(d)
		case "multiValueHeaders":
			return e.MultiValueHeaders.UnmarshalJSONFrom(d)
		case "queryStringParameters":
			return json.UnmarshalDecode(d, &e.QueryStringParameters)
		case "multiValueQueryStringParameters":
			return json.UnmarshalDecode(d, &e.MultiValueQueryStringParameters)
		case "body":
			return json.UnmarshalDecode(d, &e.Body)
		case "isBase64Encoded":
			return json.UnmarshalDecode(d, &e.IsBase64Encoded)
		case "requestContext":
			return e.RequestContext.UnmarshalJSONFrom(d)
		}
		return d.SkipValue()
	})
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (r *requestContext) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	return readMembers(d, func(name []byte) error {
		switch string(name) {
		case "requestId":
			return readString(d, &r.RequestID)
		case "stage":
			return readString(d, &r.Stage)
		case "http":
			return readMembers(d, func(name []byte) error {
				if string(name) == "method" {
					return readString(d, &r.HTTPMethod)
				}
				return d.SkipValue()
			})
		case "authorizer":
			return r.Authorizer.UnmarshalJSONFrom(d)
		}
		return d.SkipValue()
	})
}

// readMembers reads an object, whose members read takes by their names; null
// has none. The name is read's until it reads on.
func readMembers(d *jsontext.Decoder, read func(name []byte) error) error {
	if d.PeekKind() != '{' {
		var none map[string]jsontext.Value
		return json.UnmarshalDecode(d, &none) // null, or why not
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		quoted, err := d.ReadValue()
		if err != nil {
			return err
		}
		name := quoted[1 : len(quoted)-1]
		if bytes.ContainsRune(name, '\\') {
			name, _ = jsontext.AppendUnquote(nil, quoted) // the decoder has checked it
		}
		if err := read(name); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// readString reads a string; null is "".
func readString(d *jsontext.Decoder, to *string) error {
	if d.PeekKind() != '"' {
		return json.UnmarshalDecode(d, to) // null, or why not
	}
	token, err := d.ReadToken()
	*to = token.String()
	return err
}
