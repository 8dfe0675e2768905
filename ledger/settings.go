package ledger

import (
	"fmt"
	"strconv"
	"strings"
)

// Settings stay the same for the life of a ledger's tables, because neither the currency
// nor the opening balance can change once there is money. The zero Settings are invalid;
// use [ParseSettings] or [DefaultSettings]. Compare them with [Settings.Equal], not ==.
type Settings struct {
	Currency string  // three to twelve capital letters and digits, starting with a letter
	Places   int     // decimal places of an amount, from 0 to MaxPlaces
	Opening  Balance // a user's balance before the first transaction
}

// MaxPlaces is the maximum number of decimal places in any [Settings]. The parsers for rows
// always accept this many.
const MaxPlaces = 8

// anyPlaces parses amounts and credit limits from the rows of any ledger.
var anyPlaces = Settings{Places: MaxPlaces}

// Tables without stored settings have these defaults.
const (
	DefaultCurrency = "USD"
	DefaultPlaces   = "2"
	DefaultOpening  = "100"
)

// DefaultSettings returns US dollars with two decimal places, and an opening balance of
// 100.
func DefaultSettings() Settings {
	s, err := ParseSettings(DefaultCurrency, DefaultPlaces, DefaultOpening)
	if err != nil {
		panic(err) // TestParseSettings rules this out
	}
	return s
}

// ParseSettings parses settings. The opening balance is from 0 to 10^12, with at most the
// given decimal places. The error is an [*InvalidError] that names every fault.
func ParseSettings(currency, places, opening string) (Settings, error) {
	var wrong []string
	if !isCurrency(currency) {
		wrong = append(wrong, fmt.Sprintf("currency is %.50q, must be three to twelve capital letters and digits, a letter first", currency))
	}
	s := Settings{Currency: currency, Places: MaxPlaces} // used to parse the opening balance if places is invalid
	if count, err := strconv.Atoi(places); err == nil && len(places) == 1 && count <= MaxPlaces {
		s.Places = count
	} else {
		wrong = append(wrong, fmt.Sprintf("decimal places are %.50q, must be a digit from 0 to %d", places, MaxPlaces))
	}
	d, reason := parsePlain(opening, s.Places, maxAmount)
	if reason != "" {
		wrong = append(wrong, fmt.Sprintf("opening balance is %.50q, %s", opening, reason))
	}
	if wrong != nil {
		return Settings{}, &InvalidError{"settings", strings.Join(wrong, "; ")}
	}
	s.Opening = Balance{d}
	return s, nil
}

func isCurrency(s string) bool {
	const letters, digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
	return len(s) >= 3 && len(s) <= 12 && strings.Contains(letters, s[:1]) && strings.Trim(s, letters+digits) == ""
}

// Equal reports whether s and t are equal.
func (s Settings) Equal(t Settings) bool {
	return s.Currency == t.Currency && s.Places == t.Places && s.Opening.Equal(t.Opening)
}

// IsDefault reports whether s equals the default settings.
func (s Settings) IsDefault() bool { return s.Equal(DefaultSettings()) }

// String returns the settings as one line of text.
func (s Settings) String() string {
	return fmt.Sprintf("currency %s, decimal places %d, opening balance %s", s.Currency, s.Places, s.Opening)
}

// ParseAmount is like the function [ParseAmount], but limits the amount to the settings'
// decimal places and smallest unit.
func (s Settings) ParseAmount(text string) (Amount, error) {
	d, reason := parsePlain(text, s.Places, maxAmount)
	if reason == "" && d.IsZero() {
		reason = "must be at least " + SmallestUnit(s.Places)
	}
	if reason != "" {
		return Amount{}, &InvalidError{"amount", reason}
	}
	return Amount{d}, nil
}

// ParseCreditLimit is like the function [ParseCreditLimit], but allows only the settings'
// decimal places.
func (s Settings) ParseCreditLimit(text string) (Balance, error) {
	return parseBalance("rules", text, s.Places, maxAmount)
}

// CheckPlaces checks that an amount or balance from a row has no more decimal places than
// the settings allow. Otherwise the error is an [*InvalidError].
func (s Settings) CheckPlaces(money fmt.Stringer) error {
	_, fraction, _ := strings.Cut(money.String(), ".")
	if len(fraction) > s.Places {
		return &InvalidError{"amount", tooManyPlaces(s.Places)}
	}
	return nil
}

// SmallestUnit returns the smallest amount with that many decimal places.
func SmallestUnit(places int) string {
	if places == 0 {
		return "1"
	}
	return "0." + strings.Repeat("0", places-1) + "1"
}

// tooManyPlaces returns the reason to reject a value with too many decimal places.
func tooManyPlaces(most int) string {
	switch most {
	case 0:
		return "must be whole"
	case 1:
		return "must have at most 1 decimal place"
	case 2: // spelled out because existing answers must not change
		return "must have at most two decimal places"
	}
	return fmt.Sprintf("must have at most %d decimal places", most)
}

func exampleAmount(places int) string {
	if places == 0 {
		return "12"
	}
	return "12.5" + strings.Repeat("0", places-1)
}
