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

// word and name return a parser whose result is the parsed value's text.
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

// checkPlaces checks the decimal places of an amount.
func checkPlaces(s ledger.Settings) func(string) (string, error) {
	return func(text string) (string, error) {
		a, err := ledger.ParseAmount(text)
		return text, cmp.Or(err, s.CheckPlaces(a))
	}
}

// A parser returns an accepted text unchanged, and the reason why it rejects another.
func TestParsers(t *testing.T) {
	t.Parallel()
	const (
		plain    = `must be a plain decimal such as "12.50"`
		idOf11   = "47b9e303-c943-824b-a25b-f2db8fa4f6ab"
		seconds  = "must be whole seconds from 1 to 2678400"
		tooLarge = "must be at most 1000000000000"
	)
	parseTime := func(s string) (string, error) {
		at, err := ledger.ParseTime(s)
		return ledger.FormatTime(at), err
	}
	parseExpiresIn := func(s string) (string, error) {
		d, err := ledger.ParseExpiresIn(s)
		return fmt.Sprint(d.Seconds()), err
	}
	for _, c := range []struct {
		kind     string
		parse    func(string) (string, error)
		accepted []string
		rejected map[string][]string // by the reason
	}{
		{
			"user id", name(ledger.ParseUserID),
			[]string{"1", "a b", "constructor", "Ω-用户-😀", strings.Repeat("用", 128)},
			map[string][]string{
				"must not be blank":                   {"", "   ", "\t\n", "\u00a0"},
				"must not begin or end with a space":  {" 1", "1 ", "1\u3000"},
				"must not contain control characters": {"1\x00", "a\nb", "a\x7fb", "a\u0085b", "\x00" + idOf11},
				"must be valid UTF-8":                 {"a\xffb"},
				"must have at most 128 characters":    {strings.Repeat("u", 129), strings.Repeat("用", 129)},
			},
		},
		{
			"idempotency key", name(ledger.ParseIdempotencyKey),
			[]string{"1", "signup-bonus", "a b", "~!", strings.Repeat("k", 255)},
			map[string][]string{
				"must have 1 to 255 characters": {"", strings.Repeat("k", 256)},
				"must be printable ASCII":       {"é", "a\tb", "a\x00", "a\x7f"},
			},
		},
		{
			"type", word(ledger.ParseType), []string{"credit", "debit"},
			map[string][]string{`must be "credit" or "debit"`: {"", "Credit", "DEBIT", "transfer", "credit "}},
		},
		{
			"type", word(ledger.ParseEnd), []string{"capture", "void", "expiry"},
			map[string][]string{`of an end "capture", "void" or "expiry"`: {"", "Capture", "captured", "void ", "expired", "credit"}},
		},
		{
			"status", word(ledger.ParseStatus), []string{"posted", "declined", "pending", "voided", "expired"},
			map[string][]string{`must be "posted", "declined"`: {"", "Posted", "captured", "declined "}},
		},
		{
			"rules", word(ledger.ParsePermission), []string{"blocked", "allowed"},
			map[string][]string{`must be "blocked" or "allowed"`: {"", "Blocked", "allowed "}},
		},
		{
			"time", parseTime,
			[]string{"2026-11-22T12:00:00.000Z", "2026-11-21T22:00:00.005Z"},
			map[string][]string{"must be a time in UTC": {
				"", "soon", "2026-11-22", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00.00Z", "2026-11-22T12:00:00.0000Z",
				"2026-11-22T12:00:00.000+00:00", "2026-11-22T13:00:00.000+01:00", "2026-11-22t12:00:00.000z",
				"2026-11-22 12:00:00.000Z", "2026-11-22T1:00:00.000Z", "2026-11-22T12:00:00,000Z", "2026-11-31T12:00:00.000Z",
				"2026-11-22T12:00:60.000Z", " 2026-11-22T12:00:00.000Z",
			}},
		},
		{
			"expiry", parseExpiresIn, []string{"1", "60"},
			map[string][]string{seconds: {
				"", "0", "-1", "+1", "2678401", "1.0", "1e3", "1_0", "0x1", " 1", "1 ", "60s", "NaN", "٣",
				"46116860184273879040", "18446744073709551617", // 1, if it wrapped around
			}},
		},
		{
			"transaction id", name(ledger.ParseTransactionID), []string{idOf11},
			map[string][]string{"must be a UUID": {
				"", "1", idOf11[:35], idOf11 + "0", "{" + idOf11 + "}", strings.ReplaceAll(idOf11, "-", ""),
				strings.ReplaceAll(idOf11, "-", "_"), "zz" + idOf11[2:], idOf11[:35] + "é",
			}},
		},
		{ // stored metadata has one notation
			"metadata", name(ledger.ParseMetadata), []string{
				`{"a":"1"}`, `{"":"0","a":"1","ab":"","b":"2"}`, `{"html":"<&>","quote":"\"\\/","用":"户😀"}`,
				`{"controls":"\u0000\b\f\n\r\t\u001f` + "\x7f" + `"}`,
			},
			map[string][]string{"must be the JSON of metadata": {
				"", " ", "{}", "null", "[]", `"text"`, "1", "{", `{"a":"1"`, `{"a":"1"}{}`, `{"a":"1"} `, ` {"a":"1"}`, `{"a": "1"}`,
				`{"b":"1","a":"2"}`, `{"a":"1","a":"1"}`, `{"a":1}`, `{"a":null}`, `{"a":["1"]}`, `{"\u0061":"1"}`, `{"a":"\/"}`,
				`{"a":"\u003c"}`, `{"a":"\u000A"}`, "{\"a\":\"\u2028\"}", "{\"a\":\"\xff\"}", `{"a":"\ud800"}`,
				`{"n":"` + strings.Repeat("x", 505) + `"}`,
			}},
		},
		{
			"caller", name(ledger.ParseCaller), []string{"direct", "用户 7", strings.Repeat("x", 256)},
			map[string][]string{"must be 1 to 256 bytes of UTF-8 without control characters": {"", strings.Repeat("x", 257), "\xff", "a\nb"}},
		},
		{
			"amount", name(ledger.DefaultSettings().ParseAmount),
			[]string{"10", "0.01", "0.1", "999999999999.99", "1000000000000"},
			map[string][]string{
				plain: {
					"", " ", " 10", "10 ", "10\n", "+10", "-10", "-0", ".5", "5.", ".", "1.2.3", "1,000", "1_000", "1e3", "1E+3", "0x10",
					"NaN", "sNaN", "Infinity", "inf", "ten", "١٠",
				},
				"must have at most two decimal places": {"0.001", "10.000"},
				"must be at least 0.01":                {"0", "0.0", "0.00"},
				tooLarge: {
					"1000000000000.01", "1000000000001", strings.Repeat("9", 17), strings.Repeat("9", 40), strings.Repeat("9", 100_000),
				},
			},
		},
		{
			"amount", name(parseSettings(t, "XTS", "0", "0").ParseAmount), []string{"1", "999999999999", "1000000000000"},
			map[string][]string{
				`must be a plain decimal such as "12":`: {"7e1"}, "must be whole": {"1.0"}, "must be at least 1": {"0"}, tooLarge: {"1000000000001"},
			},
		},
		{
			"amount", name(parseSettings(t, "XTS", "1", "0").ParseAmount), []string{"0.1", "999999999999.9"},
			map[string][]string{"must have at most 1 decimal place": {"0.10"}, "must be at least 0.1": {"0.0"}, `such as "12.5":`: {"7e1"}},
		},
		{
			"amount", name(ledger.ParseAmount), []string{"0.00000001", "999999999999.99999999", "1000000000000"},
			map[string][]string{
				"must have at most 8 decimal places": {"0.000000010"}, "must be at least 0.00000001": {"0.00000000"}, `such as "12.50000000":`: {"7e1"},
			},
		},
		{ // a row's amount
			"amount", checkPlaces(ledger.DefaultSettings()), []string{"1", "0.01"},
			map[string][]string{"must have at most two decimal places": {"0.001"}},
		},
		{
			"balance", name(ledger.ParseBalance),
			[]string{"0", "0.01", "100", "999999999999999.99999999", "1016000000000000"},
			map[string][]string{
				`must be a plain decimal`:            {"", "-0.01", "NaN"},
				"must have at most 8 decimal places": {"0.000000001"},
				"must be at most 1016000000000000":   {"1016000000000000.01", "9999999999999999", "100000000000000000000"},
			},
		},
		{
			"rules", name(ledger.ParseCreditLimit), []string{"0", "0.00000001", "1000000000000"},
			map[string][]string{"must be a plain decimal": {"", "-1"}, tooLarge: {"1000000000000.01"}},
		},
	} {
		for _, in := range c.accepted {
			got, err := c.parse(in)
			require.NoError(t, err, "%s %q", c.kind, in)
			assert.Equal(t, in, got, c.kind)
		}
		for reason, all := range c.rejected {
			for _, in := range all {
				_, err := c.parse(in)
				require.ErrorIs(t, err, ledger.ErrInvalid, "%s %.50q", c.kind, in)
				assert.Regexp(t, "^invalid "+c.kind+": .*"+regexp.QuoteMeta(reason), err.Error(), "%s %.50q", c.kind, in)
			}
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
		got, err := ledger.ParseTime(want)
		require.NoError(t, err)
		assert.Equal(t, at.UTC().Truncate(time.Millisecond), got)
	}
}

// A caller's name keeps its ends.
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

// The ids are stored: another derivation would apply every old key again. These were
// computed with Python's hashlib and uuid.
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

func TestTransactionIDTellsNamesApart(t *testing.T) {
	t.Parallel()
	seen := map[ledger.TransactionID]string{}
	see := func(id ledger.TransactionID, what string) {
		assert.Empty(t, seen[id], what)
		seen[id] = what
		assert.Equal(t, byte(0x80), id[6]&0xf0, "version")
		assert.Equal(t, byte(0x80), id[8]&0xc0, "variant")
	}
	for _, names := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"a", "b"}, {"b", "a"}, {"1", "1"}, {"1", "end"}, {"1", "11"}, {"11", "1"}} {
		first := newID(t, names[0], names[1])
		see(first.End(), fmt.Sprintf("the end of %q", names))
		see(first.End().End(), fmt.Sprintf("the end of the end of %q", names))
		see(first.End().Entry(1), fmt.Sprintf("an entry of the end of %q", names))
		for place := range ledger.MaxItems {
			see(first.Entry(place), fmt.Sprintf("entry %d of %q", place, names))
			if place > 0 {
				see(first.Entry(place).Entry(1), fmt.Sprintf("an entry of entry %d of %q", place, names))
				see(first.Entry(place).End(), fmt.Sprintf("the end of entry %d of %q", place, names))
			}
		}
	}
}

// Old cursors stay valid. This one was computed with other code. FuzzParseCursor has
// wrong ones.
func TestCursorNeverChanges(t *testing.T) {
	t.Parallel()
	cursor := ledger.Cursor{CreatedAt: noon, ID: newID(t, "alice", "1")}
	assert.Equal(t, "AAABogMgontlUEA2YSeBn7-rdBTKRJz4m2603_wGpt0", cursor.Text(user(t, "alice")))
}
