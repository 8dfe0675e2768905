import schemathesis


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
