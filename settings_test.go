package main_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra/infratest"
	"onewrite/infra/infratest/runtimeapi"
	"onewrite/ledger"
)

// started is a built function that was started with settings.
type started struct {
	settings ledger.Settings
	function *runtimeapi.Function
	log      *bytes.Buffer
}

// withSettings returns the environment of books with other settings.
func withSettings(books *infratest.Books, s ledger.Settings) []string {
	other := *books
	other.Config.Settings = s
	return other.Env()
}

// Two versions with different settings are started at once, on new tables, 32 times.
// One serves. The other ends, with both settings in its log, and no call reaches it.
func TestVersionsStartedAtOnce(t *testing.T) {
	t.Parallel()
	binary, err := build()
	require.NoError(t, err)
	versions := [2]ledger.Settings{infratest.Settings(t, "EUR", "2", "0"), infratest.Settings(t, "USD", "2", "100")}
	balances := [2]string{`{"data":{"balance":"0","currency":"EUR"}}`, `{"data":{"balance":"100"}}`}
	var won [2]int
	for range 32 {
		books := infratest.NewWith(t, versions[0])
		require.NoError(t, books.Execute(t.Context(), books.Config.TransactionsTable, "DELETE FROM ? WHERE id = 'settings'"))
		var both [2]started
		for i, s := range versions {
			both[i] = started{settings: s, log: &bytes.Buffer{}}
			both[i].function, err = runtimeapi.Start(binary, withSettings(books, s), both[i].log)
			require.NoError(t, err)
		}
		serving := -1
		for i, one := range both {
			output, err := one.function.Invoke(t.Context(), []byte(`{"queryStringParameters":{"userId":"1"}}`))
			one.function.Kill()
			if err != nil {
				assert.Contains(t, one.log.String(), `"level":"ERROR"`)
				assert.Contains(t, one.log.String(), "the tables were begun with "+both[1-i].settings.String()+", and are opened with "+one.settings.String())
				continue
			}
			require.Equal(t, -1, serving, "both serve")
			var got answer
			require.NoError(t, json.Unmarshal(output, &got))
			assert.Equal(t, balances[i], got.Body)
			serving = i
		}
		require.NotEqual(t, -1, serving, "neither serves")
		won[serving]++
		if serving == 1 { // the check of the books expects the others
			require.NoError(t, books.Execute(t.Context(), books.Config.TransactionsTable,
				"UPDATE ? SET currency = 'EUR' SET opening = 0 WHERE id = 'settings'"))
		}
	}
	t.Logf("served: %d times %s, %d times %s", won[0], versions[0], won[1], versions[1])
}

// A start names all that is wrong with the environment, settings included.
func TestFunctionSaysWhatIsWrongWithSettings(t *testing.T) {
	t.Parallel()
	binary, err := build()
	require.NoError(t, err)
	books := infratest.New(t)
	function := exec.Command(binary)
	function.Env = slices.DeleteFunc(books.Env(), func(pair string) bool { return strings.HasPrefix(pair, "AWS_REGION=") })
	function.Env = append(function.Env, "CURRENCY=dollars", "DECIMAL_PLACES=two", "OPENING_BALANCE=-1", "AUTHORIZATION=open")
	output, err := function.CombinedOutput()
	require.Error(t, err)
	for _, want := range []string{
		"missing in the environment: AWS_REGION",
		"CURRENCY, DECIMAL_PLACES or OPENING_BALANCE in the environment",
		`currency is \"dollars\", must be three to twelve capital letters and digits, a letter first`,
		`decimal places are \"two\", must be a digit from 0 to 8`,
		`opening balance is \"-1\", must be a plain decimal`,
		"AUTHORIZATION in the environment must be AWS_IAM, JWT or NONE",
	} {
		assert.Contains(t, string(output), want)
	}
}
