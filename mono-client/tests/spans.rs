//! What a log is told of a call, and what not.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod stub;

use mono_core::api::accounts::{CreateAccount, ListAccounts};
use mono_core::api::auth::LoginRequest;
use mono_core::id::{AccountId, TenantId};
use serde_json::json;
use stub::log::Log;
use stub::{Stub, answer, success};
use tracing::subscriber::set_default;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::Registry;

#[tokio::test]
async fn a_call_is_a_span_without_ids_and_secrets() {
    let log = Log::default();
    let _guard = set_default(Registry::default().with(log.clone()));
    let refused = r#"{"success":false,"error":"NOT_FOUND","message":"m","details":{"reason":"not_found"}}"#;
    let stub = Stub::start([
        answer(503, "Retry-After: 0\r\n", refused),
        success(
            200,
            &json!({ "items": [], "pagination": { "page": 1, "limit": 20, "total": 0, "totalPages": 0 } }),
        ),
        answer(404, "X-Request-ID: of-the-server\r\n", refused),
        "SSH-2.0\r\n".to_owned(),
    ])
    .await;
    let client = stub.client().with_token("canary-token");
    let (accounts, id) = (client.tenant().accounts(), AccountId::from_u128(0xCA_4A41));
    let wanted = ListAccounts { search: Some("canary-search".into()), ..Default::default() };
    accounts.list(&wanted).await.unwrap();
    accounts.get(id).await.unwrap_err();
    let body = CreateAccount { name: "canary-body".into(), ..Default::default() };
    let error = accounts.create(&body).await.unwrap_err();

    let calls = log.calls();
    let told = |call: usize, field: &str| calls[call].get(field).map(String::as_str);
    assert_eq!((told(0, "method"), told(0, "route")), (Some("GET"), Some("/api/v1/tenant/accounts")));
    assert_eq!((told(0, "status"), told(0, "repeats")), (Some("200"), Some("1")));
    let sent = told(0, "request_id").unwrap();
    assert!(stub.requests()[1].contains(&format!("\r\nx-request-id: {sent}\r\n")));
    assert_eq!((told(1, "route"), told(1, "status")), (Some("/api/v1/tenant/accounts/{id}"), Some("404")));
    assert_eq!((told(1, "request_id"), told(1, "repeats")), (Some("of-the-server"), None));
    assert_eq!(
        (told(2, "method"), told(2, "error"), told(2, "status")),
        (Some("POST"), Some("unreachable"), None)
    );
    assert_eq!(error.details().unwrap()["requestId"].as_str(), told(2, "request_id"));

    let all = format!("{calls:?} {:?}", log.events());
    assert!(all.contains("sends the request again"), "{all}");
    for canary in ["canary", &id.to_string()] {
        assert!(!all.contains(canary), "{all}");
    }
}

#[tokio::test]
async fn the_span_of_an_application_is_not_written_into() {
    let log = Log::default();
    let _guard = set_default(Registry::default().with(log.clone().with_filter(
        tracing_subscriber::filter::filter_fn(|metadata| *metadata.level() <= tracing::Level::INFO),
    )));
    let stub = Stub::start([success(200, &json!("pong"))]).await;
    let own = tracing::info_span!("call", status = tracing::field::Empty);
    tracing::Instrument::instrument(async { stub.client().ping().await.unwrap() }, own).await;
    assert_eq!(log.calls().len(), 1);
    assert_eq!(log.calls()[0].get("status"), None);
}

#[tokio::test]
async fn a_request_for_the_next_token_is_a_call_too() {
    let log = Log::default();
    let _guard = set_default(Registry::default().with(log.clone()));
    let id = TenantId::from_u128(4);
    let login = json!({
        "accessToken": "first", "tokenType": "Bearer", "expiresAt": "2026-01-02T03:04:05Z",
        "refreshToken": "refresh", "sessionExpiresAt": "2026-01-03T03:04:05Z", "sessionId": id, "userId": id,
        "tenantId": null,
    });
    let stub = Stub::start([success(200, &login), "SSH-2.0\r\n".to_owned()]).await;
    let client = stub.builder().repeats(0).build().unwrap();
    client.auth().login(&LoginRequest::new("", "")).await.unwrap();
    let refreshed = client.auth().refresh().await.unwrap_err();
    let resumed = client.auth().cookies().resume().await.unwrap_err();
    let (calls, requests) = (log.calls(), stub.requests());
    for (turn, error) in [(1, refreshed), (2, resumed)] {
        assert_eq!(error.code(), "unreachable");
        assert_eq!(calls[turn]["route"], "/api/v1/public/auth/refresh");
        assert_eq!(calls[turn]["error"], "unreachable");
        let id = error.details().unwrap()["requestId"].as_str().unwrap();
        assert_eq!(calls[turn]["request_id"], id);
        assert!(requests[turn].contains(&format!("\r\nx-request-id: {id}\r\n")), "{}", requests[turn]);
    }
    assert_eq!(calls.len(), 3);
}
