//! What the typed client costs beside a bare call to the same route: `cargo bench -p benches --bench client`.
//!
//! The server answers the same bytes to everybody, on the same machine and over one kept connection, so that the difference
//! is the client's. The ways take turns.
#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints its report")]

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG};
use axum::response::IntoResponse;
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mono_client::{CacheSettings, Client};
use mono_core::Error;
use mono_core::api::auth::LoginResponse;
use mono_core::api::envelope::Success;
use mono_core::api::permissions::SnapshotResponse;
use mono_core::id::{AccountId, TenantId};
use mono_core::model::account::Account;
use mono_core::permission;
use mono_core::permission::{
    Assignment, Catalogue, Engine, PermissionEntry, Principal, Role, Scope, SnapshotRequest,
    snapshot_public_key,
};
use mono_core::time::Timestamp;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

const CALLS: usize = 5_000;
const CHECKS: u32 = 2_000_000;
const TENANT: TenantId = TenantId::from_u128(1);
const ACCOUNT: AccountId = AccountId::from_u128(7);

#[tokio::main]
async fn main() -> Result<(), Error> {
    let address = serve().await?;
    let url = format!("{address}/api/v1/tenant/accounts/{ACCOUNT}");
    let bare = reqwest::Client::new();
    let client = signed_in(Client::builder(address.as_str()).build()?).await?;
    let fresh_for = Duration::from_hours(1);
    let settings = CacheSettings { fresh_for, ..CacheSettings::default() };
    let keeping = signed_in(Client::builder(address.as_str()).cache(settings).build()?).await?;
    let asking =
        signed_in(Client::builder(address.as_str()).cache(CacheSettings::default()).build()?).await?;

    let mut times: [Vec<Duration>; 5] = Default::default();
    for _ in 0..CALLS {
        let [bytes, typed, called, asked, kept] = &mut times;
        let begun = Instant::now();
        black_box(read(&bare, &url).await?);
        bytes.push(begun.elapsed());
        let begun = Instant::now();
        let body = read(&bare, &url).await?;
        let account: Success<Account> = serde_json::from_slice(&body).map_err(Error::internal)?;
        black_box(account);
        typed.push(begun.elapsed());
        for (client, times) in [(&client, called), (&asking, asked), (&keeping, kept)] {
            let begun = Instant::now();
            black_box(client.tenant().accounts().get(ACCOUNT).await?);
            times.push(begun.elapsed());
        }
    }
    println!("{CALLS} calls each, one after the other");
    let names = ["reqwest, bytes", "reqwest, parsed", "client", "client, asked with its tag", "client, kept"];
    for (name, mut times) in names.into_iter().zip(times) {
        times.sort();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        println!("{name:<28} median {:>10.3?}   middle half {:.3?} to {:.3?}", at(50), at(25), at(75));
    }

    client.permissions().await?;
    let scope = Scope::account(TENANT, ACCOUNT);
    let begun = Instant::now();
    for _ in 0..CHECKS {
        black_box(client.can(black_box(permission!("tenant.accounts.read")), black_box(&scope))?);
    }
    println!("{:<28} {:.1} ns", "can", begun.elapsed().as_secs_f64() * 1e9 / f64::from(CHECKS));
    Ok(())
}

async fn signed_in(client: Client) -> Result<Client, Error> {
    client.auth().login(&mono_core::api::auth::LoginRequest::new("", "")).await?;
    Ok(client)
}

async fn read(http: &reqwest::Client, url: &str) -> Result<Vec<u8>, Error> {
    let response = http.get(url).bearer_auth("token").send().await.map_err(Error::unavailable)?;
    Ok(response.bytes().await.map_err(Error::unavailable)?.into())
}

fn success(data: &impl serde::Serialize) -> Result<String, Error> {
    serde_json::to_string(&Success::new(data)).map_err(Error::internal)
}

/// A server that knows one account and one person.
#[expect(clippy::disallowed_methods, reason = "a measurement says what time it is")]
async fn serve() -> Result<String, Error> {
    let now = Timestamp::from(SystemTime::now());
    let account: Value = json!({
        "id": ACCOUNT, "tenantId": TENANT, "slug": "harbour-bakery", "name": "Harbour Bakery", "type": "business",
        "status": "active", "email": "office@bakery.example", "version": 3, "createdAt": now, "updatedAt": now,
    });
    let login = LoginResponse {
        access_token: "token".to_owned(),
        token_type: "Bearer".to_owned(),
        expires_at: now,
        refresh_token: None,
        session_expires_at: now,
        session_id: serde_json::from_value(json!(ACCOUNT)).map_err(Error::internal)?,
        user_id: serde_json::from_value(json!(ACCOUNT)).map_err(Error::internal)?,
        tenant_id: Some(TENANT),
        impersonator_id: None,
    };
    let (account, login, snapshot) = (success(&account)?, success(&login)?, success(&snapshot(now)?)?);
    let tagged = move |headers: axum::http::HeaderMap| async move {
        let says =
            [(ETAG, "\"3\""), (CACHE_CONTROL, "private, no-cache"), (CONTENT_TYPE, "application/json")];
        if headers.contains_key("if-none-match") {
            (axum::http::StatusCode::NOT_MODIFIED, says).into_response()
        } else {
            (says, account).into_response()
        }
    };
    let router = Router::new()
        .route("/api/v1/tenant/accounts/{id}", get(tagged))
        .route("/api/v1/public/auth/login", axum::routing::post(move || async move { login }))
        .route("/api/v1/user/permissions/snapshot", get(move || async move { snapshot }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.map_err(Error::unavailable)?;
    let address = listener.local_addr().map_err(Error::unavailable)?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}"))
}

/// May read everything of the tenant, for an hour.
fn snapshot(now: Timestamp) -> Result<SnapshotResponse, Error> {
    let names = ["accounts.read", "accounts.create", "members.read", "audit.read"];
    let catalogue = names.iter().fold(Catalogue::new("1"), |catalogue, name| {
        catalogue.with(PermissionEntry::new(format!("tenant.{name}"), ""))
    });
    let reader = Role::new("reader").allow(["tenant.*"]);
    let engine = Engine::build(catalogue, vec![reader]).map_err(Error::validation)?;
    let assignments = vec![Assignment::new("reader", Scope::tenant(TENANT))];
    let facts = Principal { assignments, ..Principal::default() };
    let request = SnapshotRequest {
        principal: "bench",
        tenant: TENANT,
        facts: &facts,
        issued_at: now,
        expires_at: now + Duration::from_hours(1),
    };
    let secret = [7; 32];
    Ok(SnapshotResponse {
        snapshot: STANDARD.encode(engine.snapshot(&request, &secret).map_err(Error::internal)?),
        public_key: STANDARD.encode(snapshot_public_key(&secret)),
    })
}
