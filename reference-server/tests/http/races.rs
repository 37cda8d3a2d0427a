//! Many at once: what may happen once happens once.

use crate::server::{ADMIN, Server, create, named};
use mono_core::api::accounts::{ListAccounts, UpdateAccount};
use mono_core::{Error, ErrorKind};
use mono_storage::testkit::World;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

mono_storage::conformance!(
    fifty_creates_share_three_places,
    one_of_twenty_changes_of_a_version_wins,
    one_of_twenty_deletes_wins,
    one_of_twenty_restores_wins,
    what_is_lost_while_the_body_comes_is_lost,
    what_was_waited_for_is_one_call,
);

/// Runs `work` many times at once; all begin together. Gives the failures, and how many succeeded.
async fn at_once<W: Future<Output = Result<(), Error>> + Send + 'static>(
    times: usize,
    work: impl Fn(usize) -> W,
) -> (usize, Vec<Error>) {
    let barrier = Arc::new(Barrier::new(times));
    let mut tasks = JoinSet::new();
    for turn in 0..times {
        let (barrier, work) = (Arc::clone(&barrier), work(turn));
        tasks.spawn(async move {
            barrier.wait().await;
            work.await
        });
    }
    let (won, lost): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().partition(Result::is_ok);
    (won.len(), lost.into_iter().filter_map(Result::err).collect())
}

async fn fifty_creates_share_three_places(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    create(&client, "One").await;
    create(&client, "Two").await;
    let (won, lost) = at_once(50, |turn| {
        let client = client.clone();
        async move { client.tenant().accounts().create(&named(&format!("Racer {turn}"))).await.map(|_| ()) }
    })
    .await;
    assert_eq!((won, lost.len()), (3, 47));
    for error in lost {
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
        assert_eq!(error.details().unwrap()["current"], 5, "{error:?}");
    }
    let page = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    assert_eq!((page.pagination.total, server.used(server.world.harbour.id).await), (5, 5));
}

async fn one_of_twenty_changes_of_a_version_wins(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let account = create(&client, "Contended").await;
    let (won, lost) = at_once(20, |turn| {
        let client = client.clone();
        async move {
            let name = Some(format!("By {turn}"));
            let change = UpdateAccount { version: Some(1), name, ..Default::default() };
            client.tenant().accounts().update(account.id, &change).await.map(|_| ())
        }
    })
    .await;
    assert_eq!(won, 1);
    assert!(lost.iter().all(|error| error.code() == "stale_version"), "{lost:?}");
    assert_eq!(client.tenant().accounts().get(account.id).await.unwrap().version, 2);
    assert_eq!(server.audited(account.id).await.len(), 2, "created once and changed once");
}

async fn one_of_twenty_deletes_wins(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let account = create(&client, "Doomed").await;
    create(&client, "Bystander").await;
    let (won, lost) = at_once(20, |_| {
        let client = client.clone();
        async move { client.tenant().accounts().delete(account.id).await }
    })
    .await;
    assert_eq!(won, 1);
    assert!(lost.iter().all(|error| error.kind() == ErrorKind::NotFound), "{lost:?}");
    assert_eq!(server.used(account.tenant_id).await, 1, "one place was given back, not twenty");
    assert_eq!(server.audited(account.id).await.len(), 2);
}

async fn one_of_twenty_restores_wins(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let account = create(&client, "Back again").await;
    client.tenant().accounts().delete(account.id).await.unwrap();
    let (won, lost) = at_once(20, |_| {
        let client = client.clone();
        async move { client.tenant().accounts().restore(account.id).await.map(|_| ()) }
    })
    .await;
    assert_eq!(won, 1);
    assert!(lost.iter().all(|error| error.kind() == ErrorKind::NotFound), "{lost:?}");
    assert_eq!(server.used(account.tenant_id).await, 1);
}

/// Begins to make an account, until the server asks for the body.
async fn asked_for(server: &Server, body: &str) -> TcpStream {
    let token = server.token(ADMIN).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "POST /api/v1/tenant/accounts HTTP/1.1\r\nHost: mono\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

async fn answer_to(mut stream: TcpStream, body: &str) -> String {
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn what_is_lost_while_the_body_comes_is_lost(world: World) {
    let (server, body) = (Server::start(world).await, r#"{"name":"Too Late"}"#);
    let stream = asked_for(&server, body).await;
    let client = server.sign_in(ADMIN).await;
    client.user().sessions().revoke_others().await.unwrap();
    let answer = answer_to(stream, body).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    let accounts = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    assert_eq!(accounts.pagination.total, 0);
}

async fn what_was_waited_for_is_one_call(world: World) {
    let (server, body) = (Server::start(world).await, r#"{"name":"In Time"}"#);
    let answer = answer_to(asked_for(&server, body).await, body).await;
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let limits = server.sign_in(ADMIN).await.tenant().entitlements().await.unwrap().limits;
    let calls = limits.iter().find(|usage| usage.decision.limit == "api_calls").unwrap();
    assert_eq!(calls.decision.current, 1);
}
