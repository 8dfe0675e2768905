//go:build lambda.norpc

package main

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// defaultChain fails, because the Lambda function gets its credentials from the environment. The
// SDK's chain would add 1.5 MB to the binary.
func defaultChain(context.Context) (aws.Config, error) {
	return aws.Config{}, errors.New("the function reads its environment only")
}
