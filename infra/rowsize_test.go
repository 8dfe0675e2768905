package infra_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// A row with a 200-character ARN is under 1 KB, which is one write unit.
func TestRowWithARNIsSmall(t *testing.T) {
	t.Parallel()
	arn := "arn:aws:sts::123456789012:assumed-role/" + strings.Repeat("x", 161)
	require.Len(t, arn, 200)
	r := infratest.Entries(t, strings.Repeat("k", 64), strings.Repeat("u", 64)+" debit 1000000000000", "shop credit 1000000000000")
	r.ExpiresIn, r.PostedBy = time.Hour, ledger.NewCaller(arn)
	p, err := ledger.NewPosting(r, time.Now())
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
