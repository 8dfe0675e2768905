package main

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v3"
)

// toJSON converts a YAML document to JSON. It keeps the order of members, because the
// reference shows them in that order.
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
	case yaml.MappingNode: // its content alternates between names and values
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
