package infra_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// by returns the request as that caller sends it.
func by(caller ledger.Caller, r ledger.Request) ledger.Request {
	r.PostedBy = caller
	return r
}

// A transaction's first row names its caller, and so does the end that a capture or
// void writes. A replay by another caller changes nothing.
func TestPostedBy(t *testing.T) {
	t.Parallel()
	books := infratest.New(t)
	now := time.Date(2025, 11, 22, 12, 0, 0, 0, time.UTC)
	l := ledger.New(books.Store, func() time.Time { return now })
	want := map[string]string{} // by id; "" for no attribute
	names := func(id ledger.TransactionID, caller string) { want[id.String()] = caller }
	post := func(caller, key string, expiresIn time.Duration, entries ...string) ledger.TransactionID {
		r := infratest.Entries(t, key, entries...)
		r.ExpiresIn = expiresIn
		for _, each := range []string{caller, "of the replay", ""} {
			_, err := l.Post(t.Context(), by(ledger.NewCaller(each), r))
			if key != "declined" {
				require.NoError(t, err, key)
			}
		}
		names(r.TransactionID(), caller)
		return r.TransactionID()
	}
	end := func(caller string, id ledger.TransactionID, how ledger.End) {
		for _, each := range []string{caller, "of the replay", ""} {
			r := ledger.EndRequest{TransactionID: id, PostedBy: ledger.NewCaller(each)}
			var err error
			if how == ledger.Void {
				_, err = l.Void(t.Context(), r)
			} else {
				_, err = l.Capture(t.Context(), r, ledger.Amount{})
			}
			if how == ledger.Expiry {
				require.ErrorIs(t, err, ledger.ErrHoldEnded)
			} else {
				require.NoError(t, err)
			}
		}
		names(id.End(), caller)
	}
	names(post("posts several", "several", 0, "a debit 1", "b credit 1").Entry(1), "")
	post("posts one", "one", 0, "a debit 1")
	post("is declined", "declined", 0, "a debit 1000")
	post("is declined", "declined", 0, "c debit 1", "a debit 1000")
	post("", "nobody is known", 0, "a debit 1")
	captured, voided := post("holds", "captured", time.Minute, "d debit 1", "e credit 1"), post("holds", "voided", time.Minute, "d debit 1")
	end("captures", captured, ledger.Capture)
	names(captured.Entry(1), "")
	end("voids", voided, ledger.Void)
	late, released := post("holds", "late", time.Minute, "f debit 1"), post("holds", "released", time.Minute, "g debit 100")
	now = now.Add(time.Hour)
	end("captures too late", late, ledger.Expiry)
	post("releases", "releases", 0, "g debit 100")
	names(released.End(), "")

	out, err := books.Client.Scan(t.Context(), &dynamodb.ScanInput{TableName: &books.Config.TransactionsTable})
	require.NoError(t, err)
	got := map[string]string{}
	for _, stored := range out.Items {
		id := stored["id"].(*types.AttributeValueMemberS).Value
		if id == infra.SettingsID {
			continue
		}
		got[id] = ""
		if stored["posted_by"] != nil {
			got[id] = stored["posted_by"].(*types.AttributeValueMemberS).Value
		}
		read, err := infra.DecodeTransaction(stored)
		require.NoError(t, err)
		assert.Equal(t, got[id], read.PostedBy.String())
	}
	assert.Equal(t, want, got)
}

// A row with a 200-character ARN is under 1 KB, which is one write unit.
func TestRowWithARNIsSmall(t *testing.T) {
	t.Parallel()
	arn := "arn:aws:sts::123456789012:assumed-role/" + strings.Repeat("x", 161)
	require.Len(t, arn, 200)
	r := infratest.Entries(t, strings.Repeat("k", 64), strings.Repeat("u", 64)+" debit 1000000000000", "shop credit 1000000000000")
	r.ExpiresIn = time.Hour
	p, err := ledger.NewPosting(by(ledger.NewCaller(arn), r), time.Now())
	require.NoError(t, err)
	row, err := infra.EncodeTransaction(p.Rows[0])
	require.NoError(t, err)
	assert.Equal(t, s(arn), row["posted_by"])
	assert.Less(t, sizeOf(row), 1024)
}

// sizeOf returns a row's bytes, or more: DynamoDB counts a number as at most its digits
// and 3 bytes, and a list or map as 3 bytes and 1 for each element.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func sizeOf(row row) (bytes int) {
	for name, value := range row {
		bytes += len(name)
		switch v := value.(type) {
		case *types.AttributeValueMemberS:
			bytes += len(v.Value)
		case *types.AttributeValueMemberN:
			bytes += len(v.Value) + 3
		case *types.AttributeValueMemberL:
			for _, element := range v.Value {
				bytes += 3 + 1 + sizeOf(map[string]types.AttributeValue{"": element})
			}
		case *types.AttributeValueMemberM:
			bytes += 3 + len(v.Value) + sizeOf(v.Value)
		}
	}
	return bytes
}
