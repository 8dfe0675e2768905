"""Runs post.py for a test. The arguments are the URL, the key, the transaction and the seconds."""
import json
import sys

from post import UnknownOutcome, post

url, key, transaction, seconds = sys.argv[1:]
try:
    status, text = post(url, key, json.loads(transaction), float(seconds))
    print(json.dumps({"status": status, "text": text}))
except UnknownOutcome as error:
    print(json.dumps({"unknown": str(error)}))
