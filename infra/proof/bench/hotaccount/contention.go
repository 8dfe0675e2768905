package main

import (
	"context"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"onewrite/handler"
	"onewrite/infra"
	"onewrite/infra/infratest/faults"
	"onewrite/ledger"
)

// roundTrip is that of a Lambda to its region's DynamoDB.
const roundTrip = 2 * time.Millisecond

// contended measures callers of one user whose items each write holds for a
// time, and counts the attempts. Each caller has a client of its own, as each
// Lambda environment has.
func contended(ctx context.Context, config infra.Config, s setting, options ...func(*dynamodb.Options)) (f figures, attempts int, err error) {
	contention := faults.Contention(s.hold, roundTrip)
	networks, doors := make([]faults.Network, s.callers), make([]door, s.callers)
	for i := range s.callers {
		networks[i].Always(contention)
		client := infra.NewClient(config, append(options, faults.Under(&networks[i]))...)
		l := ledger.New(infra.NewStore(client, config), time.Now)
		doors[i] = handler.New(l, io.Discard).Invoke
	}
	f, err = measure(ctx, doors, s.lasting, s.pause)
	for i := range networks {
		attempts += len(networks[i].Requests())
	}
	return f, attempts, err
}

// setting is a row of the table.
type setting struct {
	hold    time.Duration // of the items, by a write
	callers int
	pause   time.Duration // between a caller's postings, on average
	lasting time.Duration
}
