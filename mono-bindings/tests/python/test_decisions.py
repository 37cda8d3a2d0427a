"""The table that every language answers: with the engine, with a snapshot, and with a server."""

import datetime
import json
import os
import unittest
import uuid

from mono_bindings import (
    CreateAccount,
    ListAccounts,
    ListMembers,
    ListTeams,
    MonoError,
    PermissionEngine,
    PermissionSnapshot,
    SnapshotRequest,
    UpdateAccount,
    snapshot_public_key,
)
from support import call, client, seed, signed_in

API = "/api/v1/tenant"
OTHER = "tenant:00000000-0000-7000-8000-000000000002"
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
            principal=principal, tenant=uuid.UUID(TABLE["tenant"]), facts=facts, issued_at=NOW, expires_at=EXPIRES
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

    def test_a_snapshot_says_whose_it_is(self):
        snapshot = self.verify(self.snapshot("uma@harbour.example"))
        self.assertEqual((snapshot.principal(), str(snapshot.tenant())), ("uma@harbour.example", TABLE["tenant"]))
        self.assertEqual((snapshot.issued_at(), snapshot.expires_at()), (NOW, EXPIRES))
        self.assertEqual(snapshot.catalogue_version(), str(json.loads(seed())["version"]))

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
    """The people of the demo have the same facts in the server. What else the table knows is arranged there."""

    async def asyncSetUp(self):
        self.staff = await signed_in("ada@platform.example")
        self.lagoon = (await (await signed_in("lena@lagoon.example")).me()).tenant_id
        tom = await signed_in("tom@harbour.example")
        self.tenant = (await tom.me()).tenant_id
        self.staff = self.staff.with_tenant(self.tenant)
        # Olga owns the first account.
        self.account = (await tom.all_accounts())[-1].id
        # Each question of the table that a route of the server asks before it does something.
        self.routes = {
            ("tenant.accounts.read", self.at("account")): lambda mono: mono.get_account(self.account),
            ("tenant.accounts.create", self.at("tenant")): lambda mono: mono.create_account(pier()),
            ("account.teams.read", self.at("account")): lambda mono: mono.list_teams(self.account, ListTeams()),
            ("platform.tenants.read", "platform"): lambda mono: mono.request("GET", "/api/v1/platform/tenants"),
            ("tenant.accounts.read", OTHER): lambda mono: mono.with_tenant(self.lagoon).list_accounts(ListAccounts()),
            ("tenant.accounts.create", OTHER): lambda mono: mono.with_tenant(self.lagoon).create_account(pier()),
        }

    def at(self, place):
        """A scope of the server: its tenant, or the account in it."""
        return f"tenant:{self.tenant}" + (f"/account:{self.account}" if place == "account" else "")

    def here(self, scope):
        return scope.replace(TABLE["tenant"], str(self.tenant)).replace(TABLE["account"], str(self.account))

    def snapshot_decides(self, principal, mono, snapshot):
        """Asks the signed permissions of the server everything that the table says of a principal."""
        rows = decisions(principal)
        for row in rows:
            scope, now = self.here(row["scope"]), datetime.datetime.now(datetime.timezone.utc)
            with self.subTest(row):
                self.assertIs(snapshot.check(row["permission"], scope, now), row["snapshot"])
                if scope.startswith(self.at("tenant")):
                    self.assertIs(mono.can(row["permission"], scope), row["allowed"])
                else:
                    with self.assertRaises(MonoError.Validation) as caught:
                        mono.can(row["permission"], scope)
                    self.assertEqual(caught.exception.code, "other_tenant")
        return len(rows)

    async def server_decides(self, principal, mono):
        """Asks the server itself, where it has a route that asks for the permission at that scope."""
        rows = {(row["permission"], self.here(row["scope"])): row["allowed"] for row in decisions(principal)}
        for asked, route in self.routes.items():
            with self.subTest(principal=principal, asked=asked):
                self.assertIs(await allowed(route(mono)), rows[asked])

    async def both_decide(self, principal, person):
        """Asks both as a person, who signs in anew: what is kept may be older than what was arranged."""
        mono = (await signed_in(person)).with_tenant(self.tenant)
        with self.assertRaises(MonoError.Unavailable) as caught:
            mono.can("tenant.accounts.read", self.at("tenant"))
        self.assertEqual(caught.exception.code, "permissions_not_loaded")
        self.assertEqual(self.snapshot_decides(principal, mono, await mono.permissions()), 20)
        await self.server_decides(principal, mono)

    async def arrange(self, path, body, gone):
        """Makes something for as long as the case lasts."""
        made = await call(self.staff, "POST", path, body)
        self.addAsyncCleanup(call, self.staff, "DELETE", f"{gone}/{made['id']}")

    async def member(self, search):
        """The path of a member."""
        return f"{API}/members/" + str((await self.staff.list_members(ListMembers(search=search))).items[0].id)

    async def test_the_people_of_the_demo(self):
        self.assertEqual(len(PEOPLE), 4)
        for person in PEOPLE:
            await self.both_decide(person, person)

    async def test_a_grant(self):
        uma = await self.member("uma@")
        [assigned] = await call(self.staff, "GET", f"{uma}/assignments")
        await call(self.staff, "DELETE", f"{API}/assignments/{assigned['id']}")
        self.addAsyncCleanup(call, self.staff, "POST", f"{uma}/assignments", {"role": "user"})
        grant = {"pattern": "account.*.read", "effect": "allow", "scope": self.at("account")}
        await self.arrange(f"{uma}/grants", grant, f"{API}/grants")
        await self.both_decide("a grant", "uma@harbour.example")

    async def test_a_deny(self):
        deny = {"pattern": "account.teams.*", "effect": "deny", "scope": self.at("account")}
        await self.arrange(await self.member("tom@") + "/grants", deny, f"{API}/grants")
        await self.both_decide("a deny", "tom@harbour.example")

    async def test_a_guardrail(self):
        guardrail = {"pattern": "tenant.accounts.create", "reason": "a migration"}
        await self.arrange(f"{API}/guardrails", guardrail, f"{API}/guardrails")
        await self.both_decide("a guardrail", "tom@harbour.example")

    async def test_a_suspended_account(self):
        await self.staff.update_account(self.account, UpdateAccount(status="suspended"))
        self.addAsyncCleanup(self.staff.update_account, self.account, UpdateAccount(status="active"))
        # Whoever lifts a suspension sees what is suspended.
        del self.routes["tenant.accounts.read", self.at("account")]
        await self.both_decide("a suspended account", "tom@harbour.example")

    async def test_an_api_key(self):
        tom = await signed_in("tom@harbour.example")
        made = await call(tom, "POST", f"{API}/api-keys", {"name": "Reader", "scopes": ["tenant.accounts.read"]})
        self.addAsyncCleanup(call, tom, "DELETE", f"{API}/api-keys/{made['apiKey']['id']}")
        key = client().with_token(made["key"])
        await self.server_decides("an API key", key)
        with self.assertRaises(MonoError.Forbidden) as caught:
            await key.permissions()
        self.assertEqual(caught.exception.code, "people_only")


def pier():
    """An account that there is not yet."""
    return CreateAccount(name="Pier", slug=f"pier-{uuid.uuid4()}")


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
