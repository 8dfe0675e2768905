import http.client
import itertools
import json
import math
import random
import time
import urllib.error
import urllib.request


class UnknownOutcome(Exception):
    """The transaction may have counted or not. The same call with the same key, now or in a week, tells which."""

    def __init__(self, key, cause):
        super().__init__(f'outcome unknown; keep the key "{key}" and send the same call again: {cause}')
        self.key = key


def post(url, key, transaction, seconds):
    """Sends a transaction until an answer is final, or the seconds are over.

    The key was saved with what is paid for, before the first call.
    """
    headers = {"Idempotent-Key": key, "Content-Type": "application/json"}
    call = urllib.request.Request(url, json.dumps(transaction).encode(), headers)
    end = time.monotonic() + seconds
    maybe = False  # an attempt may have counted
    for attempt in itertools.count():
        wait = random.uniform(0, min(5, 0.2 * 2 ** min(attempt, 5)))
        try:
            within = min(15, max(0.001, end - time.monotonic()))  # the function itself answers within 10 s
            try:
                answer = urllib.request.urlopen(call, timeout=within)
            except urllib.error.HTTPError as error:
                answer = error  # an answer, too
            with answer:
                status, text = answer.status, answer.read().decode()  # half an answer is none
            if status in (201, 422):
                return status, text
            if status < 500 and status != 429:
                if not maybe:
                    return status, text
                wait = math.inf  # such as 401 by now: it says nothing of the attempts before
            maybe = maybe or status >= 500  # 429 did not reach the ledger
            told = answer.headers.get("Retry-After", "")
            wait = max(wait, int(told) if told.isdecimal() else 0)
            cause = f"the last answer was {status}"
        except (OSError, http.client.HTTPException) as error:
            maybe, cause = True, error
        if time.monotonic() + wait > end:
            raise UnknownOutcome(key, cause)
        time.sleep(wait)
