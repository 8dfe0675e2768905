// Command hello is a minimal Lambda function with the same runtime library as ours and, like ours,
// one processor. Its latency comes from Lambda and the library alone.
package main

import (
	"runtime"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	runtime.GOMAXPROCS(1)
	lambda.Start(func() (string, error) { return "hello", nil })
}
