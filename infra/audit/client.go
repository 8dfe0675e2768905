package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"onewrite/infra"
	"onewrite/infra/internal/cli"
	"onewrite/infra/internal/dynamodblocal"
)

// connect returns a client and the names of the tables. The environment's own
// region and keys count first. What it lacks comes from the SDK's default chain,
// which renews credentials that end: an audit can take hours. The function reads
// only its environment, as Lambda replaces an environment before its keys end.
func connect(ctx context.Context, getenv func(string) string) (*dynamodb.Client, infra.Config, error) {
	getenv = dynamodblocal.Environment(getenv)
	renew := func(*dynamodb.Options) {}
	named := getenv("TRANSACTIONS_TABLE") != "" && getenv("TRANSACTIONS_AGGREGATE_TABLE") != ""
	if named && (getenv("AWS_REGION") == "" || getenv("AWS_ACCESS_KEY_ID") == "") {
		chain, err := defaultChain(ctx)
		if err != nil {
			return nil, infra.Config{}, cli.Usagef("read the AWS configuration: %w", err)
		}
		keys, err := chain.Credentials.Retrieve(ctx)
		if err != nil {
			return nil, infra.Config{}, cli.Usagef("find credentials for AWS (set AWS_PROFILE, or sign in again): %w", err)
		}
		renew = func(o *dynamodb.Options) { o.Credentials = chain.Credentials }
		getenv = orElse(getenv, map[string]string{
			"AWS_REGION": chain.Region, "AWS_ACCESS_KEY_ID": keys.AccessKeyID,
			"AWS_SECRET_ACCESS_KEY": keys.SecretAccessKey, "AWS_SESSION_TOKEN": keys.SessionToken,
		})
	}
	config, err := infra.ConfigFromEnv(getenv)
	if err != nil {
		return nil, infra.Config{}, cli.Usagef("%w (-h says what it reads)", err)
	}
	return infra.NewClient(config, patient, renew), config, nil
}

// orElse returns a getenv whose unset variables have these values.
func orElse(getenv func(string) string, values map[string]string) func(string) string {
	return func(name string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return values[name]
	}
}
