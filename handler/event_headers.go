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
	return readMembers(d, func(sent []byte) error {
		name := keyHeaderNamed(sent)
		if name == "" || d.PeekKind() == 'n' {
			return d.SkipValue()
		}
		values := make([]string, 1)
		var err error
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
	})
}

// keyHeaderNamed is the header of the key that is sent under that name, in any
// case, or "".
func keyHeaderNamed(sent []byte) string {
	for _, name := range []string{keyHeader, draftKeyHeader} {
		if strings.EqualFold(string(sent), name) {
			return name
		}
	}
	return ""
}
