//! Signing in.

use crate::server::{
    ADMIN, Answer, BOTH, LOGIN, LONER, PASSWORD, STAFF, STRANGER, Server, USER, credentials, send,
};
use mono_core::ErrorKind;
use mono_core::api::accounts::ListAccounts;
use mono_core::api::auth::LoginRequest;
use mono_core::caller::{Caller, SystemReason};
use mono_storage::platform_sql;
use mono_storage::testkit::World;
use serde_json::{Value, json};

mono_storage::conformance!(
    the_right_password_gives_a_token_that_works,
    every_refusal_looks_the_same,
    a_tenant_is_chosen_by_its_slug,
    a_person_without_a_tenant_signs_in_and_reaches_no_tenant,
    sign_ins_are_audited_with_where_they_came_from,
    many_sign_in_at_once_over_one_connection,
);

async fn login(server: &Server, body: Value) -> Answer {
    send(server.post(LOGIN).json(&body)).await
}

async fn the_right_password_gives_a_token_that_works(world: World) {
    let server = Server::start(world).await;
    let before = server.database().now();
    // The address is compared without regard to case.
    let answer = login(&server, json!({"email": "Admin@Harbour.EXAMPLE", "password": PASSWORD})).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    let data = &answer.json()["data"];
    assert_eq!(data["tokenType"], "Bearer");
    assert_eq!(data["tenantId"], server.world.harbour.id.to_string());
    let expires_at: mono_core::time::Timestamp = data["expiresAt"].as_str().unwrap().parse().unwrap();
    let (earliest, latest) = (before.timestamp() + 599, server.database().now().timestamp() + 601);
    assert!((earliest..=latest).contains(&expires_at.timestamp()), "{expires_at}");
    assert!(!answer.body.contains(PASSWORD));

    let token = data["accessToken"].as_str().unwrap();
    let page = server.client().with_token(token).tenant().accounts().list(&ListAccounts::default()).await;
    assert_eq!(page.unwrap().pagination.total, 0);
}

async fn every_refusal_looks_the_same(world: World) {
    let server = Server::start(world).await;
    server.add_person("suspended@harbour.example", &[(server.world.harbour.id, Some("user"))]).await;
    server.suspend_person("suspended@harbour.example").await;
    let mut answers = Vec::new();
    for (email, password) in [
        (ADMIN, "wrong"),
        (ADMIN, ""),
        (ADMIN, &PASSWORD.to_uppercase()),
        (ADMIN, &"x".repeat(100_000)),
        ("unknown@harbour.example", PASSWORD),
        ("not an address", PASSWORD),
        ("", ""),
        ("admin@harbour.example\0", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        // Made by the world without a password.
        ("person@harbour.example", PASSWORD),
        ("person@harbour.example", ""),
        ("suspended@harbour.example", PASSWORD),
    ] {
        let mut answer = login(&server, json!({"email": email, "password": password})).await;
        assert_eq!(answer.failure(), (401, "invalid_credentials".into()), "{email}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        // What differs between any two answers: their ids, and the second at which they were given.
        answer.headers.remove("x-request-id");
        answer.headers.remove("date");
        answers.push((answer.headers, answer.body));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");

    // A tenant is looked for once the password is right, so a wrong one says nothing about tenants either.
    for tenant in ["harbour", "lagoon", "atlantis"] {
        let answer = login(&server, json!({"email": USER, "password": "wrong", "tenant": tenant})).await;
        assert_eq!(answer.body, answers[0].1);
    }
}

async fn a_tenant_is_chosen_by_its_slug(world: World) {
    let server = Server::start(world).await;
    let (harbour, lagoon) = (server.world.harbour.id, server.world.lagoon.id);
    let login = async |email: &str, tenant: Option<&str>| {
        let request = LoginRequest { tenant: tenant.map(Into::into), ..credentials(email) };
        server.client().auth().login(&request).await
    };
    for (tenant, id) in [(None, harbour), (Some("harbour"), harbour), (Some("lagoon"), lagoon)] {
        assert_eq!(login(BOTH, tenant).await.unwrap().tenant_id, Some(id), "{tenant:?}");
    }
    let mut refusals = Vec::new();
    for tenant in ["lagoon", "atlantis", "", "Not a slug", "har\0bour"] {
        let error = login(ADMIN, Some(tenant)).await.unwrap_err();
        refusals.push((error.kind(), error.code().to_owned(), error.message().to_owned()));
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1, "a tenant that exists and one that does not answer alike: {refusals:?}");
    assert_eq!((refusals[0].0, &*refusals[0].1), (ErrorKind::Forbidden, "not_a_member"));
}

async fn a_person_without_a_tenant_signs_in_and_reaches_no_tenant(world: World) {
    let server = Server::start(world).await;
    for email in [LONER, STAFF] {
        let client = server.client();
        let answer = client.auth().login(&credentials(email)).await.unwrap();
        assert_eq!(answer.tenant_id, None, "{email}");
        let error = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Validation, "tenant_required"), "{email}");
    }
    let harbour = server.world.harbour.id;
    let loner = server.sign_in(LONER).await.with_tenant(harbour);
    let error = loner.tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "not_a_member"));
    let staff = server.sign_in(STAFF).await.with_tenant(harbour);
    assert_eq!(staff.tenant().accounts().list(&ListAccounts::default()).await.unwrap().pagination.total, 0);
}

async fn sign_ins_are_audited_with_where_they_came_from(world: World) {
    let server = Server::start(world).await;
    for (password, id) in [(PASSWORD, "right-1"), ("wrong", "wrong-1")] {
        let body = json!({"email": STRANGER, "password": password});
        let request =
            server.post(LOGIN).json(&body).header("x-request-id", id).header("user-agent", "a test");
        assert_eq!(send(request).await.header("x-request-id"), id);
    }
    let system = Caller::system(SystemReason::Seed);
    let mut tx = server.database().platform(&system).read().await.unwrap();
    let entries = platform_sql!(
        tx,
        "SELECT action, ip_address, user_agent, correlation_id FROM platform_audit_log WHERE action LIKE 'login%' ORDER BY id"
    );
    let entries: Vec<[String; 4]> = entries
        .rows()
        .await
        .unwrap()
        .iter()
        .map(|row| {
            ["action", "ip_address", "user_agent", "correlation_id"].map(|name| row.get(name).unwrap())
        })
        .collect();
    assert_eq!(
        entries,
        [["login", "127.0.0.1", "a test", "right-1"], ["login_failed", "127.0.0.1", "a test", "wrong-1"]]
    );
}

/// With one connection, nobody may hold it while waiting for another one: all would wait for ever.
async fn many_sign_in_at_once_over_one_connection(world: World) {
    let server = Server::start_over(world, 1, |database| database).await;
    let mut tasks = tokio::task::JoinSet::new();
    // Four at a time for each person: a fifth guess in flight would be the last.
    for turn in 0..8 {
        // Each finds that nothing is remembered.
        server.app.authenticator.forget();
        let client = server.client();
        let email = if turn % 2 == 0 { ADMIN } else { STRANGER };
        tasks.spawn(async move {
            client.auth().login(&credentials(email)).await?;
            client.tenant().accounts().list(&ListAccounts::default()).await
        });
    }
    for result in tasks.join_all().await {
        result.unwrap();
    }
}
