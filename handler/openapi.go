package handler

import (
	_ "embed" // for openapi.yaml
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"onewrite/ledger"
)

// OpenAPI is the API's contract with the default settings, as an OpenAPI 3.1 document. The
// function does not use it, so the linker leaves it out.
//
//go:embed openapi.yaml
var OpenAPI string

// Description returns [OpenAPI] for a ledger with the settings s. Their currency, opening
// balance and decimal places replace the default ones, also in the examples and patterns.
func Description(s ledger.Settings) string {
	defaults, own := wordsOf(ledger.DefaultSettings()), wordsOf(s)
	var replaced []string
	for i, word := range defaults {
		replaced = append(replaced, word, own[i])
	}
	text := strings.NewReplacer(replaced...).Replace(OpenAPI)
	if s.Currency == ledger.DefaultCurrency {
		return text
	}
	text = inLines.ReplaceAllString(text, "${1}currency: "+s.Currency+"${1}${2}")
	return inLine.ReplaceAllString(text, "${1}${3}, currency: "+s.Currency+"${2}${4}")
}

// inLine and inLines match the places in the examples where the currency is inserted.
var (
	inLine = regexp.MustCompile(`(type: (?:(?:credit|debit), ammount: "[0-9.]+"|account)|refunds: 1)(, (?:status|entries):)` +
		`|((?:balance|limit|refundable): "[0-9.]+")(})`)
	inLines = regexp.MustCompile(`(\n +)(status: posted\n)`)
)

// wordsOf returns the strings in openapi.yaml that depend on s, with their values for s.
func wordsOf(s ledger.Settings) []string {
	smallest := ledger.SmallestUnit(s.Places)
	names, begins, places := s.Currency, s.Opening.String()+" "+s.Currency, fmt.Sprintf("at most %d places", s.Places)
	other, fraction, newFraction := s.Currency, shortFraction(s.Places), fmt.Sprintf(`(\.[0-9]{1,%d})?`, s.Places)
	switch s.Places {
	case 0:
		places, fraction, newFraction = "no places", "", ""
	case 1:
		places = "at most one place"
	case 2:
		places = "at most two places"
	}
	zeros := strings.ReplaceAll(newFraction, "[0-9]", "0")
	optional := fraction
	if fraction != "" {
		optional = "(" + fraction + ")?"
	}
	if s.Currency == ledger.DefaultCurrency {
		names, other = "US dollars", "none, because it is USD"
	}
	words := []string{
		"Balances in " + names + ",",
		"with a balance of " + begins + ".",
		names + ", as the shortest decimal text, from 0 to",
		names + ", from " + smallest + " to 1000000000000, as",
		names + ", from " + smallest + " to 1000000000000, in plain decimal notation with " + places + ".",
		"enum: [" + s.Currency + "] # of calls",
		"The currency of answers: " + other + ".",
		`10(0[0-9]|1[0-5])[0-9]{12})` + optional + `|1016000000000000)$`,
		below1(fraction) + `[1-9][0-9]{0,11}|1000000000000)$'`,
		`'^(0+` + zeros + `|`,
		`0*[1-9][0-9]{0,11}` + newFraction + `|0*1000000000000` + zeros + newBelow1(s.Places) + `)$'`,
		"type: debit, currency: " + s.Currency + "}",
		"must be at least " + smallest,
	}
	for _, amount := range []string{"12.50", "12.5", "10.00", "87.5", "7.5"} { // the amounts in the examples
		whole, digits, _ := strings.Cut(amount, ".")
		if s.Places > 0 {
			whole += "." + digits[:min(s.Places, len(digits))]
		}
		words = append(words, strconv.Quote(whole))
	}
	return words
}

// shortFraction returns the pattern for a decimal point and the digits after it. The last
// digit is not 0.
func shortFraction(places int) string {
	if places == 2 {
		return `\.[0-9]?[1-9]`
	}
	return fmt.Sprintf(`\.[0-9]{0,%d}[1-9]`, places-1)
}

// below1 returns the pattern for amounts that end with fraction, including those below 1.
func below1(fraction string) string {
	if fraction == "" {
		return ""
	}
	return `(0|[1-9][0-9]{0,11})` + fraction + "|"
}

// newBelow1 returns the pattern for amounts below 1 in calls, which can end with zeros.
func newBelow1(places int) string {
	var some []string
	for zeros := range places {
		some = append(some, strings.Repeat("0", zeros)+"[1-9]"+fmt.Sprintf("[0-9]{0,%d}", places-1-zeros))
	}
	if some == nil {
		return ""
	}
	return `|0+\.(` + strings.Join(some, "|") + ")"
}
