//! Runs the marina on both databases: over HTTP, and as the suite of the isolation sees its tables.
#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod random;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, header, request};
use examples::marina_crm::{MIGRATIONS, routes};
use mono_auth::mail::{Mailer, Transport};
use mono_auth::{Authenticator, KeyRing, Passwords};
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::TenantId;
use mono_core::permission::Scope;
use mono_core::seed::Seed;
use mono_core::text::{Email, Name};
use mono_storage::db::{Database, migrate_application};
use mono_storage::sql;
use mono_storage::store::{NewAssignment, NewUser};
use mono_storage::system::SystemRandom;
use mono_storage::testkit::{self, Backend, TestDatabase, World};
use reference_server::{App, router_with};
use serde_json::{Value, json};
use tower::ServiceExt;

const PASSWORD: &str = "a right horse, 4 the Battery";
const BERTHS: &str = "/api/v1/tenant/berths";
const INTERESTS: &str = "/api/v1/tenant/interests";

/// A throw-away database with the tables and the catalogue of the marina, and two tenants.
async fn world(backend: Backend) -> Option<World> {
    let test = TestDatabase::create(backend).await?;
    let owner = test.owner_url.as_deref();
    migrate_application(&test.options, owner, "marina", MIGRATIONS).await.unwrap();
    test.database.require_application("marina", MIGRATIONS).await.unwrap();
    let seed = Seed::parse(include_str!("../../marina-crm/catalogue.json")).unwrap();
    Some(World::create(test, seed).await)
}

/// The router of the marina over a throw-away database, with an admin in each of the two tenants.
struct Marina {
    world: World,
    router: Router,
}

impl Marina {
    async fn open(backend: Backend) -> Option<Self> {
        let world = world(backend).await?;
        // Opened once more: the proof of the isolation looks at the marina's tables, too.
        let database = Database::connect(&world.test.options).await.unwrap();
        let authenticator =
            Authenticator::new(database.clone(), &KeyRing::new((0..32).collect()).unwrap()).unwrap();
        let folder = Transport::folder("unused".into());
        let mailer = Mailer::new(authenticator.clone(), folder, "no-reply@localhost").unwrap();
        let router = router_with(App::new(database, authenticator, mailer), routes());
        let marina = Self { world, router };
        marina.add_admin("harbour@example.com", marina.world.harbour.id).await;
        marina.add_admin("lagoon@example.com", marina.world.lagoon.id).await;
        Some(marina)
    }

    async fn add_admin(&self, email: &str, tenant: TenantId) {
        let database = &self.world.test.database;
        let system = Caller::system(SystemReason::Seed);
        let mut tx = database.platform(&system).write().await.unwrap();
        let password_hash =
            Passwords::new(&SystemRandom).unwrap().hash(PASSWORD.into(), &SystemRandom).await.unwrap();
        let (email, name) = (Email::parse(email).unwrap(), Name::parse(email).unwrap());
        let new = NewUser { email, name, password_hash: Some(password_hash) };
        let user = tx.users().create(new).await.unwrap();
        tx.commit().await.unwrap();
        let system = Caller::system_in(SystemReason::Seed, tenant);
        let mut tx = database.tenant(&system).write().await.unwrap();
        let member = tx.members().add(&user).await.unwrap().id;
        let new = NewAssignment::new(member, "tenant_admin", Scope::tenant(tenant));
        tx.assignments().assign(new).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn call(&self, token: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.send(token, Request::builder().method(method).uri(path), body).await
    }

    /// A call with the header `If-Match`.
    async fn call_if(&self, token: &str, method: &str, path: &str, body: Value, seen: &str) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path).header(header::IF_MATCH, seen);
        self.send(token, request, body).await
    }

    async fn send(&self, token: &str, request: request::Builder, body: Value) -> (u16, Value) {
        let request = request
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let answer = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn sign_in(&self, email: &str) -> String {
        let body = json!({"email": email, "password": PASSWORD});
        let (status, answer) = self.call("", "POST", "/api/v1/public/auth/login", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["data"]["accessToken"].as_str().unwrap().to_owned()
    }
}

fn berth(name: &str) -> Value {
    json!({"name": name, "lengthCm": 1200})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_marina_works_on_sqlite() {
    works(Marina::open(Backend::Sqlite).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_marina_works_on_postgres() {
    let Some(marina) = Marina::open(Backend::Postgres).await else { return };
    works(marina).await;
}

async fn works(marina: Marina) {
    let harbour = marina.sign_in("harbour@example.com").await;
    let lagoon = marina.sign_in("lagoon@example.com").await;
    let (status, made) = marina.call(&harbour, "POST", BERTHS, berth("A1")).await;
    assert_eq!((status, &made["data"]["version"]), (201, &json!(1)), "{made}");
    let id = made["data"]["id"].as_str().unwrap().to_owned();
    let one = format!("{BERTHS}/{id}");
    let (_, read) = marina.call(&harbour, "GET", &one, Value::Null).await;
    assert_eq!(read, made);
    let (status, answer) = marina.call(&harbour, "POST", BERTHS, berth("A1")).await;
    assert_eq!((status, &answer["details"]["reason"]), (409, &json!("already_exists")));

    // Two berths are in the plan, and a berth that is deleted gives its place back.
    assert_eq!(marina.call(&harbour, "POST", BERTHS, berth("A2")).await.0, 201);
    let (status, answer) = marina.call(&harbour, "POST", BERTHS, berth("A3")).await;
    assert_eq!((status, &answer["details"]["maximum"]), (429, &json!(2)), "{answer}");
    assert_eq!(marina.call(&harbour, "DELETE", &one, Value::Null).await.0, 204);
    assert_eq!(marina.call(&harbour, "GET", &one, Value::Null).await.0, 404);
    assert_eq!(marina.call(&harbour, "POST", &format!("{one}/restore"), Value::Null).await.0, 200);
    let (_, answer) = marina.call(&harbour, "GET", BERTHS, Value::Null).await;
    assert_eq!(answer["data"]["pagination"]["total"], 2, "{answer}");

    // Who has not seen the current version does not write over it.
    let change = |version: i64| json!({"version": version, "fields": berth("A1 long")});
    let (status, answer) = marina.call(&harbour, "PUT", &one, change(1)).await;
    assert_eq!((status, &answer["details"]["currentVersion"]), (409, &json!(3)), "{answer}");
    let (status, answer) = marina.call(&harbour, "PUT", &one, change(3)).await;
    assert_eq!((status, &answer["data"]["name"]), (200, &json!("A1 long")), "{answer}");

    conditions_and_cursors(&marina, &harbour, &one).await;

    // Many at once, each with an answer of its own.
    let bulk = format!("{BERTHS}/bulk");
    let statuses = |answer: &Value| {
        let results = answer["data"]["results"].as_array().unwrap().iter();
        results.map(|result| result["status"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let items = json!({"items": [berth("A3"), {"name": "A4"}, berth("A1 long")]});
    let (status, answer) = marina.call(&harbour, "POST", &bulk, items).await;
    assert_eq!((status, statuses(&answer)), (200, vec![429, 400, 409]), "{answer}");
    let items = json!({"items": [{"id": id, "change": change(5)}, {"id": id, "change": change(6)}]});
    let (_, answer) = marina.call(&harbour, "PATCH", &bulk, items.clone()).await;
    assert_eq!(statuses(&answer), [409, 200], "{answer}");
    let (_, answer) = marina.call(&lagoon, "PATCH", &bulk, items).await;
    assert_eq!(statuses(&answer), [404, 404], "{answer}");

    // Each version is kept, and the berth goes back to one.
    let versions = format!("{one}/versions");
    let (_, answer) = marina.call(&harbour, "GET", &versions, Value::Null).await;
    let told: Vec<_> =
        answer["data"]["items"].as_array().unwrap().iter().map(|item| item["action"].clone()).collect();
    assert_eq!(told, ["restore", "delete", "update", "restore", "delete", "create"], "{answer}");
    let (_, answer) =
        marina.call(&harbour, "GET", &format!("{versions}/diff?from=1&to=4"), Value::Null).await;
    assert_eq!(answer["data"], json!([{"field": "name", "old": "A1", "new": "A1 long"}]));
    let (_, answer) = marina.call(&harbour, "GET", &format!("{versions}/1"), Value::Null).await;
    assert_eq!(answer["data"]["snapshot"], made["data"]);
    for (method, path) in [
        ("GET", versions.clone()),
        ("GET", format!("{versions}/1")),
        ("GET", format!("{versions}/diff?from=1&to=4")),
        ("POST", format!("{versions}/1/revert")),
    ] {
        assert_eq!(marina.call(&lagoon, method, &path, Value::Null).await.0, 404, "{method} {path}");
    }
    let back = format!("{versions}/1/revert");
    let (status, answer) = marina.call(&harbour, "POST", &back, Value::Null).await;
    assert_eq!((status, &answer["data"]["name"], &answer["data"]["version"]), (200, &json!("A1"), &json!(7)));
    let (_, answer) = marina.call(&harbour, "POST", &format!("{versions}/4/revert"), Value::Null).await;
    assert_eq!(answer["data"]["name"], "A1 long", "{answer}");

    // The other tenant sees nothing of it, and nothing of it can be pointed at from there.
    let interest = json!({"berthId": id, "boat": "Albatros", "note": null});
    assert_eq!(marina.call(&harbour, "POST", INTERESTS, interest.clone()).await.0, 201);
    let (_, answer) = marina.call(&lagoon, "GET", BERTHS, Value::Null).await;
    assert_eq!(answer["data"]["items"], json!([]));
    for (method, path, body) in [
        ("GET", &one, Value::Null),
        ("PUT", &one, change(4)),
        ("DELETE", &one, Value::Null),
        ("POST", &format!("{one}/restore"), Value::Null),
    ] {
        assert_eq!(marina.call(&lagoon, method, path, body).await.0, 404, "{method} {path}");
    }
    let (status, answer) = marina.call(&lagoon, "POST", INTERESTS, interest).await;
    assert_eq!((status, &answer["details"]["reason"]), (409, &json!("reference_missing")), "{answer}");
    // No statement of one tenant reaches a row of the other, not even one without a predicate.
    let (_, theirs) = marina.call(&lagoon, "POST", BERTHS, berth("L1")).await;
    let interest = json!({"berthId": theirs["data"]["id"], "boat": "Lagune", "note": "soon"});
    assert_eq!(marina.call(&lagoon, "POST", INTERESTS, interest).await.0, 201);
    testkit::isolation(&marina.world, &["berths", "interests"]).await;
    let (_, answer) = marina.call(&harbour, "GET", "/api/v1/tenant/demand", Value::Null).await;
    assert_eq!(answer["data"], json!([{"berth": "A1 long", "interests": 1}]));
    let (_, answer) = marina.call(&lagoon, "GET", "/api/v1/tenant/demand", Value::Null).await;
    assert_eq!(answer["data"], json!([{"berth": "L1", "interests": 1}]));

    // Every change stands in the audit log of its tenant.
    let mut tx = marina.world.test.database.tenant(&marina.world.harbour.admin).read().await.unwrap();
    let rows =
        sql!(tx, "SELECT action FROM audit_log WHERE tenant_id = $1 AND entity = 'berth' ORDER BY at, id");
    let actions: Vec<String> =
        rows.rows().await.unwrap().iter().map(|row| row.get("action").unwrap()).collect();
    let expected =
        ["create", "create", "delete", "restore", "update", "delete", "restore", "revert", "revert"];
    assert_eq!(actions, expected);
}

/// A berth `A1 long` in its fourth version, and another: how they are changed and listed.
async fn conditions_and_cursors(marina: &Marina, harbour: &str, one: &str) {
    // Deleting and restoring heed it too. A deleted berth has the version after the one that was deleted.
    let (status, answer) = marina.call_if(harbour, "DELETE", one, Value::Null, "\"3\"").await;
    assert_eq!((status, &answer["details"]["currentVersion"]), (409, &json!(4)), "{answer}");
    assert_eq!(marina.call_if(harbour, "DELETE", one, Value::Null, "\"4\"").await.0, 204);
    let restore = format!("{one}/restore");
    let (status, answer) = marina.call_if(harbour, "POST", &restore, Value::Null, "\"4\"").await;
    assert_eq!((status, &answer["details"]["currentVersion"]), (409, &json!(5)), "{answer}");
    assert_eq!(marina.call_if(harbour, "POST", &restore, Value::Null, "\"5\"").await.0, 200);
    let (status, answer) =
        marina.call_if(harbour, "PUT", one, json!({"version": 6, "fields": berth("A1 long")}), "\"7\"").await;
    assert_eq!((status, &answer["details"]["reason"]), (400, &json!("version_mismatch")), "{answer}");

    // The list by cursor goes through all of them, the newest first.
    let (mut cursor, mut names) = (String::new(), Vec::new());
    loop {
        let path = format!("{BERTHS}/by-cursor?limit=1{cursor}");
        let (_, answer) = marina.call(harbour, "GET", &path, Value::Null).await;
        names.push(answer["data"]["items"][0]["name"].clone());
        let Some(next) = answer["data"]["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(names, ["A2", "A1 long"]);
    for path in [format!("{BERTHS}?surprise=1"), format!("{BERTHS}/by-cursor?page=1")] {
        assert_eq!(marina.call(harbour, "GET", &path, Value::Null).await.0, 400, "{path}");
    }
}
