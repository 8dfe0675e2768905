"""Calls every route with the client that openapi-python-client generates.

The arguments are the gateway's URL, the messages of its own answers by status, as
JSON, and the currency in the ledger's answers, which is empty if they have none.
"""
import json
import sys

from onewrite_client import Client
from onewrite_client.api.accounts import change_account
from onewrite_client.api.balances import read_balance
from onewrite_client.api.transactions import (
    capture_transaction,
    list_transactions,
    post_transaction,
    read_refunds,
    read_transaction,
    refund_transaction,
    void_transaction,
)
from onewrite_client.models import (
    AccountBlockedProblem,
    AccountInput,
    BlockedEntry,
    CaptureInput,
    Currency,
    EntriesInput,
    EntryInput,
    EntryType,
    GatewayMessage,
    HoldEndedProblem,
    InsufficientFundsProblem,
    InvalidRequestProblem,
    OneEntryInput,
    Permission,
    Problem,
    RefundEntryInput,
    RefundInput,
    RefundLimitProblem,
    TransactionStatus,
)
from onewrite_client.types import UNSET

gateway, messages, currency = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3] or UNSET
ledger = Client(base_url=gateway)
user = "generated Python client"


def post(key, **members):
    body = EntriesInput(**members) if "entries" in members else OneEntryInput(**members)
    return post_transaction.sync_detailed(client=ledger, idempotent_key=key, body=body)


def balance(of=user):
    return read_balance.sync(client=ledger, user_id=of).data


def refund(key, **members):
    return refund_transaction.sync_detailed(id=transfer.id, client=ledger, idempotent_key=key, body=RefundInput(**members))


assert (balance().balance, balance().currency) == ("100", currency)
first = post("1", user_id=user, ammount="10.50", type_=EntryType.CREDIT)
assert first.status_code == 201, first
posted = first.parsed.data
assert (posted.ammount, posted.currency, posted.status) == ("10.5", currency, TransactionStatus.POSTED)
again = post("1", user_id=user, ammount="10.50", type_=EntryType.CREDIT)
assert again.parsed == first.parsed
assert again.headers["Idempotent-Replayed"] == "true"

declined = post("2", user_id=user, ammount="1000", type_=EntryType.DEBIT).parsed
assert isinstance(declined, InsufficientFundsProblem), declined
assert (declined.balance, declined.currency) == ("110.5", currency)
assert read_transaction.sync(client=ledger, id=declined.id).data.status == TransactionStatus.DECLINED
wrong = post("3", user_id=user, ammount="0", type_=EntryType.DEBIT).parsed
assert isinstance(wrong, InvalidRequestProblem), wrong
assert wrong.properties["ammount"]
none = read_transaction.sync(client=ledger, id="00000000-0000-8000-8000-000000000000")
assert isinstance(none, Problem), none
assert none.type_ == "/problems/not-found"

transfer = post("4", entries=[
    EntryInput(user_id=user, ammount="10.5", type_=EntryType.DEBIT),
    EntryInput(user_id=user + "'s friend", ammount="10.5", type_=EntryType.CREDIT),
]).parsed.data
assert [entry.ammount for entry in transfer.entries] == ["10.5", "10.5"]
held = post("5", user_id=user, ammount="40", type_=EntryType.DEBIT, expires_in=60).parsed.data
assert held.status == TransactionStatus.PENDING
assert (balance().balance, balance().held) == ("60", "40")
captured = capture_transaction.sync(client=ledger, id=held.id, body=CaptureInput(ammount="25")).data
assert (captured.captured, balance().balance, balance().held) == ("25", "75", UNSET)
voided = void_transaction.sync(client=ledger, id=held.id)
assert isinstance(voided, HoldEndedProblem), voided

page = list_transactions.sync(client=ledger, user_id=user, limit=1)
assert len(page.data) == 1
page = list_transactions.sync(client=ledger, user_id=user, cursor=page.next_)
assert page.data[-1] == posted
assert page.next_ is UNSET

refunded = refund("7", ammount="4")
assert (refunded.status_code, refunded.parsed.data.refund_of) == (201, transfer.id), refunded
again = refund("7", ammount="4")
assert (again.parsed, again.headers["Idempotent-Replayed"]) == (refunded.parsed, "true")
more = refund("8", ammount="6.51").parsed
assert isinstance(more, RefundLimitProblem), more
assert more.refundable == "6.5"
assert refund("8", entries=[RefundEntryInput(entry=1, ammount="0.50")]).status_code == 201
refunds = read_refunds.sync(id=transfer.id, client=ledger).data
assert (refunds.refunds, [entry.refunded for entry in refunds.entries]) == (2, ["4", "4.5"])

late = user + ", who is late"
lent = change_account.sync(client=ledger, idempotent_key="1", body=AccountInput(
    user_id=late, debits=Permission.BLOCKED, credit_limit="50.00"))
assert (lent.data.debits, lent.data.credit_limit) == (Permission.BLOCKED, "50"), lent
blocked = post("2", user_id=late, ammount="1", type_=EntryType.DEBIT).parsed
assert isinstance(blocked, AccountBlockedProblem), blocked
assert blocked.blocked == balance(late).blocked == [BlockedEntry.DEBITS]
assert (balance(late).balance, balance(late).credit_limit) == ("150", "50")

if currency:
    paid = post("6", user_id=user, ammount="0.125", type_=EntryType.DEBIT, currency=Currency(currency)).parsed.data
    assert (paid.ammount, paid.currency, balance().balance) == ("0.125", currency, "78.875")

for status, message in messages.items():
    answer = post_transaction.sync_detailed(
        client=Client(base_url=f"{gateway}/{status}"), idempotent_key="1",
        body=OneEntryInput(user_id=user, ammount="1", type_=EntryType.CREDIT))
    assert answer.status_code == int(status), answer
    assert isinstance(answer.parsed, GatewayMessage), answer
    assert answer.parsed.message == message, answer
print("all answers as expected")
