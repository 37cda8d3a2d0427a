//! Who signs in, out, or chooses a tenant while an answer for somebody else is on its way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod stub;

use mono_client::Client;
use mono_core::api::auth::LoginRequest;
use mono_core::id::TenantId;
use serde_json::json;
use std::sync::Arc;
use stub::memory::Memory;
use stub::{Gate, answer, success};

const CHOOSE: &str = "put /api/v1/user/tenant";
const LOGOUT: &str = "post /api/v1/public/auth/logout";
const LAGOON: TenantId = TenantId::from_u128(9);

/// The session of `a` or `b`, in a tenant or in none, as tokens or as cookies.
fn session(who: &str, tenant: Option<TenantId>, has_cookies: bool) -> String {
    let id = TenantId::from_u128(if who == "a" { 1 } else { 2 });
    let token = format!("{who}{}", if tenant.is_some() { "-in-lagoon" } else { "" });
    let mut data = json!({
        "expiresAt": "2026-01-02T03:04:05Z", "sessionExpiresAt": "2026-01-03T03:04:05Z", "sessionId": id,
        "userId": id, "tenantId": tenant,
    });
    let mut headers = String::new();
    if has_cookies {
        data["csrfToken"] = json!(format!("csrf-{who}"));
        let next = format!("Set-Cookie: __Host-mono_refresh=refresh-{who}; Path=/\r\n");
        let next = if tenant.is_none() { &next } else { "" };
        headers = format!("Set-Cookie: __Host-mono_access={token}; Path=/\r\n{next}");
    } else {
        data["accessToken"] = json!(token);
        data["tokenType"] = json!("Bearer");
        if tenant.is_none() {
            data["refreshToken"] = json!(format!("refresh-{who}"));
        }
    }
    answer(200, &headers, &json!({ "success": true, "data": data }).to_string())
}

/// A server that holds some requests back, and a client with a store.
struct World {
    gate: Gate,
    client: Client,
    store: Arc<Memory>,
    has_cookies: bool,
}

impl World {
    async fn start(held: &'static str, has_cookies: bool) -> Self {
        let gate = Gate::start(held, move |request| match request {
            request if request.starts_with(CHOOSE) => session("a", Some(LAGOON), has_cookies),
            request if request.starts_with(LOGOUT) => answer(204, "", ""),
            request if request.starts_with("post /api/v1/public/auth/refresh") => {
                session("a", None, has_cookies)
            }
            request if request.contains(r#""email":"a""#) => session("a", None, has_cookies),
            request if request.contains(r#""email":"b""#) => session("b", None, has_cookies),
            _ => success(200, &json!([])),
        })
        .await;
        let store = Arc::<Memory>::default();
        let client = gate.stub.builder().token_store(store.clone()).build().unwrap();
        let world = Self { gate, client, store, has_cookies };
        world.sign_in("a").await;
        world
    }

    async fn sign_in(&self, who: &str) {
        let (auth, login) = (self.client.auth(), LoginRequest::new(who, ""));
        if self.has_cookies {
            auth.cookies().begin(&login).await.unwrap();
        } else {
            auth.login(&login).await.unwrap();
        }
    }

    /// Lets `a` choose a tenant, whose answer is held back.
    async fn choose(&self) -> tokio::task::JoinHandle<Result<(), String>> {
        let (client, has_cookies) = (self.client.clone(), self.has_cookies);
        let choice = tokio::spawn(async move {
            let chosen = if has_cookies {
                client.auth().cookies().choose_tenant(LAGOON).await.map(drop)
            } else {
                client.user().choose_tenant(LAGOON).await.map(drop)
            };
            chosen.map_err(|error| error.code().to_owned())
        });
        self.gate.came().await;
        choice
    }

    /// What the next request shows.
    async fn shown(&self) -> String {
        self.client.user().tenants().await.unwrap();
        let request = self.gate.stub.requests().pop().unwrap();
        let shows = |line: &&str| line.starts_with("authorization: ") || line.starts_with("cookie: ");
        request.lines().find(shows).unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn a_tenant_that_one_has_chosen_is_not_put_upon_the_next() {
    for (has_cookies, own) in [
        (false, "authorization: bearer b"),
        (true, "cookie: __host-mono_access=b; __host-mono_refresh=refresh-b"),
    ] {
        let world = World::start(CHOOSE, has_cookies).await;
        let choice = world.choose().await;
        world.sign_in("b").await;
        let before = world.store.text();
        world.gate.open(1);
        assert_eq!(choice.await.unwrap(), Err("signed_out".into()));
        assert_eq!(world.shown().await, own);
        assert_eq!(world.store.text(), before);
    }
}

#[tokio::test]
async fn a_tenant_that_was_chosen_signs_nobody_in_again() {
    for has_cookies in [false, true] {
        let world = World::start(CHOOSE, has_cookies).await;
        let choice = world.choose().await;
        world.client.auth().logout().await.unwrap();
        world.gate.open(1);
        assert_eq!(choice.await.unwrap(), Err("signed_out".into()));
        assert!(!world.client.auth().is_signed_in().await.unwrap());
        assert_eq!((world.shown().await, world.store.text()), (String::new(), String::new()));
    }
}

#[tokio::test]
async fn a_tenant_is_chosen_for_who_asks() {
    let world = World::start("nothing", false).await;
    world.client.user().choose_tenant(LAGOON).await.unwrap();
    assert_eq!(world.shown().await, "authorization: bearer a-in-lagoon");
    assert!(world.store.text().contains("refresh-a"), "the refresh token stays");
    // Of a bare token nobody knows the session.
    let bare = world.client.with_token("bare");
    bare.user().choose_tenant(LAGOON).await.unwrap();
    bare.user().tenants().await.unwrap();
    assert!(world.gate.stub.requests().pop().unwrap().contains("authorization: bearer a-in-lagoon"));
}

#[tokio::test]
async fn who_signs_out_signs_out_nobody_else() {
    for has_cookies in [false, true] {
        let world = World::start(LOGOUT, has_cookies).await;
        let client = world.client.clone();
        let logout = tokio::spawn(async move { client.auth().logout().await });
        world.gate.came().await;
        world.sign_in("b").await;
        let before = world.store.text();
        world.gate.open(1);
        logout.await.unwrap().unwrap();
        assert!(world.client.auth().is_signed_in().await.unwrap());
        assert_eq!(world.store.text(), before);
    }
}

#[tokio::test]
async fn who_signs_out_during_a_refresh_is_signed_out() {
    let world = World::start(LOGOUT, false).await;
    let client = world.client.clone();
    let logout = tokio::spawn(async move { client.auth().logout().await });
    world.gate.came().await;
    world.client.auth().refresh().await.unwrap();
    world.gate.open(1);
    logout.await.unwrap().unwrap();
    assert!(!world.client.auth().is_signed_in().await.unwrap());
    assert_eq!(world.store.text(), "");
}

#[tokio::test]
async fn who_cannot_sign_out_is_forgotten_on_this_side() {
    let refused = r#"{"success":false,"error":"UNAUTHORIZED","message":"m","details":{"reason":"invalid_refresh_token"}}"#;
    let store = Arc::<Memory>::default();
    let stub = stub::Stub::start([session("a", None, false), answer(401, "", refused)]).await;
    let client = stub.builder().token_store(store.clone()).build().unwrap();
    client.auth().login(&LoginRequest::new("a", "")).await.unwrap();
    assert_eq!(client.auth().logout().await.unwrap_err().code(), "invalid_refresh_token");
    assert!(client.auth().is_signed_in().await.unwrap() && store.text().contains("refresh-a"));
    client.auth().forget().await.unwrap();
    assert!(!client.auth().is_signed_in().await.unwrap());
    assert_eq!((store.text(), stub.requests().len()), (String::new(), 2));
    // Also what nobody has read yet.
    let other = Arc::<Memory>::default();
    mono_client::TokenStore::save(&*other, "{}").await.unwrap();
    stub.builder().token_store(other.clone()).build().unwrap().auth().forget().await.unwrap();
    assert_eq!(other.text(), "");
}
