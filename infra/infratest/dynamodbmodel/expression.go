package dynamodbmodel

import (
	"fmt"
	"maps"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// numbers computes with 38 digits, as DynamoDB does.
var numbers = apd.BaseContext.WithPrecision(38)

// expression parses and evaluates a ConditionExpression or an UpdateExpression, word by
// word. Its results are meaningless after the first error.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
type expression struct {
	words []string // not read yet
	asked *request
	on    item // before the write; nil if there is none
	err   error
}

var spaces = strings.NewReplacer("(", " ( ", ")", " ) ", ",", " , ")

// words splits an expression into words. Each parenthesis or comma is a word of its own.
func words(text string) []string { return strings.Fields(spaces.Replace(text)) }

// holds reports whether a condition is true for an item, which may be nil. It supports
// comparisons of an attribute with a value, attribute_exists, attribute_not_exists, AND, OR
// and parentheses. AND binds tighter than OR. An empty condition is true. A comparison with
// a missing attribute is false.
func holds(condition string, on item, asked *request) (bool, error) {
	if condition == "" {
		return true, nil
	}
	e := expression{words(condition), asked, on, nil}
	is := e.or()
	if len(e.words) > 0 {
		e.fail("%q", e.words)
	}
	return is, e.err
}

func (e *expression) or() bool {
	is := e.and()
	for e.take("OR") {
		other := e.and()
		is = is || other
	}
	return is
}

func (e *expression) and() bool {
	is := e.one()
	for e.take("AND") {
		other := e.one()
		is = is && other
	}
	return is
}

func (e *expression) one() bool {
	switch {
	case e.take("("):
		is := e.or()
		e.expect(")")
		return is
	case e.take("attribute_not_exists"):
		return e.argument() == nil
	case e.take("attribute_exists"):
		return e.argument() != nil
	}
	left := e.on[e.name()]
	sign := e.next()
	right := e.operand()
	if left == nil || e.err != nil {
		return false
	}
	switch order := e.compare(left, right); sign {
	case "=":
		return order == 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">=":
		return order >= 0
	case ">":
		return order > 0
	}
	e.fail("%q", sign)
	return false
}

func (e *expression) compare(a, b value) int {
	if a["S"] != nil && b["S"] != nil {
		return strings.Compare(a.text(), b.text())
	}
	return e.number(a).Cmp(e.number(b))
}

// argument reads a name in parentheses and returns that attribute's value, or nil.
func (e *expression) argument() value {
	e.expect("(")
	name := e.name()
	e.expect(")")
	return e.on[name]
}

// change applies an UpdateExpression such as "SET a = x + y, b = z REMOVE c, d ADD e v, f
// w" and returns the new item. Each clause is optional, and reads the values from before
// the update.
func change(on item, asked *request) (item, error) {
	e := expression{words(asked.UpdateExpression), asked, on, nil}
	after := maps.Clone(on)
	for part := ""; len(e.words) > 0 && e.err == nil; {
		if !e.take(",") {
			part = e.next()
		}
		switch name := e.name(); part {
		case "SET":
			e.expect("=")
			after[name] = e.assigned()
		case "REMOVE":
			delete(after, name)
		case "ADD":
			after[name] = e.operand()
			if was := on[name]; was != nil {
				after[name] = e.sum(was, after[name], false)
			}
		default:
			e.fail("%q", part)
		}
	}
	return after, e.err
}

// overlaps reports whether an update changes an attribute twice. DynamoDB rejects such an
// update before it evaluates any condition.
func overlaps(asked *request) bool {
	seen, depth, named := map[string]bool{}, 0, false
	for _, word := range words(asked.UpdateExpression) {
		switch word {
		case "(":
			depth++
		case ")":
			depth--
		case "SET", "REMOVE", "ADD", ",":
			named = depth == 0 // the next word names an attribute to change
			continue
		}
		if name := asked.attribute(word); named && seen[name] {
			return true
		} else if named {
			seen[name] = true
		}
		named = false
	}
	return false
}

// assigned reads an operand, or the sum or difference of two operands.
func (e *expression) assigned() value {
	left := e.operand()
	switch {
	case e.take("+"):
		return e.sum(left, e.operand(), false)
	case e.take("-"):
		return e.sum(left, e.operand(), true)
	}
	return left
}

// operand reads a value, an attribute, or if_not_exists(attribute, operand).
func (e *expression) operand() value {
	if e.take("if_not_exists") {
		e.expect("(")
		has := e.on[e.name()]
		e.expect(",")
		otherwise := e.operand()
		e.expect(")")
		if has != nil {
			return has
		}
		return otherwise
	}
	word := e.next()
	if v := e.asked.ExpressionAttributeValues[word]; v != nil {
		return v
	}
	if v := e.on[e.asked.attribute(word)]; v != nil {
		return v
	}
	e.fail("the operand %q, which is not there,", word)
	return nil
}

func (e *expression) sum(a, b value, subtract bool) value {
	left, right := e.number(a), e.number(b)
	right.Negative = right.Negative != subtract
	var d apd.Decimal
	if _, err := numbers.Add(&d, left, right); err != nil {
		e.fail("%v", err)
	}
	d.Reduce(&d)
	return value{"N": d.Text('f')}
}

func (e *expression) number(v value) *apd.Decimal {
	n, _ := v["N"].(string)
	d, _, err := apd.NewFromString(n)
	if err != nil {
		e.fail("%v, which is not a number,", v)
		return new(apd.Decimal)
	}
	return d
}

func (e *expression) name() string { return e.asked.attribute(e.next()) }

func (e *expression) next() (word string) {
	if len(e.words) == 0 {
		e.fail("an end")
		return ""
	}
	word, e.words = e.words[0], e.words[1:]
	return word
}

// take reads the next word if it is the given one, and reports whether it was.
func (e *expression) take(word string) bool {
	if len(e.words) == 0 || e.words[0] != word {
		return false
	}
	e.words = e.words[1:]
	return true
}

func (e *expression) expect(word string) {
	if !e.take(word) {
		e.fail("%q without %q", e.words, word)
	}
}

// fail records an error, unless there is an earlier one.
func (e *expression) fail(format string, args ...any) {
	if e.err == nil {
		e.err = fmt.Errorf(format+" is not modelled", args...)
	}
}

// attribute returns the name for a placeholder such as "#name". Any other word is a name.
func (r *request) attribute(word string) string {
	if name, ok := r.ExpressionAttributeNames[word]; ok {
		return name
	}
	return word
}
