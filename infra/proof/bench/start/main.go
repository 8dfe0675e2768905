// Command start does what the function does from its start to its first
// answer, without Lambda, and writes when each step was done: lines of a name
// and the nanoseconds since 1970.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"time"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/ledger"
)

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "start: it takes no words; bench coldstart builds and runs it")
		os.Exit(2)
	}
	runtime.GOMAXPROCS(1)
	done := func(step string) { fmt.Println(step, time.Now().UnixNano()) }
	done("runtime")
	config, err := infra.ConfigFromEnv(os.Getenv)
	exitOn(err)
	done("configuration")
	store := infra.NewStore(infra.NewClient(config), config)
	done("client")
	exitOn(store.Warm(context.Background()))
	done("connection")
	h := handler.New(ledger.New(store, time.Now), handler.NewLogger(os.Stderr, "start", "1"), handler.Access{Authorization: handler.None})
	_, err = h.Invoke(context.Background(), []byte(`{"queryStringParameters":{"userId":"start"}}`))
	exitOn(err)
	done("first call")
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "start:", err)
		os.Exit(1)
	}
}
