"""The cases; `run.py` runs them."""

import asyncio
import base64
import datetime
import hmac
import json
import os
import time
import unittest
import urllib.request

from mono_bindings import (
    Client,
    CreateAccount,
    ListAccounts,
    LoginAnswer,
    MonoError,
    PermissionEngine,
    PermissionSnapshot,
    SnapshotRequest,
    snapshot_public_key,
)

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
TENANT = "tenant:00000000-0000-7000-8000-000000000001"
OTHER_TENANT = "tenant:00000000-0000-7000-8000-000000000002"
ACCOUNT = TENANT + "/account:00000000-0000-7000-8000-000000000003"

CATALOGUE = json.dumps({"permissions": [{"name": "tenant.accounts.read"}, {"name": "tenant.accounts.create"}]})
ROLES = json.dumps([{"key": "viewer", "allow": ["tenant.*.read"]}, {"key": "clerk", "parents": ["viewer"]}])


def call(method, path, token, body=None):
    """Calls the server for what these bindings do not offer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": "Bearer " + token, "content-type": "application/json"}
    request = urllib.request.Request(os.environ["MONO_TEST_ADDRESS"] + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=20) as answer:
        text = answer.read()
    return json.loads(text)["data"] if text else None


def totp(secret, step):
    """The code of an authenticator (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.digest(key, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset:offset + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


class PermissionCases(unittest.TestCase):
    """Checks without a server."""

    def setUp(self):
        self.engine = PermissionEngine(CATALOGUE, ROLES)

    def compile(self, **assignment):
        return self.engine.compile(json.dumps({"assignments": [{"role": "clerk", "scope": TENANT, **assignment}]}))

    def test_what_a_role_gives_is_allowed_at_its_scope_and_below(self):
        clerk = self.compile()
        self.assertIs(clerk.check("tenant.accounts.read", TENANT, NOW), True)
        self.assertIs(clerk.check("tenant.accounts.read", ACCOUNT, NOW), True)

    def test_everything_else_is_refused(self):
        clerk = self.compile()
        self.assertIs(clerk.check("tenant.accounts.create", TENANT, NOW), False)
        self.assertIs(clerk.check("tenant.accounts.read", OTHER_TENANT, NOW), False)
        self.assertIs(clerk.check("tenant.accounts.read", "platform", NOW), False)
        self.assertIs(clerk.check("tenant.nothing.read", TENANT, NOW), False)

    def test_an_explanation_names_the_path_through_the_roles(self):
        explanation = json.loads(self.compile().explain("tenant.accounts.read", ACCOUNT, NOW))
        self.assertEqual(explanation["reason"], "allowed")
        self.assertEqual(explanation["fact"]["roles"], ["clerk", "viewer"])
        self.assertEqual(explanation["fact"]["pattern"], "tenant.*.read")

    def test_an_explanation_of_a_refusal_says_what_is_missing(self):
        explanation = json.loads(self.compile().explain("tenant.accounts.create", TENANT, NOW))
        self.assertEqual(explanation["reason"], "no_grant")
        self.assertTrue(explanation["message"])

    def test_the_moment_decides(self):
        clerk = self.compile(ends_at=NOW.isoformat())
        self.assertIs(clerk.check("tenant.accounts.read", TENANT, NOW - datetime.timedelta(microseconds=1)), True)
        self.assertIs(clerk.check("tenant.accounts.read", TENANT, NOW), False)
        self.assertEqual(json.loads(clerk.explain("tenant.accounts.read", TENANT, NOW))["reason"], "expired")

    def test_a_signed_snapshot_answers_as_the_set_and_a_changed_one_is_refused(self):
        secret, later = bytes(range(32)), NOW + datetime.timedelta(hours=1)
        request = SnapshotRequest(
            principal="ana",
            tenant=TENANT.removeprefix("tenant:"),
            facts=json.dumps({"assignments": [{"role": "clerk", "scope": TENANT}]}),
            issued_at=NOW,
            expires_at=later,
        )
        signed = self.engine.snapshot(request, secret)
        keys = [snapshot_public_key(secret)]
        snapshot, clerk = PermissionSnapshot.verify(signed, keys, NOW), self.compile()
        for permission in ["tenant.accounts.read", "tenant.accounts.create", "tenant.nothing.read"]:
            for scope in [TENANT, ACCOUNT, OTHER_TENANT, "platform"]:
                with self.subTest(permission=permission, scope=scope):
                    self.assertIs(
                        snapshot.check(permission, scope, NOW), clerk.check(permission, scope, NOW)
                    )
        self.assertIs(snapshot.check("tenant.accounts.read", TENANT, later), False)
        changed = signed[:-1] + bytes([signed[-1] ^ 1])
        for hostile, now in [(changed, NOW), (b"", NOW), (signed[:40], NOW), (signed, later)]:
            with self.assertRaises(MonoError.Unauthorized) as caught:
                PermissionSnapshot.verify(hostile, keys, now)
            self.assertEqual(caught.exception.code, "snapshot_refused")

    def test_malformed_input_is_a_validation_error_that_names_its_place(self):
        circle = json.dumps([{"key": "a", "parents": ["b"]}, {"key": "b", "parents": ["a"]}])
        for make, place in [
            (lambda: PermissionEngine("{", ROLES), "catalogue"),
            (lambda: PermissionEngine(CATALOGUE, circle), "roles[0]"),
            (lambda: PermissionEngine.from_seed("{}"), "permissions"),
            (lambda: self.engine.compile('{"surprise": 1}'), "principal"),
            (lambda: self.compile().check("tenant.accounts.read", "nowhere", NOW), "scope"),
        ]:
            with self.assertRaises(MonoError.Validation) as caught:
                make()
            fields = json.loads(caught.exception.details)["fields"]
            self.assertTrue(any(place in field["field"] for field in fields), fields)


class ServerCases(unittest.IsolatedAsyncioTestCase):
    """Calls of a real server."""

    def setUp(self):
        self.client = Client(os.environ["MONO_TEST_ADDRESS"], timeout=datetime.timedelta(seconds=20))

    async def login(self, email):
        return await self.client.login(email, os.environ["MONO_TEST_PASSWORD"])

    async def begin(self, email):
        return await self.client.begin_login(email, os.environ["MONO_TEST_PASSWORD"])

    async def test_a_login_is_kept_by_the_client_and_not_shown(self):
        login = await self.login("lena@lagoon.example")
        self.assertGreater(login.expires_at, datetime.datetime.now(datetime.timezone.utc))
        self.assertTrue(login.user_id and login.tenant_id)
        self.assertNotIn(login.access_token, str(login) + repr(login))
        await self.client.list_accounts(ListAccounts())
        again = Client(os.environ["MONO_TEST_ADDRESS"]).with_token(login.access_token)
        await again.list_accounts(ListAccounts())

    async def test_accounts_are_made_listed_and_found(self):
        login = await self.login("lena@lagoon.example")
        account = await self.client.create_account(
            CreateAccount(name="Tidal Ünion", slug="tidal-union", account_type="agency", email="desk@tidal.example")
        )
        self.assertEqual((account.name, account.slug, account.account_type), ("Tidal Ünion", "tidal-union", "agency"))
        self.assertEqual((account.tenant_id, account.status, account.version), (login.tenant_id, "active", 1))
        age = datetime.datetime.now(datetime.timezone.utc) - account.created_at
        self.assertLess(abs(age), datetime.timedelta(minutes=1))

        found = await self.client.list_accounts(ListAccounts(search="TIDAL"))
        self.assertEqual(found.items, [account])
        first = await self.client.list_accounts(ListAccounts(page=1, limit=1))
        second = await self.client.list_accounts(ListAccounts(page=2, limit=1))
        self.assertEqual((len(first.items), first.limit, second.page), (1, 1, 2))
        self.assertEqual(first.total, first.total_pages)
        self.assertGreaterEqual(first.total, 3)
        self.assertNotEqual(first.items, second.items)

    async def test_calls_run_side_by_side(self):
        await self.login("lena@lagoon.example")
        pages = await asyncio.gather(*(self.client.list_accounts(ListAccounts(limit=1)) for _ in range(20)))
        self.assertEqual(len(pages), 20)

    async def test_a_wrong_password_is_unauthorized(self):
        with self.assertRaises(MonoError.Unauthorized) as caught:
            await self.client.login("lena@lagoon.example", "Wrong-Password-1!")
        self.assertEqual(caught.exception.code, "invalid_credentials")
        self.assertTrue(caught.exception.text)
        with self.assertRaises(MonoError.Unauthorized):
            await self.client.list_accounts(ListAccounts())

    async def test_a_second_factor_is_shown_after_the_password(self):
        own, path = await self.login("uma@harbour.example"), "/api/v1/user/second-factor"
        self.assertIsInstance(await self.begin("uma@harbour.example"), LoginAnswer.SIGNED_IN)
        secret = call("POST", path, own.access_token)["secret"]
        step = int(time.time()) // 30
        call("POST", path + "/confirm", own.access_token, {"code": totp(secret, step)})
        self.addCleanup(call, "DELETE", path, own.access_token)
        with self.assertRaises(MonoError.Unauthorized) as caught:
            await self.login("uma@harbour.example")
        self.assertEqual(caught.exception.code, "second_factor_required")
        answer = await self.begin("uma@harbour.example")
        self.assertIsInstance(answer, LoginAnswer.SECOND_FACTOR)
        challenge = answer.challenge.challenge
        self.assertNotIn(challenge, str(answer) + str(answer.challenge))
        with self.assertRaises(MonoError.Unauthorized) as caught:
            await self.client.second_factor(challenge, totp(secret, step))
        self.assertEqual(caught.exception.code, "invalid_code")
        # The next code is taken already: clocks differ.
        login = await self.client.second_factor(challenge, totp(secret, step + 1))
        self.assertEqual(login.user_id, own.user_id)
        # The client is signed in: what it asks is known, and refused as Uma's.
        with self.assertRaises(MonoError.Forbidden):
            await self.client.list_accounts(ListAccounts())

    async def test_a_plain_user_makes_no_account(self):
        await self.login("uma@harbour.example")
        with self.assertRaises(MonoError.Forbidden) as caught:
            await self.client.create_account(CreateAccount(name="Uma's own"))
        self.assertIn("tenant.accounts.create", caught.exception.details)

    async def test_the_plan_limits_the_accounts(self):
        await self.login("tom@harbour.example")
        total = (await self.client.list_accounts(ListAccounts())).total
        for number in range(total, 5):
            await self.client.create_account(CreateAccount(name=f"Berth {number}"))
        with self.assertRaises(MonoError.LimitExceeded) as caught:
            await self.client.create_account(CreateAccount(name="One too many"))
        details = json.loads(caught.exception.details)
        self.assertEqual((details["limit"], details["maximum"]), ("accounts", 5), details)
        self.assertEqual((await self.client.list_accounts(ListAccounts())).total, 5)

    async def test_the_platform_admin_names_a_tenant(self):
        lena = await self.login("lena@lagoon.example")
        await self.login("ada@platform.example")
        page = await self.client.with_tenant(lena.tenant_id).list_accounts(ListAccounts())
        self.assertEqual({account.tenant_id for account in page.items}, {lena.tenant_id})

    async def test_every_wrong_field_is_named(self):
        await self.login("lena@lagoon.example")
        with self.assertRaises(MonoError.Validation) as caught:
            await self.client.create_account(CreateAccount(name=" ", email="nobody"))
        fields = json.loads(caught.exception.details)["fields"]
        self.assertEqual({field["field"] for field in fields}, {"name", "email"})

    async def test_addresses_and_ids_that_make_no_sense_are_refused(self):
        for make in [
            lambda: Client("http://ada:secret@127.0.0.1"),
            lambda: Client("file:///etc/passwd"),
            lambda: self.client.with_tenant("harbour"),
        ]:
            with self.assertRaises(MonoError.Validation) as caught:
                make()
            self.assertNotIn("secret", str(caught.exception))

    async def test_a_server_that_is_away_is_unavailable(self):
        # Port 9 is the discard service, which nobody runs.
        with self.assertRaises(MonoError.Unavailable) as caught:
            await Client("http://127.0.0.1:9").ping()
        self.assertEqual(caught.exception.code, "unreachable")
