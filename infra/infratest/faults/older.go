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

// olderNames adds the prefix "later_" to each of these names, or removes it if it is there.
var olderNames = func() *strings.Replacer {
	var pairs []string
	for _, name := range newer {
		pairs = append(pairs, "later_"+name, name, name, "later_"+name)
	}
	return strings.NewReplacer(pairs...)
}()

// Older makes the client behave like a version from before refunds and account rules. That version
// ignores their attributes in the rows that it reads, has no conditions on them, and leaves them
// unchanged. So Older renames them, in requests and answers, to names that no version reads.
func Older(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	older := olderNames.Replace(string(body))
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(older)), int64(len(older))
	return Rewrite(olderNames.Replace)(r, deliver)
}
