"""What the client calls: a store of tokens, a listener of progress, a listener of the log. And what it gives up."""

import asyncio
import json
import socket
import unittest

from mono_bindings import (
    Client,
    CreateAccount,
    ListAccounts,
    LogLevel,
    MonoError,
    ProgressListener,
    TokenStore,
    set_log_listener,
)
from logged import LOG, Log
from support import PASSWORD, TIMEOUT, client


class Store(TokenStore):
    """Keeps the session in memory, and counts."""

    def __init__(self, session=None):
        self.session, self.saved, self.cleared = session, 0, 0

    def load(self):
        return self.session

    def save(self, session):
        self.session = session
        self.saved += 1

    def clear(self):
        self.session = None
        self.cleared += 1


class FullStore(Store):
    """Cannot be written."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def save(self, session):
        raise self.error


class Progress(ProgressListener):
    def __init__(self, error=None):
        self.seen, self.error = [], error

    def on_progress(self, done, total):
        self.seen.append((done, total))
        if self.error:
            raise self.error


class StoreCases(unittest.IsolatedAsyncioTestCase):
    async def test_a_session_outlives_the_client(self):
        store = Store()
        first = client(token_store=store)
        self.assertIs(await first.is_signed_in(), False)
        login = await first.login("lena@lagoon.example", PASSWORD)
        self.assertEqual(store.saved, 1)
        second = client(token_store=store)
        self.assertIs(await second.is_signed_in(), True)
        self.assertEqual((await second.me()).id, login.user_id)
        await second.logout()
        self.assertEqual((store.session, store.cleared), (None, 1))
        with self.assertRaises(MonoError.Unauthorized):
            await second.me()

    async def test_any_number_of_refused_calls_cause_one_refresh(self):
        store = Store()
        await client(token_store=store).login("lena@lagoon.example", PASSWORD)
        session = json.loads(store.session)
        before = session["refreshToken"]
        session["accessToken"] = "ended." + session["accessToken"]
        store = Store(json.dumps(session))
        mono = client(token_store=store)
        pages = await asyncio.gather(*(mono.list_accounts(ListAccounts(limit=1)) for _ in range(30)))
        self.assertEqual(len({page.items[0].id for page in pages}), 1)
        # A second refresh would have written once more, and ended the session for the use of an old token.
        self.assertEqual(store.saved, 1)
        self.assertNotEqual(json.loads(store.session)["refreshToken"], before)
        await mono.refresh()
        self.assertEqual(store.saved, 2)
        await mono.me()

    async def test_what_a_store_raises_comes_back(self):
        full = MonoError.Unavailable("keychain_locked", "the keychain is locked", '{"slot": 3}', None)
        with self.assertRaises(MonoError.Unavailable) as caught:
            await client(token_store=FullStore(full)).login("lena@lagoon.example", PASSWORD)
        self.assertEqual((caught.exception.code, caught.exception.details), ("keychain_locked", '{"slot":3}'))
        with self.assertRaises(MonoError.Internal) as caught:
            await client(token_store=FullStore(OSError("disk full"))).login("lena@lagoon.example", PASSWORD)
        self.assertEqual(caught.exception.code, "callback_failed")
        self.assertIn("disk full", caught.exception.details)
        self.assertNotIn("disk full", caught.exception.text)
        plain = MonoError.Unavailable("keychain_locked", "the keychain is locked", "slot 3", None)
        with self.assertRaises(MonoError.Unavailable) as caught:
            await client(token_store=FullStore(plain)).login("lena@lagoon.example", PASSWORD)
        self.assertEqual(caught.exception.details, '{"details":"slot 3"}')

    async def test_nobody_is_signed_in_where_the_store_has_failed(self):
        mono = client(token_store=FullStore(OSError("disk full")))
        with self.assertRaises(MonoError.Internal):
            await mono.login("lena@lagoon.example", PASSWORD)
        self.assertIs(await mono.is_signed_in(), False)

    async def test_what_would_end_the_program_ends_the_call(self):
        for raised in (SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()):
            with self.subTest(raised), self.assertRaises(MonoError.Internal) as caught:
                await client(token_store=FullStore(raised)).login("lena@lagoon.example", PASSWORD)
            self.assertEqual(caught.exception.code, "callback_failed")
            self.assertIn(type(raised).__name__, caught.exception.details)


class ProgressCases(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        asyncio.run(cls.fill())

    @classmethod
    async def fill(cls):
        mono = client()
        await mono.login("lena@lagoon.example", PASSWORD)
        await asyncio.gather(*(mono.create_account(CreateAccount(name=f"Buoy {number}")) for number in range(120)))

    async def asyncSetUp(self):
        self.client = client()
        await self.client.login("lena@lagoon.example", PASSWORD)

    async def test_a_long_list_tells_how_far_it_is(self):
        progress = Progress()
        accounts = await self.client.all_accounts(search="buoy", progress=progress)
        self.assertEqual(len({account.id for account in accounts}), 120)
        self.assertEqual(progress.seen, [(100, 120), (120, 120)])

    async def test_nothing_is_counted_without_a_listener(self):
        del LOG.records[:]
        self.assertEqual(len(await self.client.all_accounts(search="buoy")), 120)
        routes = [record.fields["route"] for record in LOG.records if "status" in record.fields]
        self.assertEqual(routes, ["/api/v1/tenant/accounts/by-cursor"] * 2)

    async def test_what_the_listener_raises_ends_the_list(self):
        stopped = Progress(ValueError("enough"))
        with self.assertRaises(MonoError.Internal) as caught:
            await self.client.all_accounts(search="buoy", progress=stopped)
        self.assertEqual(caught.exception.code, "callback_failed")
        self.assertEqual(stopped.seen, [(100, 120)])


class LogCases(unittest.IsolatedAsyncioTestCase):
    async def test_each_call_is_logged_without_a_secret(self):
        mono = client()
        login = await mono.login("lena@lagoon.example", PASSWORD)
        del LOG.records[:]
        await mono.list_accounts(ListAccounts(search="hunter2"))
        record = next(record for record in LOG.records if record.fields.get("route", "").endswith("/accounts"))
        self.assertEqual(record.level, LogLevel.DEBUG)
        self.assertEqual((record.fields["method"], record.fields["status"]), ("GET", "200"))
        self.assertTrue(record.fields["request_id"])
        for secret in [login.access_token, "hunter2", PASSWORD]:
            self.assertNotIn(secret, str(LOG.records))

    async def test_there_is_one_listener(self):
        with self.assertRaises(MonoError.Conflict) as caught:
            set_log_listener(Log(), LogLevel.TRACE)
        self.assertEqual(caught.exception.code, "log_listener_set")


class CancelCases(unittest.IsolatedAsyncioTestCase):
    async def test_a_call_that_is_cancelled_is_given_up(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.setblocking(False)
            loop = asyncio.get_running_loop()
            mono = Client(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=TIMEOUT)
            calling = asyncio.ensure_future(mono.ping())
            connection, _ = await loop.sock_accept(silent)
            with connection:
                self.assertTrue(await loop.sock_recv(connection, 65536))
                calling.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await calling
                # The client has hung up, long before its timeout.
                self.assertEqual(await asyncio.wait_for(loop.sock_recv(connection, 65536), 60), b"")

    async def test_the_others_go_on_when_one_is_cancelled(self):
        store = Store()
        mono = client(token_store=store)
        await mono.login("lena@lagoon.example", PASSWORD)
        calls = [asyncio.ensure_future(mono.list_accounts(ListAccounts(limit=1))) for _ in range(10)]
        await asyncio.sleep(0)
        calls[0].cancel()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        self.assertIsInstance(answers[0], asyncio.CancelledError)
        self.assertEqual([len(page.items) for page in answers[1:]], [1] * 9)
