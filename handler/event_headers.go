package handler

import (
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// keyHeaders are the headers of the key among those of an event, under their
// names here. A browser sends a dozen others, which no route reads.
type keyHeaders map[string][]string

// UnmarshalJSONFrom implements [json.UnmarshalerFrom]. A header has a string,
// or an array of them, or null, which is no value.
func (h *keyHeaders) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '{' {
		var none map[string]string
		return json.UnmarshalDecode(d, &none) // null, or why not
	}
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != '}' {
		err = h.next(d)
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	return err
}

// next reads one header.
func (h *keyHeaders) next(d *jsontext.Decoder) error {
	sent, err := d.ReadValue()
	if err != nil {
		return err
	}
	name := keyHeaderNamed(sent)
	if name == "" || d.PeekKind() == 'n' {
		return d.SkipValue()
	}
	values := make([]string, 1)
	if d.PeekKind() == '[' {
		err = json.UnmarshalDecode(d, &values)
	} else {
		err = json.UnmarshalDecode(d, &values[0])
	}
	if *h == nil {
		*h = keyHeaders{}
	}
	(*h)[name] = append((*h)[name], values...)
	return err
}

// keyHeaderNamed is the header of the key that a quoted name means, in any
// case, or "".
func keyHeaderNamed(quoted jsontext.Value) string {
	sent, err := jsontext.AppendUnquote(make([]byte, 0, 32), quoted)
	for _, name := range []string{keyHeader, draftKeyHeader} {
		if err == nil && strings.EqualFold(string(sent), name) {
			return name
		}
	}
	return ""
}
