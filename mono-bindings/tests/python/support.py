"""What several cases need."""

import base64
import datetime
import hmac
import json
import os

from mono_bindings import Client

ADDRESS = os.environ["MONO_TEST_ADDRESS"]
PASSWORD = os.environ["MONO_TEST_PASSWORD"]


# No test waits for it.
TIMEOUT = datetime.timedelta(minutes=5)


def client(**options):
    """A client of the server of the test."""
    return Client(ADDRESS, timeout=TIMEOUT, **options)


async def signed_in(email, **options):
    """A client that somebody of the demo is signed in with."""
    mono = client(**options)
    await mono.login(email, PASSWORD)
    return mono


def seed():
    """The seed file of the server of the test."""
    with open(os.environ["MONO_TEST_SEED"], encoding="utf-8") as file:
        return file.read()


async def call(mono, method, path, body=None):
    """Calls a route that these bindings have no function for."""
    text = await mono.request(method, path, None if body is None else json.dumps(body))
    return None if text is None else json.loads(text)


def totp(secret, step):
    """The code of an authenticator (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset:offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"
