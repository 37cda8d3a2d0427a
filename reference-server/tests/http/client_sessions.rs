//! The client stays signed in: one refresh for any number of calls, and a store that says what the client knows.

use crate::server::{ADMIN, BOTH, CONNECTIONS, Server, builder, credentials};
use crate::subscriptions::MovedClock;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use futures_util::future::join_all;
use mono_client::{BoxFuture, ClientBuilder, TokenStore};
use mono_core::api::accounts::ListAccounts;
use mono_core::time::Timestamp;
use mono_core::{ErrorKind, Result};
use mono_storage::testkit::World;
use reference_server::{ServerLimits, router, serve};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

mono_storage::conformance!(
    fifty_calls_with_an_ended_token_cause_one_refresh,
    a_session_that_is_over_is_told_to_all_and_forgotten,
    a_token_without_a_session_is_never_renewed,
    who_was_signed_in_is_signed_in_after_a_restart,
    two_programs_with_one_store_share_a_session,
    a_refresh_keeps_the_tenant_that_was_chosen,
);

/// A store in memory.
#[derive(Default)]
struct Memory(Mutex<Option<String>>);

impl Memory {
    fn text(&self) -> Option<String> {
        self.0.lock().unwrap().clone()
    }
}

impl TokenStore for Memory {
    fn load(&self) -> BoxFuture<'_, Result<Option<String>>> {
        Box::pin(async { Ok(self.text()) })
    }

    fn save<'a>(&'a self, session: &'a str) -> BoxFuture<'a, Result<()>> {
        *self.0.lock().unwrap() = Some(session.to_owned());
        Box::pin(async { Ok(()) })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        *self.0.lock().unwrap() = None;
        Box::pin(async { Ok(()) })
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A server whose clock stands, and which counts who asks for a refresh.
pub(crate) struct Counted {
    pub(crate) server: Server,
    clock: Arc<MovedClock>,
    refreshes: Arc<AtomicUsize>,
    store: Arc<Memory>,
    pub(crate) front: std::net::SocketAddr,
}

impl Counted {
    pub(crate) async fn start(world: World) -> Self {
        let clock = Arc::new(MovedClock(Mutex::new(at("2026-01-01T00:00:00Z"))));
        let server =
            Server::start_over(world, CONNECTIONS, |database| database.with_clock(clock.clone())).await;
        let refreshes = Arc::<AtomicUsize>::default();
        let seen = Arc::clone(&refreshes);
        let counts = from_fn(move |request: Request, next: Next| {
            seen.fetch_add(usize::from(request.uri().path().ends_with("/refresh")), Ordering::SeqCst);
            next.run(request)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let front = listener.local_addr().unwrap();
        let router = router(server.app.clone()).layer(counts);
        tokio::spawn(serve(listener, router, ServerLimits::default(), std::future::pending()));
        Self { server, clock, refreshes, store: Arc::default(), front }
    }

    fn builder(&self) -> ClientBuilder {
        builder(self.front).token_store(self.store.clone())
    }

    async fn sign_in(&self, email: &str) -> mono_client::Client {
        let client = self.builder().build().unwrap();
        client.auth().login(&credentials(email)).await.unwrap();
        client
    }

    /// Access tokens have ended, sessions have not.
    pub(crate) fn an_hour_later(&self) {
        self.clock.go_to(&self.server, at("2026-01-01T01:00:00Z"));
    }

    pub(crate) fn refreshes(&self) -> usize {
        self.refreshes.load(Ordering::SeqCst)
    }
}

async fn fifty_calls_with_an_ended_token_cause_one_refresh(world: World) {
    let counted = Counted::start(world).await;
    let client = counted.sign_in(ADMIN).await;
    let before = counted.store.text().unwrap();
    counted.an_hour_later();
    let wanted = ListAccounts::default();
    let accounts = client.tenant().accounts();
    let answers = join_all((0..50).map(|_| accounts.list(&wanted))).await;
    for answer in answers {
        answer.unwrap();
    }
    assert_eq!(counted.refreshes(), 1);
    assert_ne!(counted.store.text().unwrap(), before, "the next tokens are stored");
    // And writes, which were refused before they did anything.
    counted.clock.go_to(&counted.server, at("2026-01-01T02:00:00Z"));
    let names: Vec<String> = (0..5).map(|number| format!("Account {number}")).collect();
    let answers = join_all(names.iter().map(|name| crate::server::create(&client, name))).await;
    assert_eq!((answers.len(), counted.refreshes()), (5, 2));
    // Also where it is asked for.
    counted.clock.go_to(&counted.server, at("2026-01-01T03:00:00Z"));
    let auth = client.auth();
    let (asked, listed) = tokio::join!(auth.refresh(), accounts.list(&wanted));
    assert_eq!(asked.unwrap().tenant_id, Some(counted.server.world.harbour.id));
    listed.unwrap();
    assert_eq!(counted.refreshes(), 3);
}

async fn a_session_that_is_over_is_told_to_all_and_forgotten(world: World) {
    let counted = Counted::start(world).await;
    let client = counted.sign_in(ADMIN).await;
    counted.server.sign_in(ADMIN).await.user().sessions().revoke_others().await.unwrap();
    let wanted = ListAccounts::default();
    let accounts = client.tenant().accounts();
    let answers = join_all((0..20).map(|_| accounts.list(&wanted))).await;
    for answer in answers {
        let error = answer.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "session_ended"));
    }
    assert_eq!((counted.refreshes(), counted.store.text()), (1, None));
    let error = client.auth().is_signed_in().await.unwrap_err();
    assert_eq!(error.code(), "session_ended");
    // Who signs in again goes on.
    client.auth().login(&credentials(ADMIN)).await.unwrap();
    accounts.list(&wanted).await.unwrap();
    assert_eq!(counted.refreshes(), 1);
}

async fn a_token_without_a_session_is_never_renewed(world: World) {
    let counted = Counted::start(world).await;
    let client = counted.sign_in(ADMIN).await;
    let token = client.auth().refresh().await.unwrap().access_token;
    counted.an_hour_later();
    let bare = client.with_token(token);
    let error = bare.tenant().get().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "token_expired"));
    assert_eq!(bare.auth().refresh().await.unwrap_err().code(), "no_refresh_token");
    let key = client.with_token("mono_live_AZ3kcanarycanary_0123456789canary_7a7a7a7a");
    assert_eq!(key.tenant().get().await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!(counted.refreshes(), 1, "the one that was asked for");
    client.tenant().get().await.unwrap();
}

async fn who_was_signed_in_is_signed_in_after_a_restart(world: World) {
    let counted = Counted::start(world).await;
    let stranger = counted.builder().build().unwrap();
    assert!(!stranger.auth().is_signed_in().await.unwrap());
    assert_eq!(stranger.tenant().get().await.unwrap_err().kind(), ErrorKind::Unauthorized);
    counted.sign_in(BOTH).await.user().choose_tenant(counted.server.world.lagoon.id).await.unwrap();
    counted.an_hour_later();
    let again = counted.builder().build().unwrap();
    assert!(again.auth().is_signed_in().await.unwrap());
    assert_eq!(again.tenant().get().await.unwrap().slug.as_str(), "lagoon");
    again.auth().logout().await.unwrap();
    assert_eq!(counted.store.text(), None);
    *counted.store.0.lock().unwrap() = Some("what another version wrote".to_owned());
    assert!(!counted.builder().build().unwrap().auth().is_signed_in().await.unwrap());
}

async fn two_programs_with_one_store_share_a_session(world: World) {
    let counted = Counted::start(world).await;
    let one = counted.sign_in(ADMIN).await;
    let other = counted.builder().build().unwrap();
    other.tenant().get().await.unwrap();
    counted.an_hour_later();
    one.tenant().get().await.unwrap();
    other.tenant().get().await.unwrap();
    assert_eq!(counted.refreshes(), 1, "the second takes what the first has stored");
}

async fn a_refresh_keeps_the_tenant_that_was_chosen(world: World) {
    let counted = Counted::start(world).await;
    let client = counted.sign_in(BOTH).await;
    client.user().choose_tenant(counted.server.world.lagoon.id).await.unwrap();
    counted.an_hour_later();
    assert_eq!(client.tenant().get().await.unwrap().slug.as_str(), "lagoon");
    assert_eq!(counted.refreshes(), 1);
}
