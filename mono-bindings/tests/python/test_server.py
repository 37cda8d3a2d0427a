"""Calls of a real server."""

import asyncio
import datetime
import json
import time
import unittest
import uuid

from mono_bindings import Client, CreateAccount, ListAccounts, LoginAnswer, MonoError, UpdateAccount
from support import ADDRESS, PASSWORD, call, client, totp


class ServerCases(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.client = client()

    async def login(self, email):
        return await self.client.login(email, PASSWORD)

    async def begin(self, email):
        return await self.client.begin_login(email, PASSWORD)

    async def test_a_login_is_kept_by_the_client_and_not_shown(self):
        login = await self.login("lena@lagoon.example")
        self.assertGreater(login.expires_at, datetime.datetime.now(datetime.timezone.utc))
        self.assertIsInstance(login.user_id, uuid.UUID)
        self.assertIsInstance(login.tenant_id, uuid.UUID)
        self.assertNotIn(login.access_token, str(login) + repr(login))
        await self.client.list_accounts(ListAccounts())
        again = Client(ADDRESS).with_token(login.access_token)
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
        uma = self.client.with_token(own.access_token)
        self.assertIsInstance(await self.begin("uma@harbour.example"), LoginAnswer.SIGNED_IN)
        secret = (await call(uma, "POST", path))["secret"]
        step = int(time.time()) // 30
        await call(uma, "POST", path + "/confirm", {"code": totp(secret, step)})
        self.addAsyncCleanup(call, uma, "DELETE", path)
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
        step = max(step, int(time.time()) // 30)
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
            lambda: Client("http://127.0.0.1\n"),
            lambda: Client("http://127.0.0.1", permission_keys=[]),
            lambda: self.client.with_tenant("harbour"),
            lambda: self.client.with_tenant("{01890a5d-ac96-7b7c-8f89-36b4f1d3c1a2}"),
        ]:
            with self.assertRaises(MonoError.Validation) as caught:
                make()
            self.assertNotIn("secret", str(caught.exception))

    async def test_a_server_that_is_away_is_unavailable(self):
        # Port 9 is the discard service, which nobody runs.
        with self.assertRaises(MonoError.Unavailable) as caught:
            await Client("http://127.0.0.1:9").ping()
        self.assertEqual(caught.exception.code, "unreachable")

    async def test_an_account_is_changed_and_deleted(self):
        await self.login("lena@lagoon.example")
        made = await self.client.create_account(CreateAccount(name="Ebb", email="ebb@tidal.example"))
        changed = await self.client.update_account(made.id, UpdateAccount(version=1, name="Flow", email=""))
        self.assertEqual((changed.name, changed.email, changed.slug, changed.version), ("Flow", None, "ebb", 2))
        with self.assertRaises(MonoError.Conflict) as caught:
            await self.client.update_account(made.id, UpdateAccount(version=1, name="Ebb"))
        self.assertEqual(caught.exception.code, "stale_version")
        self.assertTrue(caught.exception.request_id)
        self.assertEqual(await self.client.get_account(made.id), changed)
        await self.client.delete_account(made.id)
        with self.assertRaises(MonoError.NotFound):
            await self.client.get_account(made.id)

    async def test_the_server_says_who_is_signed_in_and_what_the_tenant_may_use(self):
        login = await self.login("tom@harbour.example")
        me = await self.client.me()
        self.assertEqual((me.id, me.email, me.tenant_id), (login.user_id, "tom@harbour.example", login.tenant_id))
        entitlements = await self.client.entitlements()
        accounts = next(limit for limit in entitlements.limits if limit.limit == "accounts")
        self.assertEqual(accounts.maximum, 5)
        self.assertEqual(accounts.remaining, 5 - accounts.current)
