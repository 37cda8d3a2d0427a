//! Servers that are away, slow, broken or hostile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod stub;

use mono_client::{Answered, Client};
use mono_core::api::accounts::{CreateAccount, ListAccounts, UpdateAccount};
use mono_core::api::auth::LoginRequest;
use mono_core::id::AccountId;
use mono_core::{Error, ErrorKind};
use serde_json::json;
use std::time::{Duration, Instant};
use stub::{Stub, answer, success};
use tokio::net::TcpListener;

const UNAVAILABLE: &str = r#"{"success":false,"error":"UNAVAILABLE","message":"later","details":{}}"#;

fn assert_unexpected(error: &Error, status: u16) {
    assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, "unexpected_answer"), "{error:?}");
    assert_eq!(error.details().unwrap()["status"], status);
    assert_eq!(Answered::of(error).unwrap().status(), status);
}

/// The address of a port where nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn answers_that_are_not_ours_are_told_apart_from_refusals() {
    let failure = r#"{"success":false,"error":"NOT_FOUND","message":"m","details":{}}"#;
    for (status, body) in [
        (200, "<html>Log in to the network</html>"),
        (200, ""),
        (200, "null"),
        (200, "{}"),
        (200, r#"{"success":true,"data":{"id":1}}"#),
        (200, r#"{"success":false,"data":{}}"#),
        (200, failure),
        (204, ""),
        (301, failure),
        (404, "<html>Not found</html>"),
        (404, r#"{"success":true,"error":"NOT_FOUND","message":"m","details":{}}"#),
        (404, r#"{"success":true,"data":null}"#),
        (502, "Bad Gateway"),
        (500, "\u{0}\u{1}"),
    ] {
        let stub = Stub::start([answer(status, "", body)]).await;
        let error = stub.client().tenant().accounts().get(AccountId::from_u128(1)).await.unwrap_err();
        assert_unexpected(&error, status);
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!(r#"{{"success":false,"error":"CONFLICT","message":"m","details":{deep}}}"#);
    let stub = Stub::start([answer(409, "", &body)]).await;
    assert_unexpected(&stub.client().ping().await.unwrap_err(), 409);
}

#[tokio::test]
async fn a_code_of_a_newer_server_is_kept() {
    let body = r#"{"success":false,"error":"TEAPOT","message":"short and stout","details":{}}"#;
    let stub = Stub::start([answer(418, "", body)]).await;
    let error = stub.client().ping().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.message()),
        (ErrorKind::Internal, "TEAPOT", "short and stout")
    );
}

#[tokio::test]
async fn a_deletion_is_done_only_if_the_server_says_204() {
    let stub = Stub::start([success(200, &json!(null))]).await;
    let error = stub.client().tenant().accounts().delete(AccountId::from_u128(1)).await.unwrap_err();
    assert_unexpected(&error, 200);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = Stub::start([success(200, &json!("stolen"))]).await;
    let location = format!("Location: {}/ping\r\n", target.address());
    let stub = Stub::start([answer(307, &location, "")]).await;
    assert_unexpected(&stub.client().with_token("secret").ping().await.unwrap_err(), 307);
    assert!(target.requests().is_empty());
}

#[tokio::test]
async fn huge_answers_are_cut_off_whether_they_say_their_length_or_not() {
    let body = " ".repeat(17 * 1024 * 1024);
    let said = answer(200, "", &body);
    let unsaid = format!("HTTP/1.1 200 X\r\nConnection: close\r\n\r\n{body}");
    for bytes in [said, unsaid] {
        let error = Stub::start([bytes]).await.client().ping().await.unwrap_err();
        assert_unexpected(&error, 200);
        assert!(Answered::of(&error).unwrap().to_string().contains("16 MiB"));
    }
}

#[tokio::test]
async fn what_is_no_http_or_ends_early_is_unreachable() {
    for bytes in ["SSH-2.0-OpenSSH_9.6\r\n", "", "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{\"success\""]
    {
        let stub = Stub::start([bytes]).await;
        let error = stub.client().tenant().accounts().create(&CreateAccount::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "unreachable"), "{bytes}");
        assert!(Answered::of(&error).is_none());
        assert_eq!(stub.requests().len(), 1, "a write is sent once");
    }
}

#[tokio::test]
async fn reads_are_tried_three_times_and_writes_once() {
    let stub = Stub::start([answer(503, "", UNAVAILABLE)]).await;
    let error = stub.client().tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Unavailable, "later"));
    assert_eq!(stub.requests().len(), 3);

    let stub = Stub::start([answer(503, "", UNAVAILABLE)]).await;
    let client = stub.client();
    let accounts = client.tenant().accounts();
    let id = AccountId::from_u128(1);
    accounts.create(&CreateAccount::default()).await.unwrap_err();
    accounts.update(id, &UpdateAccount::default()).await.unwrap_err();
    accounts.delete(id).await.unwrap_err();
    accounts.restore(id).await.unwrap_err();
    let login = LoginRequest::new("", "");
    client.auth().login(&login).await.unwrap_err();
    assert_eq!(stub.requests().len(), 5);
}

#[tokio::test]
async fn a_server_that_comes_back_is_heard_and_gets_the_same_request() {
    let stub = Stub::start([answer(503, "", "<html>deploying"), success(200, &json!("pong"))]).await;
    stub.client().ping().await.unwrap();
    let requests = stub.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0], requests[1]);
}

#[tokio::test]
async fn other_failures_are_not_repeated() {
    for status in [404, 429, 500, 502] {
        let stub = Stub::start([answer(status, "", "{}")]).await;
        stub.client().ping().await.unwrap_err();
        assert_eq!(stub.requests().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_says_when_is_asked_again_then_and_not_before() {
    for status in [429, 503] {
        let busy = answer(status, "Retry-After: 1\r\n", UNAVAILABLE);
        let stub = Stub::start([busy, success(200, &json!("pong"))]).await;
        let start = Instant::now();
        stub.client().ping().await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(1));
        assert_eq!(stub.requests().len(), 2);
    }
    // A moment that has passed is now.
    let busy = answer(503, "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", UNAVAILABLE);
    let stub = Stub::start([busy, success(200, &json!("pong"))]).await;
    stub.client().ping().await.unwrap();
}

#[tokio::test]
async fn nobody_waits_for_what_comes_after_the_deadline() {
    for after in ["900", "Sun, 06 Nov 2094 08:49:37 GMT", "99999999999999999999"] {
        let body =
            r#"{"success":false,"error":"RATE_LIMITED","message":"later","details":{"reason":"too_often"}}"#;
        let stub = Stub::start([answer(429, &format!("Retry-After: {after}\r\n"), body)]).await;
        let error = stub.client().ping().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, "too_often"));
        assert_eq!(stub.requests().len(), 1, "{after}");
    }
    let stub = Stub::start([answer(503, "", UNAVAILABLE)]).await;
    stub.client().with_timeout(Duration::from_millis(40)).ping().await.unwrap_err();
    assert_eq!(stub.requests().len(), 1, "the pause is 50 milliseconds at least");
}

#[tokio::test]
async fn how_often_is_for_the_builder_to_say() {
    for repeats in [0, 1, 3] {
        let stub = Stub::start([answer(503, "Retry-After: 0\r\n", UNAVAILABLE)]).await;
        stub.builder().repeats(repeats).build().unwrap().ping().await.unwrap_err();
        assert_eq!(stub.requests().len(), 1 + repeats as usize);
    }
}

#[tokio::test]
async fn a_write_that_never_left_is_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::builder(format!("http://{address}")).repeats(20).build().unwrap();
    let login = tokio::spawn(async move { client.auth().login(&LoginRequest::new("", "")).await });
    tokio::task::yield_now().await;
    let listener = TcpListener::bind(address).await.unwrap();
    let stub = Stub::serve_on(listener, |_| async { answer(401, "", "{}").into_bytes() });
    assert_unexpected(&login.await.unwrap().unwrap_err(), 401);
    assert_eq!(stub.requests().len(), 1);
}

#[tokio::test]
async fn a_read_whose_connection_broke_is_sent_again_and_a_write_with_a_key() {
    let cut = "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{";
    let stub = Stub::start([cut.to_owned(), success(200, &json!("pong"))]).await;
    stub.client().ping().await.unwrap();
    assert_eq!(stub.requests().len(), 2);

    let stub = Stub::start([cut.to_owned(), answer(503, "", UNAVAILABLE), answer(404, "", "{}")]).await;
    let client = stub.client().with_idempotency_key("once");
    client.tenant().accounts().create(&CreateAccount::default()).await.unwrap_err();
    let requests = stub.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| *request == requests[0]), "the same key, id and body");
}

#[tokio::test]
async fn nobody_at_the_address_is_tried_again_for_a_read() {
    let client = Client::builder(nobody().await).build().unwrap();
    let start = Instant::now();
    let error = client.ping().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "unreachable"));
    assert!(start.elapsed() >= Duration::from_millis(250), "two pauses of at least 50 and 200 ms");
    assert!(!format!("{error:?}").contains("/ping"), "the address is not part of the error");
}

#[tokio::test]
async fn the_timeout_holds_for_answers_that_never_come_or_never_end_and_for_repeats() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mute = format!("http://{}", silent.local_addr().unwrap());
    let slow = Stub::start(["HTTP/1.1 503 X\r\nContent-Length: 2\r\n\r\n{"]).await;
    let away = nobody().await;
    for (address, code) in
        [(mute, "timeout"), (slow.address().to_owned(), "unreachable"), (away, "unreachable")]
    {
        let client = Client::builder(address).timeout(Duration::from_millis(20)).build().unwrap();
        let start = Instant::now();
        let error = client.ping().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        // A slow machine may not have come as far as that.
        assert!(error.code() == code || error.code() == "timeout", "{error:?}");
        assert_eq!(error.details().unwrap()["requestId"].as_str().unwrap().len(), 32);
        assert!(start.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn a_token_that_fits_in_no_header_is_refused_without_being_shown() {
    let stub = Stub::start([success(200, &json!(null))]).await;
    let client = stub.client().with_token("hunter2\r\nX-Admin: yes");
    let error = client.tenant().accounts().get(AccountId::from_u128(1)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Validation, "invalid_request"));
    assert!(!format!("{error:?}").contains("hunter2"));
    assert!(stub.requests().is_empty());
}

#[tokio::test]
async fn what_a_broken_answer_holds_is_not_repeated_in_the_error() {
    let data = json!({ "accessToken": ["hunter2"], "userId": "hunter2" });
    let stub = Stub::start([success(200, &data)]).await;
    let login = LoginRequest::new("", "");
    let error = stub.client().auth().login(&login).await.unwrap_err();
    assert_unexpected(&error, 200);
    assert!(!format!("{error:?} {:?}", Answered::of(&error)).contains("hunter2"));
}
