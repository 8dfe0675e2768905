package ledger_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/ledger"
)

func TestCaller(t *testing.T) {
	t.Parallel()
	arn := "arn:aws:iam::123456789012:user/" + strings.Repeat("path/", 100) + "shop"
	for name, want := range map[string]string{
		"direct": "direct",
		"arn:aws:sts::123456789012:assumed-role/shop/a@b.c": "arn:aws:sts::123456789012:assumed-role/shop/a@b.c",
		"用户 7":                     "用户 7",
		"line\nbreak\x1b[2J\u0085": "line?break?[2J?",
		"\xff\xfeno UTF-8":         "\uFFFD\uFFFDno UTF-8",
		strings.Repeat("x", 256):   strings.Repeat("x", 256),
		strings.Repeat("x", 257):   strings.Repeat("x", 126) + "..." + strings.Repeat("x", 126),
		strings.Repeat("é", 200):   strings.Repeat("é", 63) + "..." + strings.Repeat("é", 63),
		strings.Repeat("用", 200):   strings.Repeat("用", 42) + "..." + strings.Repeat("用", 42),
		strings.Repeat("😀", 99):    strings.Repeat("😀", 31) + "..." + strings.Repeat("😀", 31),
		arn:                        arn[:126] + "..." + arn[len(arn)-126:],
	} {
		c := ledger.NewCaller(name)
		assert.Equal(t, want, c.String())
		read, err := ledger.ParseCaller(c.String())
		require.NoError(t, err, "%q", name)
		assert.Equal(t, c, read)
	}
	assert.Equal(t, ledger.Caller{}, ledger.NewCaller(""))
	for _, text := range []string{"", strings.Repeat("x", 257), "\xff", "a\nb"} {
		_, err := ledger.ParseCaller(text)
		assert.Error(t, err, "%q", text)
	}
}
