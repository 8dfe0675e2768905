"""Does the same as consumer.go: a Lambda function that keeps each user's latest balance, and the
money in and out by month, in its own table."""
import os

import boto3

TABLE = os.environ["TABLE"]
dynamodb = boto3.client("dynamodb")


def handler(event, context):
    for record in event.get("Records") or [event["detail"]]:
        change = record["dynamodb"]
        if "id" in change["Keys"]:
            take_transaction(change["NewImage"])
        else:
            keep_balance(change["NewImage"])


def keep_balance(balance):
    """Stores a balance unless a later one is already stored. Every write of the ledger raises version or
    rule_changes, and none lowers them."""
    try:
        dynamodb.update_item(
            TableName=TABLE,
            Key={"id": {"S": "balance " + balance["user_id"]["S"]}},
            ConditionExpression="attribute_not_exists(id) OR version < :version OR rule_changes < :changes",
            UpdateExpression="SET balance = :balance, version = :version, rule_changes = :changes",
            ExpressionAttributeValues={
                ":balance": balance["balance"], ":version": balance["version"], ":changes": balance.get("rule_changes", {"N": "0"}),
            },
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        pass


def take_transaction(transaction):
    """Adds a transaction's row to its month's sums, at most once."""
    money_in, money_out = moved(transaction)
    month = transaction["created_at"]["S"][:7]
    try:
        dynamodb.transact_write_items(TransactItems=[
            {"Put": {
                "TableName": TABLE,
                "Item": {"id": {"S": "transaction " + transaction["id"]["S"]}},
                "ConditionExpression": "attribute_not_exists(id)",
            }},
            {"Update": {
                "TableName": TABLE,
                "Key": {"id": {"S": month + " " + transaction["user_id"]["S"]}},
                "UpdateExpression": "ADD money_in :in, money_out :out",
                "ExpressionAttributeValues": {":in": money_in, ":out": money_out},
            }},
        ])
    except dynamodb.exceptions.TransactionCanceledException as cancelled:
        if cancelled.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
            raise


def moved(transaction):
    """Returns the money that a transaction's row moved in and out."""
    amount, nothing = transaction["ammount"], {"N": "0"}
    if transaction["status"]["S"] == "declined":
        return nothing, nothing
    match transaction["type"]["S"]:
        case "credit" | "void" | "expiry":
            return amount, nothing
        case "debit":  # including a hold
            return nothing, amount
        case "capture":  # the whole hold was counted as money out before
            return transaction["held"], amount
        case other:
            raise ValueError(f"a transaction of type {other} is new to this program")
