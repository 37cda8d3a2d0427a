//! Why a request is refused, where it could be refused for several reasons: the credential comes first, then the
//! permission, then its feature, then the limit.

use crate::server::{ACCOUNTS, ADMIN, Answer, STAFF, Server, USER, create, send};
use mono_core::api::accounts::ListAccounts;
use mono_core::api::entitlements::UsageReport;
use mono_core::api::subscriptions::CreateOverride;
use mono_core::caller::{Caller, SystemReason};
use mono_core::seed::Seed;
use mono_core::subscription::{Key, OverrideChange};
use mono_storage::testkit::World;
use serde_json::{Value, json};

mono_storage::conformance!(refusals_come_in_one_order);

/// The starter catalogue, in which accounts are opened with the feature `openings` only.
fn catalogue() -> Seed {
    let mut seed: Value = serde_json::from_str(Seed::STARTER).unwrap();
    let permissions = seed["permissions"].as_array_mut().unwrap();
    let create = permissions.iter_mut().find(|entry| entry["name"] == "tenant.accounts.create").unwrap();
    create["feature"] = "openings".into();
    seed["features"] = json!([{"key": "openings", "name": "Openings", "kind": "boolean",
        "permissions": ["tenant.accounts.create"]}]);
    Seed::parse(&seed.to_string()).unwrap()
}

async fn open(server: &Server, email: &str) -> Answer {
    let request = server.post(ACCOUNTS).json(&json!({"name": "New"}));
    let request = if email.is_empty() { request } else { request.bearer_auth(server.token(email).await) };
    send(request).await
}

async fn refusals_come_in_one_order(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    for i in 0..5 {
        create(&admin, &format!("Account {i}")).await;
    }
    let system = Caller::system(SystemReason::Seed);
    let mut tx = server.database().platform(&system).write().await.unwrap();
    tx.catalogue().save(&catalogue()).await.unwrap();
    tx.commit().await.unwrap();
    server.app.authenticator.forget();

    // The feature is missing and the limit is full: each is told the first thing that it lacks.
    assert_eq!(open(&server, "").await.failure(), (401, "missing_credentials".into()));
    let answer = open(&server, USER).await;
    assert_eq!(answer.failure(), (403, "no_grant".into()));
    let details = answer.json()["details"].clone();
    assert_eq!(details, json!({"permission": "tenant.accounts.create", "reason": "no_grant"}));
    let answer = open(&server, ADMIN).await;
    assert_eq!(answer.failure(), (403, "feature_missing".into()));
    let details = answer.json()["details"].clone();
    let told =
        json!({"permission": "tenant.accounts.create", "feature": "openings", "reason": "feature_missing"});
    assert_eq!(details, told);
    assert_eq!(answer.json()["message"], "this needs the feature `openings`");

    // With the feature it is the limit.
    let staff = server.sign_in(STAFF).await;
    let exception = CreateOverride {
        account: None,
        change: OverrideChange::Feature { feature: Key::parse("openings").unwrap(), enabled: true },
        from: None,
        until: None,
        reason: "a test".into(),
    };
    let tenant = server.world.harbour.id;
    staff.platform().subscriptions().add_override(tenant, &exception).await.unwrap();
    assert_eq!(open(&server, "").await.failure().0, 401);
    assert_eq!(open(&server, USER).await.failure(), (403, "no_grant".into()));
    let answer = open(&server, ADMIN).await;
    assert_eq!(answer.failure(), (429, "limit_exceeded".into()));
    assert_eq!(answer.json()["error"], "LIMIT_EXCEEDED");
    let details = answer.json()["details"].clone();
    let told = json!({"limit": "accounts", "current": 5, "maximum": 5, "reason": "limit_exceeded"});
    assert_eq!(details, told);

    // With room it is done.
    let account = admin.tenant().accounts().list(&ListAccounts::default()).await.unwrap().items[0].id;
    admin.tenant().accounts().delete(account).await.unwrap();
    assert_eq!(open(&server, ADMIN).await.status, 201);

    // The report tells how often the feature was used: whoever had no right to it did not use it.
    server.app.database.flush_usage().await.unwrap();
    let until = server.app.database.now().date_naive();
    let report = UsageReport { from: until.pred_opt().unwrap(), until };
    let days = admin.tenant().usage(report).await.unwrap();
    let uses = days.iter().filter(|day| day.feature.as_deref() == Some("openings"));
    assert_eq!(uses.map(|day| day.used).sum::<u64>(), 2);
}
