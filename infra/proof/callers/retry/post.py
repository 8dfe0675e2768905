import http.client
import itertools
import json
import math
import random
import time
import urllib.error
import urllib.request


class UnknownOutcome(Exception):
    """The transaction may or may not have counted. The same call with the same key, now or in a week, settles it."""

    def __init__(self, key, cause):
        super().__init__(f'outcome unknown; keep the key "{key}" and send the same call again: {cause}')
        self.key = key


class KeepRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirects, because the POST would become a GET."""

    def redirect_request(self, *_):
        return None


def post(url, key, transaction, seconds):
    """Retries a transaction until an answer is final, or the seconds have passed.

    Save the key with the order before the first call.
    """
    headers = {"Idempotent-Key": key, "Content-Type": "application/json"}
    call = urllib.request.Request(url, json.dumps(transaction).encode(), headers)
    opener = urllib.request.build_opener(KeepRedirects)
    end = time.monotonic() + seconds
    maybe = False  # whether an attempt may have counted
    for attempt in itertools.count():
        wait = random.uniform(0, min(5, 0.2 * 2 ** min(attempt, 5)))
        try:
            within = min(15, max(0.001, end - time.monotonic()))  # the ledger answers within 10 s
            try:
                answer = opener.open(call, timeout=within)
            except urllib.error.HTTPError as error:
                answer = error  # an answer with an error status
            with answer:
                status, body = answer.status, answer.read()
            text = body.decode(errors="replace")
            if status in (201, 422):
                json.loads(body)  # fails if the answer is incomplete
                return status, text
            if status < 500 and status not in (408, 425, 429):
                if not maybe and status >= 400:
                    return status, text
                # A redirect or another 2xx is not the ledger's answer. A 401 after a
                # lost answer does not show whether the transaction counted.
                wait = math.inf
            maybe = maybe or status >= 500 or status == 408  # 425 and 429 mean that the call did not reach the ledger
            retry_after = answer.headers.get("Retry-After", "")
            wait = max(wait, float(retry_after) if retry_after.isdecimal() else 0)
            cause = f"the last answer was {status}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            maybe, cause = True, error
        if time.monotonic() + wait > end:
            raise UnknownOutcome(key, cause)
        time.sleep(wait)
