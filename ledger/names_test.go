package ledger_test

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

// word and name adapt a parser to return its result as a string.
func word[T ~string](parse func(string) (T, error)) func(string) (string, error) {
	return func(s string) (string, error) {
		parsed, err := parse(s)
		return string(parsed), err
	}
}

func name[T fmt.Stringer](parse func(string) (T, error)) func(string) (string, error) {
	return func(s string) (string, error) {
		parsed, err := parse(s)
		return parsed.String(), err
	}
}

// amounts returns the amount parser for settings with that many decimal places.
func amounts(t *testing.T, places string) func(string) (string, error) {
	t.Helper()
	return name(parseSettings(t, "XTS", places, "0").ParseAmount)
}

func checkPlaces(s string) (string, error) {
	a, err := ledger.ParseAmount(s)
	return s, cmp.Or(err, ledger.DefaultSettings().CheckPlaces(a))
}

// A parser returns valid text unchanged, and an error with the reason for invalid text.
func TestParsers(t *testing.T) {
	t.Parallel()
	type texts = []string
	const (
		idOf11   = "47b9e303-c943-824b-a25b-f2db8fa4f6ab"
		plain    = "must be a plain decimal such as "
		tooLarge = "must be at most 1000000000000"
	)
	moment := func(s string) (string, error) {
		at, err := ledger.ParseTime(s)
		return ledger.FormatTime(at), err
	}
	seconds := func(s string) (string, error) {
		d, err := ledger.ParseExpiresIn(s)
		return fmt.Sprint(int64(d / time.Second)), err
	}
	userID, key, id := name(ledger.ParseUserID), name(ledger.ParseIdempotencyKey), name(ledger.ParseTransactionID)
	metadata, caller := name(ledger.ParseMetadata), name(ledger.ParseCaller)
	balance, limit, stored := name(ledger.ParseBalance), name(ledger.ParseCreditLimit), name(ledger.ParseAmount)
	dollars, tens, whole := amounts(t, "2"), amounts(t, "1"), amounts(t, "0")
	for _, c := range []struct {
		kind   string
		parse  func(string) (string, error)
		reason string // "" if the parser accepts in
		in     texts
	}{
		{"user id", userID, "", texts{"1", "a b", "constructor", "Ω-用户-😀", strings.Repeat("用", 128)}},
		{"user id", userID, "must not be blank", texts{"", "   ", "\t\n", "\u00a0"}},
		{"user id", userID, "must not begin or end with a space", texts{" 1", "1 ", "1\u3000"}},
		{"user id", userID, "must not contain control characters", texts{"1\x00", "a\nb", "a\x7fb", "a\u0085b", "\x00" + idOf11}},
		{"user id", userID, "must be valid UTF-8", texts{"a\xffb"}},
		{"user id", userID, "must have at most 128 characters", texts{strings.Repeat("u", 129), strings.Repeat("用", 129)}},

		{"idempotency key", key, "", texts{"1", "signup-bonus", "a b", "~!", strings.Repeat("k", 255)}},
		{"idempotency key", key, "must have 1 to 255 characters", texts{"", strings.Repeat("k", 256)}},
		{"idempotency key", key, "must be printable ASCII", texts{"é", "a\tb", "a\x00", "a\x7f", "\xff"}},

		{"type", word(ledger.ParseType), "", texts{"credit", "debit"}},
		{"type", word(ledger.ParseType), `must be "credit" or "debit"`, texts{"", "Credit", "DEBIT", "transfer", "credit "}},
		{"type", word(ledger.ParseEnd), "", texts{"capture", "void", "expiry"}},
		{"type", word(ledger.ParseEnd), `of an end "capture", "void" or "expiry"`, texts{"", "Capture", "captured", "void ", "expired", "credit"}},
		{"status", word(ledger.ParseStatus), "", texts{"posted", "declined", "pending", "voided", "expired"}},
		{"status", word(ledger.ParseStatus), `must be "posted", "declined"`, texts{"", "Posted", "captured", "declined "}},
		{"rules", word(ledger.ParsePermission), "", texts{"blocked", "allowed"}},
		{"rules", word(ledger.ParsePermission), `must be "blocked" or "allowed"`, texts{"", "Blocked", "allowed "}},

		{"time", moment, "", texts{"2026-11-22T12:00:00.000Z", "2026-11-21T22:00:00.005Z"}},
		{"time", moment, "must be a time in UTC", texts{
			"", "soon", "2026-11-22", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00.00Z", "2026-11-22T12:00:00.0000Z",
			"2026-11-22T12:00:00.000+00:00", "2026-11-22T13:00:00.000+01:00", "2026-11-22t12:00:00.000z",
			"2026-11-22 12:00:00.000Z", "2026-11-22T1:00:00.000Z", "2026-11-22T12:00:00,000Z", "2026-11-31T12:00:00.000Z",
			"2026-11-22T12:00:60.000Z", " 2026-11-22T12:00:00.000Z",
		}},
		{"expiry", seconds, "", texts{"1", "2678400"}},
		{"expiry", seconds, "must be whole seconds from 1 to 2678400", texts{
			"", "0", "-1", "+1", "2678401", "1.0", "1e3", "1_0", "0x1", " 1", "1 ", "60s", "NaN", "٣",
			"46116860184273879040", "18446744073709551617", // 2^64 + 1 would wrap around to 1
		}},
		{"transaction id", id, "", texts{idOf11}},
		{"transaction id", id, "must be a UUID", texts{
			"", "1", idOf11[:35], idOf11 + "0", "{" + idOf11 + "}", strings.ReplaceAll(idOf11, "-", ""),
			strings.ReplaceAll(idOf11, "-", "_"), "zz" + idOf11[2:], idOf11[:35] + "é",
		}},
		{"caller", caller, "", texts{"direct", "用户 7", strings.Repeat("x", 256)}},
		{"caller", caller, "must be 1 to 256 bytes of UTF-8 without control characters", texts{"", strings.Repeat("x", 257), "\xff", "a\nb"}},

		// Metadata is stored in one notation only.
		{"metadata", metadata, "", texts{
			`{"a":"1"}`, `{"":"0","a":"1","ab":"","b":"2"}`, `{"html":"<&>","quote":"\"\\/","用":"户😀"}`,
			`{"controls":"\u0000\b\f\n\r\t\u001f` + "\x7f" + `"}`,
		}},
		{"metadata", metadata, "must be the JSON of metadata", texts{
			"", " ", "{}", "null", "[]", `"text"`, "1", "{", `{"a":"1"`, `{"a":"1"}{}`, `{"a":"1"} `, ` {"a":"1"}`, `{"a": "1"}`,
			`{"b":"1","a":"2"}`, `{"a":"1","a":"1"}`, `{"a":1}`, `{"a":null}`, `{"a":["1"]}`, `{"\u0061":"1"}`, `{"a":"\/"}`,
			`{"a":"\u003c"}`, `{"a":"\u000A"}`, "{\"a\":\"\u2028\"}", "{\"a\":\"\xff\"}", `{"a":"\ud800"}`,
			`{"n":"` + strings.Repeat("x", 505) + `"}`,
		}},

		{"amount", dollars, "", texts{"10", "0.01", "0.1", "999999999999.99", "1000000000000"}},
		{"amount", dollars, plain + `"12.50"`, texts{
			"", " ", " 10", "10 ", "10\n", "+10", "-10", "-0", ".5", "5.", ".", "1.2.3", "1,000", "1_000", "1e3", "1E+3", "0x10",
			"NaN", "sNaN", "Infinity", "inf", "ten", "١٠",
		}},
		{"amount", dollars, "must have at most two decimal places", texts{"0.001", "10.000"}},
		{"amount", dollars, "must be at least 0.01", texts{"0", "0.0", "0.00"}},
		{"amount", dollars, tooLarge, texts{
			"1000000000000.01", "1000000000001", strings.Repeat("9", 17), strings.Repeat("9", 40), strings.Repeat("9", 100_000),
		}},
		{"amount", tens, "", texts{"0.1", "999999999999.9"}},
		{"amount", tens, plain + `"12.5":`, texts{"7e1"}},
		{"amount", tens, "must have at most 1 decimal place", texts{"0.10"}},
		{"amount", tens, "must be at least 0.1", texts{"0.0"}},
		{"amount", whole, "", texts{"1", "999999999999", "1000000000000"}},
		{"amount", whole, plain + `"12":`, texts{"7e1"}},
		{"amount", whole, "must be whole", texts{"1.0"}},
		{"amount", whole, "must be at least 1", texts{"0"}},
		{"amount", stored, "", texts{"0.00000001", "999999999999.99999999", "1000000000000"}},
		{"amount", stored, plain + `"12.50000000":`, texts{"7e1"}},
		{"amount", stored, "must have at most 8 decimal places", texts{"0.000000010"}},
		{"amount", stored, "must be at least 0.00000001", texts{"0.00000000"}},
		{"amount", checkPlaces, "", texts{"1", "0.01"}},
		{"amount", checkPlaces, "must have at most two decimal places", texts{"0.001"}},

		{"balance", balance, "", texts{"0", "0.01", "100", "999999999999999.99999999", "1016000000000000"}},
		{"balance", balance, plain, texts{"", "-0.01", "NaN"}},
		{"balance", balance, "must have at most 8 decimal places", texts{"0.000000001"}},
		{"balance", balance, "must be at most 1016000000000000", texts{"1016000000000000.01", "9999999999999999", "100000000000000000000"}},
		{"rules", limit, "", texts{"0", "0.00000001", "1000000000000"}},
		{"rules", limit, plain, texts{"", "-1"}},
		{"rules", limit, tooLarge, texts{"1000000000000.01"}},
	} {
		for _, in := range c.in {
			got, err := c.parse(in)
			if c.reason == "" {
				require.NoError(t, err, "%s %q", c.kind, in)
				assert.Equal(t, in, got, c.kind)
				continue
			}
			require.ErrorIs(t, err, ledger.ErrInvalid, "%s %.50q", c.kind, in)
			assert.Regexp(t, "^invalid "+c.kind+": .*"+regexp.QuoteMeta(c.reason), err.Error(), "%s %.50q", c.kind, in)
		}
	}
}

func TestTimeText(t *testing.T) {
	t.Parallel()
	for want, at := range map[string]time.Time{
		"2026-11-22T12:00:00.000Z": time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
		"2026-11-22T12:00:00.123Z": time.Date(2026, 11, 22, 12, 0, 0, 123_999_999, time.UTC),
		"2026-11-21T22:00:00.005Z": time.Date(2026, 11, 22, 1, 0, 0, 5e6, time.FixedZone("east", 3*3600)),
	} {
		assert.Equal(t, want, ledger.FormatTime(at))
	}
}

// The middle of a long caller name is cut out.
func TestCaller(t *testing.T) {
	t.Parallel()
	arn := "arn:aws:iam::123456789012:user/" + strings.Repeat("path/", 100) + "shop"
	for name, want := range map[string]string{
		"":                         "",
		"arn:aws:iam::1:user/a@b":  "arn:aws:iam::1:user/a@b",
		"line\nbreak\x1b[2J\u0085": "line?break?[2J?",
		"\xff\xfeno UTF-8":         "\uFFFD\uFFFDno UTF-8",
		strings.Repeat("x", 256):   strings.Repeat("x", 256),
		strings.Repeat("x", 257):   strings.Repeat("x", 126) + "..." + strings.Repeat("x", 126),
		strings.Repeat("é", 200):   strings.Repeat("é", 63) + "..." + strings.Repeat("é", 63),
		strings.Repeat("用", 200):   strings.Repeat("用", 42) + "..." + strings.Repeat("用", 42),
		strings.Repeat("😀", 99):    strings.Repeat("😀", 31) + "..." + strings.Repeat("😀", 31),
		arn:                        arn[:126] + "..." + arn[len(arn)-126:],
	} {
		assert.Equal(t, want, ledger.NewCaller(name).String())
	}
}

// The ids are stored. If their derivation changed, every old key could post a second time.
// The expected ids were computed with Python's hashlib and uuid.
func TestTransactionIDNeverChanges(t *testing.T) {
	t.Parallel()
	one, other := newID(t, "1", "1"), newID(t, "用户", "signup-bonus")
	for want, id := range map[string]ledger.TransactionID{
		"47b9e303-c943-824b-a25b-f2db8fa4f6ab": one,
		"7138156f-89dc-8de1-89e1-9a973f72bcac": one.Entry(1),
		"01c717ba-1a44-8275-a351-cf106936f6c6": one.Entry(10),
		"0f97d0b6-be30-84db-8e97-67a5e71c2dc1": one.Entry(98),
		"2b05791f-6d45-878a-a624-d690bc9d2b35": one.End(),
		"c1b3e4b5-775d-8600-a707-fe060610ac3d": other,
		"973d4054-5f46-806d-9317-9770e5b939d0": other.Entry(1),
		"97c48265-300e-825e-8738-1d89fd6dfbed": other.Entry(98),
		"c663b94d-8129-86c5-98da-b5c3569e60bf": other.End(),
	} {
		assert.Equal(t, want, id.String())
	}
	assert.Equal(t, one, one.Entry(0), "the first entry's row is the transaction's own")
	parsed, err := ledger.ParseTransactionID("47B9E303-C943-824B-A25B-F2DB8FA4F6AB")
	require.NoError(t, err)
	assert.Equal(t, one, parsed, "in either case")
}

// Old cursors stay valid. The expected text was computed with independent code.
// FuzzParseCursor covers invalid cursors.
func TestCursorNeverChanges(t *testing.T) {
	t.Parallel()
	cursor := ledger.Cursor{CreatedAt: noon, ID: newID(t, "alice", "1")}
	assert.Equal(t, "AAABogMgontlUEA2YSeBn7-rdBTKRJz4m2603_wGpt0", cursor.Text(user(t, "alice")))
}
