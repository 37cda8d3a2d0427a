//! What a token opens, and in which tenant.

use crate::server::{ACCOUNTS, ADMIN, BOTH, STRANGER, Server, create, key_ring, send};
use mono_auth::{TokenAlgorithm, Tokens};
use mono_core::api::accounts::ListAccounts;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{SessionId, TenantId};
use mono_core::model::tenant::TenantStatus;
use mono_core::text::Email;
use mono_storage::store::NewSession;
use mono_storage::testkit::World;

mono_storage::conformance!(
    the_header_selects_among_memberships,
    a_tenant_of_others_is_refused_like_one_that_is_not_there,
    a_malformed_choice_of_tenant_is_refused,
    bad_credentials_are_refused_and_told_the_scheme,
    a_token_holds_no_longer_than_its_session,
    who_is_suspended_is_out,
);

const TENANT: &str = "x-tenant-id";

async fn the_header_selects_among_memberships(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(BOTH).await;
    let in_lagoon = client.with_tenant(server.world.lagoon.id);
    let at_home = create(&client, "In the harbour").await;
    let away = create(&in_lagoon, "In the lagoon").await;
    assert_eq!(
        (at_home.tenant_id, away.tenant_id),
        (server.world.harbour.id, server.world.lagoon.id),
        "without the header the tenant of the login counts"
    );
    for (client, account) in [(&client, &at_home), (&in_lagoon, &away)] {
        let page = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
        assert_eq!(page.items, std::slice::from_ref(account));
    }
}

async fn a_tenant_of_others_is_refused_like_one_that_is_not_there(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    let mut bodies = Vec::new();
    for tenant in [server.world.lagoon.id, TenantId::from_u128(7), TenantId::from_u128(0)] {
        let request = server.get(ACCOUNTS).bearer_auth(&token).header(TENANT, tenant.to_string());
        let answer = send(request).await;
        assert_eq!(answer.failure(), (403, "not_a_member".into()));
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}

async fn a_malformed_choice_of_tenant_is_refused(world: World) {
    let server = Server::start(world).await;
    let token = server.token(BOTH).await;
    let harbour = server.world.harbour.id.to_string();
    for value in ["", "harbour", "1", "*", &format!("{harbour}, {harbour}"), &"7".repeat(4096)] {
        let answer = send(server.get(ACCOUNTS).bearer_auth(&token).header(TENANT, value)).await;
        assert_eq!(answer.failure(), (400, "invalid_id".into()), "{value}");
        assert_eq!(answer.json()["details"]["fields"][0]["field"], "X-Tenant-ID");
    }
    let bytes = reqwest::header::HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    let answer = send(server.get(ACCOUNTS).bearer_auth(&token).header(TENANT, bytes)).await;
    assert_eq!(answer.failure(), (400, "invalid_id".into()));
    let lagoon = server.world.lagoon.id.to_string();
    for second in [&harbour, &lagoon] {
        let request =
            server.get(ACCOUNTS).bearer_auth(&token).header(TENANT, &harbour).header(TENANT, second);
        assert_eq!(send(request).await.failure(), (400, "invalid_id".into()), "one tenant, not two");
    }
}

async fn bad_credentials_are_refused_and_told_the_scheme(world: World) {
    let server = Server::start(world).await;
    let (token, other) = (server.token(ADMIN).await, server.token(STRANGER).await);
    let system = Caller::system(SystemReason::Authentication);
    let mut tx = server.database().platform(&system).write().await.unwrap();
    let email = Email::parse(ADMIN).unwrap();
    let admin = tx.users().credentials(&email).await.unwrap().unwrap().user.id;
    let stranger = tx.users().credentials(&Email::parse(STRANGER).unwrap()).await.unwrap().unwrap().user.id;
    let now = server.database().now();
    let hour = chrono::TimeDelta::hours(1);
    let session = tx.sessions().open(NewSession::new(admin, now + hour)).await.unwrap().id;
    let ended = tx.sessions().open(NewSession::new(admin, now - hour)).await.unwrap().id;
    tx.commit().await.unwrap();

    let tokens = Tokens::new(&key_ring(), TokenAlgorithm::default()).unwrap();
    let issue = |user, session, at| tokens.issue(user, session, Some(server.world.harbour.id), at).unwrap().0;
    let early = now - chrono::TimeDelta::hours(1);
    let (head, tail) = token.rsplit_once('.').unwrap();
    let cases = [
        (format!("Bearer {}", issue(admin, session, now)), "", "the tokens of this test are good ones"),
        (format!("bearer   {token}"), "", "the scheme has no case (RFC 9110)"),
        (String::new(), "invalid_credentials", "an empty header"),
        ("Bearer".into(), "invalid_credentials", "no token"),
        ("Bearer ".into(), "invalid_credentials", "an empty token"),
        ("Bearer x".into(), "invalid_token", "garbage"),
        (format!("Basic {token}"), "invalid_credentials", "another scheme"),
        (token.clone(), "invalid_credentials", "no scheme"),
        (format!("Bearer {token}, Bearer {token}"), "invalid_token", "two in one header"),
        (format!("Bearer {}", "a".repeat(16_000)), "invalid_token", "a long one"),
        (format!("Bearer {head}."), "invalid_token", "no signature"),
        (format!("Bearer {head}.{}", tail.to_lowercase()), "invalid_token", "another signature"),
        (format!("Bearer {}", issue(admin, session, early)), "token_expired", "an old one"),
        (format!("Bearer {}", issue(admin, ended, now)), "session_ended", "a session that is over"),
        (format!("Bearer {}", issue(stranger, session, now)), "session_ended", "a session of another"),
        (
            format!("Bearer {}", issue(admin, SessionId::from_u128(7), now)),
            "session_ended",
            "no such session",
        ),
    ];
    for (value, reason, why) in cases {
        let answer = send(server.get(ACCOUNTS).header("authorization", value)).await;
        if reason.is_empty() {
            assert_eq!(answer.status, 200, "{why}: {answer:?}");
            continue;
        }
        assert_eq!(answer.failure(), (401, reason.into()), "{why}");
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{why}");
    }
    for second in [&token, &other] {
        let credential = |token: &str| format!("Bearer {token}");
        let request = server.get(ACCOUNTS);
        let request =
            request.header("authorization", credential(&token)).header("authorization", credential(second));
        assert_eq!(send(request).await.failure(), (401, "invalid_credentials".into()), "two headers");
    }
    let answer = send(server.get(&format!("{ACCOUNTS}?access_token={token}"))).await;
    assert_eq!(answer.failure(), (401, "missing_credentials".into()), "an address ends up in logs");
}

async fn a_token_holds_no_longer_than_its_session(world: World) {
    let server = Server::start(world).await;
    let (token, other) = (server.token(ADMIN).await, server.token(BOTH).await);
    let status = async |token: &str| send(server.get(ACCOUNTS).bearer_auth(token)).await.status;
    assert_eq!((status(&token).await, status(&other).await), (200, 200));

    let system = Caller::system(SystemReason::Authentication);
    let mut tx = server.database().platform(&system).write().await.unwrap();
    let admin = tx.users().credentials(&Email::parse(ADMIN).unwrap()).await.unwrap().unwrap().user.id;
    assert_eq!(tx.sessions().revoke_all(admin).await.unwrap(), 1);
    tx.commit().await.unwrap();
    server.app.authenticator.forget();

    let answer = send(server.get(ACCOUNTS).bearer_auth(&token)).await;
    assert_eq!(answer.failure(), (401, "session_ended".into()));
    assert_eq!(status(&other).await, 200, "nobody else is signed out");
    assert_eq!(status(&server.token(ADMIN).await).await, 200, "a new session works");
}

async fn who_is_suspended_is_out(world: World) {
    let server = Server::start(world).await;
    let (token, both) = (server.token(ADMIN).await, server.token(BOTH).await);
    server.suspend_person(ADMIN).await;
    server.app.authenticator.forget();
    let answer = send(server.get(ACCOUNTS).bearer_auth(&token)).await;
    assert_eq!(answer.failure(), (403, "user_suspended".into()));

    let system = Caller::system(SystemReason::Seed);
    for (status, expected) in [(TenantStatus::Suspended, 403), (TenantStatus::Active, 200)] {
        let mut tx = server.database().platform(&system).write().await.unwrap();
        tx.tenants().set_status(server.world.harbour.id, status).await.unwrap();
        tx.commit().await.unwrap();
        server.app.authenticator.forget();
        let answer = send(server.get(ACCOUNTS).bearer_auth(&both)).await;
        assert_eq!(answer.status, expected, "{answer:?}");
        let lagoon = server.world.lagoon.id.to_string();
        let answer = send(server.get(ACCOUNTS).bearer_auth(&both).header(TENANT, lagoon)).await;
        assert_eq!(answer.status, 200, "the other tenant goes on: {answer:?}");
    }
}
