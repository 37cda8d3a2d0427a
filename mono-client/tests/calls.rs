//! What is sent, and how the answers of a well-behaved server are read.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod stub;

use mono_client::Answered;
use mono_core::ErrorKind;
use mono_core::api::accounts::{CreateAccount, ListAccounts, ScrollAccounts, UpdateAccount};
use mono_core::api::auth::LoginRequest;
use mono_core::api::envelope::Failure;
use mono_core::api::health::{Health, HealthSummary};
use mono_core::id::{AccountId, TenantId};
use serde_json::{Value, json};
use stub::{Stub, answer, success};

fn account() -> Value {
    json!({
        "id": AccountId::from_u128(7), "tenantId": TenantId::from_u128(1), "slug": "bakery", "name": "Bakery",
        "type": "business", "status": "active", "email": null, "version": 1,
        "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z",
        "fieldOfANewerServer": true,
    })
}

fn login() -> LoginRequest {
    LoginRequest::new("ada@platform.example", "secret")
}

fn login_answer() -> String {
    success(
        200,
        &json!({
            "accessToken": "token-1", "tokenType": "Bearer", "expiresAt": "2026-01-02T03:04:05Z",
            "sessionExpiresAt": "2026-01-03T03:04:05Z", "sessionId": TenantId::from_u128(4),
            "userId": TenantId::from_u128(3), "tenantId": null,
        }),
    )
}

#[tokio::test]
async fn the_token_of_a_login_is_sent_by_every_clone() {
    let stub = Stub::start([login_answer(), success(200, &account())]).await;
    let client = stub.client();
    let (clone, elsewhere) = (client.clone(), client.with_tenant(TenantId::from_u128(9)));
    client.auth().login(&login()).await.unwrap();
    clone.tenant().accounts().get(AccountId::from_u128(7)).await.unwrap();
    elsewhere.tenant().accounts().get(AccountId::from_u128(7)).await.unwrap();
    client.with_token("token-2").tenant().accounts().get(AccountId::from_u128(7)).await.unwrap();
    client.auth().login(&login()).await.unwrap_err();
    client.tenant().accounts().get(AccountId::from_u128(7)).await.unwrap();

    let requests = stub.requests();
    assert!(requests[0].starts_with("post /api/v1/public/auth/login http/1.1\r\n"));
    assert!(requests[0].contains("user-agent: mono-client/"));
    assert!(requests[0].ends_with(r#"{"email":"ada@platform.example","password":"secret"}"#));
    assert!(requests[1].contains("\r\nauthorization: bearer token-1\r\n"));
    assert!(!requests[1].contains("x-tenant-id"));
    assert!(requests[2].contains("\r\nauthorization: bearer token-1\r\n"));
    assert!(requests[2].contains("\r\nx-tenant-id: 00000000-0000-0000-0000-000000000009"));
    assert!(requests[3].contains("\r\nauthorization: bearer token-2\r\n"));
    assert!(!requests[4].contains("authorization"), "a login is sent without the old token");
    assert!(requests[5].contains("\r\nauthorization: bearer token-1\r\n"), "a failed login changes nothing");
}

#[tokio::test]
async fn every_call_goes_to_its_route() {
    let page =
        json!({ "items": [account()], "pagination": { "page": 2, "limit": 1, "total": 5, "totalPages": 5 } });
    let stub = Stub::start([
        success(201, &account()),
        success(200, &page),
        success(200, &account()),
        success(200, &account()),
        answer(204, "", ""),
        success(200, &account()),
        success(200, &json!("pong")),
    ])
    .await;
    let (client, id) = (stub.builder().user_agent("Test/1").build().unwrap(), AccountId::from_u128(7));
    let accounts = client.tenant().accounts();

    let new = CreateAccount { name: "Bakery".into(), ..Default::default() };
    assert_eq!(accounts.create(&new).await.unwrap().id, id);
    let wanted = ListAccounts {
        page: Some(2),
        limit: Some(1),
        search: Some("a&b=ü #".into()),
        status: Some("active".into()),
        sort: Some("-createdAt".into()),
    };
    let page = accounts.list(&wanted).await.unwrap();
    assert_eq!((page.items.len(), page.pagination.total_pages), (1, 5));
    accounts.get(id).await.unwrap();
    let change = UpdateAccount { version: Some(1), email: Some(None), ..Default::default() };
    accounts.update(id, &change).await.unwrap();
    accounts.delete(id).await.unwrap();
    accounts.restore(id).await.unwrap();
    client.ping().await.unwrap();

    let requests = stub.requests();
    let path = "/api/v1/tenant/accounts";
    let expected = [
        format!("post {path}"),
        format!("get {path}?page=2&limit=1&search=a%26b%3d%c3%bc+%23&status=active&sort=-createdat"),
        format!("get {path}/{id}"),
        format!("patch {path}/{id}"),
        format!("delete {path}/{id}"),
        format!("post {path}/{id}/restore"),
        "get /ping".to_owned(),
    ];
    for (request, expected) in requests.iter().zip(&expected) {
        assert!(request.starts_with(&format!("{expected} http/1.1\r\n")), "{request}");
        assert!(request.contains("\r\nuser-agent: test/1\r\n"));
    }
    assert_eq!(requests.len(), expected.len());
    assert!(requests[0].ends_with("\r\n\r\n{\"name\":\"Bakery\"}"));
    assert!(requests[3].ends_with("\r\n\r\n{\"version\":1,\"email\":null}"));
}

#[tokio::test]
async fn a_refusal_reads_back_into_the_same_error() {
    for kind in ErrorKind::ALL.iter().filter(|kind| **kind != ErrorKind::Unavailable) {
        let details = json!({ "limit": "accounts", "maximum": 5 });
        let error = mono_core::Error::new(*kind, "some_reason", "words").with_details(details);
        let body = serde_json::to_string(&Failure::from(&error)).unwrap();
        let stub = Stub::start([answer(kind.status(), "X-Request-ID: 018f-abc\r\n", &body)]).await;
        let error = stub.client().tenant().accounts().create(&CreateAccount::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.code(), error.message()), (*kind, "some_reason", "words"));
        assert_eq!(error.details().unwrap()["maximum"], 5);
        let answered = Answered::of(&error).unwrap();
        assert_eq!((answered.status(), answered.request_id()), (kind.status(), Some("018f-abc")));
        assert_eq!(
            answered.to_string(),
            format!("the server answered {} to request 018f-abc", kind.status())
        );
    }
}

#[tokio::test]
async fn a_server_that_is_down_and_says_so_is_an_answer() {
    for (status, word, expected) in [
        (200, "healthy", Health::Healthy),
        (200, "degraded", Health::Degraded),
        (503, "down", Health::Down),
        (200, "sleepy", Health::Unknown),
    ] {
        let data = json!({ "status": word, "services": { "database": word }, "ofANewerServer": 1 });
        let stub = Stub::start([success(status, &data)]).await;
        let services = [("database".to_owned(), expected)].into();
        assert_eq!(stub.client().health().await.unwrap(), HealthSummary { status: expected, services });
        assert_eq!(stub.requests().len(), 1, "what counts is how it is now");
    }
    let stub = Stub::start([answer(503, "", "<html>")]).await;
    assert_eq!(stub.client().health().await.unwrap_err().code(), "unexpected_answer");
}

#[tokio::test]
async fn all_accounts_come_at_once_and_are_counted_for_who_listens() {
    let slice = |next: Option<&str>| success(200, &json!({ "items": [account()], "next": next }));
    let pagination = json!({ "page": 1, "limit": 1, "total": 2, "totalPages": 2 });
    let counted = success(200, &json!({ "items": [account()], "pagination": pagination }));
    let stub = Stub::start([slice(Some("two")), slice(None), counted, slice(Some("two")), slice(None)]).await;
    let client = stub.client();
    let wanted = || ScrollAccounts { search: Some("x".into()), ..Default::default() };
    let unheard = None::<fn(u64, u64) -> mono_core::Result<()>>;
    assert_eq!(client.tenant().accounts().all(wanted(), unheard).await.unwrap().len(), 2);
    assert_eq!(stub.requests().len(), 2);

    let mut seen = Vec::new();
    let listener = |done, total| {
        seen.push((done, total));
        Ok(())
    };
    assert_eq!(client.tenant().accounts().all(wanted(), Some(listener)).await.unwrap().len(), 2);
    assert_eq!(seen, [(1, 2), (2, 2)]);
    let requests = stub.requests();
    assert!(requests[2].starts_with("get /api/v1/tenant/accounts?limit=1&search=x "), "{}", requests[2]);
    let next = "get /api/v1/tenant/accounts/by-cursor?cursor=two&limit=100&search=x ";
    assert!(requests[4].starts_with(next), "{}", requests[4]);

    let stopped = |_, _| Err(mono_core::Error::new(ErrorKind::Internal, "stopped", "enough"));
    let error = client.tenant().accounts().all(wanted(), Some(stopped)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn a_route_without_a_handle_is_called_as_the_others_are() {
    let refused = answer(
        409,
        "",
        r#"{"success":false,"error":"CONFLICT","message":"taken","details":{"reason":"berth_taken"}}"#,
    );
    let stub = Stub::start([success(201, &json!({ "id": 7 })), answer(204, "", ""), refused]).await;
    let client = stub.client().with_token("token-1").with_idempotency_key("k-1");
    let body = json!({ "name": "North 12" });
    let path = "/api/v1/tenant/berths?dry=true";
    assert_eq!(client.call("POST", path, Some(&body)).await.unwrap(), Some(json!({ "id": 7 })));
    assert_eq!(client.call("DELETE", "/api/v1/tenant/berths/7", None).await.unwrap(), None);
    assert_eq!(client.call("POST", path, Some(&body)).await.unwrap_err().code(), "berth_taken");
    // The token goes nowhere else, and what is called is what is written.
    for path in ["@evil.example/", ".evil.example/", "", "api", "/a b", "/a\nb"] {
        assert_eq!(client.call("GET", path, None).await.unwrap_err().code(), "invalid_path", "{path:?}");
    }
    assert_eq!(client.call("NO METHOD", path, None).await.unwrap_err().code(), "invalid_method");

    let requests = stub.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[0].starts_with("post /api/v1/tenant/berths?dry=true "), "{}", requests[0]);
    assert!(requests[0].contains("\r\nauthorization: bearer token-1\r\n"));
    assert!(requests[0].contains("\r\nidempotency-key: k-1\r\n"));
    assert!(requests[0].ends_with(r#"{"name":"North 12"}"#));
}
