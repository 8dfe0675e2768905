package ledger

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

const (
	maxMetadataMembers = 20
	maxMetadataBytes   = 512
)

// Metadata is data that a caller attaches to a transaction: names and values that mean
// nothing to the ledger. Compare it with ==, which ignores the order of the members in the
// request. The zero Metadata is empty.
type Metadata struct{ text string }

// NewMetadata accepts at most 20 members, which together may take at most 512 bytes as
// compact UTF-8 JSON without needless escapes. More is an [*InvalidError].
func NewMetadata(members map[string]string) (Metadata, error) {
	if len(members) == 0 {
		return Metadata{}, nil
	}
	if len(members) > maxMetadataMembers {
		return Metadata{}, &InvalidError{"metadata", fmt.Sprintf("must have at most %d members", maxMetadataMembers)}
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text) // sorts the members by name
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(members); err != nil {
		panic(fmt.Sprintf("ledger: encode metadata: %v", err)) // encoding strings never fails
	}
	m := Metadata{strings.TrimSuffix(text.String(), "\n")}
	// The encoder needlessly escapes U+2028 and U+2029 as six bytes instead of three.
	needless := 0
	for name, value := range members {
		needless += 3 * (strings.Count(name+value, "\u2028") + strings.Count(name+value, "\u2029"))
	}
	if len(m.text)-needless > maxMetadataBytes {
		return Metadata{}, &InvalidError{"metadata", fmt.Sprintf("must have at most %d bytes as JSON", maxMetadataBytes)}
	}
	return m, nil
}

// ParseMetadata parses a string that [Metadata.String] returned. Anything else is an
// [*InvalidError], even the same members in another notation.
func ParseMetadata(s string) (Metadata, error) {
	var members map[string]string
	if json.Unmarshal([]byte(s), &members) == nil {
		if m, err := NewMetadata(members); err == nil && m.text == s && s != "" {
			return m, nil
		}
	}
	return Metadata{}, &InvalidError{"metadata", "must be the JSON of metadata"}
}

// String returns a JSON object with the members sorted by name, or "" for empty metadata.
func (m Metadata) String() string { return m.text }
