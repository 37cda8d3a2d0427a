//! Signing in with a link.

use super::{Flows, STRONG, USED_UP, anywhere, code, system};
use crate::{PASSWORD, second_factors};
use mono_auth::{MagicLink, SignInAnswer, SignedIn};
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_core::model::mail::MailKind;
use mono_core::model::tenant::TenantStatus;
use mono_core::time::Clock as _;
use mono_storage::platform_sql;
use mono_storage::testkit::World;
use secrecy::ExposeSecret;

mono_storage::conformance!(
    a_link_signs_in_once,
    a_link_that_was_refused_because_of_the_tenant_can_be_used_again,
    of_many_who_use_a_link_one_is_signed_in,
    a_link_ends_soon_and_is_for_who_may_sign_in,
    a_reset_leaves_no_session_of_a_link,
    a_link_does_not_stand_in_for_the_second_factor,
);

const ANA: &str = "ana@harbour.example";

async fn token(flows: &Flows) -> String {
    flows.authenticator.request_magic_link(ANA, anywhere()).await.unwrap();
    flows.token(MailKind::MagicLink, ANA).await
}

async fn sign_in(flows: &Flows, token: &str, tenant: Option<&str>) -> Result<SignedIn, Error> {
    let link = MagicLink { token: token.to_owned(), tenant: tenant.map(Into::into), host: None };
    flows.authenticator.magic_link(link, anywhere()).await?.signed_in()
}

async fn a_link_signs_in_once(world: World) {
    let flows = Flows::new(world);
    let user = flows.person(ANA, "user").await;
    flows.authenticator.request_magic_link("nobody@harbour.example", anywhere()).await.unwrap();
    let first = token(&flows).await;
    let signed_in = sign_in(&flows, &first, None).await.unwrap();
    assert_eq!((signed_in.user_id, signed_in.tenant_id), (user, Some(flows.world.harbour.id)));
    flows.caller(&signed_in).await.unwrap();
    assert_eq!(code(sign_in(&flows, &first, None).await), USED_UP);
}

async fn a_link_that_was_refused_because_of_the_tenant_can_be_used_again(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let sent = token(&flows).await;
    assert_eq!(code(sign_in(&flows, &sent, Some("lagoon")).await), "not_a_member");
    assert_eq!(code(sign_in(&flows, &sent, Some("nowhere")).await), "not_a_member");
    let set = async |status| {
        let mut tx = flows.database.platform(&Caller::system(SystemReason::Seed)).write().await.unwrap();
        tx.tenants().set_status(flows.world.harbour.id, status).await.unwrap();
        tx.commit().await.unwrap();
    };
    set(TenantStatus::Suspended).await;
    assert_eq!(code(sign_in(&flows, &sent, Some("harbour")).await), "tenant_suspended");
    set(TenantStatus::Active).await;
    let mut tx = flows.database.platform(&system()).read().await.unwrap();
    let failures = platform_sql!(tx, "SELECT id FROM platform_audit_log WHERE action = 'login_failed'");
    assert_eq!(failures.rows().await.unwrap().len(), 3, "each refusal is recorded");
    drop(tx);
    sign_in(&flows, &sent, Some("harbour")).await.expect("the link was not used up");
    assert_eq!(code(sign_in(&flows, &sent, Some("harbour")).await), USED_UP);
}

async fn of_many_who_use_a_link_one_is_signed_in(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let token = token(&flows).await;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (authenticator, token) = (flows.authenticator.clone(), token.clone());
        tasks.spawn(async move {
            let link = MagicLink { token, tenant: None, host: None };
            let answer = authenticator.magic_link(link, anywhere()).await;
            answer.map_err(|error| assert_eq!(error.code(), USED_UP)).is_ok()
        });
    }
    assert_eq!(tasks.join_all().await.iter().filter(|signed_in| **signed_in).count(), 1);
}

async fn a_link_ends_soon_and_is_for_who_may_sign_in(world: World) {
    let flows = Flows::new(world);
    let user = flows.person(ANA, "user").await;
    let late = token(&flows).await;
    flows.clock.go_on(15 * 60);
    assert_eq!(code(sign_in(&flows, &late, None).await), USED_UP);
    let sent = token(&flows).await;
    let mut tx = flows.database.platform(&system()).write().await.unwrap();
    platform_sql!(tx, "UPDATE users SET status = 'suspended' WHERE id = $1", user).execute().await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(code(sign_in(&flows, &sent, None).await), USED_UP);
    flows.authenticator.request_magic_link(ANA, anywhere()).await.unwrap();
    assert!(flows.mails().await.is_empty());
}

async fn a_reset_leaves_no_session_of_a_link(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    for _ in 0..4 {
        let magic = token(&flows).await;
        flows.authenticator.request_password_reset(ANA, anywhere()).await.unwrap();
        let reset = flows.token(MailKind::ResetPassword, ANA).await;
        let authenticator = flows.authenticator.clone();
        let signing_in = tokio::spawn(async move {
            let link = MagicLink { token: magic, tenant: None, host: None };
            authenticator.magic_link(link, anywhere()).await.and_then(SignInAnswer::signed_in).ok()
        });
        flows.authenticator.reset_password(&reset, STRONG.into(), anywhere()).await.unwrap();
        if let Some(session) = signing_in.await.unwrap() {
            assert_eq!(code(flows.caller(&session).await), "session_ended");
        }
        flows.mails().await;
    }
}

async fn a_link_does_not_stand_in_for_the_second_factor(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let ana = flows.signed_in(ANA, PASSWORD).await;
    let (secret, _) = second_factors::enrol(&flows.authenticator, &ana, flows.clock.now()).await;
    flows.mails().await;
    let challenge = async || {
        let link = MagicLink { token: token(&flows).await, tenant: None, host: None };
        match flows.authenticator.magic_link(link, anywhere()).await.unwrap() {
            SignInAnswer::SecondFactor(challenge) => challenge.token.expose_secret().to_owned(),
            SignInAnswer::SignedIn(_) => panic!("the second factor was not asked for"),
        }
    };
    let asked = challenge().await;
    flows.clock.go_on(30);
    let shown = second_factors::code(&secret, flows.clock.now());
    let session = second_factors::show(&flows.authenticator, &asked, &shown).await.unwrap();
    flows.caller(&session).await.unwrap();
    // Somebody stands before the second factor when the password is reset: they begin again.
    let asked = challenge().await;
    flows.authenticator.request_password_reset(ANA, anywhere()).await.unwrap();
    let reset = flows.token(MailKind::ResetPassword, ANA).await;
    flows.authenticator.reset_password(&reset, STRONG.into(), anywhere()).await.unwrap();
    flows.clock.go_on(30);
    let shown = second_factors::code(&secret, flows.clock.now());
    assert!(second_factors::show(&flows.authenticator, &asked, &shown).await.is_err());
}
