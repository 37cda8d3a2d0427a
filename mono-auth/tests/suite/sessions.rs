//! Sessions: begun, refreshed, listed, ended.

use crate::{PASSWORD, caller, person, sign_in, timed};
use mono_auth::{Authenticator, SignedIn};
use mono_core::Error;
use mono_core::caller::{Caller, RequestContext, SystemReason};
use mono_core::id::UserId;
use mono_core::model::tenant::TenantStatus;
use mono_storage::store::{NewToken, TokenPurpose};
use mono_storage::testkit::World;
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;

mono_storage::conformance!(
    a_refresh_goes_on_with_the_session,
    a_lost_answer_is_given_again_for_ten_seconds,
    a_token_that_is_used_again_later_ends_the_session,
    of_many_who_refresh_at_once_all_get_the_same_successor,
    a_refresh_ends_with_the_session_and_with_the_tenant,
    sessions_are_listed_and_ended_by_their_person_only,
    who_goes_to_another_tenant_gets_a_token_for_it,
    a_single_use_token_is_used_once_however_many_try,
    what_ended_long_ago_is_taken_away,
    a_weaker_hash_is_replaced_at_the_next_sign_in,
);

const EMAIL: &str = "ana@harbour.example";

fn token(signed_in: &SignedIn) -> SecretString {
    signed_in.refresh_token.clone().unwrap()
}

async fn refresh(authenticator: &Authenticator, token: &SecretString) -> Result<SignedIn, Error> {
    authenticator.refresh(token.expose_secret(), RequestContext::default()).await
}

async fn a_refresh_goes_on_with_the_session(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, EMAIL, "user").await;
    let first = sign_in(&authenticator, EMAIL).await.unwrap();
    clock.go_on(700);
    assert_eq!(caller(&authenticator, &first).await.unwrap_err().code(), "token_expired");
    let second = refresh(&authenticator, &token(&first)).await.unwrap();
    assert_eq!((second.session_id, second.tenant_id), (first.session_id, Some(world.harbour.id)));
    assert_eq!(second.session_expires_at, first.session_expires_at, "a refresh does not make it longer");
    caller(&authenticator, &second).await.unwrap();
    let third = refresh(&authenticator, &token(&second)).await.unwrap();
    assert_ne!(token(&second).expose_secret(), token(&third).expose_secret());
}

async fn a_lost_answer_is_given_again_for_ten_seconds(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, EMAIL, "user").await;
    let first = token(&sign_in(&authenticator, EMAIL).await.unwrap());
    let second = token(&refresh(&authenticator, &first).await.unwrap());
    clock.go_on(9);
    let again = token(&refresh(&authenticator, &first).await.unwrap());
    assert_eq!(again.expose_secret(), second.expose_secret());
    let third = token(&refresh(&authenticator, &second).await.unwrap());
    // The one before the last one is no lost answer, however soon it comes.
    assert_eq!(refresh(&authenticator, &first).await.err().unwrap().code(), "refresh_token_reused");
    assert_eq!(refresh(&authenticator, &third).await.err().unwrap().code(), "session_ended");
}

async fn a_token_that_is_used_again_later_ends_the_session(world: World) {
    let (authenticator, clock) = timed(&world);
    let user = person(&world, &authenticator, EMAIL, "user").await;
    let first = sign_in(&authenticator, EMAIL).await.unwrap();
    let second = refresh(&authenticator, &token(&first)).await.unwrap();
    clock.go_on(10);
    let error = refresh(&authenticator, &token(&first)).await.err().unwrap();
    assert_eq!(error.code(), "refresh_token_reused");
    assert_eq!(caller(&authenticator, &second).await.unwrap_err().code(), "session_ended");
    assert_eq!(refresh(&authenticator, &token(&second)).await.err().unwrap().code(), "session_ended");
    let system = Caller::system(SystemReason::Authentication);
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    let audited = mono_storage::platform_sql!(
        tx,
        "SELECT entity_id FROM platform_audit_log WHERE action = 'refresh_token_reused'"
    );
    let audited = audited.rows().await.unwrap();
    assert_eq!(audited.len(), 1);
    assert_eq!(audited[0].get::<UserId>("entity_id").unwrap(), user);
    let told =
        mono_storage::platform_sql!(tx, "SELECT user_id FROM mails WHERE kind = 'refresh_token_reused'");
    let told = told.rows().await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].get::<UserId>("user_id").unwrap(), user);
}

async fn of_many_who_refresh_at_once_all_get_the_same_successor(world: World) {
    let (authenticator, _) = timed(&world);
    person(&world, &authenticator, EMAIL, "user").await;
    let first = token(&sign_in(&authenticator, EMAIL).await.unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (authenticator, first) = (authenticator.clone(), first.clone());
        tasks.spawn(async move { token(&refresh(&authenticator, &first).await.unwrap()) });
    }
    let mut successors: Vec<_> =
        tasks.join_all().await.iter().map(|token| token.expose_secret().to_owned()).collect();
    successors.dedup();
    assert_eq!(successors.len(), 1);
}

async fn a_refresh_ends_with_the_session_and_with_the_tenant(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, EMAIL, "user").await;
    let first = token(&sign_in(&authenticator, EMAIL).await.unwrap());
    let other =
        Authenticator::new(world.test.database.clone(), &mono_auth::KeyRing::new((1..33).collect()).unwrap())
            .unwrap();
    assert_eq!(refresh(&other, &first).await.err().unwrap().code(), "invalid_refresh_token");

    let set_status = async |status| {
        let system = Caller::system(SystemReason::Seed);
        let mut tx = world.test.database.platform(&system).write().await.unwrap();
        tx.tenants().set_status(world.harbour.id, status).await.unwrap();
        tx.commit().await.unwrap();
    };
    set_status(TenantStatus::Suspended).await;
    assert_eq!(refresh(&authenticator, &first).await.err().unwrap().code(), "tenant_suspended");
    set_status(TenantStatus::Active).await;
    clock.go_on(60);
    let second = token(&refresh(&authenticator, &first).await.expect("the token was not used up"));
    clock.go_on(24 * 60 * 60 - 60);
    assert_eq!(refresh(&authenticator, &second).await.err().unwrap().code(), "session_ended");

    let signed_in = sign_in(&authenticator, EMAIL).await.unwrap();
    authenticator.sign_out(token(&signed_in).expose_secret(), RequestContext::default()).await.unwrap();
    assert_eq!(refresh(&authenticator, &token(&signed_in)).await.err().unwrap().code(), "session_ended");
    assert_eq!(caller(&authenticator, &signed_in).await.unwrap_err().code(), "session_ended");
    authenticator
        .sign_out(token(&signed_in).expose_secret(), RequestContext::default())
        .await
        .expect("it is no mistake to sign out twice");
}

async fn sessions_are_listed_and_ended_by_their_person_only(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, EMAIL, "user").await;
    person(&world, &authenticator, "ben@harbour.example", "tenant_admin").await;
    let request = |address: &str, agent: &str| RequestContext {
        ip_address: Some(address.parse::<IpAddr>().unwrap()),
        user_agent: Some(agent.into()),
        ..Default::default()
    };
    let sign_in_from = async |request| {
        authenticator
            .sign_in(mono_auth::SignIn::new(EMAIL, crate::PASSWORD), request)
            .await
            .unwrap()
            .signed_in()
            .unwrap()
    };
    let telephone = sign_in_from(request("10.0.0.1", "a telephone")).await;
    clock.go_on(1);
    let desk = sign_in_from(request("10.0.0.2", "a desk")).await;
    clock.go_on(1);
    let third = sign_in_from(request("10.0.0.3", "a tablet")).await;
    let ana = caller(&authenticator, &desk).await.unwrap();
    let ben =
        caller(&authenticator, &sign_in(&authenticator, "ben@harbour.example").await.unwrap()).await.unwrap();
    let sessions = authenticator.sessions(&ana).await.unwrap();
    let seen: Vec<_> = sessions.iter().map(|session| session.user_agent.as_deref().unwrap()).collect();
    assert_eq!(seen, ["a tablet", "a desk", "a telephone"]);
    assert_eq!(sessions[1].ip_address.as_deref(), Some("10.0.0.2"));

    let error = authenticator.revoke_session(&ben, telephone.session_id).await.unwrap_err();
    assert_eq!(error.kind(), mono_core::ErrorKind::NotFound);
    authenticator.revoke_session(&ana, telephone.session_id).await.unwrap();
    assert!(authenticator.revoke_session(&ana, telephone.session_id).await.is_err());
    assert_eq!(caller(&authenticator, &telephone).await.unwrap_err().code(), "session_ended");
    assert_eq!(authenticator.revoke_other_sessions(&ana).await.unwrap(), 1);
    assert!(caller(&authenticator, &third).await.is_err());
    caller(&authenticator, &desk).await.unwrap();
    assert_eq!(authenticator.sessions(&ana).await.unwrap().len(), 1);
}

async fn who_goes_to_another_tenant_gets_a_token_for_it(world: World) {
    let (authenticator, _) = timed(&world);
    let user = person(&world, &authenticator, EMAIL, "user").await;
    let signed_in = sign_in(&authenticator, EMAIL).await.unwrap();
    let ana = caller(&authenticator, &signed_in).await.unwrap();
    let lagoon = world.lagoon.id;
    let refused = authenticator.choose_tenant(&ana, lagoon).await.err().unwrap();
    assert_eq!(refused.code(), "not_a_member");
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    let email = mono_core::text::Email::parse(EMAIL).unwrap();
    let person = tx.users().credentials(&email).await.unwrap().unwrap().user;
    assert_eq!(person.id, user);
    drop(tx);
    let system = Caller::system_in(SystemReason::Seed, lagoon);
    let mut tx = world.test.database.tenant(&system).write().await.unwrap();
    tx.members().add(&person).await.unwrap();
    tx.commit().await.unwrap();
    let tenants = authenticator.memberships(&ana).await.unwrap();
    let tenants: Vec<_> = tenants.iter().map(|membership| membership.tenant_id).collect();
    assert_eq!(tenants, [world.harbour.id, lagoon]);
    let there = authenticator.choose_tenant(&ana, lagoon).await.unwrap();
    assert_eq!(caller(&authenticator, &there).await.unwrap().tenant().unwrap(), lagoon);
    let next = refresh(&authenticator, &token(&signed_in)).await.unwrap();
    assert_eq!(next.tenant_id, Some(lagoon), "the session goes on where the person went");
}

async fn a_single_use_token_is_used_once_however_many_try(world: World) {
    let (authenticator, _) = timed(&world);
    let user = person(&world, &authenticator, EMAIL, "user").await;
    let database = world.test.database.clone();
    let system = Caller::system(SystemReason::Authentication);
    let hashes: Vec<String> = (0..40).map(|number| format!("hash {number}")).collect();
    let mut tx = database.platform(&system).write().await.unwrap();
    let expires_at = database.now() + chrono::TimeDelta::hours(1);
    for hash in &hashes {
        let (purpose, hash) = (TokenPurpose::RecoveryCode, hash.clone());
        let new = NewToken { purpose, hash, user: Some(user), data: serde_json::json!({}), expires_at };
        tx.single_use_tokens().create(new).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for hash in hashes.iter().flat_map(|hash| std::iter::repeat_n(hash.clone(), 4)) {
        let (database, system) = (database.clone(), system.clone());
        tasks.spawn(async move {
            let mut tx = database.platform(&system).write().await.unwrap();
            let found = tx.single_use_tokens().consume(TokenPurpose::RecoveryCode, &hash).await.unwrap();
            let wrong = tx.single_use_tokens().consume(TokenPurpose::MagicLink, &hash).await.unwrap();
            assert!(wrong.is_none(), "a token is for one purpose");
            tx.commit().await.unwrap();
            usize::from(found.is_some())
        });
    }
    assert_eq!(tasks.join_all().await.iter().sum::<usize>(), 40);
    let mut tx = database.platform(&system).read().await.unwrap();
    assert_eq!(tx.single_use_tokens().count(TokenPurpose::RecoveryCode, user).await.unwrap(), 0);
}

async fn what_ended_long_ago_is_taken_away(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, EMAIL, "user").await;
    sign_in(&authenticator, EMAIL).await.unwrap();
    let wrong = mono_auth::SignIn::new(EMAIL, "wrong");
    assert!(authenticator.sign_in(wrong, RequestContext::default()).await.is_err());
    assert_eq!(authenticator.clean().await.unwrap(), 0);
    clock.go_on(31 * 24 * 60 * 60 + 1);
    let kept = sign_in(&authenticator, EMAIL).await.unwrap();
    assert!(authenticator.clean().await.unwrap() > 0);
    assert_eq!(authenticator.clean().await.unwrap(), 0);
    let system = Caller::system(SystemReason::Authentication);
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    let left = mono_storage::platform_sql!(tx, "SELECT id FROM sessions").rows().await.unwrap();
    assert_eq!(left.len(), 1);
    drop(tx);
    caller(&authenticator, &kept).await.unwrap();
}

async fn a_weaker_hash_is_replaced_at_the_next_sign_in(world: World) {
    use argon2::password_hash::CustomizedPasswordHasher;
    let (authenticator, _) = timed(&world);
    let ana = person(&world, &authenticator, EMAIL, "user").await;
    let params = argon2::Params::new(8 * 1024, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::default();
    let weak = argon2
        .hash_password_customized(
            PASSWORD.as_bytes(),
            b"sixteen bytes ..",
            Some("argon2id"),
            Some(0x13),
            params,
        )
        .unwrap()
        .to_string();
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    mono_storage::platform_sql!(tx, "UPDATE users SET password_hash = $2 WHERE id = $1", ana, weak.as_str())
        .execute()
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let authenticator = authenticator.clone();
        // The first one replaces the hash that others are just held against.
        tasks.spawn(async move { sign_in(&authenticator, EMAIL).await.map(drop) });
    }
    for signed_in in tasks.join_all().await {
        signed_in.expect("the password is right");
    }
    let email = mono_core::text::Email::parse(EMAIL).unwrap();
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    let stored = tx.users().credentials(&email).await.unwrap().unwrap().password_hash.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    drop(tx);
    sign_in(&authenticator, EMAIL).await.expect("the password is still the same");
}
