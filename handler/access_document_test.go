package handler_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/handler"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// worked is one case in infra/access.md: a deployment, its callers' policies, and calls.
type worked struct {
	access   handler.Access
	settings ledger.Settings
	policies map[string]policy // by the caller's name
	calls    [][]string        // as callPattern matches them: the row, caller, whether with a token, method, target, key, body, status, whether API Gateway answers
}

type policy struct {
	Statement []struct {
		Effect, Action string
		Resource       any // a string or a list of strings
	}
}

var (
	headingPattern = regexp.MustCompile(`(?m)^## `)
	deployPattern  = regexp.MustCompile("(?s)```sh\nsam deploy(?: --parameter-overrides)?([^`]*)```")
	policyPattern  = regexp.MustCompile("(?s)The policy of `([a-z-]+)`[^:]*:\n\n```json\n(.*?)```")
	callPattern    = regexp.MustCompile("(?m)^\\| `([a-z-]+)`( with a token)? \\| `(\\S+) (\\S+)(?: ([^ {]\\S*))?(?: (\\{.*))?` \\| (\\d+)(, by API Gateway)? \\|$")
	rowPattern     = regexp.MustCompile("(?m)^\\| `")
)

func readWorked(t *testing.T) (cases []worked) {
	t.Helper()
	text, err := os.ReadFile("../infra/access.md")
	require.NoError(t, err)
	policies := map[string]policy{} // a case can name policies from the cases before it
	for _, chapter := range headingPattern.Split(string(text), -1)[1:] {
		c := worked{calls: callPattern.FindAllStringSubmatch(chapter, -1)}
		require.Len(t, c.calls, len(rowPattern.FindAllString(chapter, -1)), "every row is a call: %s", chapter)
		if len(c.calls) == 0 {
			continue
		}
		deploys := deployPattern.FindAllStringSubmatch(chapter, -1)
		require.Len(t, deploys, 1, chapter)
		c.access, c.settings = deployed(t, strings.Fields(strings.ReplaceAll(deploys[0][1], "\\", "")))
		for _, match := range policyPattern.FindAllStringSubmatch(chapter, -1) {
			var p policy
			require.NoError(t, json.Unmarshal([]byte(match[2]), &p), match[2])
			policies[match[1]] = p
		}
		c.policies = maps.Clone(policies)
		cases = append(cases, c)
	}
	return cases
}

// deployed returns the access and settings that template.yaml gives the function with the
// parameters in overrides.
func deployed(t *testing.T, overrides []string) (handler.Access, ledger.Settings) {
	t.Helper()
	given := map[string]string{}
	for name, parameter := range readTemplate(t).Parameters {
		given[name] = parameter.Default
	}
	for _, override := range overrides {
		name, value, _ := strings.Cut(override, "=")
		require.Contains(t, given, name)
		given[name] = value
	}
	access, err := handler.AccessFromEnv(func(name string) string {
		return given[map[string]string{"AUTHORIZATION": "Authorization", "CREDIT_SCOPE": "CreditScope"}[name]]
	})
	require.NoError(t, err)
	settings, err := ledger.ParseSettings(given["Currency"], given["DecimalPlaces"], given["OpeningBalance"])
	require.NoError(t, err)
	if access.Authorization == handler.JWT {
		assert.Equal(t, "0", settings.Opening.String(), "an opening balance is money for everyone who signs up")
	}
	return access, settings
}

// allows reports whether the policy allows the request r to the API with the id api.
func (p policy) allows(t *testing.T, api string, r request) bool {
	t.Helper()
	for _, statement := range p.Statement {
		require.Equal(t, []string{"Allow", "execute-api:Invoke"}, []string{statement.Effect, statement.Action})
		resources, several := statement.Resource.([]any)
		if !several {
			resources = []any{statement.Resource}
		}
		for _, resource := range resources {
			pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(resource.(string)), `\*`, ".*") + "$"
			if regexp.MustCompile(pattern).MatchString("arn:aws:execute-api:REGION:ACCOUNT:" + api + "/$default/" + r.method + r.path()) {
				return true
			}
		}
	}
	return false
}

// The calls in infra/access.md get the answers that the document shows.
func TestWorkedCases(t *testing.T) {
	t.Parallel()
	cases := readWorked(t)
	require.Len(t, cases, 3)
	for _, c := range cases {
		h, books, _ := handlerOf(infratest.NewInMemory(t, c.settings), c.access)
		c.play(t, h, books, gateways["payload 2.0"])
	}
}

// play makes the calls that API Gateway would pass on, and checks their answers. API
// Gateway must answer exactly the calls that the document marks.
func (c worked) play(t *testing.T, h *handler.Handler, books *infratest.Books, g gateway) {
	t.Helper()
	serviceAPI := "API"
	if c.access.Authorization == handler.JWT {
		serviceAPI = "SERVICE-API"
	}
	ids := []string{} // pairs of a placeholder and the id that replaces it
	for _, row := range c.calls {
		caller, byToken, key, status, byGateway := row[1], row[2] != "", row[5], row[7], row[8] != ""
		r := keyed(strings.NewReplacer(ids...).Replace(row[4]), key, row[6])
		r.method = row[3]
		policy, service := c.policies[caller]
		service = service && !byToken
		passes := service && policy.allows(t, serviceAPI, r) || !service && c.access.Authorization == handler.JWT
		assert.Equal(t, byGateway, !passes, "%s: %+v", caller, r)
		if !passes {
			continue
		}
		a := g.user(caller, h)
		if service {
			a = g.service(h)
		}
		got := a.send(t, r)
		assert.Equal(t, status, strconv.Itoa(got.Status), "%s: %+v: %s", caller, r, got.Body)
		if id := got.id(); id != "" {
			ids = append(ids, "{"+key+"}", id)
		}
	}
	assert.NotEmpty(t, books.Network.Requests())
}
