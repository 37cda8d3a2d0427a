//! Sessions over HTTP: by tokens and by cookies.

use crate::server::{ACCOUNTS, ADMIN, Answer, BOTH, LOGIN, PASSWORD, STRANGER, Server, USER, send};
use mono_core::ErrorKind;
use mono_core::api::accounts::ListAccounts;
use mono_core::api::members::ListMembers;
use mono_core::model::tenant::TenantStatus;
use mono_core::text::Domain;
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::{Value, json};

mono_storage::conformance!(
    a_client_refreshes_and_signs_out,
    a_person_sees_and_ends_their_sessions,
    a_browser_works_with_cookies_from_its_own_pages_only,
    two_credentials_in_one_request_are_refused,
    the_sixth_guess_is_told_when_to_come_back,
    the_domain_of_a_tenant_chooses_it,
    who_acts_as_a_member_is_seen,
    who_is_in_a_suspended_tenant_goes_to_another,
);

const REFRESH: &str = "/api/v1/public/auth/refresh";
const LOGOUT: &str = "/api/v1/public/auth/logout";
const SESSIONS: &str = "/api/v1/user/sessions";

async fn a_client_refreshes_and_signs_out(world: World) {
    let server = Server::start(world).await;
    let client = server.client();
    let first = client.auth().login(&crate::server::credentials(ADMIN)).await.unwrap();
    let second = client.auth().refresh().await.unwrap();
    assert_eq!((second.session_id, second.user_id), (first.session_id, first.user_id));
    assert_ne!(second.refresh_token, first.refresh_token);
    client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    client.auth().logout().await.unwrap();
    assert_eq!(client.auth().refresh().await.unwrap_err().code(), "no_refresh_token");
    let again = server.client().with_token(&second.access_token);
    let error = again.tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "session_ended"));
    let body = json!({"refreshToken": second.refresh_token});
    assert_eq!(send(server.post(REFRESH).json(&body)).await.failure(), (401, "session_ended".into()));
    assert_eq!(send(server.post(LOGOUT).json(&body)).await.status, 204, "twice is no mistake");
    for path in [REFRESH, LOGOUT] {
        let nonsense = json!({"refreshToken": "refresh.1.nonsense"});
        assert_eq!(
            send(server.post(path).json(&nonsense)).await.failure(),
            (401, "invalid_refresh_token".into())
        );
        assert_eq!(
            send(server.post(path).json(&json!({}))).await.failure(),
            (401, "missing_credentials".into())
        );
        // An access token is no refresh token.
        let body = json!({"refreshToken": first.access_token});
        assert_eq!(
            send(server.post(path).json(&body)).await.failure(),
            (401, "invalid_refresh_token".into())
        );
    }
}

async fn a_person_sees_and_ends_their_sessions(world: World) {
    let server = Server::start(world).await;
    let (here, there, other) =
        (server.sign_in(BOTH).await, server.sign_in(BOTH).await, server.sign_in(ADMIN).await);
    let sessions = here.user().sessions().list().await.unwrap();
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions.iter().filter(|session| session.current).count(), 1);
    assert!(sessions.iter().all(|session| session.ip_address.as_deref() == Some("127.0.0.1")));
    let elsewhere = sessions.iter().find(|session| !session.current).unwrap().id;
    let error = other.user().sessions().revoke(elsewhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "nobody ends the session of somebody else");
    here.user().sessions().revoke(elsewhere).await.unwrap();
    let error = there.user().sessions().list().await.unwrap_err();
    assert_eq!(error.code(), "session_ended");

    let third = server.sign_in(BOTH).await;
    assert_eq!(here.user().sessions().revoke_others().await.unwrap().revoked, 1);
    assert_eq!(third.user().tenants().await.unwrap_err().code(), "session_ended");
    let tenants = here.user().tenants().await.unwrap();
    let slugs: Vec<_> = tenants.iter().map(|membership| membership.slug.as_str()).collect();
    assert_eq!(slugs, ["harbour", "lagoon"]);
    assert!(tenants.iter().all(|membership| membership.tenant_status == TenantStatus::Active));
    let lagoon = here.user().choose_tenant(server.world.lagoon.id).await.unwrap();
    assert_eq!(lagoon.tenant_id, Some(server.world.lagoon.id));
    let account = crate::server::create(&here, "In the lagoon").await;
    assert_eq!(account.tenant_id, server.world.lagoon.id);
    assert_eq!(here.auth().refresh().await.unwrap().tenant_id, Some(server.world.lagoon.id));
    let error = other.user().choose_tenant(server.world.lagoon.id).await.unwrap_err();
    assert_eq!(error.code(), "not_a_member");
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let pairs: Vec<&str> = set
        .inspect(|text| {
            for word in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
                assert!(text.starts_with("__Host-") && text.contains(word), "{text}");
            }
            assert!(!text.contains("Domain"), "{text}");
        })
        .map(|text| text.split(';').next().unwrap())
        .collect();
    pairs.join("; ")
}

async fn a_browser_works_with_cookies_from_its_own_pages_only(world: World) {
    let server = Server::start(world).await;
    let own = ("sec-fetch-site", "same-origin");
    let login = |email: &str| {
        server.post(LOGIN).json(&json!({"email": email, "password": PASSWORD, "cookies": true}))
    };
    let answer = send(login(ADMIN)).await;
    assert_eq!(answer.failure(), (403, "cross_site_request".into()), "another site signs nobody in");
    let answer = send(login(ADMIN).header(own.0, own.1)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    let data: Value = answer.json()["data"].clone();
    assert!(data.get("accessToken").is_none() && data.get("refreshToken").is_none(), "{data}");
    let (jar, csrf) = (cookies(&answer), data["csrfToken"].as_str().unwrap().to_owned());

    assert_eq!(
        send(server.get(ACCOUNTS).header("cookie", &jar)).await.status,
        200,
        "reading asks for nothing more"
    );
    let create = |name: &str| server.post(ACCOUNTS).header("cookie", &jar).json(&json!({"name": name}));
    let cross_site = (403, "cross_site_request".to_owned());
    assert_eq!(send(create("One")).await.failure(), cross_site);
    assert_eq!(send(create("One").header("x-csrf-token", &csrf)).await.failure(), cross_site);
    let foreign = create("One").header("x-csrf-token", &csrf).header("sec-fetch-site", "cross-site");
    assert_eq!(send(foreign).await.failure(), cross_site);
    let foreign = create("One").header("x-csrf-token", &csrf).header("origin", "https://evil.example");
    assert_eq!(send(foreign).await.failure(), cross_site);
    let invalid = (403, "invalid_csrf_token".to_owned());
    assert_eq!(send(create("One").header(own.0, own.1)).await.failure(), invalid);
    let other =
        send(login(USER).header(own.0, own.1)).await.json()["data"]["csrfToken"].as_str().unwrap().to_owned();
    assert_eq!(
        send(create("One").header(own.0, own.1).header("x-csrf-token", other)).await.failure(),
        invalid
    );
    assert_eq!(send(create("One").header(own.0, own.1).header("x-csrf-token", &csrf)).await.status, 201);
    let origin = format!("http://{}", server.address);
    assert_eq!(send(create("Two").header("origin", origin).header("x-csrf-token", &csrf)).await.status, 201);

    let refresh = |path: &str| server.post(path).header("cookie", &jar).json(&json!({}));
    assert_eq!(send(refresh(REFRESH)).await.failure(), cross_site);
    let answer = send(refresh(REFRESH).header(own.0, own.1)).await;
    assert_eq!(answer.json()["data"]["csrfToken"], csrf, "it belongs to the session");
    assert_ne!(cookies(&answer), jar);
    assert_eq!(send(refresh(LOGOUT)).await.failure(), cross_site, "another site signs nobody out");
    let answer = send(refresh(LOGOUT).header(own.0, own.1)).await;
    assert_eq!(answer.status, 204);
    assert_eq!(cookies(&answer), "__Host-mono_access=; __Host-mono_refresh=");
    assert_eq!(
        send(server.get(ACCOUNTS).header("cookie", &jar)).await.failure(),
        (401, "session_ended".into())
    );
}

async fn two_credentials_in_one_request_are_refused(world: World) {
    let server = Server::start(world).await;
    let (one, two) = (server.token(ADMIN).await, server.token(STRANGER).await);
    let cookie = |token: &str| format!("__Host-mono_access={token}");
    let refused = (401, "invalid_credentials".to_owned());
    let request = server.get(SESSIONS).bearer_auth(&one).header("cookie", cookie(&two));
    assert_eq!(send(request).await.failure(), refused);
    let twice = format!("{}; {}", cookie(&one), cookie(&two));
    assert_eq!(
        send(server.get(SESSIONS).header("cookie", twice)).await.failure(),
        (401, "missing_credentials".into())
    );
    let request = server.request(Method::POST, REFRESH).header("cookie", "__Host-mono_refresh=x");
    assert_eq!(send(request.json(&json!({"refreshToken": "y"}))).await.failure(), refused);
}

async fn the_sixth_guess_is_told_when_to_come_back(world: World) {
    let server = Server::start(world).await;
    let guess = || server.post(LOGIN).json(&json!({"email": ADMIN, "password": "wrong"}));
    for _ in 0..5 {
        assert_eq!(send(guess()).await.failure(), (401, "invalid_credentials".into()));
    }
    let answer = send(guess()).await;
    assert_eq!(answer.failure(), (429, "too_many_attempts".into()));
    let seconds: u64 = answer.header("retry-after").parse().unwrap();
    assert!((800..=900).contains(&seconds), "{seconds}");
}

async fn the_domain_of_a_tenant_chooses_it(world: World) {
    let server = Server::start(world).await;
    let system = mono_core::caller::Caller::system(mono_core::caller::SystemReason::Seed);
    let mut tx = server.database().platform(&system).write().await.unwrap();
    let domain = Domain::parse("lagoon.example").unwrap();
    mono_storage::platform_sql!(
        tx,
        "UPDATE tenants SET domain = $2 WHERE id = $1",
        server.world.lagoon.id,
        &domain
    )
    .execute()
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let login = async |email: &str, host: &str| {
        let request =
            server.post(LOGIN).header("host", host).json(&json!({"email": email, "password": PASSWORD}));
        send(request).await.json()["data"]["tenantId"].clone()
    };
    let (harbour, lagoon) = (json!(server.world.harbour.id), json!(server.world.lagoon.id));
    assert_eq!(login(BOTH, "Lagoon.Example:8080").await, lagoon);
    assert_eq!(login(BOTH, "elsewhere.example").await, harbour);
    assert_eq!(login(ADMIN, "lagoon.example").await, harbour, "a domain opens no tenant of others");
}

async fn who_acts_as_a_member_is_seen(world: World) {
    let server = Server::start(world).await;
    let (admin, staff) = (server.sign_in(ADMIN).await, server.sign_in(crate::server::STAFF).await);
    let own = admin.user().profile().await.unwrap();
    assert_eq!(
        (own.email.as_str(), own.tenant_id, own.impersonator_id),
        (ADMIN, Some(server.world.harbour.id), None)
    );
    let members = admin.tenant().members().list(&ListMembers::default()).await.unwrap().items;
    let member = members.iter().find(|member| member.email.as_str() == ADMIN).unwrap().id;
    let tenants = staff.platform().tenants();
    let acting = tenants.impersonate(server.world.harbour.id, member, "ticket 7").await.unwrap();
    let seen = acting.user().profile().await.unwrap();
    assert_eq!((seen.id, seen.impersonator_id), (own.id, Some(staff.user().profile().await.unwrap().id)));
    crate::server::create(&acting, "Made by support").await;
    assert_eq!(acting.user().sessions().list().await.unwrap_err().code(), "impersonated");
    let error =
        admin.platform().tenants().impersonate(server.world.harbour.id, member, "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

async fn who_is_in_a_suspended_tenant_goes_to_another(world: World) {
    let server = Server::start(world).await;
    let (both, staff) = (server.sign_in(BOTH).await, server.sign_in(crate::server::STAFF).await);
    staff.platform().tenants().suspend(server.world.harbour.id).await.unwrap();
    let error = both.tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
    assert_eq!(error.code(), "tenant_suspended");
    assert_eq!(both.user().tenants().await.unwrap().len(), 2);
    both.user().choose_tenant(server.world.lagoon.id).await.unwrap();
    both.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
}
