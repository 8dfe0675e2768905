package infra_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"onewrite/infra"
	"onewrite/infra/infratest"
	"onewrite/ledger"
)

// A row with a 200-character ARN is smaller than 1 KB, so it costs one write unit. The test
// measures the row as JSON, which is longer than the size that DynamoDB counts: JSON quotes
// every name and writes out every digit.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
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
	var members map[string]any
	require.NoError(t, attributevalue.UnmarshalMap(row, &members))
	text, err := json.Marshal(members)
	require.NoError(t, err)
	assert.Less(t, len(text), 1024)
}
