// Command hello is the smallest function on our runtime library, on one processor like ours. Its
// time is Lambda's, and the rest of our function's time is our own.
package main

import (
	"runtime"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	runtime.GOMAXPROCS(1)
	lambda.Start(func() (string, error) { return "hello", nil })
}
