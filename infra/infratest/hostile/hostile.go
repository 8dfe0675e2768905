// Package hostile turns events that a gateway sends into events that none does.
package hostile

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
)

// Texts are strings as JSON has them, quotes included. Some are not UTF-8, and
// some can't be decoded.
var Texts = []string{
	`"/transactions/%FF"`, `"/transactions/%ff%25FF%"`, "\"\xff\xfe\"", `"\ud800"`, `"\u0000\r\n"`, `"a,a"`, `"` + "\u2028" + `<&>"`,
}

// literal matches a JSON string, a member's name included.
var literal = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// Strings counts the strings in a JSON document, including the names of members.
func Strings(document []byte) int { return len(literal.FindAllIndex(document, -1)) }

// Replace returns the document with text in place of its i-th string.
func Replace(document []byte, i int, text string) []byte {
	at := literal.FindAllIndex(document, -1)[i]
	return slices.Concat(document[:at[0]], []byte(text), document[at[1]:])
}

// Quote returns a JSON string with those bytes in it, UTF-8 or not.
func Quote(text string) string {
	var quoted bytes.Buffer
	quoted.WriteByte('"')
	for _, b := range []byte(text) {
		switch {
		case b == '"' || b == '\\':
			quoted.Write([]byte{'\\', b})
		case b < ' ':
			escaped, _ := json.Marshal(string(rune(b))) // a control character always encodes
			quoted.Write(escaped[1 : len(escaped)-1])
		default:
			quoted.WriteByte(b)
		}
	}
	quoted.WriteByte('"')
	return quoted.String()
}
