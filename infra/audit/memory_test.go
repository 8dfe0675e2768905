package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/infra/infratest/faults"
	"onewrite/infra/internal/cli"
	"onewrite/ledger"
)

// manyRows answers scans like DynamoDB with the given numbers of users and rows. The rows are
// credits of 1, spread evenly over the users. If balances is false, the balances table is empty.
type manyRows struct {
	users, rows int
	balances    bool
}

// RoundTrip implements [http.RoundTripper].
func (m manyRows) RoundTrip(r *http.Request) (*http.Response, error) {
	var asked struct {
		TableName              string
		Segment, TotalSegments int
		ExclusiveStartKey      map[string]map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		return nil, err
	}
	if faults.Operation(r) != "Scan" { // accept every write
		return faults.Answer(r, http.StatusOK, `{}`), nil
	}
	total, key := m.rows, "id"
	if asked.TableName == "balances" {
		key, total = "user_id", m.users
		if !m.balances {
			total = 0
		}
	}
	first, last := total/asked.TotalSegments*asked.Segment, total/asked.TotalSegments*(asked.Segment+1)
	if after := asked.ExclusiveStartKey[key]["N"]; after != "" {
		first, _ = strconv.Atoi(after)
	}
	var page strings.Builder
	until := min(first+pageRows, last)
	fmt.Fprintf(&page, `{"Count":%d,"Items":[`, until-first)
	for i := first; i < until; i++ {
		if i > first {
			page.WriteByte(',')
		}
		if key == "id" {
			user, _ := ledger.ParseUserID(userName(i % m.users))
			idempotencyKey, _ := ledger.ParseIdempotencyKey(strconv.Itoa(i))
			fmt.Fprintf(&page, `{"id":{"S":%q},"user_id":{"S":%q},"ammount":{"N":"1"},"type":{"S":"credit"},"status":{"S":"posted"},"idempotency_key":{"S":"%d"},"created_at":{"S":"2025-11-22T12:00:00.000Z"}}`,
				ledger.NewTransactionID(user, idempotencyKey), user, i)
		} else {
			version := m.rows / m.users
			if i < m.rows%m.users {
				version++
			}
			fmt.Fprintf(&page, `{"user_id":{"S":%q},"balance":{"N":"%d"},"version":{"N":"%d"}}`, userName(i), 100+version, version)
		}
	}
	page.WriteByte(']')
	if until < last {
		fmt.Fprintf(&page, `,"LastEvaluatedKey":{%q:{"N":"%d"}}`, key, until)
	}
	page.WriteByte('}')
	return faults.Answer(r, http.StatusOK, page.String()), nil
}

// userName returns a user id as long as a UUID.
func userName(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// BenchmarkMemory runs the audit and the rebuild on the tables of manyRows, and reports the
// process's peak resident memory, which includes the generated pages:
//
//	AUDIT_USERS=3000000 AUDIT_ROWS=10000000 go test ./infra/audit -run '^$' -bench Memory -benchtime 1x
func BenchmarkMemory(b *testing.B) {
	size := func(variable string, otherwise int) int {
		if n, err := strconv.Atoi(os.Getenv(variable)); err == nil {
			return n
		}
		return otherwise
	}
	users, rows := size("AUDIT_USERS", 3_000), size("AUDIT_ROWS", 10_000)
	for _, task := range []string{"audit", "rebuild"} {
		b.Run(task, func(b *testing.B) {
			c := infra.Config{TransactionsTable: "transactions", AggregateTable: "balances", Region: "us-east-1", Settings: ledger.DefaultSettings()}
			client := infra.NewClient(c, patient, func(o *dynamodb.Options) {
				o.Credentials = aws.AnonymousCredentials{}
				o.HTTPClient = &http.Client{Transport: manyRows{users, rows, task == "audit"}}
			})
			for b.Loop() {
				a := &audit{reader: &reader{client: client, config: c, pace: &pace{}, segments: 8, progress: &cli.Progress{}}, settle: time.Millisecond, maxWaiting: maxWaiting}
				if task == "audit" {
					found := a.run(b.Context())
					require.Empty(b, found.Unfinished)
					assert.Equal(b, users, found.Users)
					assert.Empty(b, found.Mismatches)
				} else {
					status, err := rebuildAll(b.Context(), a, options{rebuild: true, write: true}, io.Discard)
					require.NoError(b, err)
					assert.Equal(b, exitRight, status)
				}
				runtime.KeepAlive(a)
			}
			b.ReportMetric(residentMB(b), "MB-resident-at-most")
		})
	}
}

// residentMB returns the process's peak resident memory, or 0 if the system does not report it.
func residentMB(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kilobytes, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(b, err)
	return float64(kilobytes) / 1024
}

// BenchmarkAudit runs the built command on large books while callers post. It reports the command's
// memory and CPU time, and the number of posts.
func BenchmarkAudit(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "audit")
	output, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(b, err, "%s", output)
	for _, c := range []struct{ transactions, users int }{
		{20_000, 200},
		{100_000, 1_000},
	} {
		b.Run(fmt.Sprintf("%d-transactions-of-%d-users", c.transactions, c.users), func(b *testing.B) {
			books := infratest.New(b)
			amounts := slices.Repeat([]string{"12.34"}, c.transactions/c.users)
			for user := range c.users {
				books.Credit(b, fmt.Sprint("user-", user), amounts...)
			}
			posted, stop := keepPosting(b, books, c.users, 0)
			for b.Loop() {
				command := exec.Command(binary, "-json")
				command.Env = books.Env()
				output, err := command.Output()
				require.NoError(b, err, "%s", output)
				var found struct{ Users, Transactions int }
				require.NoError(b, json.Unmarshal(output, &found))
				assert.Equal(b, c.users, found.Users)
				assert.GreaterOrEqual(b, found.Transactions, c.transactions)
				assert.Positive(b, posted.Load())
				b.ReportMetric(float64(posted.Load()), "posted-meanwhile")
				b.ReportMetric(float64(command.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)/1024, "MB-at-most")
				b.ReportMetric(command.ProcessState.UserTime().Seconds(), "s-of-CPU")
			}
			stop()
		})
	}
}
