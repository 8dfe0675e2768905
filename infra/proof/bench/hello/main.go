// Command hello is the least function that there can be on the runtime library
// of ours, on one processor as ours is: what it takes is Lambda's, and what ours
// takes beyond it is our own.
package main

import (
	"runtime"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	runtime.GOMAXPROCS(1)
	lambda.Start(func() (string, error) { return "hello", nil })
}
