"""Checks without a server."""

import copy
import datetime
import json
import pickle
import unittest

from mono_bindings import MonoError, PermissionEngine

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
TENANT = "tenant:00000000-0000-7000-8000-000000000001"
OTHER_TENANT = "tenant:00000000-0000-7000-8000-000000000002"
ACCOUNT = TENANT + "/account:00000000-0000-7000-8000-000000000003"

CATALOGUE = json.dumps({"permissions": [{"name": "tenant.accounts.read"}, {"name": "tenant.accounts.create"}]})
ROLES = json.dumps([{"key": "viewer", "allow": ["tenant.*.read"]}, {"key": "clerk", "parents": ["viewer"]}])


class PermissionCases(unittest.TestCase):

    def setUp(self):
        self.engine = PermissionEngine(CATALOGUE, ROLES)

    def compile(self, **assignment):
        return self.engine.compile(json.dumps({"assignments": [{"role": "clerk", "scope": TENANT, **assignment}]}))

    def test_an_object_of_the_library_is_neither_copied_nor_pickled(self):
        for thing in (self.engine, self.compile()):
            for refused in (copy.copy, copy.deepcopy, pickle.dumps):
                with self.assertRaises(TypeError):
                    refused(thing)
        self.assertIs(self.compile().check("tenant.accounts.read", TENANT, NOW), True)

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
