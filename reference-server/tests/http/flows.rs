//! The flows that a mail goes on with, from end to end.

use crate::mailbox::{
    CHANGE_EMAIL, INVITATION, MAGIC_LINK, RESET_PASSWORD, SET_PASSWORD, SIGN_UP, VERIFY_EMAIL, only,
};
use crate::server::{ADMIN, LONER, PASSWORD, STAFF, Server, USER, credentials, send};
use mono_client::Client;
use mono_core::api::auth::LoginRequest;
use mono_core::api::emails::{ChangeEmail, ConfirmToken, RequestMail};
use mono_core::api::invitations::{AcceptInvitation, CreateInvitation, ListInvitations};
use mono_core::api::magic_links::ConfirmMagicLink;
use mono_core::api::passwords::{ChangePassword, ConfirmPassword};
use mono_core::api::sign_up::ConfirmSignUp;
use mono_core::id::UserId;
use mono_core::model::invitation::InvitedRole;
use mono_core::{Error, ErrorKind};
use mono_storage::testkit::World;
use reference_server::{App, ServerLimits, serve};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

mono_storage::conformance!(
    nobody_is_told_whose_an_address_is,
    a_look_at_a_link_uses_nothing_up,
    a_password_is_reset_and_changed,
    a_link_signs_in_with_tokens_or_cookies,
    an_address_is_confirmed_and_changed,
    an_invitation_is_sent_and_accepted,
    who_may_sign_up_does,
    who_was_made_without_a_password_is_sent_a_link,
);

const AUTH: &str = "/api/v1/public/auth";
/// What the policy takes for a password.
const STRONG: &str = "Quiet herons, 71 over gravel";
const OTHER: &str = "Seven kettles: 4 under Plaster";

fn ask(email: &str) -> RequestMail {
    RequestMail { email: email.to_owned() }
}

fn confirm(token: &str) -> ConfirmToken {
    ConfirmToken { token: token.to_owned() }
}

fn refused(result: Result<impl Sized, Error>) -> (ErrorKind, String) {
    let error = result.err().unwrap();
    (error.kind(), error.code().to_owned())
}

fn used_up() -> (ErrorKind, String) {
    (ErrorKind::Validation, "invalid_single_use_token".to_owned())
}

async fn login(client: &Client, email: &str, password: &str) -> Result<(), Error> {
    client.auth().login(&LoginRequest::new(email, password)).await.map(drop)
}

/// The same server, where everybody may sign up, and its application.
async fn open(server: &Server) -> (Client, App) {
    let authenticator = server.app.authenticator.clone().with_sign_up(true);
    let mailer = server.mailbox.mailer(&authenticator);
    let app = App { authenticator, mailer, ..server.app.clone() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = reference_server::router(app.clone());
    tokio::spawn(serve(listener, router, ServerLimits::default(), std::future::pending()));
    let builder = Client::builder(format!("http://{address}")).timeout(Duration::from_mins(2));
    (builder.build().unwrap(), app)
}

async fn nobody_is_told_whose_an_address_is(world: World) {
    let server = Server::start(world).await;
    server.add_person("suspended@harbour.example", &[(server.world.harbour.id, Some("user"))]).await;
    server.suspend_person("suspended@harbour.example").await;
    let mut answers = Vec::new();
    for flow in ["password-reset", "magic-link", "verify-email"] {
        for email in [USER, "suspended@harbour.example", "nobody@harbour.example"] {
            let mut answer =
                send(server.post(&format!("{AUTH}/{flow}")).json(&json!({"email": email}))).await;
            assert_eq!(answer.status, 202, "{answer:?}");
            answer.headers.remove("x-request-id");
            answer.headers.remove("date");
            answers.push((answer.headers, answer.body));
        }
        let garbage = send(server.post(&format!("{AUTH}/{flow}")).json(&json!({"email": "nobody"}))).await;
        assert_eq!(garbage.status, 400);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(server.mails().await.len(), 3, "the one who may have them has one of each");
}

/// What scans mails opens their links, and a page may load before somebody confirms.
async fn a_look_at_a_link_uses_nothing_up(world: World) {
    let server = Server::start(world).await;
    server.client().auth().request_password_reset(&ask(USER)).await.unwrap();
    let token = server.token_in(RESET_PASSWORD, USER).await;
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        let path = format!("{AUTH}/password-reset/confirm?token={token}");
        assert_eq!(send(server.request(method, &path)).await.status, 405);
    }
    let body = json!({"token": token, "password": STRONG});
    let answer = send(server.post(&format!("{AUTH}/password-reset/confirm")).json(&body)).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
}

async fn a_password_is_reset_and_changed(world: World) {
    let server = Server::start(world).await;
    let (client, auth) = (server.sign_in(USER).await, server.client());
    auth.auth().request_password_reset(&ask(USER)).await.unwrap();
    let token = server.token_in(RESET_PASSWORD, USER).await;
    let reset = async |password: &str| {
        let confirm = ConfirmPassword { token: token.clone(), password: password.into() };
        auth.auth().reset_password(&confirm).await
    };
    let weak = reset("password").await.unwrap_err();
    assert!(weak.problems().iter().all(|problem| problem.field == "password"), "{weak:?}");
    reset(STRONG).await.unwrap();
    assert_eq!(refused(reset(STRONG).await), used_up());
    assert_eq!(refused(client.user().profile().await).1, "session_ended");
    assert_eq!(refused(login(&auth, USER, PASSWORD).await).1, "invalid_credentials");
    login(&client, USER, STRONG).await.unwrap();
    login(&auth, USER, STRONG).await.unwrap();
    let change = |current: &str, new: &str| ChangePassword {
        current_password: current.into(),
        new_password: new.into(),
    };
    assert_eq!(refused(client.user().change_password(&change("x", OTHER)).await).1, "wrong_password");
    client.user().change_password(&change(STRONG, OTHER)).await.unwrap();
    client.user().profile().await.unwrap();
    assert_eq!(refused(auth.user().profile().await).1, "session_ended");
    let told = server.mails().await;
    assert_eq!(told.iter().filter(|mail| mail.subject == "Your password was changed").count(), 2);
}

async fn a_link_signs_in_with_tokens_or_cookies(world: World) {
    let server = Server::start(world).await;
    let client = server.client();
    client.auth().request_magic_link(&ask(USER)).await.unwrap();
    let first = server.token_in(MAGIC_LINK, USER).await;
    let signed_in =
        client.auth().magic_link(&ConfirmMagicLink::new(&first)).await.unwrap().signed_in().unwrap();
    assert_eq!(signed_in.tenant_id, Some(server.world.harbour.id));
    assert_eq!(client.user().profile().await.unwrap().email.as_str(), USER);
    assert_eq!(refused(client.auth().magic_link(&ConfirmMagicLink::new(&first)).await), used_up());
    client.auth().request_magic_link(&ask(USER)).await.unwrap();
    let second = server.token_in(MAGIC_LINK, USER).await;
    let body = json!({"token": second, "cookies": true});
    let request = || server.post(&format!("{AUTH}/magic-link/confirm")).json(&body);
    assert_eq!(send(request()).await.failure().1, "cross_site_request", "another site signs nobody in");
    let answer = send(request().header("sec-fetch-site", "same-origin")).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert!(!answer.body.contains("accessToken"));
}

async fn an_address_is_confirmed_and_changed(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(USER).await;
    assert!(!client.user().profile().await.unwrap().email_verified);
    client.auth().request_verification(&ask(USER)).await.unwrap();
    let verify = server.token_in(VERIFY_EMAIL, USER).await;
    client.auth().verify_email(&confirm(&verify)).await.unwrap();
    assert!(client.user().profile().await.unwrap().email_verified);
    let change = |password: Option<&str>| ChangeEmail {
        email: "new@harbour.example".into(),
        password: password.map(Into::into),
    };
    assert_eq!(refused(client.user().request_email_change(&change(Some("x"))).await).1, "wrong_password");
    client.user().request_email_change(&change(Some(PASSWORD))).await.unwrap();
    let before = server.token_in(CHANGE_EMAIL, "new@harbour.example").await;
    client
        .user()
        .request_email_change(&change(None))
        .await
        .expect("who has just signed in is asked for nothing");
    let moving = server.token_in(CHANGE_EMAIL, "new@harbour.example").await;
    assert_eq!(
        refused(client.auth().change_email(&confirm(&before)).await),
        used_up(),
        "the later one counts"
    );
    client.auth().change_email(&confirm(&moving)).await.unwrap();
    assert_eq!(refused(client.auth().change_email(&confirm(&moving)).await), used_up());
    assert_eq!(client.user().profile().await.unwrap().email.as_str(), "new@harbour.example");
    let told = server.mails().await;
    assert_eq!(only(told, ("", "Your e-mail address was changed"), USER), "");
    login(&server.client(), "new@harbour.example", PASSWORD).await.unwrap();
}

async fn an_invitation_is_sent_and_accepted(world: World) {
    let server = Server::start(world).await;
    let (admin, harbour) = (server.sign_in(ADMIN).await, server.world.harbour.id);
    let invite = |email: &str| CreateInvitation {
        email: email.into(),
        roles: vec![InvitedRole { role: "user".into(), account_id: None }],
    };
    let invitations = admin.tenant().invitations();
    let invitation = invitations.create(&invite("eva@new.example")).await.unwrap();
    let first = server.token_in(INVITATION, "eva@new.example").await;
    assert_eq!(refused(invitations.create(&invite("EVA@new.example")).await).1, "already_invited");
    assert_eq!(refused(invitations.create(&invite(USER)).await).1, "already_member");
    invitations.resend(invitation.id).await.unwrap();
    let second = server.token_in(INVITATION, "eva@new.example").await;
    let listed = invitations.list(&ListInvitations::default()).await.unwrap();
    assert_eq!((listed.pagination.total, listed.items[0].id), (1, invitation.id));
    let anybody = server.client();
    assert_eq!(refused(anybody.auth().inspect_invitation(&confirm(&first)).await), used_up());
    let facts = anybody.auth().inspect_invitation(&confirm(&second)).await.unwrap();
    assert_eq!(
        (facts.tenant_name.as_str(), facts.roles, facts.known),
        ("harbour", vec!["user".into()], false)
    );
    let accept = AcceptInvitation { token: second, name: Some("Eva".into()), password: STRONG.into() };
    let accepted = anybody.auth().accept_invitation(&accept).await.unwrap();
    assert_eq!(accepted.tenant_id, harbour);
    assert_eq!(refused(anybody.auth().accept_invitation(&accept).await), used_up());
    login(&anybody, "eva@new.example", STRONG).await.unwrap();
    assert_eq!(anybody.user().profile().await.unwrap().tenant_id, Some(harbour));

    invitations.create(&invite(LONER)).await.unwrap();
    let third = server.token_in(INVITATION, LONER).await;
    let wrong = refused(anybody.user().accept_invitation(&confirm(&third)).await);
    assert_eq!(wrong, (ErrorKind::Forbidden, "wrong_person".into()));
    let loner = server.client();
    loner.auth().login(&credentials(LONER)).await.unwrap();
    loner.user().accept_invitation(&confirm(&third)).await.unwrap();
    assert_eq!(loner.user().choose_tenant(harbour).await.unwrap().tenant_id, Some(harbour));

    let gone = invitations.create(&invite("zoe@new.example")).await.unwrap();
    let fourth = server.token_in(INVITATION, "zoe@new.example").await;
    invitations.revoke(gone.id).await.unwrap();
    assert_eq!(refused(anybody.auth().inspect_invitation(&confirm(&fourth)).await), used_up());
    let twice = json!({"email": "x", "roles": [{"role": "user"}, {"role": "user"}]});
    let token = server.token(ADMIN).await;
    let answer = send(server.post("/api/v1/tenant/invitations").bearer_auth(token).json(&twice)).await;
    assert_eq!(answer.json()["details"]["fields"].as_array().map(Vec::len), Some(2), "{answer:?}");
}

async fn who_may_sign_up_does(world: World) {
    let server = Server::start(world).await;
    let closed = server.client();
    let off = refused(closed.auth().request_sign_up(&ask("eva@new.example")).await);
    assert_eq!(off, (ErrorKind::Forbidden, "sign_up_off".into()));
    let (client, app) = open(&server).await;
    let unknown = client.auth().request_sign_up(&ask("eva@new.example")).await.unwrap();
    let sign_up = only(server.mails_of(&app).await, SIGN_UP, "eva@new.example");
    let confirm = ConfirmSignUp { token: sign_up, name: "Eva".into(), password: STRONG.into() };
    assert_eq!(refused(closed.auth().sign_up(&confirm).await).1, "sign_up_off");
    let user = client.auth().sign_up(&confirm).await.unwrap().user_id;
    assert_eq!(refused(client.auth().sign_up(&confirm).await), used_up());
    login(&client, "eva@new.example", STRONG).await.unwrap();
    assert_eq!(client.user().profile().await.unwrap().id, user);
    let known = client.auth().request_sign_up(&ask(USER)).await.unwrap();
    assert_eq!(known, unknown, "nobody is told that somebody is there");
    only(server.mails_of(&app).await, RESET_PASSWORD, USER);
}

async fn who_was_made_without_a_password_is_sent_a_link(world: World) {
    const EVA: &str = "eva@harbour.example";
    let server = Server::start(world).await;
    let (eva, _) = server.world.member(&server.world.harbour, EVA).await;
    let (staff, client) = (server.sign_in(STAFF).await, server.client());
    assert_eq!(refused(login(&client, EVA, STRONG).await).1, "invalid_credentials");
    for (email, code) in [(ADMIN, "no_assignment"), (USER, "no_assignment")] {
        let other = server.sign_in(email).await;
        let refusal = refused(other.platform().users().send_set_password(eva).await);
        assert_eq!(refusal, (ErrorKind::Forbidden, code.to_owned()));
    }
    staff.platform().users().send_set_password(eva).await.unwrap();
    let token = server.token_in(SET_PASSWORD, EVA).await;
    let confirm = ConfirmPassword { token, password: STRONG.into() };
    client.auth().set_password(&confirm).await.unwrap();
    login(&client, EVA, STRONG).await.unwrap();
    assert_eq!(refused(client.auth().set_password(&confirm).await), used_up());
    let again = refused(staff.platform().users().send_set_password(eva).await);
    assert_eq!(again, (ErrorKind::Conflict, "has_password".to_owned()));
    let nobody = refused(staff.platform().users().send_set_password(UserId::from_u128(7)).await);
    assert_eq!(nobody.0, ErrorKind::NotFound);
}
