//! Runs the examples of authentication on both databases.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use examples::authentication::{app::app, program::may_create_accounts};
use mono_auth::{Authenticator, KeyRing};
use mono_core::caller::{Caller, SystemReason};
use mono_core::permission::Scope;
use mono_core::text::{Email, Name};
use mono_storage::store::{NewAssignment, NewUser};
use mono_storage::testkit::World;
use tower::ServiceExt;

mono_storage::conformance!(an_axum_app_knows_who_calls, a_program_signs_a_person_in);

const PASSWORD: &str = "a right horse, 4 the Battery";

async fn with_people(world: &World) -> Authenticator {
    let database = &world.test.database;
    let authenticator =
        Authenticator::new(database.clone(), &KeyRing::new((0..32).collect()).unwrap()).unwrap();
    let hash = authenticator.passwords().hash(PASSWORD.into(), database.random()).await.unwrap();
    for (email, role) in [("admin@x.io", "tenant_admin"), ("user@x.io", "user")] {
        let system = Caller::system(SystemReason::Seed);
        let mut tx = database.platform(&system).write().await.unwrap();
        let (email, name) = (Email::parse(email).unwrap(), Name::parse(email).unwrap());
        let user =
            tx.users().create(NewUser { email, name, password_hash: Some(hash.clone()) }).await.unwrap();
        tx.commit().await.unwrap();
        let system = Caller::system_in(SystemReason::Seed, world.harbour.id);
        let mut tx = database.tenant(&system).write().await.unwrap();
        let member = tx.members().add(&user).await.unwrap();
        let whole = Scope::tenant(world.harbour.id);
        tx.assignments().assign(NewAssignment::new(member.id, role, whole)).await.unwrap();
        tx.commit().await.unwrap();
    }
    authenticator
}

async fn an_axum_app_knows_who_calls(world: World) {
    let app = app(with_people(&world).await);
    let send = async |request: Request<Body>| {
        let answer = app.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        (status, String::from_utf8(to_bytes(answer.into_body(), 10_000).await.unwrap().to_vec()).unwrap())
    };
    let login = |password: &str| {
        let body = serde_json::json!({"email": "user@x.io", "password": password}).to_string();
        let request = Request::post("/login").header(header::CONTENT_TYPE, "application/json");
        request.body(Body::from(body)).unwrap()
    };
    assert_eq!(send(login("wrong")).await.0, StatusCode::UNAUTHORIZED);
    let (status, token) = send(login(PASSWORD)).await;
    assert_eq!(status, StatusCode::OK);
    let me = |token: &str| {
        let request = Request::get("/me").header(header::AUTHORIZATION, format!("Bearer {token}"));
        request.body(Body::empty()).unwrap()
    };
    assert_eq!(send(me("garbage")).await.0, StatusCode::UNAUTHORIZED);
    let (status, text) = send(me(&token)).await;
    assert_eq!(status, StatusCode::OK);
    assert!(text.ends_with(&world.harbour.id.to_string()), "{text}");
}

async fn a_program_signs_a_person_in(world: World) {
    let authenticator = with_people(&world).await;
    let now = world.test.database.now();
    assert!(may_create_accounts(&authenticator, "admin@x.io", PASSWORD, now).await.unwrap());
    assert!(!may_create_accounts(&authenticator, "user@x.io", PASSWORD, now).await.unwrap());
    let error = may_create_accounts(&authenticator, "admin@x.io", "wrong", now).await.unwrap_err();
    assert_eq!(error.code(), "invalid_credentials");
}
