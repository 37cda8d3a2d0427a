//! Passwords that are reset, set and changed.

use super::{Flows, OTHER, STRONG, USED_UP, anywhere, code, from, system};
use crate::PASSWORD;
use mono_auth::MagicLink;
use mono_core::ErrorKind;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::UserId;
use mono_core::model::mail::MailKind;
use mono_core::permission::Scope;
use mono_core::text::{Email, Name};
use mono_storage::platform_sql;
use mono_storage::store::NewUser;
use mono_storage::testkit::World;
use secrecy::ExposeSecret;

mono_storage::conformance!(
    a_reset_changes_the_password_and_ends_every_session,
    a_reset_is_asked_for_alike_whoever_has_the_address,
    an_address_is_sent_five_mails_however_many_networks_ask,
    a_weak_password_uses_no_link_up,
    of_two_links_the_later_one_counts,
    a_link_ends,
    a_link_is_used_once_however_many_try,
    a_token_opens_what_it_is_for_and_nothing_else,
    a_reset_leaves_no_session_of_the_old_password,
    a_change_keeps_the_session_that_asks,
    a_change_that_a_reset_overtakes_is_refused,
    who_was_made_without_a_password_sets_one,
);

const ANA: &str = "ana@harbour.example";

async fn reset_token(flows: &Flows) -> String {
    flows.authenticator.request_password_reset(ANA, anywhere()).await.unwrap();
    flows.token(MailKind::ResetPassword, ANA).await
}

async fn a_reset_changes_the_password_and_ends_every_session(world: World) {
    let flows = Flows::new(world);
    let ana = flows.person(ANA, "user").await;
    let (desk, telephone) =
        (flows.sign_in(ANA, PASSWORD).await.unwrap(), flows.sign_in(ANA, PASSWORD).await.unwrap());
    flows.authenticator.request_magic_link(ANA, anywhere()).await.unwrap();
    let magic = flows.token(MailKind::MagicLink, ANA).await;
    let token = reset_token(&flows).await;
    flows.authenticator.reset_password(&token, STRONG.into(), anywhere()).await.unwrap();
    for session in [&desk, &telephone] {
        assert_eq!(code(flows.caller(session).await), "session_ended");
        let refresh = session.refresh_token.clone().unwrap();
        assert_eq!(
            code(flows.authenticator.refresh(refresh.expose_secret(), anywhere()).await),
            "session_ended"
        );
    }
    assert_eq!(code(flows.sign_in(ANA, PASSWORD).await), "invalid_credentials");
    let link = MagicLink { token: magic, tenant: None, host: None };
    assert_eq!(code(flows.authenticator.magic_link(link, anywhere()).await), USED_UP);
    let again = flows.authenticator.reset_password(&token, OTHER.into(), anywhere()).await;
    assert_eq!((again.as_ref().unwrap_err().kind(), code(again)), (ErrorKind::Validation, USED_UP.into()));
    let mails = flows.mails().await;
    assert_eq!((mails.len(), mails[0].kind, mails[0].to.as_str()), (1, MailKind::PasswordChanged, ANA));
    assert!(mails[0].token.is_none());
    let signed_in = flows.signed_in(ANA, STRONG).await;
    assert!(flows.authenticator.profile(&signed_in).await.unwrap().email_verified_at.is_some());
    let mut tx = flows.database.platform(&system()).read().await.unwrap();
    let audited = platform_sql!(
        tx,
        "SELECT CAST(changes AS TEXT) AS changes FROM platform_audit_log
         WHERE action = 'update' AND entity = 'user' AND entity_id = $1 ORDER BY sequence",
        ana
    );
    let audited = audited.rows().await.unwrap();
    let texts: Vec<String> = audited.iter().map(|row| row.get("changes").unwrap()).collect();
    assert!(texts[0].contains("password") && !texts[0].contains("argon2"), "{texts:?}");
}

async fn a_reset_is_asked_for_alike_whoever_has_the_address(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let ben = flows.person("ben@harbour.example", "user").await;
    suspend(&flows, ben).await;
    for email in ["ANA@harbour.example", "ben@harbour.example", "nobody@harbour.example"] {
        flows.authenticator.request_password_reset(email, anywhere()).await.unwrap();
    }
    let mut tx = flows.database.platform(&system()).read().await.unwrap();
    let waiting =
        platform_sql!(tx, "SELECT user_id, CAST(data AS TEXT) AS data FROM mails").rows().await.unwrap();
    assert_eq!(waiting.len(), 3, "the same is written down for everybody");
    assert!(waiting.iter().all(|row| row.get_optional::<UserId>("user_id").unwrap().is_none()));
    drop(tx);
    let mails = flows.mails().await;
    assert_eq!((mails.len(), mails[0].to.as_str()), (1, ANA));
    let garbage = flows.authenticator.request_password_reset("no address", anywhere()).await;
    assert_eq!(garbage.unwrap_err().kind(), ErrorKind::Validation);
}

async fn suspend(flows: &Flows, user: UserId) {
    let mut tx = flows.database.platform(&system()).write().await.unwrap();
    platform_sql!(tx, "UPDATE users SET status = 'suspended' WHERE id = $1", user).execute().await.unwrap();
    tx.commit().await.unwrap();
}

async fn an_address_is_sent_five_mails_however_many_networks_ask(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    for email in [ANA, "nobody@harbour.example"] {
        for _ in 0..5 {
            flows.authenticator.request_password_reset(email, from("10.0.0.1")).await.unwrap();
        }
        let refused = flows.authenticator.request_password_reset(email, from("10.0.0.1")).await;
        assert_eq!(code(refused), "too_many_attempts", "{email}");
        flows.authenticator.request_password_reset(email, from("10.0.0.2")).await.unwrap();
    }
    assert_eq!(flows.mails().await.len(), 5);
    flows.clock.go_on(15 * 60);
    flows.authenticator.request_password_reset(ANA, from("10.0.0.1")).await.unwrap();
    assert_eq!(flows.mails().await.len(), 1);
}

async fn a_weak_password_uses_no_link_up(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let token = reset_token(&flows).await;
    let weak = flows.authenticator.reset_password(&token, "short".into(), anywhere()).await.unwrap_err();
    assert_eq!(weak.kind(), ErrorKind::Validation);
    assert!(weak.problems().iter().any(|problem| problem.code == "too_short"), "{weak:?}");
    flows.authenticator.reset_password(&token, STRONG.into(), anywhere()).await.unwrap();
}

async fn of_two_links_the_later_one_counts(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let (first, second) = (reset_token(&flows).await, reset_token(&flows).await);
    assert_eq!(code(flows.authenticator.reset_password(&first, STRONG.into(), anywhere()).await), USED_UP);
    flows.authenticator.reset_password(&second, STRONG.into(), anywhere()).await.unwrap();
}

async fn a_link_ends(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let token = reset_token(&flows).await;
    flows.clock.go_on(60 * 60);
    assert_eq!(code(flows.authenticator.reset_password(&token, STRONG.into(), anywhere()).await), USED_UP);
    let token = reset_token(&flows).await;
    flows.clock.go_on(60 * 60 - 1);
    flows.authenticator.reset_password(&token, STRONG.into(), anywhere()).await.unwrap();
}

/// Forty people with a link each, and four who use each link at the same time.
async fn a_link_is_used_once_however_many_try(world: World) {
    let flows = Flows::new(world);
    for number in 0..40 {
        let email = Email::parse(&format!("p{number}@x.example")).unwrap();
        let mut tx = flows.database.platform(&system()).write().await.unwrap();
        let new = NewUser { name: Name::parse("P").unwrap(), email: email.clone(), password_hash: None };
        tx.users().create(new).await.unwrap();
        tx.commit().await.unwrap();
        flows.authenticator.request_verification(email.as_str(), anywhere()).await.unwrap();
    }
    let mails = flows.mails().await;
    assert_eq!(mails.len(), 40);
    let mut tasks = tokio::task::JoinSet::new();
    for mail in mails.iter().flat_map(|mail| std::iter::repeat_n(mail.clone(), 4)) {
        let authenticator = flows.authenticator.clone();
        tasks.spawn(async move {
            let verified = authenticator.verify_email(mail.token.as_deref().unwrap(), anywhere()).await;
            verified.map_err(|error| assert_eq!(error.code(), USED_UP)).is_ok()
        });
    }
    let outcomes = tasks.join_all().await;
    assert_eq!(outcomes.iter().filter(|verified| **verified).count(), 40);
}

async fn a_token_opens_what_it_is_for_and_nothing_else(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    flows.authenticator.request_magic_link(ANA, anywhere()).await.unwrap();
    flows.authenticator.request_verification(ANA, anywhere()).await.unwrap();
    flows.authenticator.request_password_reset(ANA, anywhere()).await.unwrap();
    let authenticator = flows.authenticator.clone().with_sign_up(true);
    for mail in flows.mails().await {
        let token = mail.token.unwrap();
        let mut refused = Vec::new();
        if mail.kind != MailKind::ResetPassword {
            refused.push(authenticator.reset_password(&token, STRONG.into(), anywhere()).await);
        }
        if mail.kind != MailKind::VerifyEmail {
            refused.push(authenticator.verify_email(&token, anywhere()).await);
        }
        if mail.kind != MailKind::MagicLink {
            let link = MagicLink { token: token.clone(), tenant: None, host: None };
            refused.push(authenticator.magic_link(link, anywhere()).await.map(drop));
        }
        refused.push(authenticator.set_password(&token, STRONG.into(), anywhere()).await);
        refused.push(authenticator.change_email(&token, anywhere()).await);
        refused.push(authenticator.sign_up(&token, "Ana", STRONG.into(), anywhere()).await.map(drop));
        refused.push(authenticator.inspect_invitation(&token, anywhere()).await.map(drop));
        refused.push(authenticator.refresh(&token, anywhere()).await.map(drop).map_err(|error| {
            assert_eq!(error.code(), "invalid_refresh_token");
            mono_core::Error::new(ErrorKind::Validation, USED_UP, "x")
        }));
        for refused in refused {
            assert_eq!(code(refused), USED_UP, "{}", mail.kind);
        }
    }
    for nonsense in ["", "x", "\0", &"x".repeat(1_000_000)] {
        assert_eq!(code(authenticator.reset_password(nonsense, STRONG.into(), anywhere()).await), USED_UP);
    }
}

/// Whichever comes first, what the old password opened is over when both have ended.
async fn a_reset_leaves_no_session_of_the_old_password(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let passwords = [PASSWORD, STRONG, OTHER, STRONG];
    for pair in passwords.windows(2) {
        let (old, new) = (pair[0].to_owned(), pair[1]);
        let token = reset_token(&flows).await;
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (authenticator, old) = (flows.authenticator.clone(), old.clone());
            tasks.spawn(async move {
                let given = mono_auth::SignIn::new(ANA, old);
                authenticator
                    .sign_in(given, anywhere())
                    .await
                    .and_then(mono_auth::SignInAnswer::signed_in)
                    .ok()
            });
        }
        flows.authenticator.reset_password(&token, new.into(), anywhere()).await.unwrap();
        for session in tasks.join_all().await.into_iter().flatten() {
            assert_eq!(code(flows.caller(&session).await), "session_ended");
        }
        flows.mails().await;
        // The guesses above count; what they were for is over.
        flows.clock.go_on(15 * 60);
    }
}

async fn a_change_keeps_the_session_that_asks(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let other = flows.sign_in(ANA, PASSWORD).await.unwrap();
    let own = flows.sign_in(ANA, PASSWORD).await.unwrap();
    let ana = flows.caller(&own).await.unwrap();
    let token = reset_token(&flows).await;
    let change = async |current: &str, new: &str| {
        flows.authenticator.change_password(&ana, current.into(), new.into()).await
    };
    let wrong = change("wrong", STRONG).await.unwrap_err();
    assert_eq!((wrong.kind(), wrong.code()), (ErrorKind::Forbidden, "wrong_password"));
    assert_eq!(change(PASSWORD, "short").await.unwrap_err().kind(), ErrorKind::Validation);
    flows.caller(&other).await.expect("nothing has changed yet");
    change(PASSWORD, STRONG).await.unwrap();
    flows.caller(&own).await.unwrap();
    assert_eq!(code(flows.caller(&other).await), "session_ended");
    assert_eq!(code(flows.authenticator.reset_password(&token, OTHER.into(), anywhere()).await), USED_UP);
    let mails = flows.mails().await;
    assert_eq!((mails.len(), mails[0].kind), (1, MailKind::PasswordChanged));
    flows.sign_in(ANA, STRONG).await.unwrap();
    for _ in 0..4 {
        assert_eq!(code(change("wrong", OTHER).await), "wrong_password");
    }
    assert_eq!(code(change(STRONG, OTHER).await), "too_many_attempts", "no more guesses than to sign in");
}

async fn a_change_that_a_reset_overtakes_is_refused(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let ana = flows.signed_in(ANA, PASSWORD).await;
    let token = reset_token(&flows).await;
    let (authenticator, reset) = (flows.authenticator.clone(), flows.authenticator.clone());
    let change =
        tokio::spawn(async move { authenticator.change_password(&ana, PASSWORD.into(), OTHER.into()).await });
    let reset = tokio::spawn(async move { reset.reset_password(&token, STRONG.into(), anywhere()).await });
    let (change, reset) = (change.await.unwrap(), reset.await.unwrap());
    // The change makes the link worthless, or the reset the old password: never both.
    assert_ne!(change.is_ok(), reset.is_ok(), "{change:?} {reset:?}");
    flows.clock.go_on(15 * 60);
    flows.signed_in(ANA, if reset.is_ok() { STRONG } else { OTHER }).await;
}

async fn who_was_made_without_a_password_sets_one(world: World) {
    let flows = Flows::new(world);
    let (ben, _) = flows.world.member(&flows.world.harbour, "ben@harbour.example").await;
    let seed = Caller::system(SystemReason::Seed);
    flows.authenticator.send_set_password(&seed, ben).await.unwrap();
    let mut tx = flows.database.platform(&seed).read().await.unwrap();
    let audited = mono_storage::platform_sql!(
        tx,
        "SELECT actor, entity_id FROM platform_audit_log WHERE action = 'password_link_sent'"
    );
    let audited = audited.rows().await.unwrap();
    assert_eq!(audited.len(), 1);
    assert_eq!(audited[0].get::<String>("actor").unwrap(), seed.actor().to_string(), "who sent it");
    assert_eq!(audited[0].get::<UserId>("entity_id").unwrap(), ben);
    drop(tx);
    let token = flows.token(MailKind::SetPassword, "ben@harbour.example").await;
    flows.clock.go_on(6 * 24 * 60 * 60);
    assert_eq!(code(flows.authenticator.reset_password(&token, STRONG.into(), anywhere()).await), USED_UP);
    flows.authenticator.set_password(&token, STRONG.into(), anywhere()).await.unwrap();
    flows.signed_in("ben@harbour.example", STRONG).await;
    flows.mails().await;
    assert_eq!(code(flows.authenticator.send_set_password(&seed, ben).await), "has_password");
    assert!(flows.mails().await.is_empty(), "who has a password is sent no link to set the first one");
    let (eva, _) = flows.world.member(&flows.world.harbour, "eva@harbour.example").await;
    flows.authenticator.send_set_password(&seed, eva).await.unwrap();
    let staff =
        flows.world.caller(&flows.world.harbour, Some("admin"), Scope::tenant(flows.world.harbour.id));
    let refused = flows.authenticator.send_set_password(&staff, eva).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden, "an admin of a tenant is no staff of the platform");
    let nobody = flows.authenticator.send_set_password(&seed, UserId::from_u128(1)).await;
    assert_eq!(nobody.unwrap_err().kind(), ErrorKind::NotFound);
}
