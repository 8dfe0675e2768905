package infratest

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
)

// Damage does what no ledger does: it changes, adds or removes rows of a table
// by PartiQL statements, in which "?" stands for the table's name. When the
// test ends, Check must find something.
func (b *Books) Damage(t testing.TB, table string, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		statement = strings.Replace(statement, "?", strconv.Quote(table), 1)
		_, err := b.direct.ExecuteStatement(t.Context(), &dynamodb.ExecuteStatementInput{Statement: &statement})
		require.NoError(t, err, statement)
	}
	b.damaged = true
}

// finds tells whether Check finds anything.
func finds(ctx context.Context, t testing.TB, client *dynamodb.Client, c infra.Config) (found bool) {
	f := &finder{TB: t}
	defer func() {
		if ended := recover(); ended != nil && ended != f {
			panic(ended)
		}
		found = f.found
	}()
	Check(ctx, f, client, c)
	return f.found
}

// finder is a test that notes failures and does not fail.
type finder struct {
	testing.TB
	found bool
}

func (f *finder) Errorf(string, ...any) { f.found = true }

func (f *finder) FailNow() { f.found = true; panic(f) }
