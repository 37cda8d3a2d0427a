//! When something breaks inside, the client learns that, and nothing else.

use crate::server::{ACCOUNTS, ADMIN, Answer, CONNECTIONS, LOGIN, PASSWORD, Server, create, send};
use mono_core::api::health::Health;
use mono_core::caller::{Caller, SystemReason};
use mono_core::time::{Clock, Timestamp};
use mono_storage::platform_sql;
use mono_storage::system::SystemClock;
use mono_storage::testkit::World;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

mono_storage::conformance!(
    a_panic_is_one_answer_and_not_the_end,
    rows_that_break_their_rules_are_not_shown,
    a_broken_catalogue_is_not_shown,
    a_database_that_is_away_is_said_to_be_away,
);

/// Tells the time until it is broken.
#[derive(Default)]
struct BrittleClock {
    broken: AtomicBool,
}

impl Clock for BrittleClock {
    fn now(&self) -> Timestamp {
        assert!(!self.broken.load(Ordering::SeqCst), "the clock broke, password=hunter2");
        SystemClock.now()
    }
}

fn assert_internal(answer: &Answer) {
    assert_eq!(answer.failure(), (500, "internal".into()));
    let body = answer.json();
    assert_eq!(body["message"], "something went wrong on our side");
    assert_eq!(body["details"].as_object().unwrap().len(), 1, "{answer:?}");
}

async fn a_panic_is_one_answer_and_not_the_end(world: World) {
    let clock = Arc::new(BrittleClock::default());
    let server = Server::start_over(world, CONNECTIONS, |database| database.with_clock(clock.clone())).await;
    let token = server.token(ADMIN).await;
    let body = json!({"email": ADMIN, "password": PASSWORD});
    clock.broken.store(true, Ordering::SeqCst);
    for request in [
        server.get(ACCOUNTS).bearer_auth(&token),
        server.post(ACCOUNTS).bearer_auth(&token).json(&json!({"name": "A"})),
        server.post(LOGIN).json(&body),
    ] {
        let answer = send(request.header("x-request-id", "panic-1")).await;
        assert_internal(&answer);
        assert_eq!(answer.header("x-request-id"), "panic-1", "the log is searched with it");
    }
    assert_eq!(send(server.get("/ping")).await.status, 200);
    clock.broken.store(false, Ordering::SeqCst);
    for request in [server.get(ACCOUNTS).bearer_auth(&token), server.post(LOGIN).json(&body)] {
        assert_eq!(send(request).await.status, 200, "no lock and no connection was lost");
    }
}

async fn rows_that_break_their_rules_are_not_shown(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let account = create(&client, "Whole").await;
    let token = server.token(ADMIN).await;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = server.database().platform(&system).write().await.unwrap();
    platform_sql!(tx, "UPDATE accounts SET slug = 'Not A Slug' WHERE id = $1", account.id)
        .execute()
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for path in [ACCOUNTS.to_owned(), format!("{ACCOUNTS}/{}", account.id)] {
        assert_internal(&send(server.get(&path).bearer_auth(&token)).await);
    }
}

async fn a_broken_catalogue_is_not_shown(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = server.database().platform(&system).write().await.unwrap();
    platform_sql!(tx, "DELETE FROM permissions WHERE key = 'tenant.manage'").execute().await.unwrap();
    platform_sql!(
        tx,
        "UPDATE roles SET definition = $1 WHERE key = 'user'",
        json!({"key": "user", "hunter2": true})
    )
    .execute()
    .await
    .unwrap();
    tx.commit().await.unwrap();
    server.app.authenticator.forget();
    assert_internal(&send(server.get(ACCOUNTS).bearer_auth(&token)).await);
    // Who signs in is known all the same; what they may do is not.
    let token = server.token(ADMIN).await;
    assert_internal(&send(server.get(ACCOUNTS).bearer_auth(&token)).await);
}

async fn a_database_that_is_away_is_said_to_be_away(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    assert_eq!(server.client().health().await.unwrap().status, Health::Healthy);
    server.database().close().await;
    server.app.authenticator.forget();
    let body = json!({"email": ADMIN, "password": PASSWORD});
    for request in [server.get(ACCOUNTS).bearer_auth(&token), server.post(LOGIN).json(&body)] {
        let answer = send(request).await;
        assert_eq!(answer.failure(), (503, "unavailable".into()), "a failure never looks like a refusal");
    }
    assert_eq!(server.client().health().await.unwrap().status, Health::Down);
    assert_eq!(send(server.get("/health")).await.status, 503);
    server.client().ping().await.unwrap();
}
