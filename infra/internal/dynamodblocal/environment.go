package dynamodblocal

import (
	"net"
	"net/url"
)

// EndpointVariable is the environment variable that overrides DynamoDB's address.
const EndpointVariable = "AWS_ENDPOINT_URL_DYNAMODB"

// defaults holds the values of unset variables, for a ledger on this machine. DynamoDB
// Local accepts any region and credentials.
var defaults = map[string]string{
	"TRANSACTIONS_TABLE":           "transactions",
	"TRANSACTIONS_AGGREGATE_TABLE": "transactions_aggregate",
	"AWS_REGION":                   "us-east-1",
	"AWS_ACCESS_KEY_ID":            "local",
	"AWS_SECRET_ACCESS_KEY":        "local",
}

// Environment wraps getenv for commands that can use a ledger on this machine. If
// [EndpointVariable] has an address on this machine, unset variables have the same defaults
// as in the command infra/local.
func Environment(getenv func(string) string) func(string) string {
	if !OnThisMachine(getenv(EndpointVariable)) {
		return getenv
	}
	return func(name string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return defaults[name]
	}
}

// OnThisMachine reports whether an endpoint is on this machine.
func OnThisMachine(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}
