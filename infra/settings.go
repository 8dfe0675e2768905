package infra

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/ledger"
)

// SettingsID is the id of the row in the transactions table that stores both tables'
// settings. It is not a valid transaction id, so callers can't look it up. The row has no
// user_id, so it is in no history.
const SettingsID = "settings"

type settingsRow struct {
	ID        string                `dynamodbav:"id"`
	Currency  string                `dynamodbav:"currency"`
	Places    attributevalue.Number `dynamodbav:"places"`
	Opening   attributevalue.Number `dynamodbav:"opening"`
	CreatedAt string                `dynamodbav:"created_at"`
}

// EncodeSettings returns the settings row for new tables. now is when the row is created.
func EncodeSettings(s ledger.Settings, now time.Time) (map[string]types.AttributeValue, error) {
	return attributevalue.MarshalMap(settingsRow{
		ID:        SettingsID,
		Currency:  s.Currency,
		Places:    attributevalue.Number(fmt.Sprint(s.Places)),
		Opening:   attributevalue.Number(s.Opening.String()),
		CreatedAt: ledger.FormatTime(now),
	})
}

// IsSettings reports whether a row is the settings row. That row has no user_id, which would
// put it in a history.
func IsSettings(row map[string]types.AttributeValue) bool {
	id, ok := row["id"].(*types.AttributeValueMemberS)
	return ok && id.Value == SettingsID && row["user_id"] == nil
}

// DecodeSettings reads the settings row as strictly as [DecodeTransaction] reads a
// transaction's.
func DecodeSettings(row map[string]types.AttributeValue) (ledger.Settings, error) {
	d := decoder{row: row}
	same := func(s string) (string, error) { return s, nil }
	currency := decodeText(&d, "currency", same)
	places, opening := decodeNumber(&d, "places", same), decodeNumber(&d, "opening", same)
	decodeText(&d, "created_at", ledger.ParseTime)
	if d.wrong != nil {
		return ledger.Settings{}, d.err("transactions", "id")
	}
	s, err := ledger.ParseSettings(currency, places, opening)
	if err != nil {
		d.wrong = []string{reasonOf(err)}
		return ledger.Settings{}, d.err("transactions", "id")
	}
	return s, nil
}

// SettingsError means that the store's settings can't be used with the tables.
type SettingsError struct {
	Table  string // the name of the transactions table
	Reason string
}

func (e *SettingsError) Error() string {
	return fmt.Sprintf("settings of table %s: %s", e.Table, e.Reason)
}

// startWithin is the time limit for Start. It is well below the 10 seconds that Lambda
// allows for initialization.
const startWithin = 2 * time.Second

// Start checks that the tables have the store's settings, and stores the settings in new
// tables. It usually makes one read, which also opens the connection and uses the
// credentials before the first call. If the error is a [*SettingsError], the store must not
// be used with these tables. After any other error the settings are unknown, and each call
// first reads them until a read succeeds.
func (s *Store) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	err := s.confirmSettings(ctx)
	s.unconfirmed.Store(err != nil)
	return err
}

// ready checks the settings if Start could not.
func (s *Store) ready(ctx context.Context) error {
	if !s.unconfirmed.Load() {
		return nil
	}
	if err := s.confirmSettings(ctx); err != nil {
		return err
	}
	s.unconfirmed.Store(false)
	return nil
}

// confirmSettings compares the store's settings with the tables' settings, and writes the
// settings row if it is missing. Tables without one are new, or were created before the row
// was introduced and have the default settings.
//
// A strongly consistent Scan for one id tells new tables from old ones. DescribeTable's
// ItemCount is up to six hours old, so tables with only newer rows would seem new.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
func (s *Store) confirmSettings(ctx context.Context) error {
	row, err := s.readSettings(ctx)
	if err != nil {
		return err
	}
	if row == nil && !s.settings.IsDefault() {
		if row, err = s.settingsOfOldTables(ctx); err != nil {
			return err
		}
	}
	if row == nil {
		if row, err = s.putSettings(ctx); err != nil {
			return err
		}
	}
	tables, err := DecodeSettings(row)
	if damage, ok := errors.AsType[*RowError](err); ok {
		return &SettingsError{s.transactions, "the row is damaged: " + damage.Reason()}
	}
	if err != nil {
		return err
	}
	if !tables.Equal(s.settings) {
		return &SettingsError{s.transactions, fmt.Sprintf(
			"the tables were created with %s, but the configuration has %s; settings can't change", tables, s.settings)}
	}
	return nil
}

func (s *Store) readSettings(ctx context.Context) (item, error) {
	row, err := s.read(ctx, s.transactions, item{"id": &types.AttributeValueMemberS{Value: SettingsID}})
	if err != nil {
		return nil, fmt.Errorf("read the settings of table %s: %w", s.transactions, err)
	}
	return row, nil
}

// settingsOfOldTables returns nil if the tables are new. Otherwise it reads the settings
// row again, because another start may have just written it as the first row.
func (s *Store) settingsOfOldTables(ctx context.Context) (item, error) {
	out, err := s.client.Scan(ctx, &dynamodb.ScanInput{
		TableName:            &s.transactions,
		ConsistentRead:       aws.Bool(true),
		Limit:                aws.Int32(1),
		Select:               types.SelectSpecificAttributes, // the role allows no other Select
		ProjectionExpression: aws.String("id"),
	}, s.retrying(ctx))
	if err != nil {
		return nil, fmt.Errorf("look for rows in table %s: %w", s.transactions, storeError(err))
	}
	if len(out.Items) == 0 && len(out.LastEvaluatedKey) == 0 {
		return nil, nil
	}
	row, err := s.readSettings(ctx)
	if err == nil && row == nil {
		err = &SettingsError{s.transactions, fmt.Sprintf(
			"the settings row is missing, but there are transactions. Tables from before settings have %s, but the configuration has %s; "+
				"if the row was lost, restore it", ledger.DefaultSettings(), s.settings)}
	}
	return row, err
}

// putSettings stores the store's settings in new tables. It returns the stored row, which
// another start may have written first.
func (s *Store) putSettings(ctx context.Context) (item, error) {
	row, err := EncodeSettings(s.settings, time.Now())
	if err != nil {
		return nil, err
	}
	err = s.putNew(ctx, row)
	taken, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	switch {
	case ok && taken.Item == nil:
		return s.readSettings(ctx)
	case ok:
		return taken.Item, nil
	case err != nil:
		return nil, fmt.Errorf("write the settings of table %s: %w", s.transactions, storeError(err))
	}
	return row, nil
}
