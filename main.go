// Command onewrite is the AWS Lambda function that serves the ledger behind API Gateway:
// balances, transactions and holds, with one DynamoDB write for each transaction.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/ledger"
)

func main() {
	// Lambda sends an instance one call at a time. With more processors, Go would wake
	// another thread at each step, which costs a third more CPU and 4 to 11 % more time.
	runtime.GOMAXPROCS(1)
	log := handler.NewLogger(os.Stdout, lambdacontext.FunctionName, lambdacontext.FunctionVersion)
	config, unreadable := infra.ConfigFromEnv(os.Getenv)
	access, unclear := handler.AccessFromEnv(os.Getenv)
	if err := errors.Join(unreadable, unclear); err != nil {
		log.Error("start", slog.String("cause", err.Error()))
		os.Exit(1)
	}
	store := infra.NewStore(infra.NewClient(config), config)
	// Start opens the connection during init, when the function has the whole CPU, so that
	// the first call does not have to. If it fails, each call tries again and reports why.
	err := store.Start(context.Background())
	if _, other := errors.AsType[*infra.SettingsError](err); other {
		log.Error("start", slog.String("cause", err.Error()))
		os.Exit(1)
	}
	if err != nil {
		log.Warn("warm up", slog.String("cause", err.Error()))
	}
	lambda.Start(handler.New(ledger.New(store, time.Now), log, access))
}
