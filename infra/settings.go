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

// SettingsID is the id of the row in the transactions table that has both tables'
// settings. It is no transaction's id, so no call can ask for it. The row has no
// user_id, so it is in no history.
const SettingsID = "settings"

// settingsRow is that row.
type settingsRow struct {
	ID        string                `dynamodbav:"id"`
	Currency  string                `dynamodbav:"currency"`
	Places    attributevalue.Number `dynamodbav:"places"`
	Opening   attributevalue.Number `dynamodbav:"opening"`
	CreatedAt string                `dynamodbav:"created_at"`
}

// EncodeSettings returns the settings row for tables that are begun at that time.
func EncodeSettings(s ledger.Settings, now time.Time) (map[string]types.AttributeValue, error) {
	return attributevalue.MarshalMap(settingsRow{
		ID:        SettingsID,
		Currency:  s.Currency,
		Places:    attributevalue.Number(fmt.Sprint(s.Places)),
		Opening:   attributevalue.Number(s.Opening.String()),
		CreatedAt: ledger.FormatTime(now),
	})
}

// IsSettings reports whether a row in the transactions table is the settings row.
func IsSettings(row map[string]types.AttributeValue) bool {
	id, ok := row["id"].(*types.AttributeValueMemberS)
	return ok && id.Value == SettingsID
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

// SettingsError means that the tables can't be used with a store's settings.
type SettingsError struct {
	Table  string // the table of transactions
	Reason string
}

func (e *SettingsError) Error() string {
	return fmt.Sprintf("settings of table %s: %s", e.Table, e.Reason)
}

// startWithin bounds Start, well inside the 10 seconds for a Lambda's init.
const startWithin = 2 * time.Second

// Start confirms that the tables were begun with the store's settings, or begins
// them. It is mostly one read, which opens the connection and uses the credentials
// before the first call. The error is a [*SettingsError] if the tables have other
// settings: the store must not be used then. After any other error the settings could
// not be read, and each call reads them before anything else until one succeeds.
func (s *Store) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	err := s.confirmSettings(ctx)
	s.unconfirmed.Store(err != nil)
	return err
}

// ready confirms the settings if Start could not.
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

// confirmSettings compares the store's settings with the tables'. Tables without a
// settings row are new, or have the default settings, because they were begun before
// there were others.
//
// A strongly consistent Scan for one id finds out. DescribeTable's ItemCount is up to
// six hours old: it would take tables whose first row is younger for new ones.
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
			"the tables were begun with %s, and are opened with %s; settings can't change", tables, s.settings)}
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

// settingsOfOldTables returns nothing if the tables are new. Otherwise their one row
// may be the settings row, which another start has put since this one looked for it.
func (s *Store) settingsOfOldTables(ctx context.Context) (item, error) {
	out, err := s.client.Scan(ctx, &dynamodb.ScanInput{
		TableName:            &s.transactions,
		ConsistentRead:       aws.Bool(true),
		Limit:                aws.Int32(1),
		Select:               types.SelectSpecificAttributes, // the role allows no other
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
			"there are transactions and no row of settings. Tables from before settings have %s, and are opened with %s; "+
				"if the row was lost, put it back", ledger.DefaultSettings(), s.settings)}
	}
	return row, err
}

// putSettings begins the tables with the store's settings, and returns the row that
// is there then: it may be another start's.
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
