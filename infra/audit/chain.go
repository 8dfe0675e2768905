//go:build !lambda.norpc

package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// defaultChain returns the region and the credentials that the SDK finds: from a profile, single
// sign-on, or a container's or machine's role.
func defaultChain(ctx context.Context) (aws.Config, error) { return config.LoadDefaultConfig(ctx) }
