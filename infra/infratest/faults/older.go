package faults

import (
	"io"
	"net/http"
	"strings"
)

// newer lists the names of attributes, types and keys that came with refunds and account rules.
var newer = []string{
	"refund_of", "refund_places", "refunded_at", "refunds ", "declined_by", "debits_blocked", "credits_blocked",
	"credit_limit", "rule_change", `account"`, `debits"`, `credits"`,
}

// olderNames adds "later_" to each name in newer, or removes it from each name that has it.
var olderNames = func() *strings.Replacer {
	var pairs []string
	for _, name := range newer {
		pairs = append(pairs, "later_"+name, name, name, "later_"+name)
	}
	return strings.NewReplacer(pairs...)
}()

// Older makes the client behave like a version from before refunds and account rules. Such a
// version does not read the new attributes, has no conditions on them, and leaves them unchanged.
// So Older renames them, in requests and answers, to names that no version uses.
func Older(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	older := olderNames.Replace(string(body))
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(older)), int64(len(older))
	return Rewrite(olderNames.Replace)(r, deliver)
}
