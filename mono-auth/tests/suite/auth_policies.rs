//! What a tenant asks of those who sign in to work in it.

use crate::second_factors::{ANA, BEN, answer, challenge, code, enrol, failure, show, signed_in};
use crate::{PASSWORD, caller, person, timed};
use mono_auth::{Authenticator, SignIn, SignedIn};
use mono_core::caller::{Actor, Caller, RequestContext, SystemReason};
use mono_core::error::ErrorKind;
use mono_core::model::auth_policy::AuthPolicyChange;
use mono_core::permission::{Effect, Pattern, Scope};
use mono_core::time::Clock;
use mono_storage::store::NewGrant;
use mono_storage::testkit::World;
use secrecy::ExposeSecret;

mono_storage::conformance!(
    a_role_that_needs_a_second_factor_can_enrol_one_and_nothing_else,
    who_was_given_everything_is_asked_for_a_second_factor_too,
    a_tenant_shortens_sessions_that_work_in_it,
    a_tenant_says_which_ways_to_sign_in_it_takes,
);

/// Changes what the harbour asks for.
async fn ask(world: &World, authenticator: &Authenticator, change: AuthPolicyChange) {
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.auth_policy().update(change, authenticator.policy()).await.unwrap();
    tx.commit().await.unwrap();
    authenticator.forget();
}

async fn a_role_that_needs_a_second_factor_can_enrol_one_and_nothing_else(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "tenant_admin").await;
    person(&world, &authenticator, BEN, "user").await;
    // `tenant_admin` inherits from this role.
    let roles = Some(Some(["account_owner".to_owned()].into()));
    ask(&world, &authenticator, AuthPolicyChange { second_factor_roles: roles, ..Default::default() }).await;
    signed_in(&authenticator, BEN).await;
    let session = answer(&authenticator, ANA).await.signed_in().unwrap();
    let refused = failure(caller(&authenticator, &session).await);
    assert_eq!(refused, (ErrorKind::Forbidden, "second_factor_enrolment_required".to_owned()));
    let other = failure(
        authenticator
            .authenticate(&session.access_token, Some(world.lagoon.id), RequestContext::default())
            .await,
    );
    assert_eq!(other.1, "not_a_member");
    let alone = authenticator
        .authenticate_person(&session.access_token, RequestContext::default())
        .await
        .expect("the person looks after their own sign-in");
    let (secret, _) = enrol(&authenticator, &alone, clock.now()).await;
    caller(&authenticator, &session).await.expect("the session has a second factor now");
    clock.go_on(30);
    let asked = challenge(&authenticator, ANA).await;
    let session = show(&authenticator, &asked, &code(&secret, clock.now())).await.unwrap();
    caller(&authenticator, &session).await.unwrap();
}

async fn who_was_given_everything_is_asked_for_a_second_factor_too(world: World) {
    let (authenticator, _) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let ana = signed_in(&authenticator, ANA).await;
    let Actor::User { member: Some(member), .. } = ana.actor() else { panic!("a member") };
    let give = async |pattern: &str, effect| {
        let (pattern, scope) = (Pattern::parse(pattern).unwrap(), Scope::tenant(world.harbour.id));
        let new = NewGrant { member, pattern, effect, scope, starts_at: None, ends_at: None };
        let system = Caller::system_in(SystemReason::Seed, world.harbour.id);
        let mut tx = world.test.database.tenant(&system).write().await.unwrap();
        tx.grants().give(new).await.unwrap();
        tx.commit().await.unwrap();
        authenticator.forget();
    };
    give("tenant.accounts.*", Effect::Allow).await;
    let roles = Some(Some(["tenant_admin".to_owned()].into()));
    ask(&world, &authenticator, AuthPolicyChange { second_factor_roles: roles, ..Default::default() }).await;
    let session = answer(&authenticator, ANA).await.signed_in().unwrap();
    caller(&authenticator, &session).await.expect("a part of the rights is not the role");
    give("*", Effect::Allow).await;
    assert_eq!(failure(caller(&authenticator, &session).await).1, "second_factor_enrolment_required");
}

async fn a_tenant_shortens_sessions_that_work_in_it(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let change = AuthPolicyChange {
        session_hours: Some(Some(1)),
        idle_minutes: Some(Some(20)),
        ..AuthPolicyChange::default()
    };
    ask(&world, &authenticator, change).await;
    let mut session = answer(&authenticator, ANA).await.signed_in().unwrap();
    assert_eq!(session.session_expires_at, clock.now() + chrono::TimeDelta::hours(1));
    let refresh = async |session: &SignedIn| {
        let token = session.refresh_token.as_ref().unwrap().expose_secret();
        authenticator.refresh(token, RequestContext::default()).await
    };
    for _ in 0..6 {
        clock.go_on(9 * 60);
        session = refresh(&session).await.expect("who works is not idle");
    }
    clock.go_on(6 * 60);
    assert_eq!(failure(refresh(&session).await), (ErrorKind::Unauthorized, "session_ended".to_owned()));
    assert_eq!(failure(caller(&authenticator, &session).await).1, "session_ended");
    let idle = answer(&authenticator, ANA).await.signed_in().unwrap();
    clock.go_on(20 * 60);
    assert_eq!(failure(refresh(&idle).await).1, "session_ended");
}

async fn a_tenant_says_which_ways_to_sign_in_it_takes(world: World) {
    let (authenticator, _) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let before = answer(&authenticator, ANA).await.signed_in().unwrap();
    let methods = Some(Some([mono_core::model::auth_policy::SignInMethod::MagicLink].into()));
    ask(&world, &authenticator, AuthPolicyChange { sign_in_methods: methods, ..Default::default() }).await;
    let refused = authenticator.sign_in(SignIn::new(ANA, PASSWORD), RequestContext::default()).await;
    assert_eq!(failure(refused), (ErrorKind::Forbidden, "sign_in_method_not_allowed".to_owned()));
    assert_eq!(failure(caller(&authenticator, &before).await).1, "sign_in_method_not_allowed");
}
