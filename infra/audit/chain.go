//go:build !lambda.norpc

package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// defaultChain returns the region and credentials from the SDK's default chain: a profile, single
// sign-on, or the role of a container or machine.
func defaultChain(ctx context.Context) (aws.Config, error) { return config.LoadDefaultConfig(ctx) }
