// Command hello is the least function that there can be on the runtime library
// of ours: what it takes is Lambda's, and what ours takes beyond it is our own.
package main

import (
	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func() (string, error) { return "hello", nil })
}
