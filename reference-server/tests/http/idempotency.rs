//! A request with an idempotency key is done once, however often it comes.

use crate::server::{ADMIN, Answer, STAFF, STRANGER, Server, send};
use mono_client::Client;
use mono_core::api::accounts::{CreateAccount, ListAccounts};
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::Arc;

mono_storage::conformance!(
    the_same_request_gets_the_same_answer,
    of_many_at_once_one_is_done,
    what_cannot_be_kept_is_refused_and_not_done,
    the_platform_takes_keys_too,
);

const ACCOUNTS: &str = "/api/v1/tenant/accounts";

async fn post(server: &Server, token: &str, path: &str, key: &str, body: &Value) -> Answer {
    let request = server.request(Method::POST, path).bearer_auth(token).header("idempotency-key", key);
    send(request.json(body)).await
}

async fn count(client: &Client) -> u64 {
    client.tenant().accounts().list(&ListAccounts::default()).await.unwrap().pagination.total
}

async fn the_same_request_gets_the_same_answer(world: World) {
    let server = Server::start(world).await;
    let (token, other) = (server.token(ADMIN).await, server.token(STRANGER).await);
    let body = json!({"name": "Harbour Bakery"});
    let first = post(&server, &token, ACCOUNTS, "\"key-1\"", &body).await;
    assert_eq!((first.status, first.headers.get("idempotency-replayed")), (201, None));
    // The quotes of the draft are not a part of the key.
    let again = post(&server, &token, ACCOUNTS, "key-1", &body).await;
    assert_eq!((again.status, again.json()), (201, first.json()));
    assert_eq!(again.headers["idempotency-replayed"], "true");

    let reused = post(&server, &token, ACCOUNTS, "key-1", &json!({"name": "Another"})).await;
    assert_eq!(reused.failure(), (409, "idempotency_key_reused".to_owned()));
    let elsewhere = post(&server, &token, &format!("{ACCOUNTS}?x=1"), "key-1", &body).await;
    assert_eq!(elsewhere.failure(), (409, "idempotency_key_reused".to_owned()));
    // In another tenant it is another key.
    assert_eq!(post(&server, &other, ACCOUNTS, "key-1", &json!({"name": "Elsewhere"})).await.status, 201);

    // What was refused was not done: it may be mended and sent again.
    let wrong = post(&server, &token, ACCOUNTS, "key-2", &json!({"name": ""})).await;
    assert_eq!(wrong.status, 400);
    assert_eq!(post(&server, &token, ACCOUNTS, "key-2", &json!({"name": "Mended"})).await.status, 201);

    let client = server.sign_in(ADMIN).await;
    let (before, once) = (count(&client).await, client.with_idempotency_key("key-3"));
    let wanted = CreateAccount { name: "By the client".into(), ..Default::default() };
    let made = once.tenant().accounts().create(&wanted).await.unwrap();
    assert_eq!(once.tenant().accounts().create(&wanted).await.unwrap(), made);
    assert_eq!(count(&client).await, before + 1);
    once.tenant().accounts().delete(made.id).await.expect_err("another request under the same key");
    let gone = client.with_idempotency_key("key-4");
    gone.tenant().accounts().delete(made.id).await.unwrap();
    gone.tenant().accounts().delete(made.id).await.expect("the same answer again, though nothing is there");
}

async fn of_many_at_once_one_is_done(world: World) {
    let server = Arc::new(Server::start(world).await);
    let token = server.token(ADMIN).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (server, token) = (Arc::clone(&server), token.clone());
        tasks.spawn(async move {
            post(&server, &token, ACCOUNTS, "key-1", &json!({"name": "Harbour Bakery"})).await
        });
    }
    let answers = tasks.join_all().await;
    for answer in &answers {
        assert_eq!((answer.status, answer.json()), (201, answers[0].json()));
    }
    let replayed = answers.iter().filter(|answer| answer.headers.contains_key("idempotency-replayed"));
    assert_eq!(replayed.count(), 5);
}

async fn what_cannot_be_kept_is_refused_and_not_done(world: World) {
    let server = Server::start(world).await;
    let (token, client) = (server.token(ADMIN).await, server.sign_in(ADMIN).await);
    let keys = "/api/v1/tenant/api-keys";
    let refused = post(&server, &token, keys, "key-1", &json!({"name": "CI", "scopes": []})).await;
    assert_eq!(refused.failure(), (400, "idempotency_not_supported".to_owned()));
    let listed = send(server.get(keys).bearer_auth(&token)).await;
    assert_eq!(listed.json()["data"]["items"], json!([]));
    let before = count(&client).await;
    let many = post(
        &server,
        &token,
        &format!("{ACCOUNTS}/bulk"),
        "key-2",
        &json!({"items": [{"name": "North Bakery"}]}),
    )
    .await;
    assert_eq!(many.json()["data"]["results"][0]["details"]["reason"], "idempotency_not_supported");
    assert_eq!(count(&client).await, before);
    let invitations = "/api/v1/tenant/invitations";
    let invited = post(&server, &token, invitations, "key-3", &json!({"email": "new@bakery.example"})).await;
    assert_eq!(invited.failure(), (400, "idempotency_not_supported".to_owned()));
    let listed = send(server.get(invitations).bearer_auth(&token)).await;
    assert_eq!(listed.json()["data"]["items"], json!([]));
    for key in ["", "two words", &"x".repeat(256)] {
        let answer = post(&server, &token, ACCOUNTS, key, &json!({"name": "A"})).await;
        assert_eq!(answer.failure(), (400, "invalid_idempotency_key".to_owned()), "{key}");
    }
    assert_eq!(count(&client).await, before);
}

async fn the_platform_takes_keys_too(world: World) {
    let server = Server::start(world).await;
    let token = server.token(STAFF).await;
    let (path, body) = ("/api/v1/platform/tenants", json!({"name": "Marina", "currency": "EUR"}));
    let first = post(&server, &token, path, "key-1", &body).await;
    assert_eq!(first.status, 201, "{first:?}");
    let again = post(&server, &token, path, "key-1", &body).await;
    assert_eq!((again.status, again.json()), (201, first.json()));
}
