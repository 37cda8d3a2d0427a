"""What several cases need."""

import base64
import datetime
import hmac
import json
import os
import urllib.request

from mono_bindings import Client

ADDRESS = os.environ["MONO_TEST_ADDRESS"]
PASSWORD = os.environ["MONO_TEST_PASSWORD"]


def client(**options):
    """A client of the server of the test."""
    return Client(ADDRESS, timeout=datetime.timedelta(seconds=20), **options)


def seed():
    """The seed file of the server of the test."""
    with open(os.environ["MONO_TEST_SEED"], encoding="utf-8") as file:
        return file.read()


def call(method, path, token, body=None):
    """Calls the server for what these bindings do not offer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": "Bearer " + token, "content-type": "application/json"}
    request = urllib.request.Request(ADDRESS + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read()
    return json.loads(text)["data"] if text else None


def totp(secret, step):
    """The code of an authenticator (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset:offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"
