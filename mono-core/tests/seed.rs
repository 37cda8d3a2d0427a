//! Seed files: the real ones hold, broken ones are refused with every problem at its line.

// A test stops at the first surprise, in its helpers too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use mono_core::Problem;
use mono_core::permission::Pattern;
use mono_core::seed::Seed;
use mono_core::subscription::Allowance;
use proptest::prelude::*;

const TALENT: &str = include_str!("../../examples/talent-agency/catalogue.json");

fn places(problems: &[Problem]) -> Vec<(&str, &str)> {
    problems.iter().map(|problem| (problem.field.as_str(), problem.code.as_str())).collect()
}

/// What a role allows by itself and by its parents, read naively.
fn holds(seed: &Seed, role: &str, name: &str) -> bool {
    let role = seed.engine.roles().iter().find(|other| other.key == role).unwrap();
    let name_of = |text: &str| Pattern::parse(text).unwrap();
    let covers =
        |patterns: &[String]| patterns.iter().any(|text| name_of(text).covers_pattern(&name_of(name)));
    (covers(&role.allow) && !covers(&role.except))
        || role.parents.iter().any(|parent| holds(seed, parent, name))
}

#[test]
fn the_starter_seed_holds() {
    let seed = Seed::parse(Seed::STARTER).unwrap();
    assert_eq!(seed.name.as_str(), "starter");
    assert_eq!(seed.plans.plan("starter").unwrap().limits["accounts"], Allowance::UpTo(5));
    assert!(
        seed.plans.plan("unlimited").unwrap().limits.values().all(|limit| *limit == Allowance::Unlimited)
    );
    for name in ["tenant.accounts.create", "account.users.invite", "user.profile.read", "public.browse"] {
        assert!(holds(&seed, "tenant_admin", name), "{name}");
    }
    assert!(!holds(&seed, "account_owner", "tenant.accounts.create"));
    assert!(!holds(&seed, "tenant_admin", "platform.tenants.read"));
    assert!(holds(&seed, "platform_admin", "platform.tenants.read"));
}

#[test]
fn the_catalogue_of_the_talent_agency_holds() {
    let seed = Seed::parse(TALENT).unwrap();
    let names: Vec<_> = seed.engine.catalogue().permissions.iter().map(|entry| entry.name.as_str()).collect();
    for name in [
        "tenant.manage",
        "public.browse",
        "user.2fa.manage",
        "platform.tenants.manage-features",
        "feature.comp_card.access",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    assert!(names.len() >= 120, "{}", names.len());
    let maximum = |plan: &str| seed.plans.plan(plan).unwrap().limits["accounts"];
    let maxima = ["starter", "professional", "agency"].map(maximum);
    assert_eq!(maxima, [Allowance::UpTo(5), Allowance::UpTo(25), Allowance::UpTo(100)]);
    assert!(
        seed.plans.plan("enterprise").unwrap().limits.values().all(|limit| *limit == Allowance::Unlimited)
    );
    for plan in seed.plans.plans() {
        let features = seed.plans.features_of(plan.key.as_str());
        let has = |name: &str| features.iter().any(|key| key.as_str() == name);
        assert_eq!(has("white_label"), plan.key.as_str() == "enterprise");
        assert!(!has("commission_tracking") || has("team_management"));
        assert!(!has("api_webhooks") || has("api_access"));
    }
}

#[test]
fn the_roles_of_the_talent_agency_make_sense() {
    let seed = Seed::parse(TALENT).unwrap();
    for (role, name, expected) in [
        ("super_admin", "platform.settings.manage", true),
        ("platform_manager", "platform.settings.manage", false),
        ("platform_manager", "tenant.accounts.delete", true),
        ("tenant_admin", "account.talents.delete", true),
        ("tenant_admin", "platform.tenants.read", false),
        ("tenant_manager", "tenant.accounts.create", true),
        ("tenant_manager", "tenant.accounts.delete", false),
        ("tenant_manager", "tenant.billing.update", false),
        ("content_moderator", "tenant.content.approve", true),
        ("content_moderator", "tenant.content.delete", false),
        ("account_owner", "account.commissions.approve", true),
        ("account_manager", "account.commissions.approve", false),
        ("account_owner", "tenant.accounts.create", false),
        ("team_lead", "account.teams.update", true),
        ("professional", "user.portfolios.create", true),
        ("basic_user", "user.profile.update", true),
        ("basic_user", "tenant.accounts.create", false),
        ("basic_user", "account.talents.read", false),
        ("guest", "public.browse", true),
        ("guest", "user.profile.read", false),
    ] {
        assert_eq!(holds(&seed, role, name), expected, "{role} {name}");
    }
}

const BROKEN: &str = r#"{
  "catalogue": "broken",
  "version": "one",
  "permissions": [
    {"name": "tenant.accounts.read", "description": "See"},
    {"name": "tenant.accounts.read"},
    {"name": "Tenant accounts", "descripton": "See"},
    {"name": "account.webhooks.read", "feature": "nothing"},
    {"name": "account.teams.read", "dangerous": "yes", "rate_limit": "QUICK"},
    "tenant.members.read"
  ],
  "roles": [
    {"key": "admin", "name": "Admin", "allow": [
      "tenant.*",
      "tenant.accounts.raed",
      17,
      "tenant.acc*",
      "platform.*"
    ], "parents": ["user", "nobody"]},
    {"key": "user", "name": "", "parents": ["guest"]},
    {"key": "guest", "name": "Guest", "parents": ["user"], "deny": []},
    {"key": "admin", "name": "Admin"}
  ],
  "features": [
    {"key": "teams", "name": "Teams", "kind": "boolean", "permissions": ["account.teams.read", "account.gone.read"]},
    {"key": "a", "name": "A", "kind": "boolean", "depends_on": ["b"]},
    {"key": "b", "name": "B", "kind": "sometimes", "depends_on": ["a"]},
    {"key": "commissions", "name": "C", "kind": "boolean", "depends_on": ["teams"], "required_limits": ["members"]},
    {"key": "count", "name": "Count", "kind": "quantity"}
  ],
  "feature_sets": [
    {"key": "outer", "name": "Outer", "feature_sets": ["inner"]},
    {"key": "inner", "name": "Inner", "feature_sets": ["outer"], "features": ["gone"]}
  ],
  "limits": [
    {"key": "members", "name": "Members", "unit": "member", "category": "t", "default": 0, "window": "total", "enforcement": "hard"},
    {"key": "Bytes", "name": "Bytes", "unit": "byte", "category": "t", "default": -2, "window": "week", "enforcement": "hard"}
  ],
  "plans": [
    {"key": "p", "name": "P", "price": {"amount": -1, "currency": "euro", "interval": "month"},
     "features": [true, "commissions"],
     "limits": {"members": 1e3, "gone": 3}},
    {"key": "q", "name": "Q", "trial_days": 99999999999, "price": 5,
     "features": ["teams"], "limits": {"members": 1, "members": 2}}
  ],
  "add_ons": [{"key": "x", "name": "X", "price": {"amount": 1, "currency": "EUR", "interval": "month"}, "plans": ["z"]}],
  "extra": null
}
"#;

#[test]
fn every_planted_problem_is_found_at_its_line() {
    let problems = Seed::parse(BROKEN).unwrap_err();
    let expected = [
        ("line 3: version", "invalid"),
        ("line 6: permissions[1].name", "duplicate_permission"),
        ("line 7: permissions[2].name", "invalid"),
        ("line 7: permissions[2].descripton", "unknown_field"),
        ("line 8: permissions[3].feature", "unknown_feature"),
        ("line 9: permissions[4].dangerous", "invalid"),
        ("line 9: permissions[4].rate_limit", "invalid"),
        ("line 10: permissions[5]", "invalid"),
        ("line 15: roles[0].allow[1]", "unknown_permission"),
        ("line 16: roles[0].allow[2]", "invalid"),
        ("line 17: roles[0].allow[3]", "invalid_pattern"),
        ("line 18: roles[0].allow[4]", "matches_nothing"),
        ("line 19: roles[0].parents[1]", "unknown_role"),
        ("line 20: roles[1].name", "invalid"),
        ("line 20: roles[1].parents", "role_cycle"),
        ("line 21: roles[2].deny", "unknown_field"),
        ("line 22: roles[3].key", "duplicate_role"),
        ("line 25: features[0].permissions[0]", "feature_mismatch"),
        ("line 25: features[0].permissions[1]", "unknown_permission"),
        ("line 26: features[1].depends_on", "cycle"),
        ("line 27: features[2].kind", "invalid"),
        ("line 29: features[4].required_limits", "missing_limit"),
        ("line 32: feature_sets[0].feature_sets", "cycle"),
        ("line 33: feature_sets[1].features[0]", "unknown_feature"),
        ("line 37: limits[1].key", "invalid"),
        ("line 37: limits[1].default", "invalid"),
        ("line 37: limits[1].window", "invalid"),
        ("line 40: plans[0].price.amount", "invalid"),
        ("line 40: plans[0].price.currency", "invalid"),
        ("line 41: plans[0].features[0]", "invalid"),
        ("line 41: plans[0].features[1]", "missing_dependency"),
        ("line 41: plans[0].features[1]", "missing_limit"),
        ("line 42: plans[0].limits.members", "invalid"),
        ("line 42: plans[0].limits.gone", "unknown_limit"),
        ("line 43: plans[1].trial_days", "invalid"),
        ("line 43: plans[1].price", "invalid"),
        ("line 44: plans[1].limits.members", "duplicate"),
        ("line 46: add_ons[0].plans[0]", "unknown_plan"),
        ("line 47: extra", "unknown_field"),
    ];
    assert_eq!(places(&problems), expected, "{problems:#?}");
    let message =
        |place: &str| &problems.iter().find(|problem| problem.field.ends_with(place)).unwrap().message;
    assert!(message("features[1].depends_on").ends_with("a > b > a"));
    assert!(message("roles[1].parents").contains("user > guest > user"));
    assert!(message("plans[0].features[1]").contains("`teams`"));
}

#[test]
fn hostile_texts_are_problems_and_never_panics() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let nested = |field: &str| format!("{{\"{field}\": {deep}}}");
    let chain: Vec<_> = (0..4000)
        .map(|i| format!("{{\"key\":\"k{i}\",\"name\":\"n\",\"parents\":[\"k{}\"]}}", i + 1))
        .collect();
    for text in [
        "",
        "\0",
        "null",
        "[]",
        "17",
        "\"text\"",
        "{",
        "{}x",
        "\u{feff}{}",
        "{\"catalogue\": \"a\0b\"}",
        "{\"catalogue\": \"a\\u0000b\", \"version\": 1}",
        "{\"catalogue\": \"\\ud800\"}",
        "{\"version\": 1e99999, \"permissions\": 99999999999999999999999999}",
        "{\"version\": -0, \"roles\": {}, \"permissions\": null}",
        "{\"roles\": [], \"roles\": [], \"permissions\": [null, [], {}, 1, \"\", true]}",
        "{\"plans\": [{\"limits\": {\"\": 1, \"a.b[0]\": 1, \"\\n\\u001b[31m\": 2}}]}",
        &deep,
        &nested("permissions"),
        &nested("plans"),
        &nested("catalogue"),
        &format!("{{\"plans\": [{}]}}", nested("limits")),
        &format!("{{\"roles\": [{}]}}", chain.join(",")),
        &format!("{{\"features\": [{}]}}", chain.join(",").replace("parents", "depends_on")),
        &format!("{{\"feature_sets\": [{}]}}", chain.join(",").replace("parents", "feature_sets")),
        &" ".repeat(Seed::MAX_BYTES + 1),
    ] {
        let problems = Seed::parse(text).expect_err(&text.chars().take(80).collect::<String>());
        assert!(!problems.is_empty());
        for problem in problems {
            assert!(problem.field.starts_with("line "), "{problem}");
            assert!(!problem.field.chars().any(char::is_control), "{problem:?}");
            assert!(!problem.message.chars().any(char::is_control), "{problem:?}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let end = Seed::STARTER.trim_end().len();
    for cut in (0..end).step_by(37) {
        let text = Seed::STARTER.get(..cut).unwrap();
        let problems = Seed::parse(text).unwrap_err();
        let line = text.lines().count().max(1);
        let expected = [line, line + 1].map(|line| format!("line {line}: the file"));
        assert!(expected.contains(&problems[0].field), "{} at {cut}", problems[0]);
    }
}

proptest! {
    #[test]
    fn a_damaged_file_is_never_a_panic(at in 0_usize..10_000, cut in 0_usize..40, put in r#"[\[\]{}":,0-9a-z*. \\n-]{0,12}"#) {
        let start = at % Seed::STARTER.len();
        let end = (start + cut).min(Seed::STARTER.len());
        let text = [&Seed::STARTER[..start], &put, &Seed::STARTER[end..]].concat();
        if let Err(problems) = Seed::parse(&text) {
            prop_assert!(!problems.is_empty());
            let lines = text.lines().count() + 1;
            for problem in problems {
                let line = problem.field.strip_prefix("line ").and_then(|rest| rest.split_once(':')).unwrap().0;
                prop_assert!((1..=lines).contains(&line.parse::<usize>().unwrap()), "{}", problem);
            }
        }
    }

    #[test]
    fn any_text_is_never_a_panic(text in any::<String>()) {
        prop_assert!(Seed::parse(&text).is_err());
    }
}

#[test]
fn what_is_wrong_with_a_template_has_its_line() {
    let text = r#"{
"catalogue": "shop", "version": 1, "permissions": [{"name": "tenant.a.read"}], "roles": [],
"templates": [
{"key": "t", "name": "T", "plan": "none", "colour": 1,
"schemas": [{"key": "s", "name": "S", "fields": [{"key": "f", "label": "F", "type": {"option": {"set": "gone"}}}]}],
"roles": [{"key": "r", "name": "R", "allow": ["tenant.a.read", "tenant.b.read"]}]}
]}"#;
    let problems = Seed::parse(text).unwrap_err();
    let expected = [
        ("line 4: templates[0].plan", "unknown_plan"),
        ("line 4: templates[0].colour", "unknown_field"),
        ("line 5: templates[0].schemas[0].fields", "unknown_option_set"),
        ("line 6: templates[0].roles[0].allow[1]", "unknown_permission"),
    ];
    assert_eq!(places(&problems), expected);
    for (seed, key) in [(Seed::STARTER, "organisation"), (TALENT, "talent_agency")] {
        let seed = Seed::parse(seed).unwrap();
        assert!(!seed.plans.template(key).unwrap().schemas.is_empty());
    }
}
