package infra_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/script"
	"onewrite/ledger"
)

// Every row in the table in testdata/baseline.md names tests, and each named test exists.
func TestBaseline(t *testing.T) {
	t.Parallel()
	const root = ".."
	table, err := os.ReadFile(filepath.Join(root, "testdata", "baseline.md"))
	require.NoError(t, err)
	lines := 0
	for line := range strings.Lines(string(table)) {
		if !strings.HasPrefix(line, "| ") || strings.Contains(line, "what makes it impossible here") || strings.HasPrefix(line, "| ---") {
			continue
		}
		lines++
		tests := regexp.MustCompile("`([^`]+)` (\\w+)").FindAllStringSubmatch(line, -1)
		assert.NotEmpty(t, tests, line)
		for _, test := range tests {
			files, err := filepath.Glob(filepath.Join(root, test[1], "*.go"))
			require.NoError(t, err)
			found := false
			for _, file := range files {
				source, err := os.ReadFile(file)
				require.NoError(t, err)
				found = found || strings.Contains(string(source), "func "+test[2]+"(")
			}
			assert.True(t, found, "no %s in %s", test[2], test[1])
		}
	}
	assert.Equal(t, 12+6, lines)
}

// A key never expires, because the transaction's own row stores it. There is no separate
// record or token with a lifetime.
func TestKeyNeverExpires(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	calls := script.New(books)
	longAgo := calls.By(ledger.New(books.Store, func() time.Time { return time.Date(1996, 11, 22, 12, 0, 0, 0, time.UTC) }))
	longAgo.Play(t, "posted: 1 credit 10; declined: 1 debit 1000 = insufficient funds: entry 0 on 110")
	calls.Play(t, "posted; declined; 1 110")

	template, err := os.ReadFile("../template.yaml")
	require.NoError(t, err)
	assert.NotContains(t, string(template), "TimeToLive")
}

func TestFirstReadsAtOnce(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	user := infratest.Request(t, "1", "k", ledger.Credit, "1").UserID()
	funds := make([]ledger.Funds, 8)
	var reads sync.WaitGroup
	for i := range funds {
		reads.Go(func() {
			var err error
			funds[i], err = books.Ledger.Balance(t.Context(), user)
			assert.NoError(t, err)
		})
	}
	reads.Wait()
	for _, f := range funds {
		assert.Equal(t, "100", f.Balance.String())
	}
}

// Times are returned and stored in UTC, even if the clock is in another time zone.
func TestTimeZone(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	noonUTC := time.Date(2026, 11, 22, 12, 0, 0, 5e6, time.UTC)
	for name, offset := range map[string]int{"west": -12 * 3600, "east": 14 * 3600, "odd": 5*3600 + 45*60} {
		there := ledger.New(books.Store, func() time.Time { return noonUTC.In(time.FixedZone(name, offset)) })
		posted, err := there.Post(t.Context(), infratest.Request(t, "1", name, ledger.Credit, "1"))
		require.NoError(t, err)
		assert.Equal(t, noonUTC, posted.Transaction.CreatedAt, name)
		stored, err := there.Transaction(t.Context(), posted.Transaction.ID)
		require.NoError(t, err)
		assert.Equal(t, posted.Transaction, stored, name)
	}
}
