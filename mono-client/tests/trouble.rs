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
    let location = format!("Location: {}/ping\r\n", address(&target));
    let stub = Stub::start([answer(307, &location, "")]).await;
    assert_unexpected(&stub.client().with_token("secret").ping().await.unwrap_err(), 307);
    assert!(target.requests().is_empty());
}

fn address(stub: &Stub) -> String {
    let text = format!("{:?}", stub.client());
    text.split('"').nth(1).unwrap().to_owned()
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
    for address in [mute, address(&slow), away] {
        let client = Client::builder(address).timeout(Duration::from_millis(20)).build().unwrap();
        let start = Instant::now();
        let error = client.ping().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "timeout"));
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
