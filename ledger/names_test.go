package ledger_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

func TestParseUserID(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"1",
		"a b",
		"constructor",
		"c0a8012e-7f3b-4c3e-9d6f-2b1f0e9d8c7b",
		"Ω-用户-😀",
		strings.Repeat("用", 128),
	} {
		user, err := ledger.ParseUserID(in)
		require.NoError(t, err, "ParseUserID(%q)", in)
		assert.Equal(t, in, user.String())
	}
}

func TestParseUserIDRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, reason string }{
		{"", "blank"},
		{"   ", "blank"},
		{"\t\n", "blank"},
		{"\u00a0", "blank"},
		{" 1", "space"},
		{"1 ", "space"},
		{"1\u3000", "space"},
		{"1\x00", "control"},
		{"a\nb", "control"},
		{"a\x7fb", "control"},
		{"a\u0085b", "control"},
		{"a\xffb", "UTF-8"},
		{strings.Repeat("u", 129), "at most 128"},
		{strings.Repeat("用", 129), "at most 128"},
	} {
		_, err := ledger.ParseUserID(c.in)
		require.ErrorIs(t, err, ledger.ErrInvalidUserID, "ParseUserID(%q)", c.in)
		assert.ErrorContains(t, err, c.reason, "ParseUserID(%q)", c.in)
	}
}

func TestParseIdempotencyKey(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"1", "signup-bonus", "a b", "~!", strings.Repeat("k", 255)} {
		key, err := ledger.ParseIdempotencyKey(in)
		require.NoError(t, err, "ParseIdempotencyKey(%q)", in)
		assert.Equal(t, in, key.String())
	}
	for _, in := range []string{"", "é", "a\tb", "a\x00", "a\x7f", strings.Repeat("k", 256)} {
		_, err := ledger.ParseIdempotencyKey(in)
		assert.ErrorIs(t, err, ledger.ErrInvalidIdempotencyKey, "ParseIdempotencyKey(%q)", in)
	}
}

func TestParseType(t *testing.T) {
	t.Parallel()
	for _, want := range []ledger.Type{ledger.Credit, ledger.Debit} {
		got, err := ledger.ParseType(string(want))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, in := range []string{"", "Credit", "DEBIT", "transfer", "credit "} {
		_, err := ledger.ParseType(in)
		assert.ErrorIs(t, err, ledger.ErrInvalidType, "ParseType(%q)", in)
	}
}

func TestParseStatus(t *testing.T) {
	t.Parallel()
	for _, want := range []ledger.Status{ledger.Posted, ledger.Declined, ledger.Pending, ledger.Voided, ledger.Expired} {
		got, err := ledger.ParseStatus(string(want))
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	for _, in := range []string{"", "Posted", "captured", "declined "} {
		_, err := ledger.ParseStatus(in)
		assert.ErrorIs(t, err, ledger.ErrInvalidStatus, "ParseStatus(%q)", in)
	}
}

func TestTimeText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   time.Time
		want string
	}{
		{time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), "2026-11-22T12:00:00.000Z"},
		{time.Date(2026, 11, 22, 12, 0, 0, 123_999_999, time.UTC), "2026-11-22T12:00:00.123Z"},
		{time.Date(2026, 11, 22, 1, 0, 0, 5e6, time.FixedZone("east", 3*3600)), "2026-11-21T22:00:00.005Z"},
	} {
		text := ledger.FormatTime(c.in)
		assert.Equal(t, c.want, text)
		got, err := ledger.ParseTime(text)
		require.NoError(t, err, "ParseTime(%q)", text)
		assert.Equal(t, c.in.UTC().Truncate(time.Millisecond), got)
	}
	for _, in := range []string{
		"", "soon", "2026-11-22", "2026-11-22T12:00:00Z", "2026-11-22T12:00:00.00Z", "2026-11-22T12:00:00.0000Z",
		"2026-11-22T12:00:00.000+00:00", "2026-11-22T13:00:00.000+01:00", "2026-11-22t12:00:00.000z", "2026-11-22 12:00:00.000Z",
		"2026-11-22T1:00:00.000Z", "2026-11-22T12:00:00,000Z", "2026-11-31T12:00:00.000Z", "2026-11-22T12:00:60.000Z", " 2026-11-22T12:00:00.000Z",
	} {
		_, err := ledger.ParseTime(in)
		assert.ErrorIs(t, err, ledger.ErrInvalidTime, "ParseTime(%q)", in)
	}
}

func newID(t *testing.T, user, key string) ledger.TransactionID {
	t.Helper()
	u, err := ledger.ParseUserID(user)
	require.NoError(t, err)
	k, err := ledger.ParseIdempotencyKey(key)
	require.NoError(t, err)
	return ledger.NewTransactionID(u, k)
}

// The ids are stored: another derivation would apply every old key again. These were
// computed with Python's hashlib and uuid.
func TestTransactionIDNeverChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ user, key, want string }{
		{"1", "1", "47b9e303-c943-824b-a25b-f2db8fa4f6ab"},
		{"用户", "signup-bonus", "c1b3e4b5-775d-8600-a707-fe060610ac3d"},
	} {
		assert.Equal(t, c.want, newID(t, c.user, c.key).String(), "%+v", c)
	}
}

func TestTransactionIDTellsNamesApart(t *testing.T) {
	t.Parallel()
	seen := map[ledger.TransactionID]string{}
	for _, names := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"a", "b"}, {"b", "a"}, {"1", "1"}, {"1", "11"}, {"11", "1"}} {
		id := newID(t, names[0], names[1])
		assert.NotContains(t, seen, id, "%q", names)
		seen[id] = names[0]
		assert.Equal(t, byte(0x80), id[6]&0xf0, "version")
		assert.Equal(t, byte(0x80), id[8]&0xc0, "variant")
	}
}

// Ids of further entries are stored. These were computed like the others.
func TestEntryIDNeverChanges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		user, key string
		place     int
		want      string
	}{
		{"1", "1", 0, "47b9e303-c943-824b-a25b-f2db8fa4f6ab"},
		{"1", "1", 1, "7138156f-89dc-8de1-89e1-9a973f72bcac"},
		{"1", "1", 2, "e9871193-7468-8feb-9b27-ef4b67bd7a44"},
		{"1", "1", 10, "01c717ba-1a44-8275-a351-cf106936f6c6"},
		{"1", "1", 98, "0f97d0b6-be30-84db-8e97-67a5e71c2dc1"},
		{"用户", "signup-bonus", 1, "973d4054-5f46-806d-9317-9770e5b939d0"},
		{"用户", "signup-bonus", 98, "97c48265-300e-825e-8738-1d89fd6dfbed"},
	} {
		assert.Equal(t, c.want, newID(t, c.user, c.key).Entry(c.place).String(), "%+v", c)
	}
}

func TestEntryIDTellsNamesApart(t *testing.T) {
	t.Parallel()
	seen := map[ledger.TransactionID]string{}
	for _, names := range [][2]string{{"1", "1"}, {"1", "11"}, {"11", "1"}, {"1", "2"}, {"2", "1"}} {
		first := newID(t, names[0], names[1])
		for place := range ledger.MaxItems {
			id := first.Entry(place)
			assert.Empty(t, seen[id], "entry %d of %q", place, names)
			seen[id] = fmt.Sprintf("entry %d of %q", place, names)
			assert.Equal(t, byte(0x80), id[6]&0xf0, "version")
			assert.Equal(t, byte(0x80), id[8]&0xc0, "variant")
			assert.Empty(t, seen[id.Entry(1)], "the entry of an entry")
		}
	}
	_, err := ledger.ParseUserID("\x00" + newID(t, "1", "1").String())
	assert.ErrorIs(t, err, ledger.ErrInvalidUserID, "no user's name begins as an entry's does")
}

func TestParseTransactionID(t *testing.T) {
	t.Parallel()
	id := newID(t, "1", "1")
	for _, in := range []string{id.String(), strings.ToUpper(id.String())} {
		got, err := ledger.ParseTransactionID(in)
		require.NoError(t, err, "ParseTransactionID(%q)", in)
		assert.Equal(t, id, got)
	}
	text := id.String()
	for _, in := range []string{"", "1", text[:35], text + "0", "{" + text + "}", strings.ReplaceAll(text, "-", ""),
		strings.ReplaceAll(text, "-", "_"), "zz" + text[2:], text[:35] + "é"} {
		_, err := ledger.ParseTransactionID(in)
		assert.ErrorIs(t, err, ledger.ErrInvalidTransactionID, "ParseTransactionID(%q)", in)
	}
}

func TestCursor(t *testing.T) {
	t.Parallel()
	alice, err := ledger.ParseUserID("alice")
	require.NoError(t, err)
	bob, err := ledger.ParseUserID("bob")
	require.NoError(t, err)
	at := time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC)
	for _, within := range []bool{false, true} {
		cursor := ledger.Cursor{CreatedAt: at, ID: newID(t, "alice", "1"), Within: within}
		text := cursor.Text(alice)
		got, err := ledger.ParseCursor(alice, text)
		require.NoError(t, err)
		assert.Equal(t, cursor, got)

		_, err = ledger.ParseCursor(bob, text)
		assert.ErrorIs(t, err, ledger.ErrInvalidCursor, "another user's")
		for _, in := range []string{
			"", "x", text[1:], text + "A", text + "=", text[:len(text)-1], "!" + text[1:], text[:9] + "\n" + text[9:], text + "\r\n",
			base64.RawURLEncoding.EncodeToString(make([]byte, 32)), base64.RawURLEncoding.EncodeToString(make([]byte, 33)),
		} {
			_, err := ledger.ParseCursor(alice, in)
			assert.ErrorIs(t, err, ledger.ErrInvalidCursor, "ParseCursor(%q)", in)
		}
	}
}

// Old cursors stay valid. These were computed with other code.
func TestCursorNeverChanges(t *testing.T) {
	t.Parallel()
	alice, err := ledger.ParseUserID("alice")
	require.NoError(t, err)
	cursor := ledger.Cursor{CreatedAt: time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC), ID: newID(t, "alice", "1")}
	assert.Equal(t, "AAABogMgontlUEA2YSeBn7-rdBTKRJz4m2603_wGpt0", cursor.Text(alice))
}
