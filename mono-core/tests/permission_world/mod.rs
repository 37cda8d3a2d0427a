//! Random worlds for the property tests: few names, few places, much overlap.

#![allow(clippy::unwrap_used, dead_code, reason = "shared by tests that use different parts of it")]

use mono_core::id::{AccountId, MemberId, TenantId};
use mono_core::permission::*;
use mono_core::time::Timestamp;
use proptest::prelude::*;

pub(crate) const NAMES: [&str; 12] = [
    "platform.tenants.manage",
    "tenant.manage",
    "tenant.accounts.read",
    "tenant.accounts.update",
    "tenant.files.read",
    "tenant.files.x.read",
    "tenant.files-x.read",
    "account.files.read",
    "account.files.update",
    "account.manage",
    "feature.cards.access",
    "public.browse",
];
pub(crate) const PATTERNS: [&str; 14] = [
    "*",
    "tenant.*",
    "tenant.*.read",
    "tenant.accounts.*",
    "account.*",
    "account.files.*",
    "tenant.*.*",
    "*.read",
    "tenant.fi*",
    "platform.*",
    "feature.*",
    "tenant.files.*",
    "tenant.files.x.*",
    "",
];
const FEATURES: [&str; 2] = ["cards", "files"];

pub(crate) fn moment(second: i64) -> Timestamp {
    Timestamp::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

pub(crate) fn tenant(i: u8) -> TenantId {
    TenantId::from_u128(u128::from(i) + 1)
}

/// Every place that the worlds know, and what stands beside and below them.
pub(crate) fn places() -> Vec<Scope> {
    let mut all = vec![Scope::platform()];
    let file = mono_core::resource_kind!("file");
    let note = mono_core::resource_kind!("note");
    for i in 0..3 {
        let t = tenant(i);
        let member = MemberId::from_u128(7);
        all.extend([Scope::tenant(t), Scope::member(t, None, member)]);
        for account in [AccountId::from_u128(5), AccountId::from_u128(6)] {
            all.extend([Scope::account(t, account), Scope::member(t, Some(account), member)]);
        }
    }
    let resources: Vec<_> =
        all.iter().flat_map(|at| [at.resource(file, tenant(8)), at.resource(note, tenant(8))]).collect();
    all.extend(resources);
    all
}

fn place() -> impl Strategy<Value = Scope> {
    let tenants = (0..3).map(|i| Scope::tenant(tenant(i))).collect::<Vec<_>>();
    prop_oneof![2 => Just(Scope::platform()), 2 => prop::sample::select(tenants), 3 => prop::sample::select(places())]
}

fn pattern() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(&PATTERNS[..7]).prop_map(str::to_owned),
        1 => prop::sample::select(&PATTERNS[7..]).prop_map(str::to_owned),
        3 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned),
    ]
}

fn readable() -> impl Strategy<Value = String> {
    pattern().prop_filter("only what can be read", |text| Pattern::parse(text).is_ok())
}

fn span() -> impl Strategy<Value = (Option<Timestamp>, Option<Timestamp>)> {
    let side = || prop::option::weighted(0.2, (0_i64..6).prop_map(moment));
    (side(), side())
}

/// System roles without circles: parents come earlier, and afterwards the list is shuffled.
fn roles() -> impl Strategy<Value = Vec<Role>> {
    let role =
        (prop::collection::vec(readable(), 0..3), prop::collection::vec(readable(), 0..2), any::<u8>());
    prop::collection::vec(role, 1..6)
        .prop_map(|list| {
            let role = |(i, (allow, except, parents)): (usize, (Vec<String>, Vec<String>, u8))| {
                let parents = (0..i).filter(|p| parents >> p & 1 == 1).map(|p| format!("r{p}"));
                Role::new(format!("r{i}")).allow(allow).except(except).inherit(parents)
            };
            list.into_iter().enumerate().map(role).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

fn role_key() -> impl Strategy<Value = String> {
    prop_oneof![8 => (0..6_u8).prop_map(|i| format!("r{i}")), 2 => (0..3_u8).prop_map(|i| format!("c{i}"))]
}

fn overrides() -> impl Strategy<Value = Vec<Override>> {
    let kind =
        prop::sample::select(vec![OverrideKind::Extend, OverrideKind::Restrict, OverrideKind::Replace]);
    let item = (role_key(), 0..2_u8, kind, prop::collection::vec(pattern(), 0..3))
        .prop_map(|(role, t, kind, patterns)| Override { role, tenant: tenant(t), kind, patterns });
    prop::collection::vec(item, 0..4)
}

type Lists = (Vec<String>, Vec<String>);

/// Custom roles of one tenant; circles and unknown parents may occur.
fn custom() -> impl Strategy<Value = Vec<Role>> {
    let role = (prop::collection::vec(pattern(), 0..3), prop::collection::vec(pattern(), 0..2));
    let parents = prop::collection::vec(role_key(), 0..2);
    prop::collection::vec((role, parents), 0..3).prop_map(|list| {
        let role = |(i, ((allow, except), parents)): (usize, (Lists, Vec<String>))| {
            Role::new(format!("c{i}")).allow(allow).except(except).inherit(parents)
        };
        list.into_iter().enumerate().map(role).collect()
    })
}

pub(crate) fn facts() -> impl Strategy<Value = Principal> {
    let assignment = (role_key(), place(), span())
        .prop_map(|(role, scope, (starts_at, ends_at))| Assignment {
            starts_at,
            ends_at,
            ..Assignment::new(role, scope)
        })
        .boxed();
    let effect = prop_oneof![3 => Just(Effect::Allow), 1 => Just(Effect::Deny)];
    let grant =
        (pattern(), effect, place(), span()).prop_map(|(pattern, effect, scope, (starts_at, ends_at))| {
            Grant { effect, starts_at, ends_at, ..Grant::allow(pattern, scope) }
        });
    let guardrail = (readable(), place()).prop_map(|(pattern, scope)| Guardrail::new(pattern, scope));
    let scope_text = prop_oneof![
        4 => prop::sample::select(vec!["files:read", "all", "oops:read"]).prop_map(str::to_owned), 4 => pattern()
    ];
    let key = (prop::collection::vec(scope_text, 0..4), place())
        .prop_map(|(scopes, at)| KeyRestriction { scopes, at });
    let feature = (0..3_u8, prop::sample::subsequence(FEATURES.to_vec(), 0..=2)).prop_map(|(t, list)| {
        TenantFeatures { tenant: tenant(t), features: list.into_iter().map(str::to_owned).collect() }
    });
    let everything = (
        prop::option::of((0..3_u8).prop_map(tenant)),
        prop_oneof![3 => prop::collection::vec(assignment.clone(), 0..5), 1 => prop::collection::vec(assignment, 10..30)],
        prop::collection::vec(grant, 0..4),
        prop::collection::vec(guardrail, 0..2),
        prop_oneof![4 => Just(vec![]), 1 => prop::collection::vec(prop::sample::select(places()), 1..2)],
        prop::collection::vec(feature, 0..4),
        prop::option::weighted(0.2, key),
    )
        .prop_map(|(home, assignments, grants, guardrails, suspended, features, key)| Principal {
            home, assignments, grants, guardrails, suspended, features, key,
        })
        .boxed();
    // Most people have roles below the platform and nothing else, and these are looked at in a way of their own.
    let roles_only = everything.clone().prop_map(|facts| {
        let below = facts
            .assignments
            .into_iter()
            .filter(|item| item.scope.tenant_id().is_some() && item.scope.resource_id().is_none());
        let lasting = below.map(|item| Assignment { starts_at: None, ends_at: None, ..item });
        Principal { assignments: lasting.collect(), ..Principal::default() }
    });
    prop_oneof![2 => everything, 1 => roles_only]
}

/// Everything that decides, as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) catalogue: Catalogue,
    pub(crate) roles: Vec<Role>,
    pub(crate) custom: Vec<(TenantId, Vec<Role>)>,
    pub(crate) overrides: Vec<Override>,
}

impl Stored {
    pub(crate) fn engine(&self) -> Engine {
        let engine = Engine::build(self.catalogue.clone(), self.roles.clone()).unwrap();
        let rules: Vec<_> = self
            .custom
            .iter()
            .map(|(tenant, roles)| engine.tenant_rules(*tenant, roles.clone(), &self.overrides))
            .collect();
        engine.with_tenants(rules)
    }
}

pub(crate) fn stored() -> impl Strategy<Value = Stored> {
    let names = Just(NAMES.to_vec()).prop_shuffle();
    (names, roles(), custom(), custom(), overrides()).prop_map(|(names, roles, first, second, overrides)| {
        let mut catalogue =
            Catalogue::new("1").with_alias("files:read", "{tier}.files.read").with_alias("all", "*");
        for name in names {
            let mut entry = PermissionEntry::new(name, "");
            entry.feature = match name {
                "feature.cards.access" => Some("cards".into()),
                "tenant.files.read" => Some("files".into()),
                _ => None,
            };
            catalogue = catalogue.with(entry);
        }
        Stored { catalogue, roles, custom: vec![(tenant(0), first), (tenant(1), second)], overrides }
    })
}
