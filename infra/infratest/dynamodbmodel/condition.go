package dynamodbmodel

import (
	"fmt"
	"strings"
)

// condition reads a ConditionExpression: an attribute compared with a value,
// attribute_exists, attribute_not_exists, AND, OR and parentheses. AND binds stronger
// than OR.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
type condition struct {
	words  []string // the rest
	names  map[string]string
	values item
	on     item
}

// holds evaluates a condition on an item, which may be nil. An empty condition always
// holds. A comparison with an absent attribute never does.
func holds(text string, on item, asked *request) (bool, error) {
	if text == "" {
		return true, nil
	}
	words := strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(text))
	c := condition{words: words, names: asked.ExpressionAttributeNames, values: asked.ExpressionAttributeValues, on: on}
	is, err := c.or()
	if err == nil && len(c.words) > 0 {
		err = fmt.Errorf("what follows is not modelled: %q", c.words)
	}
	return is, err
}

func (c *condition) or() (bool, error) { return c.list("OR", c.and) }

func (c *condition) and() (bool, error) { return c.list("AND", c.one) }

// list reads conditions with the word between them.
func (c *condition) list(word string, next func() (bool, error)) (is bool, err error) {
	is, err = next()
	for err == nil && c.take(word) {
		var other bool
		other, err = next()
		if word == "OR" {
			is = is || other
		} else {
			is = is && other
		}
	}
	return is, err
}

func (c *condition) one() (is bool, err error) {
	switch {
	case c.take("("):
		if is, err = c.or(); err == nil && !c.take(")") {
			err = fmt.Errorf("a parenthesis is open before %q", c.words)
		}
		return is, err
	case c.take("attribute_not_exists"):
		value, err := c.argument()
		return value == nil, err
	case c.take("attribute_exists"):
		value, err := c.argument()
		return value != nil, err
	}
	return c.comparison()
}

// argument reads the attribute between parentheses.
func (c *condition) argument() (value, error) {
	if len(c.words) < 3 || c.words[0] != "(" || c.words[2] != ")" {
		return nil, fmt.Errorf("%q is no argument", c.words)
	}
	name := attribute(c.names, c.words[1])
	c.words = c.words[3:]
	return c.on[name], nil
}

func (c *condition) comparison() (bool, error) {
	if len(c.words) < 3 || c.values[c.words[2]] == nil {
		return false, fmt.Errorf("%q is not modelled", c.words)
	}
	left, sign, right := c.on[attribute(c.names, c.words[0])], c.words[1], c.values[c.words[2]]
	c.words = c.words[3:]
	if left == nil {
		return false, nil
	}
	a, err := number(left)
	if err != nil {
		return false, err
	}
	b, err := number(right)
	if err != nil {
		return false, err
	}
	switch order := a.Cmp(b); sign {
	case "=":
		return order == 0, nil
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">=":
		return order >= 0, nil
	case ">":
		return order > 0, nil
	}
	return false, fmt.Errorf("%q is not modelled", sign)
}

// take reads a word, if it is the next.
func (c *condition) take(word string) bool {
	if len(c.words) == 0 || c.words[0] != word {
		return false
	}
	c.words = c.words[1:]
	return true
}

// attribute returns an attribute's name, which a "#name" stands for.
func attribute(names map[string]string, word string) string {
	if name, ok := names[word]; ok {
		return name
	}
	return word
}
