package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/big"
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
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/dynamodbmodel"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/infratest/script"
	"onewrite/infra/internal/books"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// auditor returns an audit of the books, and the network that carries its requests.
func auditor(b *infratest.Books) (*audit, *faults.Network) {
	return auditorOver(b, nil)
}

// auditorOver is like auditor, but if model is not nil, the requests go to it.
func auditorOver(b *infratest.Books, model *dynamodbmodel.Model) (*audit, *faults.Network) {
	network := &faults.Network{}
	options := []func(*dynamodb.Options){patient}
	if model != nil {
		options = append(options, faults.Over(model), func(o *dynamodb.Options) { o.Credentials = aws.AnonymousCredentials{} })
	}
	client := infra.NewClient(b.Config, append(options, faults.Under(network))...)
	return &audit{
		reader:     &reader{client: client, config: b.Config, pace: &pace{}, segments: 2, progress: &cli.Progress{}},
		settle:     10 * time.Millisecond,
		maxWaiting: maxWaiting,
	}, network
}

// on returns a fault that affects only one operation's requests.
func on(operation string, fault faults.Fault) faults.Fault {
	return func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if faults.Operation(r) != operation {
			return deliver()
		}
		return fault(r, deliver)
	}
}

// before returns a fault that calls do before it delivers a request.
func before(do func()) faults.Fault {
	return func(_ *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		do()
		return deliver()
	}
}

func requests(n *faults.Network, operation string) int {
	return len(slices.DeleteFunc(n.Requests(), func(o string) bool { return o != operation }))
}

// credits returns a function that posts another credit of 10 to the user at each call.
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

// keepPosting has four callers credit and debit random users, with a pause after each call, until
// stop is called. stop waits for every call, because an abandoned call could still be applied.
func keepPosting(t testing.TB, b *infratest.Books, users int, pause time.Duration) (posted *atomic.Int64, stop func()) {
	var callers sync.WaitGroup
	var stopped atomic.Bool
	posted = new(atomic.Int64)
	for caller := range 4 {
		callers.Go(func() {
			for i := 0; !stopped.Load(); i++ {
				kind := []ledger.Type{ledger.Credit, ledger.Debit}[rand.N(2)]
				r := infratest.Request(t, fmt.Sprint("user-", rand.N(users)), fmt.Sprint("live-", caller, "-", i), kind, fmt.Sprint(1+rand.N(50)))
				if _, err := b.Ledger.Post(context.WithoutCancel(t.Context()), r); err != nil {
					assert.ErrorIs(t, err, ledger.ErrInsufficientFunds)
				}
				posted.Add(1)
				time.Sleep(pause)
			}
		})
	}
	return posted, func() { stopped.Store(true); callers.Wait() }
}

// Audits over a bad network find nothing wrong while callers post to a few users. Once the callers
// stop, an audit settles all users.
func TestAuditDuringPosts(t *testing.T) {
	t.Parallel()
	b := infratest.New(t)
	bad := func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if rand.N(10) == 0 {
			return faults.All[rand.N(len(faults.All))].Fault(r, deliver)
		}
		return deliver()
	}
	b.Network.Always(bad)
	posted, stop := keepPosting(t, b, 8, 20*time.Millisecond) // slow enough for the audit to keep up
	for range 6 {
		a, network := auditor(b)
		network.Always(bad)
		found := a.run(t.Context())
		assert.Empty(t, found.Unfinished)
		assert.Empty(t, found.Mismatches)
	}
	stop()
	b.Network.Always(nil)
	a, _ := auditor(b)
	found := a.run(t.Context())
	assert.Equal(t, exitRight, found.status(), "%+v", found)
	t.Logf("%d transactions of %d users, and %d calls", found.Transactions, found.Users, posted.Load())
}

// scene is an audit of books on a model of DynamoDB, in virtual time.
type scene struct {
	*audit
	t       *testing.T
	b       *infratest.Books
	model   *dynamodbmodel.Model
	network *faults.Network
	scans   int
}

// onModel runs f in virtual time. The scene has the command's default -settle and -segments.
func onModel(t *testing.T, f func(s *scene)) {
	synctest.Test(t, func(t *testing.T) {
		b, model := infratest.NewOnModel(t, dynamodbmodel.Moment{})
		a, network := auditorOver(b, model)
		o, err := parseOptions(nil, nil)
		require.NoError(t, err)
		a.settle, a.segments = o.settle, o.segments
		f(&scene{audit: a, t: t, b: b, model: model, network: network})
	})
}

// post posts entries. moment sets the model's delays for the posting's requests.
func (s *scene) post(moment dynamodbmodel.Moment, key string, entries ...string) {
	s.t.Helper()
	l := ledger.New(s.b.Over(s.model.At(moment)), time.Now)
	_, err := l.Post(s.t.Context(), infratest.Entries(s.t, key, entries...))
	assert.NoError(s.t, err)
}

// begin starts a posting, and returns while it is in flight.
func (s *scene) begin(moment dynamodbmodel.Moment, key string, entries ...string) {
	go s.post(moment, key, entries...)
	synctest.Wait()
}

// always injects a fault into all requests of the given operations.
func (s *scene) always(fault faults.Fault, operations ...string) {
	s.network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
		if slices.Contains(operations, faults.Operation(r)) {
			return fault(r, deliver)
		}
		return deliver()
	})
}

// put copies the rows of other books into the scene's books, with edits.
func (s *scene) put(from *infratest.Books, edits ...edit) {
	rowsOf(s.t, from).with(edits...).writeTo(s.t, s.b)
	s.b.Damage(s.t, s.b.Config.TransactionsTable) // the check at the end of the test must find damage
}

// The audit finds all damage and reports nothing else, even for users who are written to meanwhile.
func TestDamageDuringWrites(t *testing.T) {
	t.Parallel()
	none := dynamodbmodel.Moment{}
	late := func(times ...time.Duration) dynamodbmodel.Moment {
		return dynamodbmodel.Moment{Late: times, Lag: time.Hour}
	}
	old := func(b *infratest.Books) *ledger.Ledger { return ledger.New(b.Store, at(longAgo)) }
	changeHold := func(s *scene) {
		other, _ := infratest.OpenOnModel(none, ledger.DefaultSettings())
		calls := script.At(other, time.Now().Add(-30*time.Minute))
		calls.Play(s.t, "h: hold 1h 1 debit 10")
		hold := calls.ID("h")
		s.put(other, set("1", "hold:"+base64.RawURLEncoding.EncodeToString(hold[:]), &types.AttributeValueMemberL{Value: []types.AttributeValue{num("10"), num("1")}}))
	}
	for _, c := range []struct {
		name   string
		scene  func(s *scene)
		status int
		check  func(s *scene, found report) // nil: the first two scans must settle all users
	}{
		{"a row that only a consistent read sees", func(s *scene) {
			s.post(dynamodbmodel.Moment{Lag: time.Hour}, "lags", "1 credit 10")
			s.post(none, "seen", "1 credit 10")
		}, exitRight, func(s *scene, found report) { assert.Equal(s.t, 2, found.Transactions) }},

		{"a balance three seconds before its row, and never in the index", func(s *scene) {
			s.post(none, "before", "1 credit 10")
			s.begin(late(3*time.Second, 0), "late", "1 credit 10")
		}, exitRight, func(s *scene, _ report) {
			assert.Equal(s.t, 3*s.segments, requests(s.network, "Scan"), "the second scan waits for settle")
		}},

		// TransactGetItems fails while the posting is being applied.
		{"a row before its balance", func(s *scene) {
			s.post(none, "before", "1 credit 10")
			s.begin(dynamodbmodel.Moment{Late: []time.Duration{0, time.Second}}, "late", "1 credit 10")
		}, exitRight, nil},

		// After the second scan of the transactions, the audit waits for -settle and reads the
		// balance with GetItem.
		{"a row before its balance in the second scan", func(s *scene) {
			s.segments = 1
			s.post(none, "before", "1 credit 10")
			s.begin(late(time.Second, 0), "not in the index", "1 credit 10")
			s.always(before(func() {
				if s.scans++; s.scans == 3 {
					s.begin(dynamodbmodel.Moment{Late: []time.Duration{0, 3 * time.Second}}, "late", "1 credit 10")
				}
			}), "Scan")
		}, exitRight, func(s *scene, _ report) { assert.Equal(s.t, 3, s.scans) }},

		// The second query reads only the last minute, including a row exactly a minute old.
		{"a user with postings and then none", func(s *scene) {
			s.post(none, "old", "1 credit 10")
			time.Sleep(inFlight)
			s.segments = 1
			move := before(credits(s.t, s.b, "1"))
			s.network.Next(nil, move, move, nil, move) // before the second Scan and the first two TransactGetItems
		}, exitRight, func(s *scene, _ report) {
			assert.Equal(s.t, []string{"Scan", "Scan", "TransactGetItems", "Query", "TransactGetItems", "Query", "TransactGetItems"}, s.network.Requests())
		}},

		{"an active user with a hold and old rows", func(s *scene) {
			post(s.t, old(s.b), "1", "+10", "-5", "-1000")
			script.At(s.b, longAgo).Play(s.t, "hold: hold 1 debit 3")
			s.post(none, "recent", "1 debit 1")
			s.always(before(func() {
				if s.scans++; s.scans <= 4 {
					s.post(none, fmt.Sprint("move-", s.scans), fmt.Sprint("1 ", []string{"credit ", "debit "}[s.scans%2], s.scans))
				}
			}), "TransactGetItems")
		}, exitRight, func(s *scene, _ report) { assert.Equal(s.t, 5, s.scans, "readings") }},

		{"postings between the scans", func(s *scene) {
			post(s.t, old(s.b), "1", "+10")
			s.segments = 1
			s.network.Next(nil, before(func() { credits(s.t, s.b, "1")(); credits(s.t, s.b, "2")() })) // before the second Scan
		}, exitRight, func(s *scene, found report) {
			sum := func(n int) books.Sum { return books.SumOf(big.NewInt(int64(n))) }
			assert.Equal(s.t, report{Users: 2, Transactions: 1, Mismatches: []finding{}, Unsettled: []finding{},
				Totals: &trialBalance{Users: 2, Opening: sum(200), Credits: sum(30), History: sum(230), Balances: sum(230)}}, found, "the totals include rows written after the scan")
		}},

		{"a user with a posting before each read", func(s *scene) {
			credit := credits(s.t, s.b, "1")
			credit()
			s.always(before(credit), "TransactGetItems", "GetItem")
		}, exitUnsettled, func(s *scene, found report) {
			assert.Equal(s.t, "1", found.Unsettled[0].UserID)
			var text, line strings.Builder
			require.NoError(s.t, found.writeText(&text))
			assert.Contains(s.t, text.String(), "nothing wrong, 1 unsettled: their rows could not be compared with their balances; audit again")
			require.NoError(s.t, found.writeMetrics(&line, "", time.Now()))
			values, _ := metricsOf(s.t, line.String())
			assert.Equal(s.t, 1, values["AuditUnsettled"])
			assert.NotContains(s.t, values, "BalanceMismatches", "an alarm on damage must not end because a user could not be read")
			found.Unfinished = "no more time"
			assert.Equal(s.t, exitUnfinished, found.status())
			assert.Contains(s.t, found.sentence(), "0 wrong, 1 unsettled; the rest was not read")
		}},

		// In these cases TransactGetItems never succeeds, so only another scan can settle the user.
		{"a user locked by transactions", func(s *scene) {
			s.post(none, "recent", "1 credit 10")
			s.begin(dynamodbmodel.Moment{Hold: time.Hour}, "held", "1 credit 10")
		}, exitRight, func(*scene, report) {}},
		{"a user locked by transactions and throttled", func(s *scene) {
			s.post(none, "recent", "1 credit 10")
			s.begin(dynamodbmodel.Moment{Hold: time.Hour}, "held", "1 credit 10")
			s.always(faults.Throttle, "GetItem")
		}, exitUnsettled, func(*scene, report) {}},

		// Throttling can affect a single user, so the audit continues. Server errors affect all
		// users, so it stops.
		{"a user whose reads are throttled", func(s *scene) {
			s.post(none, "1", "1 credit 10")
			s.always(faults.Exception(http.StatusBadRequest, "ThrottlingException", "no"), "GetItem", "TransactGetItems")
		}, exitUnsettled, func(s *scene, found report) { assert.Contains(s.t, found.Unsettled[0].Detail, "ThrottlingException") }},
		{"a DynamoDB error", func(s *scene) {
			s.post(none, "1", "1 credit 10")
			s.always(faults.ServerError, "GetItem", "TransactGetItems")
		}, exitUnfinished, func(s *scene, found report) { assert.Contains(s.t, found.Unfinished, "InternalServerError") }},
		{"DynamoDB unavailable", func(s *scene) {
			s.post(none, "1", "1 credit 10")
			s.always(faults.Exception(http.StatusServiceUnavailable, "ServiceUnavailable", "no"), "GetItem", "TransactGetItems")
		}, exitUnfinished, func(s *scene, found report) { assert.Contains(s.t, found.Unfinished, "ServiceUnavailable") }},

		{"a row visible later than the balance that names it", func(s *scene) {
			other, _ := infratest.OpenOnModel(none, ledger.DefaultSettings())
			post(s.t, old(other), "1", "+10", "+1")
			rowsOf(s.t, other).with(set("1", "transaction_id", text(idOf(s.t, "1", "1")))).writeTo(s.t, s.b)
			s.always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
				if s.scans++; s.scans == 1 {
					return faults.Answer(r, http.StatusOK, "{}"), nil
				}
				return deliver()
			}, "GetItem")
		}, exitRight, func(s *scene, _ report) { assert.Equal(s.t, 2, s.scans) }},

		// The audit leaves a partly visible transaction to the next audit.
		{"a partly visible transaction", func(s *scene) {
			s.begin(late(0, 3*time.Second, 3*time.Second, 3*time.Second), "1", "1 credit 10", "2 credit 10")
		}, exitRight, func(s *scene, found report) {
			assert.Equal(s.t, 1, found.Transactions, "a part was seen")
			assert.True(s.t, s.fold.EntriesFit(), "and not compared")
		}},

		{"rule changes between the scans", func(s *scene) {
			s.segments = 1
			calls := script.InTime(s.b)
			calls.Play(s.t, "before: rules 1 debits blocked, limit 5")
			s.network.Next(nil, before(func() { calls.Play(s.t, "meanwhile: rules 1 debits blocked, limit 5") })) // before the second Scan
		}, exitRight, func(*scene, report) {}},

		// The clocks differ: each hold is dated in the last minute, and its end earlier.
		{"a hold and its end dated by different clocks", func(s *scene) {
			for i := range 6 { // several holds, so that the scan reads some ends before their holds
				calls := script.At(s.b, time.Now().Add(3*time.Second-inFlight))
				calls.Play(s.t, fmt.Sprintf("%d: hold alice debit 10, bob credit 10; -5s; end: capture %[1]d", i))
			}
		}, exitRight, nil},

		// The function's clock is slow, so these rows look older than the audit.
		{"holds made and ended during the scan, on a slow clock", func(s *scene) {
			s.segments = 2
			calls := script.At(s.b, time.Now().Add(-5*time.Minute))
			s.network.Next(nil, before(func() {
				time.Sleep(time.Second) // so the other segment is read first
				for i := range 6 {      // several holds, so that the scan reads some ends but not their holds
					calls.Play(s.t, fmt.Sprintf("%d: hold alice debit 10, bob credit 10; end-%[1]d: capture %[1]d", i))
				}
			}))
		}, exitRight, func(*scene, report) {}},
		{"refunds during the scans, on a slow clock", func(s *scene) {
			s.segments = 1
			calls := script.At(s.b, time.Now().Add(-5*time.Minute))
			calls.Play(s.t, "sale: alice debit 10; old: refund sale 0 1")
			s.always(before(func() {
				s.scans++
				calls.Play(s.t, fmt.Sprintf("%d: refund sale 0 1", s.scans))
			}), "Scan")
		}, exitRight, func(*scene, report) {}},

		{"a wrong refund account that can't be read again", func(s *scene) {
			other, _ := infratest.OpenOnModel(none, ledger.DefaultSettings())
			calls := script.At(other, longAgo)
			calls.Play(s.t, "sale: alice debit 10; refund: refund sale 0 1")
			s.put(other, drop(infra.RefundsKey(calls.ID("sale"))))
			s.segments = 1
			s.network.Always(func(r *http.Request, deliver func() (*http.Response, error)) (*http.Response, error) {
				switch operation := faults.Operation(r); {
				case operation == "Scan":
					s.scans++
				case operation == "GetItem" && s.scans == 4:
					return faults.ServerError(r, deliver)
				}
				return deliver()
			})
		}, exitUnfinished, func(s *scene, found report) {
			assert.Regexp(s.t, `^read refunds of [-0-9a-f]+: InternalServerError: `, found.Unfinished)
			assert.Empty(s.t, found.Mismatches)
		}},

		{"refunds before and between the scans", func(s *scene) {
			s.segments = 1
			calls := script.At(s.b, longAgo)
			calls.Play(s.t, "sale: alice debit 10; old: refund sale 0 1")
			calls = calls.By(s.b.Ledger)
			refund := before(func() {
				s.scans++
				calls.Play(s.t, fmt.Sprintf("%d: refund sale 0 1", s.scans))
			})
			s.network.Next(refund, nil, nil, refund) // before each of the two Scans
		}, exitRight, nil},

		{"a missing row of an active user", func(s *scene) {
			other, _ := infratest.OpenOnModel(none, ledger.DefaultSettings())
			post(s.t, other.Ledger, "1", "+10", "+10")
			s.put(other, drop(idOf(s.t, "1", "1")))
			s.segments = 1
			credit := credits(s.t, s.b, "1")
			s.network.Next(nil, before(credit)) // before the second Scan
			s.always(before(func() {
				if s.scans++; s.scans%2 == 0 {
					credit()
				}
			}), "TransactGetItems")
		}, exitWrong, func(s *scene, found report) { assert.Len(s.t, found.Mismatches, 1) }},

		// In the first two scans, rows and balance agree by chance.
		{"a missing row hidden by one in flight", func(s *scene) {
			other, _ := infratest.OpenOnModel(none, ledger.DefaultSettings())
			credits(s.t, other, "1")()
			s.put(other, drop(idOf(s.t, "1", "credit-1")))
			s.begin(dynamodbmodel.Moment{Late: []time.Duration{0, 3 * time.Second}}, "2", "1 credit 10")
		}, exitWrong, func(s *scene, found report) {
			assert.Equal(s.t, "the balance is 120 at version 2, but the history adds up to 110 at version 1", found.Mismatches[0].Detail)
		}},
		{"a changed hold of an active user", func(s *scene) {
			changeHold(s)
			s.post(none, "recent", "1 credit 10")
		}, exitWrong, func(s *scene, found report) {
			require.Len(s.t, found.Mismatches, 1)
			assert.Equal(s.t, "it is an open hold in the balance, but the rows have no open hold with this id, amount and expiry", found.Mismatches[0].Detail)
		}},
		{"a changed hold of a user locked by transactions", func(s *scene) {
			changeHold(s)
			s.post(none, "recent", "1 credit 10")
			s.begin(dynamodbmodel.Moment{Hold: time.Hour}, "held", "1 credit 10")
		}, exitWrong, func(s *scene, found report) { assert.Len(s.t, found.Mismatches, 1) }},
		{"a changed hold whose row is throttled", func(s *scene) {
			changeHold(s)
			s.post(none, "recent", "1 credit 10")
			s.always(faults.Throttle, "GetItem")
		}, exitUnsettled, func(s *scene, found report) { assert.Len(s.t, found.Unsettled, 1) }},
		{"a missing end hidden by one in flight", func(s *scene) {
			other, _ := infratest.OpenOnModel(none, ledger.DefaultSettings())
			calls := script.At(other, time.Now().Add(-30*time.Minute))
			calls.Play(s.t, "1: hold 1h alice debit 10; 2: hold 1h alice debit 10; v1: void 1")
			s.put(other, drop(calls.ID("1/end").String()))
			go func() {
				l := ledger.New(s.b.Over(s.model.At(dynamodbmodel.Moment{Late: []time.Duration{0, 3 * time.Second}})), time.Now)
				_, err := calls.By(l).Send(s.t.Context(), s.t, "v2: void 2")
				assert.NoError(s.t, err)
			}()
			synctest.Wait()
		}, exitWrong, func(*scene, report) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			onModel(t, func(s *scene) {
				c.scene(s)
				found := s.run(s.t.Context())
				assert.Equal(s.t, c.status, found.status(), "%+v", found)
				if c.check == nil {
					assert.Equal(s.t, 2*s.segments, requests(s.network, "Scan"))
				} else {
					c.check(s, found)
				}
				s.network.Always(nil)
				time.Sleep(2 * time.Hour) // all postings have ended by then
			})
		})
	}
}
