//! Renewing the access token where calls are dropped, the server is away, or somebody else comes in meanwhile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod stub;

use mono_client::{BoxFuture, Client, ClientBuilder, TokenStore};
use mono_core::api::auth::LoginRequest;
use mono_core::id::TenantId;
use mono_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use stub::log::Log;
use stub::memory::Memory;
use stub::{answer, success};
use tokio::runtime::Builder;
use tracing_subscriber::layer::SubscriberExt;

const REFRESH: &str = "post /api/v1/public/auth/refresh";
const ENDED: &str =
    r#"{"success":false,"error":"UNAUTHORIZED","message":"m","details":{"reason":"token_expired"}}"#;

fn login(token: &str, expires_at: &str) -> Value {
    json!({
        "accessToken": token, "tokenType": "Bearer", "expiresAt": expires_at, "refreshToken": "refresh",
        "sessionExpiresAt": "2026-01-03T03:04:05Z", "sessionId": TenantId::from_u128(4),
        "userId": TenantId::from_u128(3), "tenantId": null,
    })
}

/// The same person in another tenant.
fn chosen(token: &str, refresh_token: Option<&str>) -> Value {
    let mut login = login(token, "2026-01-02T05:04:05Z");
    login["tenantId"] = json!(TenantId::from_u128(9));
    login["refreshToken"] = json!(refresh_token);
    login
}

/// A server that takes `second` alone. It tells when a refresh has come, and answers it when it may.
struct Gate {
    held: stub::Gate,
    client: Client,
    refreshes: Arc<AtomicUsize>,
}

impl Gate {
    /// With the answers to refreshes, the last one again and again.
    async fn start(answers: &'static [fn() -> String]) -> Self {
        Self::start_with(answers, |builder| builder).await
    }

    async fn start_with(
        answers: &'static [fn() -> String],
        change: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Self {
        let refreshes = Arc::<AtomicUsize>::default();
        let count = Arc::clone(&refreshes);
        let gate = stub::Gate::start(REFRESH, move |request| {
            if request.starts_with("post /api/v1/public/auth/login") {
                return success(200, &login("first", "2026-01-02T03:04:05Z"));
            }
            if request.starts_with(REFRESH) {
                let turn = count.fetch_add(1, Ordering::SeqCst);
                return answers[turn.min(answers.len() - 1)]();
            }
            if request.starts_with("put /api/v1/user/tenant") {
                return success(200, &chosen("chosen", None));
            }
            let is_taken = request.contains("authorization: bearer second");
            if is_taken { success(200, &json!([])) } else { answer(401, "", ENDED) }
        })
        .await;
        let client = change(gate.stub.builder()).build().unwrap();
        client.auth().login(&LoginRequest::new("", "")).await.unwrap();
        Self { held: gate, client, refreshes }
    }

    fn call(&self) -> tokio::task::JoinHandle<Result<usize>> {
        let client = self.client.clone();
        tokio::spawn(async move { client.user().tenants().await.map(|tenants| tenants.len()) })
    }

    async fn refresh_came(&self) {
        self.held.came().await;
    }

    /// The bodies of the refreshes.
    fn shown(&self) -> Vec<String> {
        let requests = self.held.stub.requests().into_iter().filter(|request| request.starts_with(REFRESH));
        requests.map(|request| request.split_once("\r\n\r\n").unwrap().1.to_owned()).collect()
    }

    fn refreshes(&self) -> usize {
        self.refreshes.load(Ordering::SeqCst)
    }

    /// Waits until so many calls were refused.
    async fn refused(&self, calls: usize) {
        while self.held.stub.requests().iter().filter(|request| request.starts_with("get")).count() < calls {
            tokio::task::yield_now().await;
        }
    }
}

fn second() -> String {
    success(200, &login("second", "2026-01-02T04:04:05Z"))
}

const AWAY: &str = r#"{"success":false,"error":"UNAVAILABLE","message":"m","details":{"reason":"away"}}"#;

fn away() -> String {
    answer(503, "", AWAY)
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
    gate.held.open(1);
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
    gate.held.open(1);
    assert_eq!(gate.call().await.unwrap().unwrap(), 0);
    assert_eq!(gate.refreshes(), 1, "a refresh token is used once");
}

#[tokio::test]
async fn a_server_that_is_away_ends_no_session() {
    let gate = Gate::start(&[away, away, away, second]).await;
    gate.held.open(9);
    let error = gate.call().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "away"));
    assert_eq!((gate.call().await.unwrap().unwrap(), gate.refreshes()), (0, 4));
}

#[tokio::test]
async fn a_refresh_that_meets_a_busy_server_is_sent_again() {
    let gate = Gate::start(&[away, second]).await;
    gate.held.open(9);
    assert_eq!((gate.call().await.unwrap().unwrap(), gate.refreshes()), (0, 2));
}

#[tokio::test]
async fn a_refresh_is_not_sent_again_when_it_would_look_like_a_copy() {
    let gate = Gate::start(&[|| answer(503, "Retry-After: 6\r\n", AWAY)]).await;
    gate.held.open(9);
    gate.call().await.unwrap().unwrap_err();
    assert_eq!(gate.refreshes(), 1, "the server gives the same token for ten seconds");
}

#[tokio::test]
async fn a_session_that_is_over_is_asked_for_once() {
    let gate = Gate::start(&[over]).await;
    gate.held.open(9);
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
    gate.held.open(9);
    assert_eq!(gate.call().await.unwrap().unwrap_err().code(), "token_expired");
    assert_eq!(gate.refreshes(), 1);
}

#[tokio::test]
async fn no_call_is_repeated_in_the_name_of_somebody_else() {
    let gate = Gate::start(&[second]).await;
    let call = gate.call();
    gate.refresh_came().await;
    gate.client.auth().login(&LoginRequest::new("", "")).await.unwrap();
    gate.held.open(9);
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
    let client = gate.held.stub.builder().token_store(Arc::new(Broken)).build().unwrap();
    assert_eq!(client.user().tenants().await.unwrap_err().code(), "keychain_locked");
    let error = client.auth().login(&LoginRequest::new("", "")).await.unwrap_err();
    assert_eq!(error.code(), "keychain_locked");
    assert!(!client.auth().is_signed_in().await.unwrap(), "what failed has signed nobody in");
    assert_eq!(client.auth().logout().await.unwrap_err().code(), "no_refresh_token");
}

/// A client with a store, which has refreshed nothing yet.
async fn stored(answers: &'static [fn() -> String]) -> (Gate, Arc<Memory>) {
    let store = Arc::<Memory>::default();
    let gate = Gate::start_with(answers, |builder| builder.token_store(store.clone())).await;
    gate.held.open(9);
    (gate, store)
}

#[tokio::test]
async fn a_store_that_cannot_be_read_ends_no_session() {
    let (gate, store) = stored(&[second]).await;
    let before = store.text();
    store.load_fails.store(true, Ordering::SeqCst);
    let error = gate.call().await.unwrap().unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "keychain_locked"));
    assert!(gate.client.auth().is_signed_in().await.unwrap());
    assert_eq!((store.text(), gate.refreshes()), (before, 0));
    store.load_fails.store(false, Ordering::SeqCst);
    assert_eq!((gate.call().await.unwrap().unwrap(), gate.refreshes()), (0, 1));
}

#[tokio::test]
async fn a_refresh_that_cannot_be_stored_goes_on_in_memory_and_is_logged() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    let (gate, store) = stored(&[second]).await;
    let before = store.text();
    store.save_fails.store(true, Ordering::SeqCst);
    assert_eq!(gate.client.user().tenants().await.unwrap().len(), 0);
    assert_eq!((store.text(), gate.refreshes()), (before, 1));
    let warned = log.events().into_iter().find(|event| event.get("code").is_some());
    assert_eq!(warned.unwrap()["code"], "keychain_locked");
    assert_eq!(gate.client.user().tenants().await.unwrap().len(), 0);
    assert_eq!(gate.refreshes(), 1);
}

#[tokio::test]
async fn what_the_store_was_not_told_since_the_call_was_dropped_is_told_by_the_next() {
    let (gate, store) = stored(&[second]).await;
    store.save_hangs.store(true, Ordering::SeqCst);
    let leader = gate.call();
    store.hangs.notified().await;
    leader.abort();
    leader.await.unwrap_err();
    assert!(store.text().contains("first"));
    store.save_hangs.store(false, Ordering::SeqCst);
    assert_eq!(gate.call().await.unwrap().unwrap(), 0);
    assert!(store.text().contains("second"), "{}", store.text());
    assert_eq!(gate.refreshes(), 1);
}

#[tokio::test]
async fn a_tenant_that_is_chosen_during_a_refresh_goes_on_with_what_the_refresh_brings() {
    let store = Arc::<Memory>::default();
    let gate = Gate::start_with(
        &[
            || {
                let mut login = login("second", "2026-01-02T04:04:05Z");
                login["refreshToken"] = json!("refresh-2");
                success(200, &login)
            },
            || success(200, &chosen("second", Some("refresh-3"))),
        ],
        |builder| builder.token_store(store.clone()),
    )
    .await;
    let call = gate.call();
    gate.refresh_came().await;
    gate.client.user().choose_tenant(TenantId::from_u128(9)).await.unwrap();
    gate.held.open(9);
    assert_eq!(call.await.unwrap().unwrap_err().code(), "signed_out", "it was asked in the other tenant");
    assert!(
        store.text().contains("\"chosen\"") && store.text().contains("\"refresh-2\""),
        "{}",
        store.text()
    );
    assert_eq!(gate.call().await.unwrap().unwrap(), 0);
    assert_eq!(gate.shown(), [r#"{"refreshToken":"refresh"}"#, r#"{"refreshToken":"refresh-2"}"#]);
}

#[test]
fn a_refresh_that_is_left_over_from_a_runtime_that_has_ended_stops_nobody() {
    let runtime = || Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let servers = runtime();
    let gate = servers.block_on(Gate::start(&[second]));
    let first = runtime();
    let call = {
        let _here = first.enter();
        gate.call()
    };
    servers.block_on(gate.refresh_came());
    drop(first);
    drop(call);
    gate.held.open(9);
    let second = runtime();
    // Whether the first finds an answer is the other runtime's affair.
    let _ = second.block_on(gate.client.user().tenants());
    assert_eq!(second.block_on(gate.client.user().tenants()).unwrap().len(), 0);
}
