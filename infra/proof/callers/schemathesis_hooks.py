import itertools
import json
import os
import urllib.request

import schemathesis

counted = itertools.count()


def members(body):
    """Lists the members of a body, and of its entries, by name and value."""
    if isinstance(body, dict):
        yield from body.items()
        entries = body.get("entries")
        for entry in entries if isinstance(entries, list) else []:
            yield from members(entry)


@schemathesis.hook
def filter_case(context, case):
    """Leaves out calls that are taken by rules that the description has in words only.

    An amount may be a JSON number, and a member that is null counts as left out,
    but for the amount of a capture.
    """
    capture = case.operation.path.endswith("/capture")
    return not any(
        value is None and not (capture and name in ("ammount", "amount"))
        or name == "ammount" and type(value) in (int, float) for name, value in members(case.body))


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Gives every second capture a hold that is open, so that captures are accepted, too."""
    if context.operation.path.endswith("/capture") and path_parameters and next(counted) % 2 == 0:
        path_parameters["id"] = new_hold()
    return path_parameters


def new_hold():
    """Posts a hold of the highest amount that its new user has, and returns its id."""
    key = f"hold-{next(counted)}"
    body = {"userId": key, "ammount": "100", "type": "debit", "expiresIn": 3600}
    request = urllib.request.Request(
        os.environ["LEDGER_URL"] + "/transactions", json.dumps(body).encode(), {"Idempotency-Key": key})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["data"]["id"]
