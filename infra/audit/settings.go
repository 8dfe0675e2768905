package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"onewrite/infra"
	"onewrite/infra/internal/books"
)

// readSettings reads the settings that the tables were begun with. A row that is missing or can't
// be read is a finding, and the environment's settings are the best guess.
func (b *reader) readSettings(ctx context.Context) error {
	out, err := b.client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName:              &b.config.TransactionsTable,
		Key:                    row{"id": &types.AttributeValueMemberS{Value: infra.SettingsID}},
		ConsistentRead:         aws.Bool(true),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal,
	})
	if err != nil {
		return failed(err, "read the settings")
	}
	if err := b.spend(ctx, out.ConsumedCapacity); err != nil {
		return err
	}
	if len(out.Item) == 0 {
		b.doubt("there is no row of settings")
		return nil
	}
	settings, err := infra.DecodeSettings(out.Item)
	if err != nil {
		b.doubt(books.ReasonOf(err))
		return nil
	}
	b.config.Settings = settings
	return nil
}

// doubt notes a finding about the settings.
func (b *reader) doubt(reason string) {
	b.doubts = append(b.doubts, finding{
		TransactionID: infra.SettingsID, Kind: books.KindSettings,
		Detail: fmt.Sprintf("%s; this audit goes by the environment: %s", reason, b.config.Settings),
	})
}
