package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
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
	"onewrite/infra/internal/books"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// auditor audits the books over its own network.
func auditor(b *infratest.Books) (*audit, *faults.Network) {
	return auditorOver(b, nil)
}

// auditorOver audits books on a model, if there is one.
func auditorOver(b *infratest.Books, model *dynamodbmodel.Model) (*audit, *faults.Network) {
	network := &faults.Network{}
	options := []func(*dynamodb.Options){patient}
	if model != nil {
		options = append(options, faults.Over(model), func(o *dynamodb.Options) { o.Credentials = aws.AnonymousCredentials{} })
	}
	client := infra.NewClient(b.Config, append(options, faults.Under(network))...)
	return &audit{
		tables:     &reader{client: client, config: b.Config, pace: &pace{}, segments: 2},
		settle:     10 * time.Millisecond,
		progress:   &cli.Progress{},
		maxWaiting: maxWaiting,
	}, network
}

// on limits the fault to one operation's requests.
func on(operation string, fault faults.Fault) faults.Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if faults.Operation(r) != operation {
			return deliver()
		}
		return fault(r, deliver)
	}
}

// before calls do before a request is sent.
func before(do func()) faults.Fault {
	return func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		do()
		return deliver()
	}
}

// credits returns a function that posts one more credit to the user.
func credits(t *testing.T, b *infratest.Books, user string) func() {
	var n int
	var mu sync.Mutex
	return func() {
		mu.Lock()
		defer mu.Unlock()
		n++
		_, err := b.Ledger.Post(context.WithoutCancel(t.Context()), infratest.Request(t, user, fmt.Sprint("credit-", n), ledger.Credit, "10"))
		assert.NoError(t, err)
	}
}

// callerPause keeps callers that post meanwhile from writing faster than the audit reads.
const callerPause = 20 * time.Millisecond

// Callers post to few users, over a bad network, during an audit over another network. The audit
// finds nothing wrong, and decides all users once they rest.
func TestPostsMeanwhile(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	bad := func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if rand.N(10) == 0 {
			return faults.All[rand.N(len(faults.All))].Fault(r, deliver)
		}
		return deliver()
	}
	b.Network.Always(bad)
	audited := make(chan struct{})
	var callers sync.WaitGroup
	for caller := range 4 {
		callers.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-audited:
					return
				default:
				}
				kind, amount := ledger.Credit, fmt.Sprint(1+rand.N(50))
				if rand.N(2) == 0 {
					kind = ledger.Debit
				}
				request := infratest.Request(t, fmt.Sprint("user-", rand.N(8)), fmt.Sprint(caller, "-", i), kind, amount)
				if _, err := b.Ledger.Post(context.WithoutCancel(t.Context()), request); err != nil {
					assert.ErrorIs(t, err, ledger.ErrInsufficientFunds)
				}
				time.Sleep(callerPause)
			}
		})
	}
	for range 6 {
		a, network := auditor(b)
		network.Always(bad)
		found := a.run(t.Context())
		assert.Empty(t, found.Unfinished)
		assert.Empty(t, found.Mismatches)
	}
	close(audited)
	callers.Wait()
	b.Network.Always(nil)
	a, _ := auditor(b)
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
	t.Logf("%d transactions of %d users", found.Transactions, found.Users)
}

// A posting between the two tables' readings, to an old user and to a new one, shows in one table
// alone.
func TestPostBetweenReadings(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, ledger.New(b.Store, at(lastYear)), "1", "+10")
	a, network := auditor(b)
	a.tables.segments = 1
	credit, creditNew := credits(t, b, "1"), credits(t, b, "2")
	network.Next(nil, before(func() { credit(); creditNew() })) // Scan, Scan
	found := a.run(t.Context())
	assert.Equal(t, report{Users: 2, Transactions: 1, Mismatches: []finding{}, Unsettled: []finding{},
		Totals: &trialBalance{2, "200", "30", "0", "", "230", "230", "0"}}, found, "what came after the scan is in the totals")
	assert.Contains(t, network.Requests(), "Query")
}

// A user with a history from last year moves during some readings, and then rests.
func TestPostsBetweenReadingsOfOneUser(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	old := ledger.New(b.Store, at(lastYear))
	post(t, old, "1", "+10", "-5", "-1000")
	hold(t, old, "hold", "1 debit 3")
	_, err := b.Ledger.Post(t.Context(), infratest.Request(t, "1", "recent", ledger.Debit, "1"))
	require.NoError(t, err)
	a, network := auditor(b)
	var moves int
	network.Always(on("TransactGetItems", before(func() {
		if moves++; moves <= 4 {
			kind := []ledger.Type{ledger.Credit, ledger.Debit}[moves%2]
			_, err := b.Ledger.Post(t.Context(), infratest.Request(t, "1", fmt.Sprint("move-", moves), kind, fmt.Sprint(moves)))
			assert.NoError(t, err)
		}
	})))
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
	assert.Equal(t, 5, moves, "readings")
}

// An index that lags the whole time is not damage: the scan of the table decides.
func TestIndexLags(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	a, network := auditor(b)
	credit := credits(t, b, "1")
	credit()
	posted := sync.OnceFunc(credit)
	network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		switch faults.Operation(r) {
		case "TransactGetItems":
			posted()
		case "Query":
			return faults.Rewrite(func(string) string {
				return `{"Items":[],"Count":0,"ScannedCount":0,"ConsumedCapacity":{"CapacityUnits":1}}`
			})(r, deliver)
		}
		return deliver()
	})
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
}

// A user who is posted to before each balance reading is unsettled, and not wrong.
func TestUnsettled(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	credit := credits(t, b, "1")
	credit()
	a, network := auditor(b)
	network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if operation := faults.Operation(r); operation == "TransactGetItems" || operation == "GetItem" {
			credit()
		}
		return deliver()
	})
	found := a.run(t.Context())
	assert.Empty(t, found.Mismatches)
	require.Len(t, found.Unsettled, 1)
	assert.Equal(t, "1", found.Unsettled[0].UserID)
	assert.Equal(t, exitUnsettled, found.status())
	var text strings.Builder
	require.NoError(t, found.writeText(&text))
	assert.Contains(t, text.String(), "nothing wrong, 1 unsettled: no reading of their rows fitted their balances; audit again")
}

// The audit still finds damage to such a user.
func TestDamageToMovingUser(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"missing":  "DELETE FROM ? WHERE id = '%s'",
		"tampered": "UPDATE ? SET ammount = 11 WHERE id = '%s'",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := infratest.New(t)
			credit := credits(t, b, "1")
			credit()
			credit()
			b.Damage(t, b.Config.TransactionsTable, fmt.Sprintf(statement, idOf(t, "1", "credit-1")))
			a, network := auditor(b)
			network.Next(nil, before(credit))
			network.Always(on("TransactGetItems", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
				if rand.N(2) == 0 {
					credit()
				}
				return deliver()
			}))
			found := a.run(t.Context())
			assert.Empty(t, found.Unfinished)
			assert.Len(t, found.Mismatches, 1)
		})
	}
}

// One of two equal credits is missing. The balance scan sees the other before its move, so that
// rows and balance agree by chance.
func TestRowInFlightStandsInForMissingOne(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	credit := credits(t, b, "1")
	credit()
	credit()
	b.Damage(t, b.Config.TransactionsTable, fmt.Sprintf("DELETE FROM ? WHERE id = '%s'", idOf(t, "1", "credit-1")))
	a, network := auditor(b)
	a.tables.segments = 1
	moment := strings.NewReplacer(`"120"`, `"110"`, `"version":{"N":"2"}`, `"version":{"N":"1"}`)
	network.Next(nil, faults.Rewrite(moment.Replace)) // Scan, Scan
	found := a.run(t.Context())
	assert.Equal(t, []finding{{UserID: "1", Kind: books.KindBalance, Detail: "the balance is 120 at version 2, and the history makes it 110 at version 1"}}, found.Mismatches)
}

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

// isReadingOfOne reports whether a request reads one user's balance, and not the settings.
func isReadingOfOne(r *http.Request) bool {
	operation := faults.Operation(r)
	if operation != "GetItem" {
		return operation == "TransactGetItems"
	}
	body, _ := io.ReadAll(r.Body) // the request was sent whole
	r.Body = io.NopCloser(bytes.NewReader(body))
	return !bytes.Contains(body, []byte(infra.SettingsID))
}

// While a user is unsettled, no metric reports zero mismatches: an alarm on damage must
// not end because a user could not be read.
func TestMetricsOfUnsettledUser(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	credit := credits(t, b, "1")
	credit()
	moving := through(t, b, func(_ http.ResponseWriter, r *http.Request) bool {
		if isReadingOfOne(r) {
			credit()
		}
		return false
	})
	status, out, log := command(t, moving, "-emf", "-settle", "10ms")
	assert.Equal(t, exitUnsettled, status, log)
	values, _ := metricsOf(t, out)
	for _, count := range []string{"Transactions", "Users"} {
		assert.Positive(t, values[count])
		delete(values, count)
	}
	assert.Equal(t, map[string]int{"AuditFailed": 0, "AuditUnsettled": 1}, values)
}

func TestUnfinishedWithUnsettledUser(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	transfer := infratest.Entries(t, "t", "alice debit 10", "bob credit 10")
	_, err := ledger.New(b.Store, at(lastYear)).Post(t.Context(), transfer)
	require.NoError(t, err)
	credit := credits(t, b, "1")
	credit()
	b.Damage(t, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+transfer.TransactionID().Entry(1).String()+"'")
	b.Damage(t, b.Config.AggregateTable, "DELETE FROM ? WHERE user_id = 'bob'")
	fourthScan := nth(4, "Scan", forbid) // for the rest of the transfer
	partly := through(t, b, func(w http.ResponseWriter, r *http.Request) bool {
		if isReadingOfOne(r) {
			credit()
		}
		return fourthScan(w, r)
	})
	status, out, _ := command(t, partly, "-segments", "1", "-settle", "10ms")
	assert.Equal(t, exitUnfinished, status, out)
	assert.Contains(t, out, "unsettled  user \"1\": balance: ")
	assert.Contains(t, out, "0 wrong, 1 unsettled; the rest was not read\n")
}

// A user whom DynamoDB is too busy to read is unsettled: that may be this user's problem alone.
// DynamoDB's lasting faults are not.
func TestOneUserCanNotBeRead(t *testing.T) {
	t.Parallel()
	for answer, c := range map[string]struct{ code, status int }{
		"ThrottlingException": {http.StatusBadRequest, exitUnsettled},
		"InternalServerError": {http.StatusInternalServerError, exitUnfinished},
		"ServiceUnavailable":  {http.StatusServiceUnavailable, exitUnfinished},
	} {
		t.Run(answer, func(t *testing.T) {
			t.Parallel()
			onModel(t, func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network) {
				postAt(t, b, model, dynamodbmodel.Moment{}, "1")
				network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
					if !isReadingOfOne(r) {
						return deliver()
					}
					return faults.Exception(c.code, answer, "no")(r, deliver)
				})
				found := a.run(t.Context())
				assert.Equal(t, c.status, found.status())
				assert.Contains(t, fmt.Sprint(found), answer)
			})
		})
	}
}

// An end whose balance is still moving replaces a missing one, so that rows and balance agree by
// chance.
func TestEndInFlightStandsInForMissingOne(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	begun := ledger.New(b.Store, at(time.Now().Add(-30*time.Minute)))
	first, second := hold(t, begun, "1", "alice debit 10"), hold(t, begun, "2", "alice debit 10")
	_, err := begun.Void(t.Context(), ledger.EndRequest{TransactionID: first})
	require.NoError(t, err)

	scans, earlier := atomic.Int32{}, ""
	aggregates := func(use func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error)) faults.Fault {
		scans.Store(0)
		return on("Scan", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
			if scans.Add(1) == 2 {
				return use(r, deliver)
			}
			return deliver()
		})
	}
	a, network := auditor(b)
	a.tables.segments = 1
	network.Always(aggregates(func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		answer, err := deliver()
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(answer.Body)
		earlier, answer.Body = string(body), io.NopCloser(bytes.NewReader(body))
		return answer, err
	}))
	require.Equal(t, exitRight, a.run(t.Context()).status())
	require.Contains(t, earlier, `"90"`)

	_, err = b.Ledger.Void(t.Context(), ledger.EndRequest{TransactionID: second})
	require.NoError(t, err)
	b.Damage(t, b.Config.TransactionsTable, "DELETE FROM ? WHERE id = '"+first.End().String()+"'")
	a, network = auditor(b)
	a.tables.segments = 1
	network.Always(aggregates(faults.Rewrite(func(string) string { return earlier })))
	found := a.run(t.Context())
	assert.Equal(t, exitWrong, found.status(), "%+v", found)
}

// The row may show later than the balance that names it.
func TestTransactionOfBalanceIsLate(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	post(t, ledger.New(b.Store, at(lastYear)), "1", "+10", "+1")
	alter(t, b, b.Config.AggregateTable, "UPDATE ? SET transaction_id = '"+idOf(t, "1", "1")+"' WHERE user_id = '1'")
	a, network := auditor(b)
	reads := 0
	network.Always(on("GetItem", func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if reads++; reads == 1 {
			return faults.Answer(r, http.StatusOK, "{}"), nil
		}
		return deliver()
	}))
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
	assert.Equal(t, 2, reads)
}

// A transaction that is being applied, so that a scan sees only a part, is no damage: it waits for
// the next audit.
func TestEntriesInFlight(t *testing.T) {
	t.Parallel()
	onModel(t, func(t *testing.T, b *infratest.Books, model *dynamodbmodel.Model, a *audit, network *faults.Network) {
		moment := dynamodbmodel.Moment{Late: []time.Duration{0, 3 * time.Second, 3 * time.Second, 3 * time.Second}}
		go func() {
			_, err := ledger.New(b.Over(model.At(moment)), time.Now).Post(t.Context(), infratest.Entries(t, "1", "1 credit 10", "2 credit 10"))
			assert.NoError(t, err)
		}()
		synctest.Wait()
		found := a.run(t.Context())
		assert.Equal(t, exitRight, found.status(), "%+v", found)
		assert.Equal(t, 1, found.Transactions, "a part was seen")
		assert.True(t, a.fold.EntriesFit(), "and not compared")
	})
}

// Rules that change while an audit reads raise no alarm.
func TestMovingRules(t *testing.T) {
	t.Parallel()
	onModel(t, func(t *testing.T, b *infratest.Books, _ *dynamodbmodel.Model, a *audit, network *faults.Network) {
		a.tables.segments = 1
		change := func(key string) func() {
			return func() {
				_, err := b.Ledger.ChangeRules(t.Context(), infratest.Rules(t, "1", key, "debits blocked", "limit 5"))
				require.NoError(t, err)
			}
		}
		change("before")()
		network.Next(nil, before(change("meanwhile"))) // Scan, Scan
		assert.Equal(t, exitRight, a.run(t.Context()).status())
	})
}

func saleOf(t *testing.T, l *ledger.Ledger, key string, entries ...string) ledger.Original {
	t.Helper()
	result, err := l.Post(t.Context(), infratest.Entries(t, key, entries...))
	require.NoError(t, err)
	o, err := l.Original(t.Context(), result.Transaction.ID)
	require.NoError(t, err)
	return o
}

// A refund between the two tables' readings waits for the next audit, and so does one whose row
// shows before its account.
func TestRefundsMeanwhile(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	l := ledger.New(b.Store, at(lastYear))
	o := saleOf(t, l, "sale", "alice debit 10")
	_, err := l.Post(t.Context(), infratest.Refund(t, o, "old", "0 1"))
	require.NoError(t, err)
	refund := func(key string) func() {
		return func() {
			_, err := b.Ledger.Post(t.Context(), infratest.Refund(t, o, key, "0 1"))
			assert.NoError(t, err)
		}
	}
	for i, next := range [][]faults.Fault{
		{before(refund("before the rows"))},
		{nil, nil, before(refund("between"))}, // Scan, GetItem for the original, Scan
	} {
		a, network := auditor(b)
		a.tables.segments = 1
		network.Next(next...)
		found := a.run(t.Context())
		assert.Equal(t, exitRight, found.status(), "%d: %+v", i, found)
		assert.Equal(t, 2, requests(network, "Scan"), "no other scan looks for damage")
	}
	a, _ := auditor(b)
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
}

// Two clocks date a hold and its end: the hold may seem to be from the last minute, and its end
// from before.
func TestHoldAndEndOfTwoClocks(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	minuteAgo := time.Now().Add(-time.Minute)
	for key, begun := range map[string]time.Duration{"1": 3 * time.Second, "2": 5 * time.Second} {
		l := ledger.New(b.Store, func() time.Time { return minuteAgo.Add(begun) })
		id := hold(t, l, key, "alice debit 10", "bob credit 10")
		earlier := ledger.New(b.Store, func() time.Time { return minuteAgo.Add(-2 * time.Second) })
		amount, err := ledger.ParseAmount("10")
		require.NoError(t, err)
		_, err = earlier.Capture(t.Context(), ledger.EndRequest{TransactionID: id}, amount)
		require.NoError(t, err)
	}
	status, out, _ := command(t, b, "-settle", "10ms")
	assert.Equal(t, 0, status, out)
}
