//! Requests whose transaction the database undoes because of another one: they are run once more, and have their effect
//! once.

use crate::server::{ADMIN, Server, create, credentials, named};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use mono_auth::axum::ApiError;
use mono_client::Client;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::AccountId;
use mono_core::{Error, ErrorKind};
use mono_storage::db::{DatabaseOptions, PlatformTx, TRANSACTION_CONFLICT};
use mono_storage::testkit::{Backend, World};
use mono_storage::{platform_sql, sql};
use reference_server::App;
use reference_server::extract::{Authenticated, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::sync::{Barrier, Notify};

mono_storage::conformance!(
    of_two_that_wait_for_each_other_both_succeed,
    of_two_that_write_what_both_have_read_both_succeed,
    a_delete_that_lost_its_transaction_deletes_once,
    a_sign_in_that_lost_its_transaction_counts_as_one_try,
    what_was_committed_is_not_done_again,
    a_large_body_is_read_to_its_end_again,
    a_database_that_another_holds_is_asked_again,
);

/// How often the handlers of these tests ran.
#[derive(Clone)]
struct Attempts {
    count: Arc<AtomicU32>,
    both: Arc<Barrier>,
    second: Arc<Notify>,
}

impl Attempts {
    fn new() -> Self {
        Self { count: Arc::default(), both: Arc::new(Barrier::new(2)), second: Arc::default() }
    }

    fn begin(&self) -> u32 {
        let number = self.count.fetch_add(1, Ordering::SeqCst) + 1;
        if number == 2 {
            self.second.notify_one();
        }
        number
    }

    fn count(&self) -> u32 {
        self.count.load(Ordering::SeqCst)
    }
}

#[derive(Deserialize)]
struct Order {
    first: AccountId,
    second: AccountId,
    /// What makes the body large.
    #[serde(default)]
    note: String,
}

/// Changes one account, or two, one after the other.
async fn touch(app: &App, caller: &Caller, order: &Order, attempts: &Attempts) -> Result<(), ApiError> {
    let number = attempts.begin();
    let mut tx = app.database.tenant(caller).write().await?;
    sql!(tx, "SELECT version FROM accounts WHERE tenant_id = $1 AND id = $2", order.first).rows().await?;
    let same = order.first == order.second;
    for id in [order.first, order.second].into_iter().take(if same { 1 } else { 2 }) {
        // The first two go hand in hand: both have read, or both hold what the other wants.
        if number <= 2 && (same || id == order.second) {
            attempts.both.wait().await;
        }
        sql!(tx, "UPDATE accounts SET version = version + 1 WHERE tenant_id = $1 AND id = $2", id)
            .execute()
            .await?;
    }
    Ok(tx.commit().await?)
}

/// A route of an application that changes one account, or two in the order that is given.
fn touching(attempts: &Attempts) -> Router<App> {
    let attempts = attempts.clone();
    let handler = async move |State(app): State<App>,
                              Authenticated(caller): Authenticated,
                              Json(order): Json<Order>| {
        touch(&app, &caller, &order, &attempts).await?;
        Ok::<_, ApiError>(StatusCode::NO_CONTENT)
    };
    Router::new().route("/touch", post(handler))
}

/// What a handler answers whose transaction was undone.
fn conflict() -> ApiError {
    Error::new(ErrorKind::Unavailable, TRANSACTION_CONFLICT, "somebody else was faster").into()
}

async fn call(server: &Server, path: &str, body: &Value) -> u16 {
    let token = server.token(ADMIN).await;
    server.post(path).bearer_auth(token).json(body).send().await.unwrap().status().as_u16()
}

async fn version(client: &Client, id: AccountId) -> i64 {
    client.tenant().accounts().get(id).await.unwrap().version
}

async fn of_two_that_wait_for_each_other_both_succeed(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // One transaction writes at a time: nobody waits for anybody.
    }
    let attempts = Attempts::new();
    let server = Server::start_beside(world, touching(&attempts)).await;
    let client = server.sign_in(ADMIN).await;
    let (one, two) = (create(&client, "One").await.id, create(&client, "Two").await.id);
    let orders = [json!({"first": one, "second": two}), json!({"first": two, "second": one})];
    let statuses =
        futures_util::future::join_all(orders.iter().map(|order| call(&server, "/touch", order))).await;
    assert_eq!(statuses, [204, 204]);
    assert!(attempts.count() > 2, "there was a deadlock");
    assert_eq!((version(&client, one).await, version(&client, two).await), (3, 3));
}

async fn of_two_that_write_what_both_have_read_both_succeed(mut world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // As above.
    }
    let url = format!("{}?options=-c%20default_transaction_isolation%3Dserializable", world.test.url);
    world.test.options = DatabaseOptions::parse(&url).unwrap();
    let attempts = Attempts::new();
    let server = Server::start_beside(world, touching(&attempts)).await;
    let client = server.sign_in(ADMIN).await;
    let id = create(&client, "One").await.id;
    let order = json!({"first": id, "second": id});
    let statuses = futures_util::future::join_all([0, 1].map(|_| call(&server, "/touch", &order))).await;
    assert_eq!(statuses, [204, 204]);
    assert_eq!(attempts.count(), 3, "one of the two was undone");
    assert_eq!(version(&client, id).await, 3);
}

/// Waits until a statement in this database waits for a lock.
async fn until_one_waits(server: &Server) {
    let system = Caller::system(SystemReason::Inspection);
    loop {
        let mut tx = server.database().platform(&system).read().await.unwrap();
        let waiting = platform_sql!(
            tx,
            "SELECT count(*) AS total FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
             WHERE NOT l.granted AND a.datname = current_database()"
        );
        if waiting.row().await.unwrap().get::<i64>("total").unwrap() > 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Another program's transaction, which holds something.
async fn holder(server: &Server) -> PlatformTx {
    let system = Caller::system(SystemReason::Inspection);
    server.database().platform(&system).write().await.unwrap()
}

async fn a_delete_that_lost_its_transaction_deletes_once(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // As above.
    }
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    create(&client, "Bystander").await;
    // Who waits first is undone; should the machine be so slow that it is the other, there is another round.
    for round in 0..20 {
        let id = create(&client, &format!("Doomed {round}")).await.id;
        let mut tx = holder(&server).await;
        platform_sql!(tx, "UPDATE usage_counters SET used = used WHERE limit_key = 'accounts'")
            .execute()
            .await
            .unwrap();
        let deleting = tokio::spawn({
            let client = client.clone();
            async move { client.tenant().accounts().delete(id).await }
        });
        // It holds the account, and waits for the counter.
        until_one_waits(&server).await;
        let won = platform_sql!(tx, "SELECT id FROM accounts WHERE id = $1 FOR UPDATE", id).rows().await;
        let won = won.map(|rows| rows.len());
        drop(tx);
        deleting.await.unwrap().unwrap();
        let actions: Vec<String> = server.audited(id).await.into_iter().map(|(_, action)| action).collect();
        assert_eq!(actions, ["create", "delete"]);
        assert_eq!(server.used(server.world.harbour.id).await, 1);
        if let Ok(rows) = won {
            assert_eq!(rows, 1, "the account was there again: the first attempt was undone");
            return;
        }
    }
    panic!("no round had a deadlock that the request lost");
}

async fn a_sign_in_that_lost_its_transaction_counts_as_one_try(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // As above.
    }
    let server = Server::start(world).await;
    for _ in 0..20 {
        let mut tx = holder(&server).await;
        // The lock of the platform's audit log, which a sign-in takes last.
        platform_sql!(
            tx,
            "SELECT pg_advisory_xact_lock(hashtextextended('00000000-0000-0000-0000-000000000000', 0))::text"
        )
        .execute()
        .await
        .unwrap();
        let client = server.client();
        let signing_in = tokio::spawn(async move { client.auth().login(&credentials(ADMIN)).await });
        until_one_waits(&server).await;
        let won = platform_sql!(tx, "UPDATE throttles SET updated_at = updated_at").execute().await;
        drop(tx);
        signing_in.await.unwrap().unwrap();
        let mut tx = holder(&server).await;
        let tries = platform_sql!(tx, "SELECT count(*) AS total FROM throttles WHERE times <> '[]'::jsonb");
        assert_eq!(tries.row().await.unwrap().get::<i64>("total").unwrap(), 0, "no try is left counted");
        if won.is_ok() {
            return;
        }
    }
    panic!("no round had a deadlock that the sign-in lost");
}

async fn what_was_committed_is_not_done_again(world: World) {
    let attempts = Attempts::new();
    let handler = {
        let attempts = attempts.clone();
        async move |State(app): State<App>, Authenticated(caller): Authenticated| {
            let number = attempts.begin();
            let mut tx = app.database.tenant(&caller).write().await?;
            tx.accounts().create(named(&format!("Try {number}")).parse()?).await?;
            tx.commit().await?;
            Err::<StatusCode, ApiError>(conflict())
        }
    };
    let server = Server::start_beside(world, Router::new().route("/twice", post(handler))).await;
    assert_eq!(call(&server, "/twice", &json!({})).await, 503);
    assert_eq!((attempts.count(), server.used(server.world.harbour.id).await), (1, 1));
}

async fn a_large_body_is_read_to_its_end_again(world: World) {
    let attempts = Attempts::new();
    let handler = {
        let attempts = attempts.clone();
        async move |Json(order): Json<Order>| {
            let number = attempts.begin();
            assert_eq!(order.note.len(), 1_000_000);
            if number < 5 {
                return Err(conflict());
            }
            Ok(StatusCode::NO_CONTENT)
        }
    };
    let server = Server::start_beside(world, Router::new().route("/large", post(handler))).await;
    let id = AccountId::from_u128(1);
    let large = |size| json!({"first": id, "second": id, "note": "x".repeat(size)});
    assert_eq!(call(&server, "/large", &large(1_000_000)).await, 204);
    assert_eq!(attempts.count(), 5);
    assert_eq!(call(&server, "/large", &large(2_000_000)).await, 413);
}

async fn a_database_that_another_holds_is_asked_again(mut world: World) {
    if world.test.backend == Backend::Postgres {
        return; // There it is a row that is held, and who waits too long is told so.
    }
    world.test.options.lock_timeout = Duration::from_secs(1);
    let attempts = Attempts::new();
    let handler = {
        let attempts = attempts.clone();
        async move |State(app): State<App>, Authenticated(caller): Authenticated| {
            attempts.begin();
            let mut tx = app.database.tenant(&caller).write().await?;
            tx.accounts().create(named("One").parse()?).await?;
            tx.commit().await?;
            Ok::<_, ApiError>(StatusCode::CREATED)
        }
    };
    let server = Server::start_beside(world, Router::new().route("/create", post(handler))).await;
    let token = server.token(ADMIN).await;
    // Another program on the same file.
    let harbour = Caller::system_in(SystemReason::Seed, server.world.harbour.id);
    let held = server.world.test.database.tenant(&harbour).write().await.unwrap();
    let request = server.post("/create").bearer_auth(token).json(&json!({})).send();
    let (answer, ()) = tokio::join!(request, async {
        attempts.second.notified().await;
        held.rollback().await.unwrap();
    });
    assert_eq!(answer.unwrap().status().as_u16(), 201);
    assert!(attempts.count() >= 2);
    assert_eq!(server.used(server.world.harbour.id).await, 1);
}
