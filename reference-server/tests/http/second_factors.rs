//! The second factor, step-up and the policy of a tenant, over HTTP.

use crate::server::{ADMIN, LOGIN, MEMBER, PASSWORD, STAFF, STRANGER, Server, credentials, send};
use mono_core::ErrorKind;
use mono_core::api::auth::LoginAnswer;
use mono_core::api::auth_policy::UpdateAuthPolicy;
use mono_core::api::members::ListMembers;
use mono_core::api::second_factor::{SecondFactorLogin, StepUpRequest};
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::json;
use totp_rs::{Builder, Secret};

mono_storage::conformance!(
    a_login_with_a_second_factor,
    a_step_up_answers_until_when,
    a_tenant_asks_for_more_and_never_for_less,
    who_acts_as_somebody_is_named_in_the_answer,
);

/// The code that an authenticator with this secret shows in a number of steps from now.
pub(crate) fn code(server: &Server, secret: &str, steps: u64) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    let now = u64::try_from(server.database().now().timestamp()).unwrap();
    totp.generate(now + 30 * steps).to_string()
}

async fn a_login_with_a_second_factor(world: World) {
    let server = Server::start(world).await;
    let member = server.sign_in(MEMBER).await;
    let enrolment = member.user().second_factor().enrol().await.unwrap();
    assert!(enrolment.uri.starts_with("otpauth://totp/mono:"));
    let codes = member.user().second_factor().confirm(&code(&server, &enrolment.secret, 0)).await.unwrap();
    assert_eq!(codes.recovery_codes.len(), 10);
    assert_eq!(member.user().second_factor().get().await.unwrap().recovery_codes_left, 10);

    let client = server.client();
    let error = client.auth().login(&credentials(MEMBER)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "second_factor_required"));
    let LoginAnswer::SecondFactor(asked) = client.auth().begin(&credentials(MEMBER)).await.unwrap() else {
        panic!("the second factor was not asked for");
    };
    client.user().profile().await.expect_err("nobody is signed in yet");
    let login = |code: String| SecondFactorLogin { challenge: asked.challenge.clone(), code, cookies: false };
    let error = client.auth().second_factor(&login("000000".into())).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "invalid_code"));
    client.auth().second_factor(&login(code(&server, &enrolment.secret, 1))).await.unwrap();
    client.user().profile().await.unwrap();
    let error = client.auth().second_factor(&login(codes.recovery_codes[0].clone())).await.unwrap_err();
    assert_eq!(error.code(), "invalid_single_use_token");

    let login = send(server.post(LOGIN).json(&json!({"email": MEMBER, "password": PASSWORD}))).await;
    assert_eq!(login.header("cache-control"), "no-store");
    let body = json!({
        "challenge": login.json()["data"]["challenge"], "code": codes.recovery_codes[1], "cookies": true
    });
    let path = "/api/v1/public/auth/second-factor";
    let foreign = send(server.post(path).header("sec-fetch-site", "cross-site").json(&body)).await;
    assert_eq!(foreign.failure(), (403, "cross_site_request".into()));
    let own = send(server.post(path).header("sec-fetch-site", "same-origin").json(&body)).await;
    assert!(own.header("set-cookie").starts_with("__Host-mono_access="), "{own:?}");
    assert!(own.json()["data"]["accessToken"].is_null());
    member.user().second_factor().disable().await.unwrap();
    client.auth().login(&credentials(MEMBER)).await.unwrap();
}

async fn a_step_up_answers_until_when(world: World) {
    let server = Server::start(world).await;
    let member = server.sign_in(MEMBER).await;
    let given = StepUpRequest { password: Some(PASSWORD.into()), code: None };
    let until = member.user().step_up(&given).await.unwrap().fresh_until;
    assert!(until > server.database().now() + chrono::TimeDelta::minutes(14));
    let wrong = StepUpRequest { password: Some("wrong".into()), code: None };
    assert_eq!(member.user().step_up(&wrong).await.unwrap_err().code(), "wrong_password");
    let none = StepUpRequest { password: None, code: Some("000000".into()) };
    assert_eq!(member.user().step_up(&none).await.unwrap_err().code(), "no_second_factor");
    assert_eq!(member.user().step_up(&StepUpRequest::default()).await.unwrap_err().code(), "required");
    assert!(!format!("{given:?}").contains(PASSWORD));
}

async fn a_tenant_asks_for_more_and_never_for_less(world: World) {
    let server = Server::start(world).await;
    let (admin, stranger) = (server.sign_in(ADMIN).await, server.sign_in(STRANGER).await);
    let first = admin.tenant().auth_policy().get().await.unwrap();
    assert_eq!((first.version, &first.effective), (0, &first.platform));
    let path = "/api/v1/tenant/auth-policy";
    let token = server.token(ADMIN).await;
    let patch = |body| server.request(Method::PATCH, path).bearer_auth(&token).json(&body);
    let looser = json!({"passwordProfile": "nist", "passwordMinimumLength": 8, "sessionHours": 25});
    let answer = send(patch(looser)).await;
    assert_eq!(answer.failure(), (400, "looser_than_platform".into()));
    let fields = answer.json()["details"]["fields"].as_array().unwrap().clone();
    let names: Vec<_> = fields.iter().map(|problem| problem["field"].as_str().unwrap()).collect();
    assert_eq!(names, ["passwordProfile", "passwordMinimumLength", "sessionHours"]);
    for body in [
        json!({"sessionHour": 1}),
        json!({"signUpAllowed": true}),
        json!({"sessionHours": -1}),
        json!({"signInMethods": ["guessing"]}),
    ] {
        assert_eq!(send(patch(body)).await.status, 400);
    }
    let change = UpdateAuthPolicy { session_hours: Some(Some(8)), version: Some(0), ..Default::default() };
    let changed = admin.tenant().auth_policy().update(&change).await.unwrap();
    assert_eq!(
        (changed.version, changed.effective.session_hours, changed.own.session_hours),
        (1, 8, Some(8))
    );
    let stale = admin.tenant().auth_policy().update(&change).await.unwrap_err();
    assert_eq!((stale.kind(), stale.code()), (ErrorKind::Conflict, "stale_version"));
    let back = UpdateAuthPolicy { session_hours: Some(None), ..Default::default() };
    assert_eq!(admin.tenant().auth_policy().update(&back).await.unwrap().effective, first.platform);
    assert_eq!(stranger.tenant().auth_policy().get().await.unwrap().version, 0, "another tenant is another");
    let member = server.sign_in(MEMBER).await;
    member.tenant().auth_policy().get().await.expect_err("without the right");

    let roles = UpdateAuthPolicy {
        second_factor_roles: Some(Some(["tenant_admin".into()].into())),
        ..Default::default()
    };
    let after = admin.tenant().auth_policy().update(&roles).await.unwrap();
    assert!(after.effective.second_factor_roles.contains("tenant_admin"));
    let error = admin.tenant().auth_policy().get().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "second_factor_enrolment_required"));
    let enrolment = admin.user().second_factor().enrol().await.expect("nobody is locked out");
    admin.user().second_factor().confirm(&code(&server, &enrolment.secret, 0)).await.unwrap();
    admin.tenant().auth_policy().get().await.unwrap();
}

async fn who_acts_as_somebody_is_named_in_the_answer(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let members = admin.tenant().members().list(&ListMembers::default()).await.unwrap().items;
    let member = members.iter().find(|member| member.email.as_str() == ADMIN).unwrap().id;
    let (staff, harbour) = (server.token(STAFF).await, server.world.harbour.id);
    let path = format!("/api/v1/platform/tenants/{harbour}/members/{member}/impersonate");
    let answer = send(server.post(&path).bearer_auth(&staff).json(&json!({"reason": "ticket 7"}))).await;
    let data = &answer.json()["data"];
    assert!(data["impersonatorId"].is_string(), "{answer:?}");
    let token = data["accessToken"].as_str().unwrap();
    let profile = send(server.get("/api/v1/user").bearer_auth(token)).await;
    assert_eq!(profile.json()["data"]["impersonatorId"], data["impersonatorId"]);
    let change = server.request(Method::PATCH, "/api/v1/tenant/auth-policy").bearer_auth(token);
    let refused = send(change.json(&json!({"sessionHours": 8}))).await;
    assert_eq!(refused.failure(), (403, "impersonated".into()));
    assert_eq!(refused.json()["details"]["permission"], "tenant.auth_policy.update");
}
