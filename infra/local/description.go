package main

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// toJSON returns a YAML document as JSON. Members keep their order, which the
// reference shows.
func toJSON(document string) ([]byte, error) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(document), &root); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err := writeJSON(jsontext.NewEncoder(&text), root.Content[0])
	return text.Bytes(), err
}

func writeJSON(e *jsontext.Encoder, n *yaml.Node) error {
	begin, end := jsontext.BeginObject, jsontext.EndObject
	switch n.Kind {
	case yaml.MappingNode: // its content is names and values in turns
	case yaml.SequenceNode:
		begin, end = jsontext.BeginArray, jsontext.EndArray
	case yaml.ScalarNode, yaml.AliasNode, yaml.DocumentNode:
		var value any
		if err := n.Decode(&value); err != nil {
			return err
		}
		return json.MarshalEncode(e, value)
	}
	if err := e.WriteToken(begin); err != nil {
		return err
	}
	for _, child := range n.Content {
		if err := writeJSON(e, child); err != nil {
			return err
		}
	}
	return e.WriteToken(end)
}
