package faults

import (
	"io"
	"net/http"
	"strings"
)

// newer are the names of attributes, types and keys that no version before refunds and
// account rules has.
var newer = []string{
	"refund_of", "refund_places", "refunded_at", "refunds ", "declined_by", "debits_blocked", "credits_blocked",
	"credit_limit", "rule_change", `account"`, `debits"`, `credits"`,
}

// olderNames gives each of these names another, and its own to the other.
var olderNames = func() *strings.Replacer {
	var pairs []string
	for _, name := range newer {
		pairs = append(pairs, "later_"+name, name, name, "later_"+name)
	}
	return strings.NewReplacer(pairs...)
}()

// Older makes the client one of a version from before refunds and account rules. That
// version ignores the attributes of both in the rows that it reads, has no condition on
// them, and leaves them as they are. So they have names here that no version reads.
func Older(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	older := olderNames.Replace(string(body))
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(older)), int64(len(older))
	return Rewrite(olderNames.Replace)(r, deliver)
}
