package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each group has a bar under each name, in its own colour, beside what the chart says.
func TestDraw(t *testing.T) {
	t.Parallel()
	var svg bytes.Buffer
	require.NoError(t, run(strings.NewReader(`{"axis":"ms a call","names":["posted","declined"],
		"groups":[{"name":"bare","values":[1,2]},{"name":"ours","values":[1.5,3]}]}`), &svg))

	colours, words := map[string]int{}, map[string]bool{}
	for decoder := xml.NewDecoder(&svg); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			for _, attribute := range token.Attr {
				if token.Name.Local == "path" && attribute.Name.Local == "style" {
					colours[strings.TrimPrefix(strings.Split(attribute.Value, ";")[0], "fill:")]++
				}
			}
		case xml.CharData:
			words[strings.TrimSpace(string(token))] = true
		}
	}
	for _, word := range []string{"ms a call", "posted", "declined", "bare", "ours"} {
		assert.Contains(t, words, word)
	}
	assert.Equal(t, 3, colours["#808080"], "two bars and the legend's")
	assert.Equal(t, 3, colours["#3B8EEA"], "two bars and the legend's")
}

func TestNumbersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"", "bars", `{"groups":[{"name":"none","values":[]}]}`} {
		assert.Error(t, run(strings.NewReader(in), io.Discard), "%q", in)
	}
}
