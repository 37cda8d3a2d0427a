//! The table of decisions that every language answers: made by the engine, kept as a file, reviewed as a diff.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use mono_core::id::TenantId;
use mono_core::permission::{Principal, Reason, Scope, Snapshot, SnapshotRequest, snapshot_public_key};
use mono_core::seed::Seed;
use mono_core::time::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;

const TENANT: &str = "00000000-0000-7000-8000-000000000001";
const OTHER: &str = "00000000-0000-7000-8000-000000000002";
const ACCOUNT: &str = "00000000-0000-7000-8000-000000000003";
const NOW: &str = "2026-01-01T00:00:00Z";
const EXPIRES: &str = "2026-01-01T01:00:00Z";
const SECRET: [u8; 32] = [7; 32];

const PERMISSIONS: [&str; 5] = [
    "tenant.accounts.read",
    "tenant.accounts.create",
    "account.teams.read",
    "platform.tenants.read",
    "tenant.nothing.read",
];

/// The facts about each principal. Those with an address are people of the demo.
fn principals() -> Vec<(&'static str, Value)> {
    let tenant = format!("tenant:{TENANT}");
    let account = format!("{tenant}/account:{ACCOUNT}");
    let admin = json!([{ "role": "tenant_admin", "scope": tenant }]);
    vec![
        ("tom@harbour.example", json!({ "assignments": admin })),
        ("olga@harbour.example", json!({ "assignments": [{ "role": "account_owner", "scope": account }] })),
        ("uma@harbour.example", json!({ "assignments": [{ "role": "user", "scope": tenant }] })),
        (
            "ada@platform.example",
            json!({ "assignments": [{ "role": "platform_admin", "scope": "platform" }] }),
        ),
        (
            "an assignment that has ended",
            json!({ "assignments": [{ "role": "tenant_admin", "scope": tenant, "ends_at": NOW }] }),
        ),
        (
            "a grant",
            json!({ "grants": [{ "pattern": "account.*.read", "effect": "allow", "scope": account }] }),
        ),
        (
            "a deny",
            json!({
                "assignments": admin,
                "grants": [{ "pattern": "account.teams.*", "effect": "deny", "scope": account }],
            }),
        ),
        (
            "a guardrail",
            json!({
                "assignments": admin,
                "guardrails": [{ "pattern": "tenant.accounts.create", "scope": tenant, "reason": "a migration" }],
            }),
        ),
        ("a suspended account", json!({ "assignments": admin, "suspended": [account] })),
        (
            "an API key",
            json!({ "assignments": admin, "key": { "scopes": ["tenant.accounts.read"], "at": tenant } }),
        ),
    ]
}

/// The table: facts, and what the engine and a snapshot of the tenant say of each permission at each scope.
fn table() -> String {
    let engine = Seed::parse(Seed::STARTER).unwrap().engine;
    let now: Timestamp = NOW.parse().unwrap();
    let tenant: TenantId = TENANT.parse().unwrap();
    let scopes = [
        format!("tenant:{TENANT}"),
        format!("tenant:{TENANT}/account:{ACCOUNT}"),
        format!("tenant:{OTHER}"),
        "platform".to_owned(),
    ];
    let mut text = format!(
        "{{\n\"now\": \"{NOW}\",\n\"expires\": \"{EXPIRES}\",\n\"tenant\": \"{TENANT}\",\n\"account\": \"{ACCOUNT}\",\n\"principals\": {{\n"
    );
    let principals = principals();
    let facts: Vec<_> = principals.iter().map(|(name, facts)| format!("{}: {facts}", json!(name))).collect();
    write!(text, "{}\n}},\n\"decisions\": [\n", facts.join(",\n")).unwrap();
    let mut decisions = Vec::new();
    for (name, facts) in principals {
        let facts: Principal = serde_json::from_value(facts).unwrap();
        let set = engine.compile(&facts);
        let request = SnapshotRequest {
            principal: name,
            tenant,
            facts: &facts,
            issued_at: now,
            expires_at: EXPIRES.parse().unwrap(),
        };
        let bytes = engine.snapshot(&request, &SECRET).unwrap();
        let snapshot = Snapshot::verify(&bytes, &[snapshot_public_key(&SECRET)], now).unwrap();
        for permission in PERMISSIONS {
            for place in &scopes {
                let scope: Scope = place.parse().unwrap();
                let allowed = set.check(permission, &scope, now);
                let explanation = set.explain(permission, &scope, now);
                assert_eq!(allowed, explanation.reason == Reason::Allowed);
                let offline = snapshot.check(permission, &scope, now);
                assert_eq!(
                    offline,
                    allowed && scope.tenant_id() == Some(tenant),
                    "{name} {permission} {scope}"
                );
                decisions.push(format!(
                    "{{\"principal\": {}, \"permission\": \"{permission}\", \"scope\": \"{place}\", \"allowed\": {allowed}, \"reason\": {}, \"snapshot\": {offline}}}",
                    json!(name),
                    json!(explanation.reason),
                ));
            }
        }
    }
    assert_eq!(decisions.len(), 200);
    write!(text, "{}\n]\n}}\n", decisions.join(",\n")).unwrap();
    text
}

#[test]
fn the_table_of_the_languages_is_what_the_engine_decides() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/decisions.json");
    let text = table();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text, golden,
        "decisions have changed; if that is wanted, run this test with UPDATE_GOLDEN=1 and review the diff"
    );
    // A table that always says the same could not find anything.
    let allowed = golden.matches("\"allowed\": true").count();
    assert!((30..170).contains(&allowed), "{allowed}");
}
