// Does the same as consumer.go: a Lambda function that keeps each user's latest balance, and the money
// in and out by month, in its own table.
import {
  type AttributeValue, ConditionalCheckFailedException, DynamoDBClient, TransactionCanceledException,
  TransactWriteItemsCommand, UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";

type Row = Record<string, AttributeValue>;
type StreamRecord = { dynamodb: { Keys: Row; NewImage: Row } };

const TableName = process.env.TABLE!;
const dynamodb = new DynamoDBClient();
const nothing = { N: "0" };

export async function handler(event: { Records?: StreamRecord[]; detail?: StreamRecord }) {
  for (const { dynamodb: change } of event.Records ?? [event.detail!]) {
    await (change.Keys.id ? takeTransaction(change.NewImage) : keepBalance(change.NewImage));
  }
}

/** Stores a balance unless a later one is already stored. Every write of the ledger raises version or rule_changes, and none lowers them. */
async function keepBalance({ user_id, balance, version, rule_changes = nothing }: Row) {
  try {
    await dynamodb.send(new UpdateItemCommand({
      TableName,
      Key: { id: { S: "balance " + user_id.S } },
      ConditionExpression: "attribute_not_exists(id) OR version < :version OR rule_changes < :changes",
      UpdateExpression: "SET balance = :balance, version = :version, rule_changes = :changes",
      ExpressionAttributeValues: { ":balance": balance, ":version": version, ":changes": rule_changes },
    }));
  } catch (error) {
    if (!(error instanceof ConditionalCheckFailedException)) throw error;
  }
}

/** Adds a transaction's row to its month's sums, at most once. */
async function takeTransaction(transaction: Row) {
  const [moneyIn, moneyOut] = moved(transaction);
  const month = transaction.created_at.S!.slice(0, 7);
  try {
    await dynamodb.send(new TransactWriteItemsCommand({ TransactItems: [
      { Put: {
        TableName,
        Item: { id: { S: "transaction " + transaction.id.S } },
        ConditionExpression: "attribute_not_exists(id)",
      } },
      { Update: {
        TableName,
        Key: { id: { S: month + " " + transaction.user_id.S } },
        UpdateExpression: "ADD money_in :in, money_out :out",
        ExpressionAttributeValues: { ":in": moneyIn, ":out": moneyOut },
      } },
    ] }));
  } catch (error) {
    const taken = error instanceof TransactionCanceledException && error.CancellationReasons?.[0].Code === "ConditionalCheckFailed";
    if (!taken) throw error;
  }
}

/** Returns the money that a transaction's row moved in and out. */
function moved({ type, status, ammount, held }: Row): [AttributeValue, AttributeValue] {
  if (status.S === "declined") return [nothing, nothing];
  switch (type.S) {
    case "credit": case "void": case "expiry": return [ammount, nothing];
    case "debit": return [nothing, ammount]; // including a hold
    case "capture": return [held, ammount]; // the whole hold was counted as money out before
    default: throw new Error(`a transaction of type ${type.S} is new to this program`);
  }
}
