"""Plans and limits without a server."""

import datetime
import json
import unittest

from mono_bindings import MonoError, Plans
from support import seed

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)


class LimitCases(unittest.TestCase):
    def setUp(self):
        self.plans = Plans.from_seed(seed())

    def of(self, plan, state=None, overrides=()):
        subscription = {"plan": plan, "state": state or {"state": "active"}}
        return self.plans.entitlements(json.dumps(subscription), NOW, json.dumps(overrides))

    def test_a_limit_that_is_used_up_is_a_native_exception(self):
        starter = self.of("starter")
        self.assertIs(starter.require_room("accounts", 4, 1).allowed, True)
        with self.assertRaises(MonoError.LimitExceeded) as caught:
            starter.require_room("accounts", 5, 1)
        self.assertEqual(caught.exception.code, "limit_exceeded")
        self.assertEqual(json.loads(caught.exception.details), {"limit": "accounts", "current": 5, "maximum": 5})

    def test_a_decision_says_how_much_room_there_is(self):
        room = self.of("starter").check("accounts", 3, 1)
        self.assertEqual((room.allowed, room.current, room.maximum, room.remaining), (True, 3, 5, 2))
        endless = self.of("unlimited").check("accounts", 10**12, 1)
        self.assertEqual((endless.allowed, endless.maximum, endless.remaining), (True, None, None))
        self.assertIs(self.of("starter").check("no_such_limit", 0, 1).allowed, False)

    def test_overrides_and_the_end_of_a_trial_count(self):
        more = {
            "change": {"limit": {"limit": "accounts", "maximum": 7}},
            "from": "2025-01-01T00:00:00Z",
            "reason": "a promise",
        }
        self.assertEqual(self.of("starter", overrides=[more]).check("accounts", 0, 1).maximum, 7)
        trial = self.of("starter", {"state": "trialing", "ends_at": "2026-02-01T00:00:00Z"})
        self.assertEqual(trial.next_change(), datetime.datetime(2026, 2, 1, tzinfo=datetime.timezone.utc))

    def test_a_feature_that_is_missing_is_a_native_exception(self):
        starter = self.of("starter")
        self.assertNotIn("no_such_feature", starter.features())
        self.assertIs(starter.has("no_such_feature"), False)
        with self.assertRaises(MonoError.Forbidden) as caught:
            starter.require("no_such_feature")
        self.assertEqual(caught.exception.code, "feature_missing")

    def test_malformed_input_is_a_validation_error(self):
        for make in [
            lambda: Plans.from_seed("{}"),
            lambda: self.plans.entitlements("{", NOW),
            lambda: self.plans.entitlements('{"plan": "starter", "state": {"state": "active"}}', NOW, "{}"),
        ]:
            self.assertRaises(MonoError.Validation, make)

    def test_what_the_server_would_not_take_is_named(self):
        start = "2026-02-01T00:00:00Z"
        nonsense = {"change": {"limit": {"limit": "gold", "maximum": 7}}, "from": start, "until": start, "reason": " "}
        for more, overrides, expected in [
            ({"plan": "gold"}, [], [("plan", "unknown_plan")]),
            ({"plan_changes": [{"plan": "gold", "from": start}]}, [], [("plan_changes[0].plan", "unknown_plan")]),
            (
                {"add_ons": [{"add_on": "gold", "quantity": 1, "from": start}]},
                [],
                [("add_ons[0].add_on", "unknown_add_on")],
            ),
            (
                {},
                [nonsense],
                [
                    ("overrides[0].change", "unknown_limit"),
                    ("overrides[0].reason", "empty"),
                    ("overrides[0].until", "out_of_range"),
                ],
            ),
        ]:
            subscription = {"plan": "starter", "state": {"state": "active"}, **more}
            with self.assertRaises(MonoError.Validation) as caught:
                self.plans.entitlements(json.dumps(subscription), NOW, json.dumps(overrides))
            fields = json.loads(caught.exception.details)["fields"]
            self.assertEqual([(field["field"], field["code"]) for field in fields], expected)
