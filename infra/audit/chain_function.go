//go:build lambda.norpc

package main

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// defaultChain fails: the function has its environment. The SDK's chain would add
// 1.5 MB to it.
func defaultChain(context.Context) (aws.Config, error) {
	return aws.Config{}, errors.New("the function reads its environment only")
}
