package handler

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

var headersRead = []string{keyHeader, draftKeyHeader}

// eventHeaders contains the event's values for each name in headersRead. Decoding skips all
// other headers and does not check their values.
type eventHeaders map[string][]string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom]. A header's value is a
// string, an array of strings, or null (no value).
func (h *eventHeaders) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		var none map[string]jsontext.Value
		return json.UnmarshalDecode(d, &none) // accepts null, and rejects any other value
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	*h = eventHeaders{}
	for d.PeekKind() != '}' {
		sent, err := d.ReadToken()
		if err != nil {
			return err
		}
		name := headerNamed(sent.String())
		if name == "" || d.PeekKind() == 'n' {
			err = d.SkipValue()
		} else {
			err = h.read(d, name)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (h eventHeaders) read(d *jsontext.Decoder, name string) error {
	if d.PeekKind() == '"' {
		value, err := d.ReadToken()
		h[name] = append(h[name], value.String())
		return err
	}
	var values []string
	err := json.UnmarshalDecode(d, &values)
	h[name] = append(h[name], values...)
	return err
}

// headerNamed returns the name in headersRead that equals the parameter sent, ignoring
// case, or "" if there is none.
func headerNamed(sent string) string {
	for _, name := range headersRead {
		if strings.EqualFold(sent, name) {
			return name
		}
	}
	return ""
}

// header returns the headers that the routes read, with one value for each time that the
// caller sent the header. Payload 1.0 has all values of a header in MultiValueHeaders, and
// repeats the last value in Headers, where it is not counted again.
func (e event) header() http.Header {
	header := http.Header{}
	for _, name := range headersRead {
		last, all := e.Headers[name], e.MultiValueHeaders[name]
		if len(last) == 1 && slices.Contains(all, last[0]) {
			last = nil
		}
		if all != nil || last != nil {
			header[name] = slices.Concat(all, last)
		}
	}
	return header
}
