package ledger_test

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

var plainDecimal = regexp.MustCompile(`\A[0-9]+(\.([0-9]+))?\z`)

// ParseAmount accepts exactly the plain decimals that are within the bounds and have at
// most the settings' decimal places. It keeps the exact value that math/big computes.
func FuzzParseAmount(f *testing.F) {
	for _, seed := range []string{
		"10", "10.00", "0.01", "0010.50", "1000000000000.00", strings.Repeat("0", 1000) + "7", "1000000000000.01", "0", "-1", "1e3",
		".5", "5.", "NaN", "1_0", "١", "0x1p-2", "9999999999999999999999", "0.00000001",
	} {
		f.Add(seed, uint8(2))
		f.Add(seed, uint8(ledger.MaxPlaces))
		f.Add(seed, uint8(0))
	}
	largest := big.NewRat(1_000_000_000_000, 1)
	f.Fuzz(func(t *testing.T, s string, number uint8) {
		places := int(number) % (ledger.MaxPlaces + 1)
		settings, err := ledger.ParseSettings("USD", strconv.Itoa(places), "0")
		require.NoError(t, err)
		want, parts := new(big.Rat), plainDecimal.FindStringSubmatch(s)
		fine := parts != nil && len(parts[2]) <= places
		if fine {
			want, fine = want.SetString(s)
		}
		fine = fine && want.Sign() > 0 && want.Cmp(largest) <= 0
		amount, err := settings.ParseAmount(s)
		if !fine {
			require.ErrorIs(t, err, ledger.ErrInvalid)
			return
		}
		require.NoError(t, err)
		text := want.FloatString(places)
		if strings.Contains(text, ".") {
			text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
		}
		assert.Equal(t, text, amount.String())
	})
}

// ParseCursor accepts only text that Cursor.Text returned for the same user.
func FuzzParseCursor(f *testing.F) {
	for _, user := range []string{"1", "用户"} {
		id, err := ledger.ParseUserID(user)
		require.NoError(f, err)
		text := ledger.Cursor{CreatedAt: noon, ID: ledger.TransactionID{1}}.Text(id)
		for _, seed := range []string{
			text, "", "x", text[1:], text + "A", text + "=", text[:len(text)-1], "!" + text[1:], text[:9] + "\n" + text[9:], text + "\r\n",
			strings.Repeat("A", len(text)), strings.Repeat("A", len(text)+1),
		} {
			f.Add(user, seed, noon.UnixMilli())
			f.Add(user, seed, int64(-1))
		}
	}
	f.Fuzz(func(t *testing.T, name, text string, milliseconds int64) {
		user, err := ledger.ParseUserID(name)
		if err != nil {
			return
		}
		cursor, err := ledger.ParseCursor(user, text)
		if err == nil {
			assert.Equal(t, text, cursor.Text(user))
		} else {
			require.ErrorIs(t, err, ledger.ErrInvalid)
		}
		made := ledger.Cursor{CreatedAt: time.UnixMilli(milliseconds).UTC(), ID: ledger.TransactionID([]byte((text + "0123456789abcdef")[:16])), Within: milliseconds%2 == 0}
		read, err := ledger.ParseCursor(user, made.Text(user))
		require.NoError(t, err)
		assert.Equal(t, made, read)
		other, err := ledger.ParseUserID("x" + name)
		if err == nil {
			_, err = ledger.ParseCursor(other, made.Text(user))
			assert.ErrorIs(t, err, ledger.ErrInvalid)
		}
	})
}
