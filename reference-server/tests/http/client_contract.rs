//! The typed client has a method for each operation of the document, and no method for what is not there.

use crate::openapi::{document, operation};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use mono_client::{Client, History, Revert};
use mono_core::Error;
use mono_core::api::envelope::{Failure, Success};
use mono_core::api::history::{CompareVersions, ListVersions};
use mono_core::id::UserId;
use mono_core::permission::OverrideKind;
use mono_core::subscription::Key;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// What was called: method and address.
#[derive(Clone, Default)]
struct Called(Arc<Mutex<Vec<(Method, String)>>>);

/// Notes the call. It refuses each but the sign-in: nobody tries again what was refused like this.
async fn note(State(called): State<Called>, request: Request) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let is_login = path.ends_with("/login");
    called.0.lock().unwrap().push((method, path));
    let id = "00000000-0000-7000-8000-000000000001";
    let login = json!({
        "accessToken": "x", "tokenType": "Bearer", "expiresAt": "2030-01-01T00:00:00Z", "refreshToken": "x",
        "sessionExpiresAt": "2030-01-01T00:00:00Z", "sessionId": id, "userId": id, "tenantId": null,
        "impersonatorId": null,
    });
    if is_login {
        return axum::Json(Success::new(login)).into_response();
    }
    let refused = Error::invalid("call", "noted", "this server only takes notes");
    (StatusCode::BAD_REQUEST, axum::Json(Failure::from(&refused))).into_response()
}

async fn history<T: DeserializeOwned>(history: &History<'_, T>) {
    let _ = history.list(ListVersions::default()).await;
    let _ = history.version(1).await;
    let _ = history.diff(CompareVersions { from: 1, to: 2 }).await;
}

async fn history_with_revert<T: Revert + DeserializeOwned>(versions: History<'_, T>) {
    history(&versions).await;
    let _ = versions.revert(1, None).await;
}

/// Something of a type that JSON describes.
fn any<T: DeserializeOwned>(json: serde_json::Value) -> T {
    serde_json::from_value(json).unwrap()
}

fn id<T: DeserializeOwned>() -> T {
    any(json!("00000000-0000-7000-8000-000000000001"))
}

#[expect(clippy::too_many_lines, reason = "a table")]
async fn call_every_method(client: &Client) {
    let key = Key::parse("x").unwrap();
    let mail = any(json!({"email": "a@b.example"}));
    let token = any(json!({"token": "x"}));
    let password = any(json!({"token": "x", "password": "x"}));
    macro_rules! call {
        ($($call:expr;)*) => { $(let _ = $call.await;)* };
    }

    let auth = client.auth();
    call! {
        client.ping();
        client.health();
        client.ready();
        client.health_report();
        client.metrics();
        client.jwks();
        auth.login(&any(json!({"email": "a@b.example", "password": "x"})));
        auth.refresh();
        auth.logout();
        auth.second_factor(&any(json!({"challenge": "x", "code": "x"})));
        auth.request_password_reset(&mail);
        auth.reset_password(&password);
        auth.set_password(&password);
        auth.request_magic_link(&mail);
        auth.magic_link(&any(json!({"token": "x"})));
        auth.request_verification(&mail);
        auth.verify_email(&token);
        auth.change_email(&token);
        auth.request_sign_up(&mail);
        auth.sign_up(&any(json!({"token": "x", "name": "x", "password": "x"})));
        auth.inspect_invitation(&token);
        auth.accept_invitation(&any(json!({"token": "x", "password": "x"})));
    }

    let user = client.user();
    call! {
        user.profile();
        user.permission_snapshot();
        user.change_password(&any(json!({"currentPassword": "x", "newPassword": "x"})));
        user.request_email_change(&any(json!({"email": "a@b.example", "password": "x"})));
        user.accept_invitation(&token);
        user.second_factor().get();
        user.second_factor().enrol();
        user.second_factor().confirm("x");
        user.second_factor().renew_recovery_codes();
        user.second_factor().disable();
        user.step_up(&any(json!({"code": "x"})));
        user.sessions().list();
        user.sessions().revoke(id());
        user.sessions().revoke_others();
        user.tenants();
        user.choose_tenant(id());
    }

    let tenant = client.tenant();
    call! {
        tenant.get();
        tenant.update(&any(json!({})));
        tenant.entitlements();
        tenant.usage(any(json!({"from": "2026-01-01", "until": "2026-01-02"})));
        tenant.audit().list(&any(json!({})));
        tenant.audit().scroll(&any(json!({})));
        tenant.audit().export(&any(json!({"format": "csv"})));
        tenant.auth_policy().get();
        tenant.auth_policy().update(&any(json!({})));
        history_with_revert(tenant.history());
    }
    let accounts = tenant.accounts();
    call! {
        accounts.create(&any(json!({"name": "x"})));
        accounts.create_many(&[]);
        accounts.update_many(&[]);
        accounts.list(&any(json!({})));
        accounts.scroll(&any(json!({})));
        accounts.get(id());
        accounts.update(id(), &any(json!({})));
        accounts.delete(id());
        accounts.restore(id());
        accounts.entitlements(id());
        history_with_revert(accounts.history(id()));
    }
    let teams = tenant.teams();
    call! {
        teams.create(id(), &any(json!({"name": "x"})));
        teams.create_many(&[]);
        teams.update_many(&[]);
        teams.list(id(), &any(json!({})));
        teams.get(id());
        teams.update(id(), &any(json!({})));
        teams.delete(id());
        teams.restore(id());
        teams.members(id(), &any(json!({})));
        teams.add_member(id(), id());
        teams.remove_member(id(), id());
        history_with_revert(teams.history(id()));
    }
    let (members, profiles) = (tenant.members(), tenant.profiles());
    call! {
        members.list(&any(json!({})));
        members.scroll(&any(json!({})));
        members.get(id());
        members.suspend(id());
        members.reactivate(id());
        members.remove(id());
        history(&members.history(id()));
        profiles.create(id(), &any(json!({"kind": "x", "data": {}})));
        profiles.create_many(&[]);
        profiles.update_many(&[]);
        profiles.list(id());
        profiles.page(&any(json!({})));
        profiles.scroll(&any(json!({})));
        profiles.get(id());
        profiles.update(id(), &any(json!({})));
        profiles.delete(id());
        profiles.restore(id());
        history_with_revert(profiles.history(id()));
    }
    let (assignments, roles) = (tenant.assignments(), tenant.roles());
    call! {
        assignments.list(id());
        assignments.assign(id(), &any(json!({"role": "x"})));
        assignments.revoke(id());
        roles.list();
        roles.create(&any(json!({"key": "x"})));
        roles.update(&any(json!({"key": "x"})));
        roles.delete("x");
    }
    let (grants, guardrails, overrides) = (tenant.grants(), tenant.guardrails(), tenant.role_overrides());
    call! {
        grants.list(id());
        grants.give(id(), &any(json!({"pattern": "x", "effect": "deny"})));
        grants.revoke(id());
        guardrails.list();
        guardrails.forbid(&any(json!({"pattern": "x"})));
        guardrails.lift(id());
        overrides.list();
        overrides.put("x", OverrideKind::Extend, &any(json!({"patterns": []})));
        overrides.delete("x", OverrideKind::Extend);
    }
    let (keys, invitations, templates) = (tenant.api_keys(), tenant.invitations(), tenant.mail_templates());
    let template = any(json!({"subject": "x", "html": "x", "plain": "x"}));
    let (kind, locale) = (any(json!("magic_link")), any(json!("en")));
    call! {
        keys.list(&any(json!({})));
        keys.create(&any(json!({"name": "x", "scopes": []})));
        keys.get(id());
        keys.update(id(), &any(json!({})));
        keys.rotate(id(), &any(json!({})));
        keys.revoke(id());
        invitations.list(&any(json!({})));
        invitations.create(&any(json!({"email": "a@b.example"})));
        invitations.create_many(&[]);
        invitations.resend(id());
        invitations.revoke(id());
        templates.list();
        templates.get(kind, &locale);
        templates.put(kind, &locale, &template);
        templates.preview(kind, &locale, &template);
        templates.delete(kind, &locale);
    }
    let (schemas, option_sets) = (tenant.schemas(), tenant.option_sets());
    call! {
        schemas.list();
        schemas.get(&key);
        schemas.put(&any(json!({"key": "x", "name": "x", "fields": []})));
        schemas.delete(&key);
        history_with_revert(schemas.history(&key));
        option_sets.list();
        option_sets.get(&key);
        option_sets.put(&any(json!({"key": "x", "name": "x", "options": []})));
        option_sets.delete(&key);
        history_with_revert(option_sets.history(&key));
    }

    let platform = client.platform();
    macro_rules! catalogue {
        ($($list:ident $item:tt;)*) => {$(
            call! {
                platform.$list().list();
                platform.$list().get(&key);
                platform.$list().put(&any(json!($item)));
                platform.$list().delete(&key);
            }
        )*};
    }
    catalogue! {
        plans {"key": "x", "name": "x", "price": {"amount": 1, "currency": "EUR", "interval": "month"}};
        add_ons {"key": "x", "name": "x", "price": {"amount": 1, "currency": "EUR", "interval": "month"}};
        features {"key": "x", "name": "x", "kind": "boolean"};
        feature_sets {"key": "x", "name": "x"};
        limits {"key": "x", "name": "x", "unit": "piece", "category": "other", "default": 1, "window": "total",
            "enforcement": "hard"};
        templates {"key": "x", "name": "x", "plan": "x"};
    }
    let (tenants, subscriptions) = (platform.tenants(), platform.subscriptions());
    call! {
        platform.assignments().list();
        platform.assignments().assign(&any(json!({"userId": id::<UserId>(), "role": "x"})));
        platform.assignments().end(id());
        platform.users().send_set_password(id());
        tenants.list(&any(json!({})));
        tenants.scroll(&any(json!({})));
        tenants.create(&any(json!({"name": "x"})));
        tenants.get(id());
        tenants.update(id(), &any(json!({})));
        tenants.suspend(id());
        tenants.archive(id());
        tenants.reactivate(id());
        tenants.impersonate(id(), id(), "x");
        history_with_revert(tenants.history(id()));
        subscriptions.get(id());
        subscriptions.set(id(), &any(json!({"plan": "x", "state": {"state": "active"}})));
        subscriptions.change(id(), &any(json!({"plan": "x"})));
        subscriptions.preview(id(), &any(json!({"plan": "x"})));
        subscriptions.overrides(id());
        subscriptions.add_override(id(), &any(json!({"change": {"limit": {"limit": "x", "maximum": 1}}, "reason": "x"})));
        subscriptions.remove_override(id(), id());
    }
}

/// What a client calls.
async fn called_by(calls: impl AsyncFnOnce(&Client)) -> Vec<(Method, String)> {
    let called = Called::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::builder(format!("http://{}", listener.local_addr().unwrap())).build().unwrap();
    let router = Router::new().fallback(note).with_state(called.clone());
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    calls(&client).await;
    server.abort();
    called.0.lock().unwrap().clone()
}

#[tokio::test]
async fn no_list_by_cursor_lacks_a_stream() {
    let calls = called_by(async |client: &Client| {
        macro_rules! first_of {
            ($($list:expr;)*) => { $(let _ = $list.stream(any(json!({}))).next().await;)* };
        }
        let tenant = client.tenant();
        first_of! {
            tenant.accounts();
            tenant.members();
            tenant.profiles();
            tenant.audit();
            client.platform().tenants();
        }
    })
    .await;
    let called: BTreeSet<String> = calls.into_iter().map(|(_, path)| path).collect();
    let document = document();
    let told = document["paths"].as_object().unwrap().keys().filter(|path| path.ends_with("/by-cursor"));
    assert_eq!(called, told.cloned().collect());
}

#[tokio::test]
async fn no_operation_lacks_a_method() {
    let calls = called_by(call_every_method).await;
    let document = document();
    // What is not in the document stops the test here.
    let mut called: BTreeSet<(String, String)> = calls
        .iter()
        .map(|(method, path)| {
            (method.as_str().to_lowercase(), operation(&document, method, path).0.to_owned())
        })
        .collect();
    // The document itself is for those who have no client yet.
    called.insert(("get".into(), "/api/v1/openapi.json".into()));
    // What Prometheus and a balancer ask.
    called.insert(("get".into(), "/metrics".into()));
    called.insert(("get".into(), "/ready".into()));
    let told: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone()))
        })
        .collect();
    let lacking: Vec<_> = told.difference(&called).collect();
    assert!(lacking.is_empty(), "the client has no method for {lacking:?}");
}
