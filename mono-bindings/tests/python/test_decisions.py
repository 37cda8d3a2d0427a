"""The table that every language answers: with the engine, with a snapshot, and with a server."""

import datetime
import json
import os
import unittest
import urllib.error

from mono_bindings import CreateAccount, MonoError, PermissionEngine, PermissionSnapshot, SnapshotRequest
from mono_bindings import snapshot_public_key
from support import PASSWORD, call, client, seed

SECRET = bytes(range(32))
with open(os.environ["MONO_TEST_DECISIONS"], encoding="utf-8") as file:
    TABLE = json.load(file)
NOW = datetime.datetime.fromisoformat(TABLE["now"].replace("Z", "+00:00"))
EXPIRES = datetime.datetime.fromisoformat(TABLE["expires"].replace("Z", "+00:00"))
PEOPLE = [name for name in TABLE["principals"] if "@" in name]


def decisions(*people):
    """The decisions about some principals, or all."""
    return [row for row in TABLE["decisions"] if not people or row["principal"] in people]


class OfflineCases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = PermissionEngine.from_seed(seed())

    def snapshot(self, principal):
        facts = json.dumps(TABLE["principals"][principal])
        request = SnapshotRequest(
            principal=principal, tenant=TABLE["tenant"], facts=facts, issued_at=NOW, expires_at=EXPIRES
        )
        return self.engine.snapshot(request, SECRET)

    def verify(self, signed, keys=None, now=NOW):
        return PermissionSnapshot.verify(signed, [snapshot_public_key(SECRET)] if keys is None else keys, now)

    def test_the_engine_decides_as_the_table_says(self):
        self.assertEqual(len(decisions()), 200)
        sets = {name: self.engine.compile(json.dumps(facts)) for name, facts in TABLE["principals"].items()}
        for row in decisions():
            with self.subTest(row):
                asked = (row["permission"], row["scope"], NOW)
                self.assertIs(sets[row["principal"]].check(*asked), row["allowed"])
                self.assertEqual(json.loads(sets[row["principal"]].explain(*asked))["reason"], row["reason"])

    def test_a_snapshot_decides_as_the_table_says(self):
        snapshots = {name: self.verify(self.snapshot(name)) for name in TABLE["principals"]}
        for row in decisions():
            with self.subTest(row):
                snapshot = snapshots[row["principal"]]
                self.assertIs(snapshot.check(row["permission"], row["scope"], NOW), row["snapshot"])
                self.assertIs(snapshot.check(row["permission"], row["scope"], EXPIRES), False)

    def test_many_at_once_are_decided_as_one_by_one(self):
        for name, facts in TABLE["principals"].items():
            allowed, snapshot = self.engine.compile(json.dumps(facts)), self.verify(self.snapshot(name))
            for scope in {row["scope"] for row in decisions(name)}:
                rows = [row for row in decisions(name) if row["scope"] == scope]
                asked = ([row["permission"] for row in rows], scope, NOW)
                self.assertEqual(allowed.check_all(*asked), [row["allowed"] for row in rows], (name, scope))
                self.assertEqual(snapshot.check_all(*asked), [row["snapshot"] for row in rows], (name, scope))
        self.assertEqual(allowed.check_all([], scope, NOW), [])
        with self.assertRaises(MonoError.Validation):
            allowed.check_all(["tenant.accounts.read"], "nowhere", NOW)

    def test_a_hostile_snapshot_is_refused(self):
        signed = self.snapshot("uma@harbour.example")
        others = self.snapshot("tom@harbour.example")
        hostile = {
            "nothing": b"",
            "a forged signature": signed[:-64] + bytes(64),
            "the signature of another": others[:-64] + signed[-64:],
            "a changed role": signed.replace(b'"role":"user"', b'"role":"boss"'),
            "huge": b"MPS\x01" + b"[" * 30_000_000,
            "huge and signed": signed + bytes(30_000_000),
            **{f"the first {length} bytes": signed[:length] for length in range(0, len(signed), 7)},
            **{f"byte {at} changed": signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1:] for at in range(len(signed))},
        }
        for name, bytes_ in hostile.items():
            with self.subTest(name), self.assertRaises(MonoError.Unauthorized) as caught:
                self.verify(bytes_)
            self.assertEqual(caught.exception.code, "snapshot_refused", name)
        for name, keys, now in [
            ("another key", [snapshot_public_key(bytes(32))], NOW),
            ("no key", [], NOW),
            ("expired", None, EXPIRES),
        ]:
            with self.subTest(name), self.assertRaises(MonoError.Unauthorized):
                self.verify(signed, keys, now)
        with self.assertRaises(MonoError.Validation):
            self.verify(signed, [b"short"])
        # One of two keys is enough, while keys are changed.
        self.verify(signed, [snapshot_public_key(bytes(32)), snapshot_public_key(SECRET)])


class OnlineCases(unittest.IsolatedAsyncioTestCase):
    """The people of the demo have the same facts in the server."""

    async def asyncSetUp(self):
        tom = client()
        self.tenant = (await tom.login("tom@harbour.example", PASSWORD)).tenant_id
        # Olga owns the first account.
        self.account = (await tom.all_accounts())[-1].id

    def here(self, scope):
        return scope.replace(TABLE["tenant"], self.tenant).replace(TABLE["account"], self.account)

    async def test_the_signed_permissions_of_the_server_decide_as_the_table_says(self):
        compared = 0
        for person in PEOPLE:
            mono = client()
            await mono.login(person, PASSWORD)
            with self.assertRaises(MonoError.Unavailable) as caught:
                mono.can("tenant.accounts.read", self.here("tenant:" + TABLE["tenant"]))
            self.assertEqual(caught.exception.code, "permissions_not_loaded")
            snapshot = await mono.permissions()
            for row in decisions(person):
                scope = self.here(row["scope"])
                with self.subTest(row):
                    now = datetime.datetime.now(datetime.timezone.utc)
                    self.assertIs(snapshot.check(row["permission"], scope, now), row["snapshot"])
                    if scope.startswith("tenant:" + self.tenant):
                        self.assertIs(mono.can(row["permission"], scope), row["allowed"])
                        compared += 1
                    else:
                        with self.assertRaises(MonoError.Validation) as caught:
                            mono.can(row["permission"], scope)
                        self.assertEqual(caught.exception.code, "other_tenant")
        self.assertEqual(compared, 30)

    async def test_the_server_itself_decides_as_the_table_says(self):
        tenant = "tenant:" + TABLE["tenant"]
        account = f"{tenant}/account:{TABLE['account']}"
        teams = f"/api/v1/tenant/accounts/{self.account}/teams"
        for person in PEOPLE:
            mono = client()
            login = await mono.login(person, PASSWORD)
            expected = {(row["permission"], row["scope"]): row["allowed"] for row in decisions(person)}
            self.assertIs(
                await allowed(mono.get_account(self.account)), expected["tenant.accounts.read", account], person
            )
            self.assertIs(
                await allowed(mono.create_account(CreateAccount(name="Pier"))),
                expected["tenant.accounts.create", tenant],
                person,
            )
            for permission, scope, path in [
                ("account.teams.read", account, teams),
                ("platform.tenants.read", "platform", "/api/v1/platform/tenants"),
            ]:
                self.assertIs(answers(path, login.access_token), expected[permission, scope], (person, permission))


async def allowed(calling):
    """Whether the server lets a call through."""
    try:
        await calling
    except (MonoError.Forbidden, MonoError.NotFound):
        return False
    except MonoError.LimitExceeded:
        # Who is stopped by the plan may do it.
        return True
    return True


def answers(path, token):
    """Whether the server lets a request through that these bindings do not offer."""
    try:
        call("GET", path, token)
    except urllib.error.HTTPError as error:
        with error:
            assert error.code in (403, 404), error.code
        return False
    return True
