//! Renewing the access token where calls are dropped, the server is away, or somebody else comes in meanwhile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod stub;

use mono_client::{BoxFuture, Client, TokenStore};
use mono_core::api::auth::LoginRequest;
use mono_core::id::TenantId;
use mono_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use stub::{Stub, answer, success};
use tokio::sync::Semaphore;

const ENDED: &str =
    r#"{"success":false,"error":"UNAUTHORIZED","message":"m","details":{"reason":"token_expired"}}"#;

fn login(token: &str, expires_at: &str) -> Value {
    json!({
        "accessToken": token, "tokenType": "Bearer", "expiresAt": expires_at, "refreshToken": "refresh",
        "sessionExpiresAt": "2026-01-03T03:04:05Z", "sessionId": TenantId::from_u128(4),
        "userId": TenantId::from_u128(3), "tenantId": null,
    })
}

/// A server that takes `second` alone. It tells when a refresh has come, and answers it when it may.
struct Gate {
    stub: Stub,
    client: Client,
    came: Arc<Semaphore>,
    may: Arc<Semaphore>,
    refreshes: Arc<AtomicUsize>,
}

impl Gate {
    /// With the answers to refreshes, the last one again and again.
    async fn start(answers: &'static [fn() -> String]) -> Self {
        let (came, may) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let refreshes = Arc::<AtomicUsize>::default();
        let (tell, wait, count) = (Arc::clone(&came), Arc::clone(&may), Arc::clone(&refreshes));
        let stub = Stub::serve(move |request| {
            let (tell, wait, count) = (Arc::clone(&tell), Arc::clone(&wait), Arc::clone(&count));
            async move {
                if request.starts_with("post /api/v1/public/auth/login") {
                    return success(200, &login("first", "2026-01-02T03:04:05Z")).into_bytes();
                }
                if request.starts_with("post /api/v1/public/auth/refresh") {
                    assert!(request.ends_with(r#"{"refreshToken":"refresh"}"#), "{request}");
                    let turn = count.fetch_add(1, Ordering::SeqCst);
                    tell.add_permits(1);
                    wait.acquire().await.unwrap().forget();
                    return answers[turn.min(answers.len() - 1)]().into_bytes();
                }
                let is_taken = request.contains("authorization: bearer second");
                let answer = if is_taken { success(200, &json!([])) } else { answer(401, "", ENDED) };
                answer.into_bytes()
            }
        })
        .await;
        let client = stub.client();
        client.auth().login(&LoginRequest::new("", "")).await.unwrap();
        Self { stub, client, came, may, refreshes }
    }

    fn call(&self) -> tokio::task::JoinHandle<Result<usize>> {
        let client = self.client.clone();
        tokio::spawn(async move { client.user().tenants().await.map(|tenants| tenants.len()) })
    }

    async fn refresh_came(&self) {
        self.came.acquire().await.unwrap().forget();
    }

    fn refreshes(&self) -> usize {
        self.refreshes.load(Ordering::SeqCst)
    }

    /// Waits until so many calls were refused.
    async fn refused(&self, calls: usize) {
        while self.stub.requests().iter().filter(|request| request.starts_with("get")).count() < calls {
            tokio::task::yield_now().await;
        }
    }
}

fn second() -> String {
    success(200, &login("second", "2026-01-02T04:04:05Z"))
}

fn away() -> String {
    answer(503, "", r#"{"success":false,"error":"UNAVAILABLE","message":"m","details":{"reason":"away"}}"#)
}

fn over() -> String {
    answer(
        401,
        "",
        r#"{"success":false,"error":"UNAUTHORIZED","message":"m","details":{"reason":"session_ended"}}"#,
    )
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_renews_stops_nobody() {
    let gate = Gate::start(&[second]).await;
    let leader = gate.call();
    gate.refresh_came().await;
    let others: Vec<_> = (0..5).map(|_| gate.call()).collect();
    gate.refused(6).await;
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    gate.may.add_permits(1);
    for other in others {
        assert_eq!(other.await.unwrap().unwrap(), 0);
    }
    assert_eq!(gate.refreshes(), 1);
}

#[tokio::test]
async fn what_all_have_dropped_is_taken_up_again() {
    let gate = Gate::start(&[second]).await;
    let leader = gate.call();
    gate.refresh_came().await;
    leader.abort();
    leader.await.unwrap_err();
    gate.may.add_permits(1);
    assert_eq!(gate.call().await.unwrap().unwrap(), 0);
    assert_eq!(gate.refreshes(), 1, "a refresh token is used once");
}

#[tokio::test]
async fn a_server_that_is_away_ends_no_session() {
    let gate = Gate::start(&[away, second]).await;
    gate.may.add_permits(2);
    let error = gate.call().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "away"));
    assert_eq!(gate.call().await.unwrap().unwrap(), 0);
    assert_eq!(gate.refreshes(), 2);
}

#[tokio::test]
async fn a_session_that_is_over_is_asked_for_once() {
    let gate = Gate::start(&[over]).await;
    gate.may.add_permits(9);
    let calls: Vec<_> = (0..5).map(|_| gate.call()).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().code(), "session_ended");
    }
    assert_eq!(gate.call().await.unwrap().unwrap_err().code(), "session_ended");
    assert_eq!(gate.refreshes(), 1);
}

#[tokio::test]
async fn a_token_that_is_not_taken_twice_is_given_up() {
    let gate = Gate::start(&[|| success(200, &login("third", "2026-01-02T04:04:05Z"))]).await;
    gate.may.add_permits(9);
    assert_eq!(gate.call().await.unwrap().unwrap_err().code(), "token_expired");
    assert_eq!(gate.refreshes(), 1);
}

#[tokio::test]
async fn no_call_is_repeated_in_the_name_of_somebody_else() {
    let gate = Gate::start(&[second]).await;
    let call = gate.call();
    gate.refresh_came().await;
    gate.client.auth().login(&LoginRequest::new("", "")).await.unwrap();
    gate.may.add_permits(9);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "signed_out"));
    assert_eq!(gate.call().await.unwrap().unwrap(), 0, "the new session has a refresh of its own");
    assert_eq!(gate.refreshes(), 2);
}

/// A store that cannot be reached.
struct Broken;

impl TokenStore for Broken {
    fn load(&self) -> BoxFuture<'_, Result<Option<String>>> {
        Box::pin(async { Err(Error::new(ErrorKind::Internal, "keychain_locked", "the keychain is locked")) })
    }

    fn save<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Err(Error::new(ErrorKind::Internal, "keychain_locked", "the keychain is locked")) })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn a_store_that_fails_is_not_hidden() {
    let gate = Gate::start(&[second]).await;
    let client = gate.stub.builder().token_store(Arc::new(Broken)).build().unwrap();
    assert_eq!(client.user().tenants().await.unwrap_err().code(), "keychain_locked");
    let error = client.auth().login(&LoginRequest::new("", "")).await.unwrap_err();
    assert_eq!(error.code(), "keychain_locked");
    assert!(!client.auth().is_signed_in().await.unwrap(), "what failed has signed nobody in");
    assert_eq!(client.auth().logout().await.unwrap_err().code(), "no_refresh_token");
}
