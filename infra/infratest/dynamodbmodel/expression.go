package dynamodbmodel

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// numbers is DynamoDB's arithmetic: 38 digits.
var numbers = apd.BaseContext.WithPrecision(38)

// parts returns an update's three parts: "SET a = x + y, b = z REMOVE c, d ADD e v, f
// w", each of which may be left out.
func parts(update string) (set, remove, add string, ok bool) {
	rest, add, _ := strings.Cut(update, "ADD ")
	rest, remove, _ = strings.Cut(rest, "REMOVE ")
	set, isSet := strings.CutPrefix(rest, "SET ")
	return set, remove, add, isSet || rest == ""
}

// overlap returns an attribute that an update names twice, or "". DynamoDB rejects such an
// update before it evaluates any condition.
func overlap(asked *request) string {
	set, remove, add, _ := parts(asked.UpdateExpression)
	seen := map[string]bool{}
	for _, each := range slices.Concat(clauses(set), clauses(remove), clauses(add)) {
		name, _, _ := strings.Cut(each, " ")
		if name = attribute(asked.ExpressionAttributeNames, name); seen[name] {
			return name
		}
		seen[name] = true
	}
	return ""
}

// change applies an update to an item. Every part sees the item as it was.
func change(update string, to item, asked *request) error {
	before := maps.Clone(to)
	set, remove, add, ok := parts(update)
	if !ok {
		return fmt.Errorf("%q is not modelled", update)
	}
	for _, assignment := range clauses(set) {
		name, assigned, _ := strings.Cut(assignment, " = ")
		after, err := evaluate(assigned, before, asked.ExpressionAttributeValues)
		if err != nil {
			return err
		}
		to[attribute(asked.ExpressionAttributeNames, name)] = after
	}
	for _, name := range clauses(remove) {
		delete(to, attribute(asked.ExpressionAttributeNames, name))
	}
	for _, each := range clauses(add) {
		words := strings.Fields(each)
		if len(words) != 2 || asked.ExpressionAttributeValues[words[1]] == nil {
			return fmt.Errorf("ADD %s is not modelled", each)
		}
		name, added := attribute(asked.ExpressionAttributeNames, words[0]), asked.ExpressionAttributeValues[words[1]]
		if was := before[name]; was != nil {
			var err error
			if added, err = sum(was, added, false); err != nil {
				return err
			}
		}
		to[name] = added
	}
	return nil
}

// clauses splits at the commas outside parentheses.
func clauses(text string) (all []string) {
	depth, from := 0, 0
	for i, letter := range text + "," {
		switch letter {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if one := strings.TrimSpace(text[from:min(i, len(text))]); depth == 0 && one != "" {
				all = append(all, one)
			}
			if depth == 0 {
				from = min(i+1, len(text))
			}
		}
	}
	return all
}

// evaluate returns an operand, or two operands' sum or difference.
func evaluate(expression string, on item, values item) (value, error) {
	for _, sign := range []string{" + ", " - "} {
		left, right, is := strings.Cut(expression, sign)
		if !is {
			continue
		}
		a, err := operand(left, on, values)
		if err != nil {
			return nil, err
		}
		b, err := operand(right, on, values)
		if err != nil {
			return nil, err
		}
		return sum(a, b, sign == " - ")
	}
	return operand(expression, on, values)
}

// operand returns a value, an attribute, or if_not_exists with both.
func operand(text string, on item, values item) (value, error) {
	if arguments, is := argument(text, "if_not_exists"); is {
		name, otherwise, _ := strings.Cut(arguments, ", ")
		if on[name] != nil {
			return on[name], nil
		}
		return operand(otherwise, on, values)
	}
	if v := values[text]; v != nil {
		return v, nil
	}
	if v := on[text]; v != nil {
		return v, nil
	}
	return nil, fmt.Errorf("operand %q is not there", text)
}

func sum(a, b value, subtract bool) (value, error) {
	left, err := number(a)
	if err != nil {
		return nil, err
	}
	right, err := number(b)
	if err != nil {
		return nil, err
	}
	right.Negative = right.Negative != subtract
	var d apd.Decimal
	if _, err := numbers.Add(&d, left, right); err != nil {
		return nil, err
	}
	d.Reduce(&d)
	return value{"N": d.Text('f')}, nil
}

func number(v value) (*apd.Decimal, error) {
	n, isNumber := v["N"].(string)
	if !isNumber {
		return nil, fmt.Errorf("%v is not a number", v)
	}
	d, _, err := apd.NewFromString(n)
	return d, err
}

// argument returns the text between a function's parentheses.
func argument(call, function string) (string, bool) {
	inner, is := strings.CutPrefix(call, function+"(")
	if !is {
		return "", false
	}
	return strings.CutSuffix(inner, ")")
}
