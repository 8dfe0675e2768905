// Command hello is the smallest function on our Lambda runtime library, with one processor like
// ours. Its latency comes from Lambda and the library; our own code adds the rest.
package main

import (
	"runtime"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	runtime.GOMAXPROCS(1)
	lambda.Start(func() (string, error) { return "hello", nil })
}
