package dynamodbmodel

import (
	"fmt"
	"maps"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// numbers is DynamoDB's arithmetic: 38 digits.
var numbers = apd.BaseContext.WithPrecision(38)

// holds evaluates a condition on an item, nil being none: comparisons with
// values, attribute_exists, attribute_not_exists, AND and OR. No condition
// always holds, and a comparison with an attribute that isn't there never does.
func holds(condition string, on item, values item) (bool, error) {
	if condition == "" {
		return true, nil
	}
	for _, either := range strings.Split(condition, " OR ") {
		all := true
		for _, each := range strings.Split(either, " AND ") {
			one, err := holdsOne(strings.TrimSpace(each), on, values)
			if err != nil {
				return false, err
			}
			all = all && one
		}
		if all {
			return true, nil
		}
	}
	return false, nil
}

func holdsOne(condition string, on item, values item) (bool, error) {
	if name, is := argument(condition, "attribute_not_exists"); is {
		return on[name] == nil, nil
	}
	if name, is := argument(condition, "attribute_exists"); is {
		return on[name] != nil, nil
	}
	words := strings.Fields(condition)
	if len(words) != 3 || values[words[2]] == nil {
		return false, fmt.Errorf("%q is not modelled", condition)
	}
	if on[words[0]] == nil {
		return false, nil
	}
	left, err := number(on[words[0]])
	if err != nil {
		return false, err
	}
	right, err := number(values[words[2]])
	if err != nil {
		return false, err
	}
	switch order := left.Cmp(right); words[1] {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">=":
		return order >= 0, nil
	case ">":
		return order > 0, nil
	}
	return false, fmt.Errorf("%q is not modelled", condition)
}

// change applies an update to an item: "SET a = x + y, b = x ADD c y".
func change(update string, to item, values item) error {
	set, add, _ := strings.Cut(update, " ADD ")
	set, isSet := strings.CutPrefix(set, "SET ")
	if !isSet {
		return fmt.Errorf("%q is not modelled", update)
	}
	before := maps.Clone(to)
	name, assigned, _ := strings.Cut(set, " = ")
	after, err := evaluate(assigned, before, values)
	if err != nil {
		return err
	}
	to[name] = after
	if add == "" {
		return nil
	}
	words := strings.Fields(add)
	if len(words) != 2 || values[words[1]] == nil {
		return fmt.Errorf("ADD %s is not modelled", add)
	}
	to[words[0]] = values[words[1]]
	if was := before[words[0]]; was != nil {
		to[words[0]], err = sum(was, values[words[1]], false)
	}
	return err
}

// evaluate is an operand, or the sum or difference of two.
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

// operand is a value, an attribute, or if_not_exists of the two.
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

// argument is what stands between the parentheses of a function.
func argument(call, function string) (string, bool) {
	inner, is := strings.CutPrefix(call, function+"(")
	if !is {
		return "", false
	}
	return strings.CutSuffix(inner, ")")
}
