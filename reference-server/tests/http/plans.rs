//! What can be bought, put together by the staff of the platform.

use crate::server::{ADMIN, LONER, MEMBER, STAFF, STRANGER, Server, USER, send};
use mono_client::Client;
use mono_core::subscription::{Allowance, Feature, ItemKind, Key, Plan};
use mono_core::{ErrorKind, Problem};
use mono_storage::platform_sql;
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::{Value, json};

mono_storage::conformance!(
    an_item_is_made_changed_and_deleted,
    what_is_in_use_is_not_deleted,
    everything_wrong_is_named_at_once,
    only_the_platform_sees_and_changes_the_catalogue,
    staff_need_no_tenant_and_may_have_one,
    a_changed_plan_holds_for_the_next_request,
);

pub(crate) fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn feature(name: &str) -> Feature {
    serde_json::from_value(json!({"key": name, "name": name, "kind": "boolean"})).unwrap()
}

fn plan(name: &str, features: &[&str]) -> Plan {
    let price = json!({"amount": 100, "currency": "EUR", "interval": "month"});
    serde_json::from_value(json!({"key": name, "name": name, "price": price, "features": features})).unwrap()
}

/// What the audit log says about one kind of item: action, and the fields that changed.
async fn audited(server: &Server, kind: ItemKind) -> Vec<(String, Vec<String>)> {
    let system = mono_core::caller::Caller::system(mono_core::caller::SystemReason::Seed);
    let mut tx = server.database().platform(&system).read().await.unwrap();
    let rows = platform_sql!(
        tx,
        "SELECT actor, action, changes FROM platform_audit_log WHERE entity = $1 ORDER BY id",
        kind.name()
    )
    .rows()
    .await
    .unwrap();
    let entry = |row: &mono_storage::db::Row| {
        assert!(row.get::<String>("actor").unwrap().starts_with("user:"));
        let changes: Value = row.get("changes").unwrap();
        let fields = changes.as_array().unwrap().iter();
        (row.get("action").unwrap(), fields.map(|f| f["field"].as_str().unwrap().to_owned()).collect())
    };
    rows.iter().map(entry).collect()
}

async fn an_item_is_made_changed_and_deleted(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    let plans = staff.platform().plans();
    let mut gold = plan("gold", &[]);
    assert_eq!(plans.put(&gold).await.unwrap(), gold);
    gold.trial_days = 14;
    gold.limits.insert(key("accounts"), Allowance::UpTo(50));
    for _ in 0..2 {
        // The second time changes nothing, and is not recorded.
        assert_eq!(plans.put(&gold).await.unwrap(), gold);
    }
    assert_eq!(plans.get(&gold.key).await.unwrap(), gold);
    let keys: Vec<_> = plans.list().await.unwrap().into_iter().map(|plan| plan.key.to_string()).collect();
    assert_eq!(keys, ["gold", "starter", "unlimited"]);
    plans.delete(&gold.key).await.unwrap();
    for error in [plans.get(&gold.key).await.unwrap_err(), plans.delete(&gold.key).await.unwrap_err()] {
        assert_eq!((error.kind(), error.message()), (ErrorKind::NotFound, "there is no plan `gold`"));
    }
    let log = audited(&server, ItemKind::Plan).await;
    let actions: Vec<_> = log.iter().map(|(action, _)| &**action).collect();
    assert_eq!(actions, ["create", "update", "delete"]);
    assert_eq!(log[1].1, ["key", "limits", "trial_days"]);
    // Who makes something is told so by the status.
    let token = server.token(STAFF).await;
    for status in [201, 200] {
        let request = server.request(Method::PUT, "/api/v1/platform/plans/gold").bearer_auth(&token);
        assert_eq!(send(request.json(&gold)).await.status, status);
    }
}

fn uses(error: &mono_core::Error) -> Vec<String> {
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "in_use"), "{error:?}");
    serde_json::from_value(error.details().unwrap()["uses"].clone()).unwrap()
}

async fn what_is_in_use_is_not_deleted(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    let platform = staff.platform();
    platform.features().put(&feature("chat")).await.unwrap();
    platform.plans().put(&plan("gold", &["chat"])).await.unwrap();
    let error = platform.features().delete(&key("chat")).await.unwrap_err();
    assert_eq!(uses(&error), ["plans.gold.features[0]"]);
    let error = platform.plans().delete(&key("starter")).await.unwrap_err();
    let subscription = format!("subscriptions.{}", server.world.harbour.id);
    assert_eq!(uses(&error), ["templates.organisation.plan", &subscription]);
    let error = platform.limits().delete(&key("accounts")).await.unwrap_err();
    assert_eq!(uses(&error), ["plans.starter.limits.accounts", "plans.unlimited.limits.accounts"]);
    platform.plans().delete(&key("gold")).await.unwrap();
    platform.features().delete(&key("chat")).await.unwrap();
}

async fn everything_wrong_is_named_at_once(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    let mut gold = plan("gold", &["chat", "calls"]);
    gold.limits.insert(key("bananas"), Allowance::UpTo(1));
    gold.description = "x".repeat(1001);
    let error = staff.platform().plans().put(&gold).await.unwrap_err();
    let mut fields: Vec<_> = error.problems().into_iter().map(|Problem { field, .. }| field).collect();
    fields.sort();
    let wrong = ["description", "features[0]", "features[1]", "limits.bananas"];
    assert_eq!(fields, wrong.map(|place| format!("plans.gold.{place}")));

    // Two features that need each other, one after the other.
    let features = staff.platform().features();
    features.put(&feature("chat")).await.unwrap();
    features.put(&Feature { depends_on: vec![key("chat")], ..feature("calls") }).await.unwrap();
    let error =
        features.put(&Feature { depends_on: vec![key("calls")], ..feature("chat") }).await.unwrap_err();
    assert_eq!(error.code(), "cycle");
    assert!(error.message().contains("calls > chat > calls"), "{error}");
    // A permission belongs to a feature by what stands in a seed file.
    let owner = Feature { permissions: vec!["tenant.accounts.create".into()], ..feature("chat") };
    assert_eq!(features.put(&owner).await.unwrap_err().code(), "feature_mismatch");

    let token = server.token(STAFF).await;
    for (path, body, reason) in [
        ("plans/gold", json!(plan("silver", &[])), "key_mismatch"),
        ("plans/GOLD", json!(plan("gold", &[])), "invalid_key"),
        ("plans/gold", json!({"key": "gold", "name": "Gold"}), "invalid_field"),
        ("plans/gold", json!([plan("gold", &[])]), "invalid_field"),
        (
            "features/fun",
            json!({"key": "fun", "name": "Fun", "kind": "boolean", "colour": 1}),
            "invalid_field",
        ),
        ("features/fun", json!({"key": "fun", "name": "Fun", "kind": "big"}), "invalid_field"),
        (
            "limits/fun",
            json!({"key": "fun", "name": "Fun", "unit": "one", "category": "other", "default": -2,
            "window": "total", "enforcement": "hard"}),
            "invalid_field",
        ),
    ] {
        let request = server.request(Method::PUT, &format!("/api/v1/platform/{path}")).bearer_auth(&token);
        assert_eq!(send(request.json(&body)).await.failure(), (400, reason.to_owned()), "{path} {body}");
    }
    assert_eq!(staff.platform().plans().list().await.unwrap().len(), 2);
}

async fn statuses(server: &Server, client: &Client) -> Vec<(ErrorKind, String)> {
    let platform = client.platform();
    let tenant = server.world.harbour.id;
    let limit: mono_core::subscription::Limit = serde_json::from_value(json!({"key": "fun", "name": "Fun",
        "unit": "one", "category": "other", "default": 1, "window": "total", "enforcement": "hard"}))
    .unwrap();
    let errors = [
        platform.plans().list().await.err(),
        platform.plans().put(&plan("gold", &[])).await.err(),
        platform.plans().delete(&key("unlimited")).await.err(),
        platform.add_ons().get(&key("none")).await.err(),
        platform.features().put(&feature("chat")).await.err(),
        platform.feature_sets().list().await.err(),
        platform.limits().put(&limit).await.err(),
        platform.limits().delete(&key("none")).await.err(),
        platform.subscriptions().get(tenant).await.err(),
        platform.subscriptions().overrides(tenant).await.err(),
    ];
    errors.into_iter().map(|e| e.map(|e| (e.kind(), e.code().to_owned())).unwrap()).collect()
}

async fn only_the_platform_sees_and_changes_the_catalogue(world: World) {
    let server = Server::start(world).await;
    for (kind, _) in statuses(&server, &server.client()).await {
        assert_eq!(kind, ErrorKind::Unauthorized);
    }
    for email in [LONER, MEMBER, USER, ADMIN, STRANGER] {
        for (kind, code) in statuses(&server, &server.sign_in(email).await).await {
            assert_eq!(kind, ErrorKind::Forbidden, "{email}");
            assert!(["no_assignment", "no_grant"].contains(&&*code), "{email}: {code}");
        }
    }
}

async fn staff_need_no_tenant_and_may_have_one(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    let (harbour, lagoon) = (server.world.harbour.id, server.world.lagoon.id);
    for client in [staff.clone(), staff.with_tenant(harbour), staff.with_tenant(lagoon)] {
        assert_eq!(client.platform().plans().list().await.unwrap().len(), 2);
        client.platform().features().put(&feature("chat")).await.unwrap();
        client.platform().features().delete(&key("chat")).await.unwrap();
        assert_eq!(client.platform().subscriptions().get(harbour).await.unwrap().plan, key("starter"));
    }
}

async fn a_changed_plan_holds_for_the_next_request(world: World) {
    let server = Server::start(world).await;
    let (staff, admin) = (server.sign_in(STAFF).await, server.sign_in(ADMIN).await);
    for most in [7, 3] {
        let mut starter = staff.platform().plans().get(&key("starter")).await.unwrap();
        starter.limits.insert(key("accounts"), Allowance::UpTo(most));
        staff.platform().plans().put(&starter).await.unwrap();
        let answer = admin.tenant().entitlements().await.unwrap();
        let accounts = answer.limits.iter().find(|usage| usage.decision.limit == "accounts").unwrap();
        assert_eq!(accounts.decision.maximum, Allowance::UpTo(most));
    }
}
