// Package hostile turns events that a gateway sends into events that none does.
package hostile

import (
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
