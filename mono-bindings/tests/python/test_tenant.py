"""Members, teams, and whatever else a tenant has."""

import asyncio
import datetime
import unittest
import uuid

from mono_bindings import (
    Client,
    CreateAccount,
    InvitedRole,
    ListAccounts,
    ListMembers,
    ListTeams,
    MonoError,
    UpdateTeam,
)
from logged import LOG
from support import TIMEOUT, call, signed_in


class TenantCases(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.lena = await signed_in("lena@lagoon.example")
        self.account = (await self.lena.all_accounts())[-1]

    async def test_members_are_listed_suspended_and_reactivated(self):
        tom = await signed_in("tom@harbour.example")
        page = await tom.list_members(ListMembers(sort="name", limit=2))
        self.assertEqual(([member.name for member in page.items], page.total, page.total_pages), (["Olga", "Tom"], 3, 2))
        olga = page.items[0]
        self.assertEqual(await tom.get_member(olga.id), olga)
        self.assertEqual((await tom.suspend_member(olga.id)).status, "suspended")
        found = await tom.list_members(ListMembers(status="suspended"))
        self.assertEqual([member.id for member in found.items], [olga.id])
        self.assertEqual((await tom.reactivate_member(olga.id)).status, "active")
        with self.assertRaises(MonoError.Conflict):
            await tom.suspend_member(page.items[1].id)
        with self.assertRaises(MonoError.NotFound):
            await self.lena.get_member(olga.id)
        with self.assertRaises(MonoError.NotFound):
            await tom.remove_member(uuid.uuid4())

    async def test_somebody_is_invited(self):
        roles = [InvitedRole(role="account_owner", account_id=self.account.id), InvitedRole(role="user")]
        made = await self.lena.invite_member("ivo@lagoon.example", roles)
        self.assertEqual((made.email, made.roles), ("ivo@lagoon.example", roles))
        self.assertEqual((await self.lena.list_invitations()).items, [made])
        again = await self.lena.resend_invitation(made.id)
        self.assertGreaterEqual(again.expires_at, made.expires_at)
        with self.assertRaises(MonoError.Conflict) as caught:
            await self.lena.invite_member("lena@lagoon.example", [])
        self.assertEqual(caught.exception.code, "already_member")
        await self.lena.revoke_invitation(made.id)
        self.assertEqual((await self.lena.list_invitations(page=1, limit=5)).items, [])

    async def test_a_team_is_formed_changed_and_dissolved(self):
        made = await self.lena.create_team(self.account.id, "Dredgers")
        self.assertEqual((made.name, made.account_id, made.version), ("Dredgers", self.account.id, 1))
        member = (await self.lena.list_members(ListMembers(search="lena@"))).items[0]
        await self.lena.add_team_member(made.id, member.id)
        self.assertEqual((await self.lena.list_team_members(made.id, ListTeams())).items, [member])
        await self.lena.remove_team_member(made.id, member.id)
        self.assertEqual((await self.lena.list_team_members(made.id, ListTeams())).total, 0)
        team = await self.lena.update_team(made.id, UpdateTeam(version=1, name="Divers"))
        self.assertEqual((team.name, team.version, await self.lena.get_team(team.id)), ("Divers", 2, team))
        self.assertEqual((await self.lena.list_teams(self.account.id, ListTeams(search="divers"))).items, [team])
        await self.lena.delete_team(team.id)
        with self.assertRaises(MonoError.NotFound):
            await self.lena.get_team(team.id)

    async def test_a_write_with_a_key_is_done_once(self):
        keyed = self.lena.with_idempotency_key(str(uuid.uuid4()))
        made = await asyncio.gather(*(keyed.create_account(CreateAccount(name="Once")) for _ in range(3)))
        self.assertEqual(made, [made[0]] * 3)
        with self.assertRaises(MonoError.Conflict) as caught:
            await keyed.create_account(CreateAccount(name="Another"))
        self.assertEqual(caught.exception.code, "idempotency_key_reused")
        # One that was given up is sent again: it has been done once then, whatever became of it before.
        keyed = self.lena.with_idempotency_key(str(uuid.uuid4()))
        given_up = asyncio.ensure_future(keyed.create_account(CreateAccount(name="Given up")))
        await asyncio.sleep(0)
        given_up.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await given_up
        made = await keyed.create_account(CreateAccount(name="Given up"))
        found = await self.lena.list_accounts(ListAccounts(search="given up"))
        self.assertEqual(found.items, [made])

    async def test_any_route_is_called(self):
        path, role = "/api/v1/tenant/roles/watch", {"key": "watch", "name": "Watch", "allow": ["tenant.accounts.read"]}
        keyed = self.lena.with_idempotency_key(str(uuid.uuid4()))
        made = await call(keyed, "POST", "/api/v1/tenant/roles", role)
        self.assertEqual(made, await call(keyed, "POST", "/api/v1/tenant/roles", role))
        self.assertIsNone(await call(self.lena, "DELETE", path))
        with self.assertRaises(MonoError.NotFound) as caught:
            await self.lena.request("DELETE", path)
        self.assertTrue(caught.exception.request_id)
        page = await call(self.lena, "GET", "/api/v1/tenant/accounts?limit=1")
        self.assertEqual(page["pagination"]["limit"], 1)
        for method, path, body in [
            ("NO METHOD", "/api/v1/user", None),
            ("GET", "@evil.example/", None),
            ("GET", "api/v1/user", None),
            ("POST", "/api/v1/tenant/roles", "{"),
        ]:
            with self.assertRaises(MonoError.Validation):
                await self.lena.request(method, path, body)

    async def test_a_tenant_is_chosen(self):
        [lagoon] = await self.lena.tenants()
        self.assertEqual((lagoon.slug, lagoon.tenant_status, lagoon.status), ("lagoon", "active", "active"))
        login = await self.lena.choose_tenant(lagoon.tenant_id)
        self.assertEqual(login.tenant_id, lagoon.tenant_id)
        self.assertEqual((await self.lena.me()).tenant_id, lagoon.tenant_id)
        tom = await signed_in("tom@harbour.example")
        with self.assertRaises(MonoError.Forbidden):
            await tom.choose_tenant(lagoon.tenant_id)

    async def test_answers_are_kept_for_who_asks_for_it(self):
        mono = await signed_in("lena@lagoon.example", cache=datetime.timedelta(hours=1))
        del LOG.records[:]
        first, second = [await mono.get_account(self.account.id) for _ in range(2)]
        self.assertEqual(first, second)
        kept = [record.fields.get("cache") for record in LOG.records if "status" in record.fields]
        self.assertEqual(kept, [None, "fresh"])

    async def test_a_read_is_repeated_as_often_as_wanted(self):
        connections = []

        async def hang_up(_, writer):
            connections.append(writer)
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
        async with server:
            address = "http://127.0.0.1:{}".format(server.sockets[0].getsockname()[1])
            for repeats in (0, 1):
                del connections[:]
                with self.assertRaises(MonoError.Unavailable):
                    await Client(address, timeout=TIMEOUT, repeats=repeats).ping()
                self.assertEqual(len(connections), 1 + repeats)
