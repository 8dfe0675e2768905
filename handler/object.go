package handler

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// object is a JSON object as it grows, for the two that every call writes: its
// log line and the answer to its event. A log package, or an encoder that looks
// at types, takes three times as long, which a read feels.
type object []byte

// text adds a member that is a string.
func (o object) text(name, text string) object {
	o, _ = jsontext.AppendQuote(o.name(name), text) // what is not UTF-8 is replaced
	return o
}

// number adds a member that is a whole number.
func (o object) number(name string, n int) object {
	return strconv.AppendInt(o.name(name), int64(n), 10)
}

// value adds a member of any type, as JSON has it.
func (o object) value(name, value string) object { return append(o.name(name), value...) }

// name begins a member. It must not need escapes.
func (o object) name(name string) object {
	begin := `,"`
	if len(o) == 0 {
		begin = `{"`
	}
	return append(append(append(o, begin...), name...), `":`...)
}

// end is the object as a whole, of one member or more.
func (o object) end() []byte { return append(o, '}') }
