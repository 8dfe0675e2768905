package infra

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"onewrite/ledger"
)

// Config is the store's configuration. [ConfigFromEnv] reads it.
type Config struct {
	TransactionsTable string
	AggregateTable    string
	Region            string
	Credentials       aws.Credentials
	Endpoint          string // "" means the region's own endpoint
	Settings          ledger.Settings
}

// ConfigFromEnv reads these environment variables, which template.yaml and Lambda set:
//
//	TRANSACTIONS_TABLE            the table of transactions
//	TRANSACTIONS_AGGREGATE_TABLE  the table of balances
//	AWS_REGION
//	AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
//	AWS_SESSION_TOKEN             optional
//	AWS_ENDPOINT_URL_DYNAMODB     optional: another endpoint, such as DynamoDB Local
//	CURRENCY                      optional, USD by default
//	DECIMAL_PLACES                optional, 2 by default
//	OPENING_BALANCE               optional, 100 by default
//
// The error names every missing variable, and every fault in the settings.
//
// The SDK reads the same AWS variables. ConfigFromEnv does not use the SDK's config module,
// which would add 1.8 MB for credential sources that a Lambda doesn't need. Only the audit,
// which runs outside Lambda, uses that module. The function never renews its credentials:
// Lambda ends an environment before they expire. SnapStart could keep an environment
// longer, but does not support Go.
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
	}
	var missingErr error
	if missing != nil {
		missingErr = fmt.Errorf("missing in the environment: %s", strings.Join(missing, ", "))
	}
	var settingsErr error
	c.Settings, settingsErr = settingsFromEnv(getenv)
	if err := errors.Join(missingErr, settingsErr); err != nil {
		return Config{}, err
	}
	return c, nil
}

func settingsFromEnv(getenv func(string) string) (ledger.Settings, error) {
	s, err := ledger.ParseSettings(
		cmp.Or(getenv("CURRENCY"), ledger.DefaultCurrency),
		cmp.Or(getenv("DECIMAL_PLACES"), ledger.DefaultPlaces),
		cmp.Or(getenv("OPENING_BALANCE"), ledger.DefaultOpening))
	if err != nil {
		return s, fmt.Errorf("CURRENCY, DECIMAL_PLACES or OPENING_BALANCE in the environment: %w", err)
	}
	return s, nil
}
