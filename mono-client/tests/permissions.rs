//! Which permissions are believed, and how long.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
#![cfg(feature = "snapshot")]

mod stub;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{TimeDelta, Utc};
use mono_client::Client;
use mono_core::api::auth::LoginRequest;
use mono_core::id::{TenantId, UserId};
use mono_core::permission::{
    Assignment, Catalogue, Engine, PermissionEntry, Principal, Role, Scope, SnapshotRequest,
    snapshot_public_key,
};
use mono_core::{ErrorKind, Result};
use serde_json::json;
use std::sync::{Arc, Mutex};
use stub::{Gate, answer, success};

const SECRET: [u8; 32] = [7; 32];
const ANA: UserId = UserId::from_u128(3);
const HARBOUR: TenantId = TenantId::from_u128(1);
const LAGOON: TenantId = TenantId::from_u128(2);
const SNAPSHOT: &str = "get /api/v1/user/permissions/snapshot";

/// What somebody may do in a tenant, good for an hour, issued so many minutes from now.
fn snapshot(user: UserId, tenant: TenantId, minutes: i64) -> String {
    let catalogue = Catalogue::new("1").with(PermissionEntry::new("tenant.files.read", ""));
    let engine = Engine::build(catalogue, vec![Role::new("reader").allow(["tenant.*"])]).unwrap();
    let assignments = vec![Assignment::new("reader", Scope::tenant(tenant))];
    let facts = Principal { assignments, ..Principal::default() };
    let issued_at = now() + TimeDelta::minutes(minutes);
    let request = SnapshotRequest {
        principal: &user.to_string(),
        tenant,
        facts: &facts,
        issued_at,
        expires_at: issued_at + TimeDelta::hours(1),
    };
    let bytes = engine.snapshot(&request, &SECRET).unwrap();
    let key = STANDARD.encode(snapshot_public_key(&SECRET));
    success(200, &json!({ "snapshot": STANDARD.encode(bytes), "publicKey": key }))
}

#[expect(clippy::disallowed_methods, reason = "the client looks at the same clock")]
fn now() -> chrono::DateTime<Utc> {
    std::time::SystemTime::now().into()
}

fn failure(status: u16, error: &str) -> String {
    let body = json!({ "success": false, "error": error, "message": "m", "details": { "reason": "why" } });
    answer(status, "", &body.to_string())
}

/// A server that gives these answers to who asks for permissions, and a client of Ana in the harbour that knows the key.
struct World {
    gate: Gate,
    client: Client,
    answers: Arc<Mutex<Vec<String>>>,
}

impl World {
    async fn start(held: &'static str) -> Self {
        let answers = Arc::<Mutex<Vec<String>>>::default();
        let next = Arc::clone(&answers);
        let login = json!({
            "accessToken": "token", "tokenType": "Bearer", "expiresAt": "2026-01-02T03:04:05Z",
            "sessionExpiresAt": "2026-01-03T03:04:05Z", "sessionId": ANA, "userId": ANA, "tenantId": HARBOUR,
        });
        let gate = Gate::start(held, move |request| match request {
            request if request.starts_with("post /api/v1/public/auth/login") => success(200, &login),
            request if request.starts_with(SNAPSHOT) => next.lock().unwrap().remove(0),
            _ => failure(403, "FORBIDDEN"),
        })
        .await;
        let keys = [snapshot_public_key(&SECRET)];
        let client = gate.stub.builder().repeats(0).permission_keys(keys).build().unwrap();
        client.auth().login(&LoginRequest::new("", "")).await.unwrap();
        Self { gate, client, answers }
    }

    /// Asks for the permissions, where the server would give this answer.
    async fn ask(&self, answer: String) -> Result<(), String> {
        *self.answers.lock().unwrap() = vec![answer];
        code(self.client.permissions().await)
    }

    fn can(&self) -> Result<bool, String> {
        let answer = self.client.can("tenant.files.read", &Scope::tenant(HARBOUR));
        answer.map_err(|error| error.code().to_owned())
    }

    /// How often the server was asked.
    fn asked(&self) -> usize {
        self.gate.stub.requests().iter().filter(|request| request.starts_with(SNAPSHOT)).count()
    }
}

fn code<T>(answer: Result<T>) -> Result<(), String> {
    answer.map(drop).map_err(|error| error.code().to_owned())
}

fn refused() -> Result<(), String> {
    Err("snapshot_refused".to_owned())
}

#[tokio::test]
async fn a_genuine_snapshot_of_somebody_else_is_refused() {
    let world = World::start("nothing").await;
    for (user, tenant) in [(UserId::from_u128(4), HARBOUR), (ANA, LAGOON)] {
        assert_eq!(world.ask(snapshot(user, tenant, 0)).await, refused());
        assert_eq!(world.can(), Err("permissions_not_loaded".into()));
    }
    assert_eq!(world.ask(snapshot(ANA, HARBOUR, 0)).await, Ok(()));
    assert_eq!(world.can(), Ok(true));

    // Staff name the tenant; of a bare token it is not known whose it is.
    let (staff, bare) = (world.client.with_tenant(LAGOON), world.client.with_token("token"));
    for (client, user, tenant, expected) in [
        (&staff, ANA, HARBOUR, refused()),
        (&staff, UserId::from_u128(4), LAGOON, refused()),
        (&staff, ANA, LAGOON, Ok(())),
        (&bare.with_tenant(LAGOON), UserId::from_u128(4), HARBOUR, refused()),
        (&bare, UserId::from_u128(4), LAGOON, Ok(())),
    ] {
        *world.answers.lock().unwrap() = vec![snapshot(user, tenant, 0)];
        assert_eq!(code(client.permissions().await), expected, "{user} {tenant}");
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_told() {
    let world = World::start("nothing").await;
    for minutes in [-61, 10, 2 * 24 * 60] {
        assert_eq!(world.ask(snapshot(ANA, HARBOUR, minutes)).await, refused(), "{minutes}");
    }
    assert_eq!(world.can(), Err("permissions_not_loaded".into()));
}

#[tokio::test]
async fn what_is_kept_is_asked_for_again_after_half_of_its_life() {
    let world = World::start("nothing").await;
    for (minutes, asked) in [(-40, 1), (-40, 2), (-10, 3), (0, 3), (0, 3)] {
        assert_eq!(world.ask(snapshot(ANA, HARBOUR, minutes)).await, Ok(()));
        assert_eq!(world.asked(), asked, "{minutes}");
    }
}

#[tokio::test]
async fn what_is_kept_is_good_where_the_server_is_in_trouble() {
    let world = World::start("nothing").await;
    assert_eq!(world.ask(failure(503, "UNAVAILABLE")).await, Err("why".into()), "nothing is kept");
    assert_eq!(world.ask(snapshot(ANA, HARBOUR, -40)).await, Ok(()));
    let cut = "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{".to_owned();
    for trouble in [
        failure(503, "UNAVAILABLE"),
        failure(429, "RATE_LIMITED"),
        failure(500, "INTERNAL"),
        answer(502, "", "<html>Bad Gateway"),
        cut,
    ] {
        assert_eq!(world.ask(trouble.clone()).await, Ok(()), "{trouble}");
        assert_eq!(world.can(), Ok(true));
    }
    // What the server refuses, or forges, is told.
    assert_eq!(world.ask(failure(403, "FORBIDDEN")).await, Err("why".into()));
    assert_eq!(world.ask(snapshot(ANA, LAGOON, 0)).await, refused());
}

#[tokio::test]
async fn a_refusal_while_permissions_are_on_their_way_makes_them_old() {
    let world = World::start(SNAPSHOT).await;
    *world.answers.lock().unwrap() = vec![snapshot(ANA, HARBOUR, 0), snapshot(ANA, HARBOUR, 0)];
    let client = world.client.clone();
    let asks = tokio::spawn(async move { code(client.permissions().await) });
    world.gate.came().await;
    let refused = world.client.user().tenants().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    world.gate.open(9);
    asks.await.unwrap().unwrap();
    world.client.permissions().await.unwrap();
    assert_eq!(world.asked(), 2);
    world.client.permissions().await.unwrap();
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn of_two_answers_the_newer_one_is_kept() {
    let world = World::start(SNAPSHOT).await;
    *world.answers.lock().unwrap() = vec![snapshot(ANA, HARBOUR, -40), snapshot(ANA, HARBOUR, -50)];
    let ask = || {
        let client = world.client.clone();
        tokio::spawn(async move { client.permissions().await.unwrap().issued_at() })
    };
    let newer = ask();
    world.gate.came().await;
    let older = ask();
    world.gate.came().await;
    world.gate.open(1);
    let newer = newer.await.unwrap();
    world.gate.open(1);
    assert_eq!(older.await.unwrap(), newer);
}
