//! Addresses that are confirmed and changed.

use super::{Flows, STRONG, USED_UP, anywhere, code, system};
use crate::PASSWORD;
use mono_core::ErrorKind;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::UserId;
use mono_core::model::mail::MailKind;
use mono_core::text::Email;
use mono_storage::platform_sql;
use mono_storage::testkit::World;

mono_storage::conformance!(
    a_new_address_is_confirmed_there_and_told_at_the_old_one,
    who_asks_for_an_address_gives_the_password,
    who_has_just_proven_who_they_are_asks_without_the_password,
    an_address_of_somebody_else_is_neither_taken_nor_told_of,
    a_reset_ends_a_change_of_the_address,
    an_address_is_confirmed_once,
);

const ANA: &str = "ana@harbour.example";
const NEW: &str = "Ana@new.example";

/// Lets a person who is a member of the harbour be one of the lagoon too.
async fn join_lagoon(flows: &Flows, user: UserId) {
    let mut tx = flows.database.platform(&system()).read().await.unwrap();
    let user = tx.users().find(user).await.unwrap().unwrap();
    drop(tx);
    let seeding = Caller::system_in(SystemReason::Seed, flows.world.lagoon.id);
    let mut tx = flows.database.tenant(&seeding).write().await.unwrap();
    tx.members().add(&user).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_new_address_is_confirmed_there_and_told_at_the_old_one(world: World) {
    let flows = Flows::new(world);
    let user = flows.person(ANA, "user").await;
    join_lagoon(&flows, user).await;
    let session = flows.sign_in(ANA, PASSWORD).await.unwrap();
    let ana = flows.caller(&session).await.unwrap();
    flows.authenticator.request_password_reset(ANA, anywhere()).await.unwrap();
    let reset = flows.token(MailKind::ResetPassword, ANA).await;
    flows.authenticator.request_email_change(&ana, NEW, Some(PASSWORD.into())).await.unwrap();
    let token = flows.token(MailKind::ChangeEmail, NEW).await;
    assert_eq!(
        flows.authenticator.profile(&ana).await.unwrap().email.as_str(),
        ANA,
        "nothing has changed yet"
    );
    flows.authenticator.change_email(&token, anywhere()).await.unwrap();
    let profile = flows.authenticator.profile(&ana).await.unwrap();
    assert_eq!(profile.email.as_str(), NEW);
    assert!(profile.email_verified_at.is_some());
    flows.caller(&session).await.expect("the person stays signed in");
    let mails = flows.mails().await;
    assert_eq!((mails.len(), mails[0].kind, mails[0].to.as_str()), (1, MailKind::EmailChanged, ANA));
    assert_eq!(code(flows.authenticator.change_email(&token, anywhere()).await), USED_UP);
    assert_eq!(code(flows.authenticator.reset_password(&reset, STRONG.into(), anywhere()).await), USED_UP);
    assert_eq!(code(flows.sign_in(ANA, PASSWORD).await), "invalid_credentials");
    flows.signed_in("ana@NEW.example", PASSWORD).await;

    let mut tx = flows.database.platform(&system()).read().await.unwrap();
    let members =
        platform_sql!(tx, "SELECT email, email_norm, version FROM members WHERE user_id = $1", user);
    let members = members.rows().await.unwrap();
    assert_eq!(members.len(), 2);
    for row in members {
        assert_eq!(row.get::<String>("email").unwrap(), NEW);
        assert_eq!(row.get::<String>("email_norm").unwrap(), "ana@new.example");
        assert_eq!(row.get::<i64>("version").unwrap(), 2);
    }
    let audited = platform_sql!(
        tx,
        "SELECT tenant_id, CAST(changes AS TEXT) AS changes FROM audit_log WHERE entity = 'member' AND action = 'update'"
    );
    let audited = audited.rows().await.unwrap();
    assert_eq!(audited.len(), 2, "each tenant reads of it");
    assert!(!audited[0].get::<String>("changes").unwrap().contains("new.example"));
}

async fn who_asks_for_an_address_gives_the_password(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let ana = flows.signed_in(ANA, PASSWORD).await;
    let ask = async |email: &str, password: &str| {
        let asked =
            flows.authenticator.request_email_change(&ana, email, Some(password.into())).await.unwrap_err();
        (asked.kind(), asked.code().to_owned())
    };
    assert_eq!(ask(NEW, "wrong").await, (ErrorKind::Forbidden, "wrong_password".into()));
    assert_eq!(ask("no address", PASSWORD).await.0, ErrorKind::Validation);
    assert_eq!(ask(ANA, PASSWORD).await.0, ErrorKind::Validation);
    assert!(flows.mails().await.is_empty());
}

async fn who_has_just_proven_who_they_are_asks_without_the_password(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let ana = flows.signed_in(ANA, PASSWORD).await;
    flows.authenticator.request_email_change(&ana, NEW, None).await.unwrap();
    let token = flows.token(MailKind::ChangeEmail, NEW).await;
    flows.clock.go_on(15 * 60);
    let late = flows.authenticator.request_email_change(&ana, "ana@late.example", None).await.unwrap_err();
    assert_eq!((late.kind(), late.code()), (ErrorKind::Forbidden, "step_up_required"));
    assert!(flows.mails().await.is_empty());
    flows.authenticator.change_email(&token, anywhere()).await.unwrap();
}

async fn an_address_of_somebody_else_is_neither_taken_nor_told_of(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    flows.person("ben@harbour.example", "user").await;
    let ana = flows.signed_in(ANA, PASSWORD).await;
    flows
        .authenticator
        .request_email_change(&ana, "BEN@harbour.example", Some(PASSWORD.into()))
        .await
        .unwrap();
    assert!(flows.mails().await.is_empty(), "neither of the two is sent anything");
    flows.authenticator.request_email_change(&ana, NEW, Some(PASSWORD.into())).await.unwrap();
    let token = flows.token(MailKind::ChangeEmail, NEW).await;
    flows.person("ana@new.example", "user").await;
    let taken = flows.authenticator.change_email(&token, anywhere()).await;
    assert_eq!(code(taken), USED_UP, "it is somebody's meanwhile");
    assert_eq!(flows.authenticator.profile(&ana).await.unwrap().email, Email::parse(ANA).unwrap());
}

/// Whoever had the password, and is thrown out by a reset, takes nothing with them.
async fn a_reset_ends_a_change_of_the_address(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let thief = flows.signed_in(ANA, PASSWORD).await;
    flows.authenticator.request_password_reset(ANA, anywhere()).await.unwrap();
    let reset = flows.token(MailKind::ResetPassword, ANA).await;
    flows.authenticator.request_email_change(&thief, "thief@x.example", Some(PASSWORD.into())).await.unwrap();
    let sent = flows.token(MailKind::ChangeEmail, "thief@x.example").await;
    // A second one is asked for and not sent yet.
    flows.authenticator.request_email_change(&thief, "thief@y.example", Some(PASSWORD.into())).await.unwrap();
    flows.authenticator.reset_password(&reset, STRONG.into(), anywhere()).await.unwrap();
    assert_eq!(code(flows.authenticator.change_email(&sent, anywhere()).await), USED_UP);
    let mails = flows.mails().await;
    assert_eq!((mails.len(), mails[0].kind), (1, MailKind::PasswordChanged), "no link goes to the thief");
}

async fn an_address_is_confirmed_once(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    for email in [ANA, "nobody@harbour.example"] {
        flows.authenticator.request_verification(email, anywhere()).await.unwrap();
    }
    let token = flows.token(MailKind::VerifyEmail, ANA).await;
    flows.authenticator.verify_email(&token, anywhere()).await.unwrap();
    assert_eq!(code(flows.authenticator.verify_email(&token, anywhere()).await), USED_UP);
    flows.authenticator.request_verification(ANA, anywhere()).await.unwrap();
    assert!(flows.mails().await.is_empty(), "it is confirmed already");
}
