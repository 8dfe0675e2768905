package main

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// onModel runs f in virtual time, with books on a model of DynamoDB and their auditor, whose settle
// time is the command's own.
func onModel(t *testing.T, f func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network)) {
	synctest.Test(t, func(t *testing.T) {
		b, model := infratest.NewOnModel(t, dynamodbmodel.Moment{})
		network := &faults.Network{}
		client := infra.NewClient(b.Config, patient, func(o *dynamodb.Options) { o.Credentials = aws.AnonymousCredentials{} },
			faults.Over(model), faults.Under(network))
		o, err := parseOptions(nil, nil)
		require.NoError(t, err)
		f(t, b, model, &audit{
			tables:     &reader{client: client, config: b.Config, pace: &pace{}, segments: o.segments},
			settle:     o.settle,
			progress:   &cli.Progress{},
			maxWaiting: maxWaiting,
		}, network)
	})
}

// postAt posts a credit of 10 to user 1, with the moment on its requests.
func postAt(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, moment dynamodbmodel.Moment, key string) {
	t.Helper()
	l := ledger.New(b.Over(model.At(moment)), time.Now)
	_, err := l.Post(t.Context(), infratest.Request(t, "1", key, ledger.Credit, "10"))
	assert.NoError(t, err)
}

// The scans are strongly consistent: a row that only such a read can see, under a balance that
// every read can see, is not missing.
func TestScansAreConsistent(t *testing.T) {
	t.Parallel()
	onModel(t, func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network) {
		postAt(t, b, model, dynamodbmodel.Moment{Lag: time.Hour}, "lags")
		postAt(t, b, model, dynamodbmodel.Moment{}, "seen")
		found := a.run(t.Context())
		assert.Equal(t, exitRight, found.status(), "%+v", found)
		assert.Equal(t, 2, found.Transactions)
	})
}

// A posting's row is not missing if it shows three seconds after the balance: the second scan waits
// for settle.
func TestSettleTime(t *testing.T) {
	t.Parallel()
	onModel(t, func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network) {
		postAt(t, b, model, dynamodbmodel.Moment{}, "before")
		go postAt(t, b, model, dynamodbmodel.Moment{Late: []time.Duration{3 * time.Second, 0}, Lag: time.Hour}, "late")
		synctest.Wait()
		found := a.run(t.Context())
		assert.Equal(t, exitRight, found.status(), "%+v", found)
		assert.Equal(t, 3*a.tables.segments, requests(network, "Scan"), "the second scan was needed")
	})
}

// A row that shows before its balance has moved is not one too many: the balance can't be read in a
// transaction while its posting is being applied.
func TestRowBeforeBalance(t *testing.T) {
	t.Parallel()
	onModel(t, func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network) {
		postAt(t, b, model, dynamodbmodel.Moment{}, "before")
		go postAt(t, b, model, dynamodbmodel.Moment{Late: []time.Duration{0, time.Second}}, "late")
		synctest.Wait()
		found := a.run(t.Context())
		assert.Equal(t, exitRight, found.status(), "%+v", found)
		assert.Equal(t, 2*a.tables.segments, requests(network, "Scan"))
	})
}

// The second scan sees the same, and then reads the balance settle later instead of in a
// transaction.
func TestRowBeforeBalanceInSecondScan(t *testing.T) {
	t.Parallel()
	onModel(t, func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network) {
		a.tables.segments = 1
		postAt(t, b, model, dynamodbmodel.Moment{}, "before")
		go postAt(t, b, model, dynamodbmodel.Moment{Late: []time.Duration{time.Second, 0}, Lag: time.Hour}, "not in the index")
		synctest.Wait()
		scans := 0
		network.Always(on("Scan", before(func() {
			if scans++; scans == 3 {
				go postAt(t, b, model, dynamodbmodel.Moment{Late: []time.Duration{0, 3 * time.Second}}, "late")
				synctest.Wait()
			}
		})))
		found := a.run(t.Context())
		assert.Equal(t, exitRight, found.status(), "%+v", found)
		assert.Equal(t, 3, scans)
	})
}

// For a user who moves, the audit reads again from a time on, including rows at exactly that time.
// It reads nothing but the index for them.
func TestHistoryFromATimeOn(t *testing.T) {
	t.Parallel()
	onModel(t, func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network) {
		postAt(t, b, model, dynamodbmodel.Moment{}, "old")
		time.Sleep(inFlight)
		a.tables.segments = 1
		move := before(credits(t, b, "1"))
		network.Next(nil, move, move, nil, move) // Scan, Scan, TransactGetItems, Query, TransactGetItems
		found := a.run(t.Context())
		assert.Equal(t, exitRight, found.status(), "%+v", found)
		assert.Equal(t, []string{
			"Scan", "Scan", "TransactGetItems", "Query", "TransactGetItems", "Query", "TransactGetItems",
		}, network.Requests())
	})
}

// A user whose balance is being written at every transactional read neither fails the run nor hides
// the findings about others. If the user's rows match the balance at another reading, all is well.
func TestUserWrittenToAllTheTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fault faults.Fault
		want  int
	}{
		{"held by transactions", nil, exitRight},
		{"throttled, too", on("GetItem", faults.Throttle), exitUnsettled},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onModel(t, func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network) {
				postAt(t, b, model, dynamodbmodel.Moment{}, "recent")
				var held sync.WaitGroup
				held.Go(func() { postAt(t, b, model, dynamodbmodel.Moment{Hold: time.Hour}, "held") })
				defer held.Wait()
				synctest.Wait()
				network.Always(c.fault)
				found := a.run(t.Context())
				assert.Empty(t, found.Unfinished)
				assert.Equal(t, c.want, found.status(), "%+v", found)
			})
		})
	}
}

func requests(n *faults.Network, operation string) int {
	return len(slices.DeleteFunc(n.Requests(), func(o string) bool { return o != operation }))
}
