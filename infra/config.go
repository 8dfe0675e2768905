package infra

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"onewrite/ledger"
)

// Config is what the environment says. See [ConfigFromEnv].
type Config struct {
	TransactionsTable string
	AggregateTable    string
	Region            string
	Credentials       aws.Credentials
	Endpoint          string // "" is the region's own
	Settings          ledger.Settings
}

// ConfigFromEnv reads the names that template.yaml and AWS Lambda set:
//
//	TRANSACTIONS_TABLE            the table of transactions
//	TRANSACTIONS_AGGREGATE_TABLE  the table of balances
//	AWS_REGION
//	AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
//	AWS_SESSION_TOKEN             optional
//	AWS_ENDPOINT_URL_DYNAMODB     optional: another DynamoDB, such as DynamoDB Local
//
// The names are the SDK's own, read here because the SDK's config module would
// add 1.8 MB for sources of credentials that a Lambda doesn't use. Lambda ends an
// environment before its keys expire, so the function needs no renewal; Go has no
// SnapStart, which would keep an environment for longer. The audit outside Lambda
// uses that module. The error names everything that is missing.
func ConfigFromEnv(getenv func(string) string) (Config, error) {
	var missing []string
	need := func(name string) string {
		value := getenv(name)
		if value == "" {
			missing = append(missing, name)
		}
		return value
	}
	c := Config{
		TransactionsTable: need("TRANSACTIONS_TABLE"),
		AggregateTable:    need("TRANSACTIONS_AGGREGATE_TABLE"),
		Region:            need("AWS_REGION"),
		Credentials: aws.Credentials{
			AccessKeyID:     need("AWS_ACCESS_KEY_ID"),
			SecretAccessKey: need("AWS_SECRET_ACCESS_KEY"),
			SessionToken:    getenv("AWS_SESSION_TOKEN"),
		},
		Endpoint: getenv("AWS_ENDPOINT_URL_DYNAMODB"),
		Settings: ledger.DefaultSettings(),
	}
	if missing != nil {
		return Config{}, fmt.Errorf("missing in the environment: %s", strings.Join(missing, ", "))
	}
	return c, nil
}
