//! Answers that the client has already.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod stub;

use mono_client::{CacheSettings, Client};
use mono_core::api::accounts::{ListAccounts, ScrollAccounts};
use mono_core::id::{AccountId, TenantId};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use stub::{Stub, answer, success};

/// A list with a tag that changes with its version.
struct Versioned {
    stub: Stub,
    version: Arc<AtomicUsize>,
}

impl Versioned {
    async fn start(cache_control: &'static str) -> Self {
        let version = Arc::<AtomicUsize>::default();
        let now = Arc::clone(&version);
        let stub = Stub::serve(move |request| {
            let version = now.load(Ordering::SeqCst);
            let tag = format!("ETag: \"{version}\"\r\nCache-Control: {cache_control}\r\n");
            let answer = if !request.starts_with("get") {
                now.fetch_add(1, Ordering::SeqCst);
                answer(204, "", "")
            } else if request.contains(&format!("if-none-match: \"{version}\"")) {
                answer(304, &tag, "")
            } else {
                let page = json!({ "page": 1, "limit": 20, "total": version, "totalPages": 1 });
                let data = json!({ "items": [], "pagination": page });
                answer(200, &tag, &json!({ "success": true, "data": data }).to_string())
            };
            async { answer.into_bytes() }
        })
        .await;
        Self { stub, version }
    }

    fn client(&self, fresh_for: Duration) -> Client {
        let settings = CacheSettings { fresh_for, ..CacheSettings::default() };
        self.stub.builder().cache(settings).build().unwrap().with_token("token")
    }

    fn asked(&self) -> usize {
        self.stub.requests().len()
    }
}

/// The version of the list that a client sees.
async fn seen(client: &Client) -> u64 {
    client.tenant().accounts().list(&ListAccounts::default()).await.unwrap().pagination.total
}

#[tokio::test]
async fn an_answer_is_asked_for_with_its_tag() {
    let server = Versioned::start("private, no-cache").await;
    let client = server.client(Duration::ZERO);
    assert_eq!([seen(&client).await, seen(&client).await], [0, 0]);
    let requests = server.stub.requests();
    assert!(!requests[0].contains("if-none-match"));
    assert!(requests[1].contains("\r\nif-none-match: \"0\"\r\n"));
    server.version.store(7, Ordering::SeqCst);
    assert_eq!(seen(&client).await, 7, "what others changed is seen");
    assert_eq!(seen(&client).await, 7);
    assert!(server.stub.requests()[3].contains("\r\nif-none-match: \"7\"\r\n"));
}

#[tokio::test]
async fn a_fresh_answer_is_not_asked_for_until_a_write_of_ours() {
    let server = Versioned::start("private").await;
    let client = server.client(Duration::from_hours(1));
    assert_eq!([seen(&client).await, seen(&client).await], [0, 0]);
    assert_eq!(server.asked(), 1);
    client.tenant().teams().delete(mono_core::id::TeamId::from_u128(1)).await.unwrap();
    assert_eq!((seen(&client).await, server.asked()), (0, 2), "a write of another noun changes nothing");
    client.clone().tenant().accounts().delete(AccountId::from_u128(1)).await.unwrap();
    assert_eq!(seen(&client).await, 2, "what we changed is seen");
    assert_eq!((seen(&client).await, server.asked()), (2, 4));
    // Another question has another answer.
    client.tenant().accounts().list(&ListAccounts { page: Some(2), ..Default::default() }).await.unwrap();
    assert_eq!(server.asked(), 5);
}

#[tokio::test]
async fn nobody_is_given_what_another_has_read() {
    let server = Versioned::start("private").await;
    let client = server.client(Duration::from_hours(1));
    seen(&client).await;
    seen(&client.with_token("of somebody else")).await;
    seen(&client.with_tenant(TenantId::from_u128(1))).await;
    seen(&client.with_token("token")).await;
    assert_eq!(server.asked(), 4);
    assert!(server.stub.requests().iter().all(|request| !request.contains("if-none-match")));
    seen(&client).await;
    seen(&client.with_tenant(TenantId::from_u128(1))).await;
    assert_eq!(server.asked(), 4);
}

#[tokio::test]
async fn what_must_not_be_stored_is_not_kept_and_without_a_cache_nothing_is() {
    for (server, has_cache) in
        [(Versioned::start("no-store").await, true), (Versioned::start("private").await, false)]
    {
        let bare = server.stub.client().with_token("token");
        let client = if has_cache { server.client(Duration::from_hours(1)) } else { bare };
        seen(&client).await;
        seen(&client).await;
        assert_eq!(server.asked(), 2);
        assert!(!server.stub.requests()[1].contains("if-none-match"));
    }
}

#[tokio::test]
async fn a_list_is_read_as_far_as_it_is_taken() {
    use futures_util::{StreamExt, TryStreamExt};
    let slice = |name: &str, next: Option<&str>| {
        let account = json!({
            "id": AccountId::from_u128(7), "tenantId": TenantId::from_u128(1), "slug": "bakery", "name": name,
            "type": "business", "status": "active", "email": null, "version": 1,
            "createdAt": "2026-01-02T03:04:05Z", "updatedAt": "2026-01-02T03:04:05Z",
        });
        success(200, &json!({ "items": [account.clone(), account], "next": next }))
    };
    let refused = r#"{"success":false,"error":"FORBIDDEN","message":"m","details":{"reason":"x"}}"#;
    let stub =
        Stub::start([slice("a", Some("one")), slice("b", Some("two")), answer(403, "", refused)]).await;
    let wanted = ScrollAccounts { search: Some("x".into()), ..Default::default() };
    let mut stream = stub.client().tenant().accounts().stream(wanted);
    assert!(stub.requests().is_empty(), "a stream that nobody takes from asks for nothing");
    for (name, asked) in [("a", 1), ("a", 1), ("b", 2), ("b", 2)] {
        assert_eq!(stream.try_next().await.unwrap().unwrap().name.as_str(), name);
        assert_eq!(stub.requests().len(), asked);
    }
    assert_eq!(stream.next().await.unwrap().unwrap_err().code(), "x");
    assert!(stream.next().await.is_none());
    let requests = stub.requests();
    assert!(requests[0].starts_with("get /api/v1/tenant/accounts/by-cursor?search=x "));
    assert!(requests[1].starts_with("get /api/v1/tenant/accounts/by-cursor?cursor=one&search=x "));
    assert_eq!(requests.len(), 3);
}
