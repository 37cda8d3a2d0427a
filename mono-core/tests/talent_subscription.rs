//! The plans of the talent agency in use: what a tenant has, loses and is refused.

// A test stops at the first surprise, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use mono_core::id::AccountId;
use mono_core::seed::Seed;
use mono_core::subscription::{
    Allowance, Change, Decision, Entitlements, Key, Override, OverrideChange, PlanCatalogue, PlanChange,
    PurchasedAddOn, Source, Subscription, SubscriptionState, SubscriptionStatus,
};
use mono_core::time::Timestamp;
use mono_core::{ErrorKind, Problem};
use std::collections::BTreeMap;

fn catalogue() -> PlanCatalogue {
    Seed::parse(include_str!("../../examples/talent-agency/catalogue.json")).unwrap().plans
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn now() -> Timestamp {
    "2026-01-31T12:00:00Z".parse().unwrap()
}

fn day(day: u32) -> Timestamp {
    format!("2026-02-{day:02}T00:00:00Z").parse().unwrap()
}

fn on(plan: &str) -> Subscription {
    Subscription::new(key(plan))
}

fn with(subscription: Subscription, add_on: &str, quantity: u32) -> Subscription {
    subscription.with(&Change::AddOn { add_on: key(add_on), quantity }, now())
}

fn feature(name: &str, enabled: bool) -> Override {
    let change = OverrideChange::Feature { feature: key(name), enabled };
    Override { account: None, change, from: now(), until: Some(day(10)), reason: "pilot".to_owned() }
}

fn limit(name: &str, maximum: Allowance) -> Override {
    Override { change: OverrideChange::Limit { limit: key(name), maximum }, ..feature("comp_card", true) }
}

fn places(problems: &[Problem]) -> Vec<(&str, &str)> {
    problems.iter().map(|problem| (problem.field.as_str(), problem.code.as_str())).collect()
}

#[test]
fn the_sixth_account_of_a_starter_is_refused() {
    let entitlements = Entitlements::of_tenant(&catalogue(), &on("starter"), &[], now());
    let remaining = |current| entitlements.check("accounts", current, 1);
    assert_eq!(
        remaining(4),
        Decision {
            limit: "accounts".to_owned(),
            allowed: true,
            unlimited: false,
            current: 4,
            maximum: Allowance::UpTo(5),
            remaining: Allowance::UpTo(1),
        }
    );
    let error = remaining(5).into_result().unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::LimitExceeded, "limit_exceeded"));
    assert_eq!(
        *error.details().unwrap(),
        serde_json::json!({"limit": "accounts", "current": 5, "maximum": 5})
    );
    assert_eq!(serde_json::to_value(remaining(7)).unwrap()["remaining"], 0);
    // A downgrade left more than the plan has: nothing more is to be had, and nothing breaks.
    assert!(entitlements.check("accounts", 7, 0).allowed);
    let enterprise = Entitlements::of_tenant(&catalogue(), &on("enterprise"), &[], now());
    let unlimited = enterprise.check("accounts", u64::MAX, u64::MAX);
    assert!(unlimited.allowed && unlimited.unlimited);
    assert_eq!(serde_json::to_value(unlimited).unwrap()["maximum"], -1);
}

#[test]
fn each_answer_says_where_it_comes_from() {
    let overrides = [limit("members", Allowance::Unlimited), feature("video_reels", true)];
    let subscription = with(on("starter"), "extra_accounts", 3);
    let found = Entitlements::of_tenant(&catalogue(), &subscription, &overrides, now());
    let limit = |name: &str| (found.limit(name).maximum, found.limit(name).source.clone());
    assert_eq!(limit("accounts"), (Allowance::UpTo(20), Source::AddOns(vec![key("extra_accounts")])));
    assert_eq!(limit("members"), (Allowance::Unlimited, Source::Override("pilot".to_owned())));
    assert_eq!(limit("talents"), (Allowance::UpTo(50), Source::Plan(key("starter"))));
    assert_eq!(limit("api_calls"), (Allowance::UpTo(10_000), Source::Default));
    assert_eq!(limit("acounts"), (Allowance::NONE, Source::Undeclared));
    assert_eq!(found.feature("messaging"), Some(&Source::Plan(key("starter"))));
    assert_eq!(found.feature("video_reels"), Some(&Source::Override("pilot".to_owned())));
    assert_eq!(found.feature("comp_card"), None);
    assert_eq!(found.next_change(), Some(day(10)));
}

#[test]
fn what_lacks_something_goes_with_it() {
    let without = [feature("team_management", false)];
    let found = Entitlements::of_tenant(&catalogue(), &on("agency"), &without, now());
    assert!(!found.has("commission_tracking"));
    assert_eq!(found.lacks("commission_tracking"), Some(&key("team_management")));
    let error = found.require("commission_tracking").unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "feature_missing"));
    assert!(error.message().contains("team_management"));

    // Webhooks without the API, and a matching without any match in the month.
    let given = [feature("api_webhooks", true), limit("webhooks", Allowance::UpTo(3))];
    let found = Entitlements::of_tenant(&catalogue(), &on("starter"), &given, now());
    assert_eq!(found.lacks("api_webhooks"), Some(&key("api_access")));
    let none = [limit("ai_matches", Allowance::NONE)];
    let found = Entitlements::of_tenant(&catalogue(), &on("agency"), &none, now());
    assert_eq!(found.lacks("ai_matching"), Some(&key("ai_matches")));
}

#[test]
fn an_override_for_one_account_stays_there() {
    let account = AccountId::from_u128(1);
    let mut one = limit("talents", Allowance::UpTo(500));
    one.account = Some(account);
    let overrides = [one, limit("talents", Allowance::UpTo(60))];
    let catalogue = catalogue();
    let of = |id| {
        Entitlements::of_account(&catalogue, &on("starter"), &overrides, AccountId::from_u128(id), now())
    };
    assert_eq!(of(1).limit("talents").maximum, Allowance::UpTo(500));
    assert_eq!(of(2).limit("talents").maximum, Allowance::UpTo(60));
    let tenant = Entitlements::of_tenant(&catalogue, &on("starter"), &overrides, now());
    assert_eq!(tenant.limit("talents").maximum, Allowance::UpTo(60));
}

#[test]
fn an_ended_trial_gives_nothing_not_even_by_override() {
    let catalogue = catalogue();
    let subscription = Subscription::start(catalogue.plan("starter").unwrap(), now());
    let at = |days: i64| {
        Entitlements::of_tenant(
            &catalogue,
            &subscription,
            &[limit("accounts", Allowance::Unlimited)],
            now() + chrono::TimeDelta::days(days),
        )
    };
    assert_eq!(
        [at(0).status(), at(14).status()],
        [SubscriptionStatus::Trialing, SubscriptionStatus::PastDue]
    );
    assert!(at(20).has("messaging"));
    let ended = at(21);
    assert_eq!((ended.status(), ended.has("messaging")), (SubscriptionStatus::Canceled, false));
    assert_eq!(ended.limit("accounts").source, Source::NotInForce);
    // Also the soft limit stops.
    assert!(at(20).check("bandwidth_bytes", u64::MAX, 1).allowed);
    assert!(!ended.check("bandwidth_bytes", 0, 1).allowed);
}

#[test]
fn a_downgrade_shows_what_it_costs_before_it_is_made() {
    let catalogue = catalogue();
    let used: BTreeMap<_, _> =
        [(key("accounts"), 12), (key("talents"), 50), (key("api_calls"), 10_001)].into();
    let preview =
        catalogue.preview(&on("professional"), &[], &Change::Plan(key("starter")), &used, now()).unwrap();
    assert!(preview.gained.is_empty());
    assert!(preview.lost.contains(&key("comp_card")) && preview.lost.contains(&key("api_access")));
    assert!(!preview.lost.contains(&key("messaging")));
    let below: Vec<_> = preview.below_use().map(|change| change.limit.as_str()).collect();
    assert_eq!(below, ["accounts", "api_calls"]);
    let accounts = preview.limits.iter().find(|change| change.limit == key("accounts")).unwrap();
    assert_eq!(
        (accounts.before, accounts.after, accounts.used),
        (Allowance::UpTo(25), Allowance::UpTo(5), 12)
    );

    let end = Change::State(SubscriptionState::Canceled { at: now() });
    let preview = catalogue.preview(&on("starter"), &[], &end, &BTreeMap::new(), now()).unwrap();
    assert_eq!(preview.lost.len(), 4);
}

#[test]
fn a_combination_that_cannot_be_is_refused_with_what_is_missing() {
    let catalogue = catalogue();
    let refused =
        |subscription: &Subscription| catalogue.check_subscription(subscription, now()).unwrap_err();
    assert_eq!(places(&refused(&with(on("starter"), "webhooks", 1))), [("add_ons[0]", "wrong_plan")]);
    assert_eq!(
        places(&refused(&with(on("agency"), "single_sign_on", 2))),
        [("add_ons[0].quantity", "out_of_range")]
    );
    assert_eq!(places(&refused(&on("gold"))), [("plan", "unknown_plan")]);
    let mut planned = with(on("professional"), "webhooks", 1);
    assert!(catalogue.check_subscription(&planned, now()).is_ok());
    planned.plan_changes.push(PlanChange { plan: key("starter"), from: day(1) });
    assert_eq!(places(&refused(&planned)), [("add_ons[0]", "wrong_plan")]);
    // The add-on ends when the smaller plan begins: that is no contradiction.
    planned.add_ons[0].until = Some(day(1));
    assert!(catalogue.check_subscription(&planned, now()).is_ok());
    planned.add_ons.push(PurchasedAddOn { add_on: key("gold"), quantity: 0, from: now(), until: None });
    assert_eq!(places(&refused(&planned)), [("add_ons[1].add_on", "unknown_add_on")]);

    // Nothing ends before it begins, and no record grows without end.
    let mut backwards = with(on("professional"), "webhooks", 1);
    backwards.add_ons[0].until = Some(backwards.add_ons[0].from - chrono::TimeDelta::days(1));
    backwards.state = SubscriptionState::Paused { from: day(2), until: Some(day(1)) };
    assert_eq!(
        places(&refused(&backwards)),
        [("state.paused.until", "out_of_range"), ("add_ons[0].until", "out_of_range")]
    );
    let mut endless = on("professional");
    endless.plan_changes = vec![PlanChange { plan: key("starter"), from: day(1) }; 1001];
    assert_eq!(places(&refused(&endless)), [("plan_changes", "too_many")]);

    let webhooks = Change::AddOn { add_on: key("webhooks"), quantity: 1 };
    let error = catalogue.preview(&on("starter"), &[], &webhooks, &BTreeMap::new(), now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Validation);
    let nothing = Override { reason: " ".to_owned(), until: Some(now()), ..limit("gold", Allowance::NONE) };
    let present = Entitlements::of_tenant(&catalogue, &on("starter"), &[], now());
    let problems = catalogue.check_override(&nothing, &present).unwrap_err();
    assert_eq!(
        places(&problems),
        [("change", "unknown_limit"), ("reason", "empty"), ("until", "out_of_range")]
    );
    let good = limit("accounts", Allowance::NONE);
    assert!(catalogue.check_overrides(std::slice::from_ref(&good)).is_ok());
    assert_eq!(
        places(&catalogue.check_overrides(&[good, nothing]).unwrap_err()),
        [
            ("overrides[1].change", "unknown_limit"),
            ("overrides[1].reason", "empty"),
            ("overrides[1].until", "out_of_range")
        ]
    );
    let problems = catalogue.check_override(&feature("white_label", true), &present).unwrap_err();
    assert_eq!(places(&problems), [("change", "missing_dependency"), ("change", "conflict")]);
    assert!(catalogue.check_override(&feature("comp_card", true), &present).is_ok());
}

#[test]
fn a_plan_with_a_feature_of_another_is_refused() {
    let text = include_str!("../../examples/talent-agency/catalogue.json");
    let refused = |from: &str, to: &str| {
        assert!(text.contains(from));
        Seed::parse(&text.replace(from, to)).unwrap_err()
    };
    let found = |problems: &[Problem]| {
        let path = |problem: &Problem| problem.field.split_once(": ").unwrap().1.to_owned();
        problems.iter().map(|problem| (path(problem), problem.code.clone())).collect::<Vec<_>>()
    };
    let expected = |places: &[(&str, &str)]| {
        places.iter().map(|(path, code)| ((*path).to_owned(), (*code).to_owned())).collect::<Vec<_>>()
    };

    let problems = refused(
        r#""features": ["platform_mark", "priority_support", "custom_domain"]"#,
        r#""features": ["platform_mark", "white_label", "community_support", "priority_support"]"#,
    );
    let white_label = "plans[2].features[1]";
    let list = [
        (white_label, "missing_dependency"),
        (white_label, "conflict"),
        (white_label, "wrong_plan"),
        ("plans[2].features[2]", "conflict"),
    ];
    assert_eq!(found(&problems), expected(&list));
    assert!(problems[0].message.contains("`custom_domain`"));
    assert!(problems[2].message.contains("enterprise"));

    // An add-on is checked with every plan that it is sold with.
    let problems = refused(r#""features": ["single_sign_on"]"#, r#""features": ["white_label"]"#);
    let list = [("add_ons[5].features[0]", "conflict"), ("add_ons[5].features[0]", "wrong_plan")];
    assert_eq!(found(&problems), expected(&list));
    // So it is where only the plan's feature names the conflict.
    let sold_with = text.replace(r#""plans": ["agency"]"#, r#""plans": ["enterprise"]"#);
    assert_ne!(sold_with, text);
    let marked = sold_with.replace(r#""features": ["single_sign_on"]"#, r#""features": ["platform_mark"]"#);
    let problems = Seed::parse(&marked).unwrap_err();
    assert_eq!(found(&problems), expected(&[("add_ons[5].features[0]", "conflict")]));
}

#[test]
fn entitlements_survive_a_cache() {
    let found = Entitlements::of_tenant(&catalogue(), &on("agency"), &[feature("white_label", true)], now());
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Entitlements>(&text).unwrap(), found);
    assert!(Entitlements::unlimited().has("anything") && !Entitlements::none().has("messaging"));
    assert!(Entitlements::unlimited().check("anything", u64::MAX, 1).unlimited);
    assert!(!Entitlements::none().check("accounts", 0, 1).allowed);
}
