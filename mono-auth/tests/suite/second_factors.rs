//! The second factor, step-up, and what a tenant asks for.

use crate::{PASSWORD, caller, person, timed};
use mono_auth::{Authenticator, SignIn, SignInAnswer, SignedIn, StepUp};
use mono_core::caller::{Actor, Caller, RequestContext, SystemReason};
use mono_core::error::ErrorKind;
use mono_core::model::auth_policy::AuthPolicyChange;
use mono_core::permission::{Effect, Pattern, Scope};
use mono_core::time::{Clock, Timestamp};
use mono_core::{Error, permission};
use mono_storage::store::NewGrant;
use mono_storage::testkit::World;
use secrecy::{ExposeSecret, SecretString};
use totp_rs::{Algorithm, Builder, Secret};

mono_storage::conformance!(
    a_second_factor_is_in_force_after_its_first_code,
    a_code_works_once_also_when_shown_at_once,
    a_recovery_code_works_once_also_when_shown_at_once,
    a_challenge_works_once_and_a_wrong_code_leaves_it,
    who_clicks_twice_has_guessed_nothing,
    five_codes_are_looked_at_and_the_sixth_is_not,
    ten_right_codes_at_once_find_the_one_place_that_is_left,
    a_wrong_first_code_counts,
    a_challenge_of_one_person_is_not_opened_with_the_code_of_another,
    dangerous_permissions_ask_for_fresh_authentication,
    where_there_is_a_second_factor_the_password_alone_is_not_fresh,
    nothing_dangerous_is_done_in_the_name_of_somebody_else,
    a_role_that_needs_a_second_factor_can_enrol_one_and_nothing_else,
    who_was_given_everything_is_asked_for_a_second_factor_too,
    a_tenant_shortens_sessions_that_work_in_it,
    a_tenant_says_which_ways_to_sign_in_it_takes,
    a_weaker_hash_is_replaced_at_the_next_sign_in,
);

const ANA: &str = "ana@harbour.example";
const BEN: &str = "ben@harbour.example";

/// The code that an authenticator with this secret shows.
pub(crate) fn code(secret: &str, now: Timestamp) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build().unwrap();
    totp.generate(now.timestamp().try_into().unwrap()).to_string()
}

async fn answer(authenticator: &Authenticator, email: &str) -> SignInAnswer {
    authenticator.sign_in(SignIn::new(email, PASSWORD), RequestContext::default()).await.unwrap()
}

pub(crate) async fn signed_in(authenticator: &Authenticator, email: &str) -> Caller {
    let signed_in = answer(authenticator, email).await.signed_in().unwrap();
    caller(authenticator, &signed_in).await.unwrap()
}

pub(crate) async fn challenge(authenticator: &Authenticator, email: &str) -> String {
    match answer(authenticator, email).await {
        SignInAnswer::SecondFactor(challenge) => challenge.token.expose_secret().to_owned(),
        SignInAnswer::SignedIn(_) => panic!("the second factor was not asked for"),
    }
}

pub(crate) async fn show(
    authenticator: &Authenticator,
    challenge: &str,
    code: &str,
) -> Result<SignedIn, Error> {
    authenticator.sign_in_with_code(challenge, code, RequestContext::default()).await
}

/// Enrols a person; gives the secret and the recovery codes.
pub(crate) async fn enrol(
    authenticator: &Authenticator,
    caller: &Caller,
    now: Timestamp,
) -> (String, Vec<SecretString>) {
    let enrolment = authenticator.enrol_second_factor(caller).await.unwrap();
    let secret = enrolment.secret.expose_secret().to_owned();
    let codes = authenticator.confirm_second_factor(caller, &code(&secret, now)).await.unwrap();
    (secret, codes)
}

fn failure<T>(result: Result<T, Error>) -> (ErrorKind, String) {
    let error = result.err().expect("a refusal");
    (error.kind(), error.code().to_owned())
}

async fn a_second_factor_is_in_force_after_its_first_code(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let ana = signed_in(&authenticator, ANA).await;
    assert_eq!(authenticator.second_factor(&ana).await.unwrap().since, None);
    let first = authenticator.enrol_second_factor(&ana).await.unwrap();
    assert!(first.uri.expose_secret().starts_with("otpauth://totp/mono:ana%40harbour.example?secret="));
    answer(&authenticator, ANA).await.signed_in().expect("what only waits is not asked for");
    let wrong = failure(authenticator.confirm_second_factor(&ana, "000000").await);
    assert_eq!(wrong, (ErrorKind::Validation, "invalid_code".to_owned()));
    let (secret, codes) = enrol(&authenticator, &ana, clock.now()).await;
    assert_eq!(codes.len(), 10);
    let state = authenticator.second_factor(&ana).await.unwrap();
    assert!(state.since.is_some() && state.recovery_codes_left == 10);
    let again = failure(authenticator.enrol_second_factor(&ana).await);
    assert_eq!(again, (ErrorKind::Conflict, "second_factor_enrolled".to_owned()));
    for _ in 0..6 {
        let again = failure(authenticator.confirm_second_factor(&ana, "000000").await);
        assert_eq!(again.1, "second_factor_enrolled", "no code is looked at, so none is counted");
    }

    let asked = challenge(&authenticator, ANA).await;
    let confirmed = failure(show(&authenticator, &asked, &code(&secret, clock.now())).await);
    assert_eq!(confirmed.1, "invalid_code", "the code that confirmed was used");
    clock.go_on(30);
    let session = show(&authenticator, &asked, &code(&secret, clock.now())).await.unwrap();
    let ana = caller(&authenticator, &session).await.unwrap();

    let renewed = authenticator.renew_recovery_codes(&ana).await.unwrap();
    let asked = challenge(&authenticator, ANA).await;
    assert_eq!(failure(show(&authenticator, &asked, codes[0].expose_secret()).await).1, "invalid_code");
    show(&authenticator, &asked, renewed[0].expose_secret()).await.unwrap();
    assert_eq!(authenticator.second_factor(&ana).await.unwrap().recovery_codes_left, 9);

    authenticator.disable_second_factor(&ana).await.unwrap();
    answer(&authenticator, ANA).await.signed_in().expect("it is gone");
    assert_eq!(authenticator.second_factor(&ana).await.unwrap().recovery_codes_left, 0);
    assert_eq!(failure(authenticator.disable_second_factor(&ana).await).0, ErrorKind::NotFound);
}

/// Shows one code with several challenges at once; gives how many got through.
async fn at_once(authenticator: &Authenticator, code: &str) -> usize {
    let mut challenges = Vec::new();
    for _ in 0..4 {
        challenges.push(challenge(authenticator, ANA).await);
    }
    let tries = challenges.into_iter().map(|challenge| {
        let (authenticator, code) = (authenticator.clone(), code.to_owned());
        tokio::spawn(async move { show(&authenticator, &challenge, &code).await })
    });
    let mut through = 0;
    for attempt in tries.collect::<Vec<_>>() {
        match attempt.await.unwrap() {
            Ok(_) => through += 1,
            Err(error) => assert_eq!(error.code(), "invalid_code"),
        }
    }
    through
}

async fn a_code_works_once_also_when_shown_at_once(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let ana = signed_in(&authenticator, ANA).await;
    let (secret, _) = enrol(&authenticator, &ana, clock.now()).await;
    clock.go_on(30);
    assert_eq!(at_once(&authenticator, &code(&secret, clock.now())).await, 1);
}

async fn a_recovery_code_works_once_also_when_shown_at_once(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let ana = signed_in(&authenticator, ANA).await;
    let (_, codes) = enrol(&authenticator, &ana, clock.now()).await;
    assert_eq!(at_once(&authenticator, codes[3].expose_secret()).await, 1);
    assert_eq!(authenticator.second_factor(&ana).await.unwrap().recovery_codes_left, 9);
}

async fn a_challenge_works_once_and_a_wrong_code_leaves_it(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let ana = signed_in(&authenticator, ANA).await;
    let (secret, codes) = enrol(&authenticator, &ana, clock.now()).await;
    clock.go_on(30);
    let asked = challenge(&authenticator, ANA).await;
    assert_eq!(failure(show(&authenticator, &asked, "000000").await).1, "invalid_code");
    show(&authenticator, &asked, &code(&secret, clock.now())).await.expect("a wrong code leaves it");
    let replay = failure(show(&authenticator, &asked, codes[0].expose_secret()).await);
    assert_eq!(replay, (ErrorKind::Validation, "invalid_single_use_token".to_owned()));
    assert_eq!(
        authenticator.second_factor(&ana).await.unwrap().recovery_codes_left,
        10,
        "nothing else is used"
    );
    let late = challenge(&authenticator, ANA).await;
    clock.go_on(5 * 60);
    let late = failure(show(&authenticator, &late, &code(&secret, clock.now())).await);
    assert_eq!(late.1, "invalid_single_use_token");
    assert_eq!(failure(show(&authenticator, "made up", "000000").await).1, "invalid_single_use_token");
}

async fn who_clicks_twice_has_guessed_nothing(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let ana = signed_in(&authenticator, ANA).await;
    let (secret, _) = enrol(&authenticator, &ana, clock.now()).await;
    // More often than one may guess.
    for _ in 0..8 {
        clock.go_on(30);
        let (asked, shown) = (challenge(&authenticator, ANA).await, code(&secret, clock.now()));
        let (first, second) =
            tokio::join!(show(&authenticator, &asked, &shown), show(&authenticator, &asked, &shown));
        let (signed_in, refused) = if first.is_ok() { (first, second) } else { (second, first) };
        signed_in.expect("one of the two signs in");
        assert_eq!(failure(refused).1, "invalid_single_use_token");
    }
}

async fn five_codes_are_looked_at_and_the_sixth_is_not(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let ana = signed_in(&authenticator, ANA).await;
    let (secret, _) = enrol(&authenticator, &ana, clock.now()).await;
    clock.go_on(30);
    let asked = challenge(&authenticator, ANA).await;
    let guesses = (0..20).map(|guess| {
        let (authenticator, asked) = (authenticator.clone(), asked.clone());
        tokio::spawn(async move { show(&authenticator, &asked, &format!("{guess:06}")).await.err().unwrap() })
    });
    let mut looked_at = 0;
    for guess in guesses.collect::<Vec<_>>() {
        looked_at += usize::from(guess.await.unwrap().code() == "invalid_code");
    }
    assert_eq!(looked_at, 5, "twenty guesses at once cost five");
    let right = failure(show(&authenticator, &asked, &code(&secret, clock.now())).await);
    assert_eq!(right, (ErrorKind::RateLimited, "too_many_attempts".to_owned()));
    clock.go_on(15 * 60);
    let asked = challenge(&authenticator, ANA).await;
    show(&authenticator, &asked, &code(&secret, clock.now())).await.expect("nobody is locked out for ever");
}

async fn ten_right_codes_at_once_find_the_one_place_that_is_left(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let ana = signed_in(&authenticator, ANA).await;
    let (_, codes) = enrol(&authenticator, &ana, clock.now()).await;
    clock.go_on(30);
    // Ten recovery codes, each with a challenge of its own, and no place but one.
    let asked = challenge(&authenticator, ANA).await;
    for guess in 0..4 {
        assert_eq!(failure(show(&authenticator, &asked, &format!("{guess:06}")).await).1, "invalid_code");
    }
    let mut tasks = tokio::task::JoinSet::new();
    for code in codes {
        let (authenticator, asked) = (authenticator.clone(), challenge(&authenticator, ANA).await);
        tasks.spawn(async move { show(&authenticator, &asked, code.expose_secret()).await });
    }
    for answer in tasks.join_all().await {
        answer.expect("a right code");
    }
    let mut tasks = tokio::task::JoinSet::new();
    for guess in 0..20 {
        let (authenticator, asked) = (authenticator.clone(), asked.clone());
        tasks.spawn(async move { failure(show(&authenticator, &asked, &format!("{guess:06}")).await).1 });
    }
    let mut codes = tasks.join_all().await;
    codes.sort();
    assert_eq!(
        (codes[0].as_str(), &codes[1..]),
        ("invalid_code", &vec!["too_many_attempts".to_owned(); 19][..])
    );
}

async fn a_wrong_first_code_counts(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let ana = signed_in(&authenticator, ANA).await;
    let enrolment = authenticator.enrol_second_factor(&ana).await.unwrap();
    let right = code(enrolment.secret.expose_secret(), clock.now());
    for _ in 0..5 {
        let wrong = failure(authenticator.confirm_second_factor(&ana, "000000").await);
        assert_eq!(wrong, (ErrorKind::Validation, "invalid_code".to_owned()));
    }
    let refused = authenticator.confirm_second_factor(&ana, &right).await.unwrap_err();
    assert_eq!(refused.code(), "too_many_attempts");
    assert_eq!(refused.details().unwrap()["retryAfterSeconds"], 900);
}

async fn a_challenge_of_one_person_is_not_opened_with_the_code_of_another(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    person(&world, &authenticator, BEN, "user").await;
    let (ana, ben) = (signed_in(&authenticator, ANA).await, signed_in(&authenticator, BEN).await);
    enrol(&authenticator, &ana, clock.now()).await;
    let (secret, codes) = enrol(&authenticator, &ben, clock.now()).await;
    clock.go_on(30);
    let asked = challenge(&authenticator, ANA).await;
    assert!(show(&authenticator, &asked, &code(&secret, clock.now())).await.is_err());
    assert!(show(&authenticator, &asked, codes[0].expose_secret()).await.is_err());
    assert_eq!(authenticator.second_factor(&ben).await.unwrap().recovery_codes_left, 10);
}

async fn dangerous_permissions_ask_for_fresh_authentication(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "tenant_admin").await;
    let session = answer(&authenticator, ANA).await.signed_in().unwrap();
    let whole = Scope::tenant(world.harbour.id);
    let (delete, create) = (permission!("tenant.accounts.delete"), permission!("tenant.accounts.create"));
    let ana = caller(&authenticator, &session).await.unwrap();
    ana.authorize(delete, &whole, clock.now()).expect("who has just signed in is fresh");
    clock.go_on(8 * 60);
    let refreshed = session.refresh_token.as_ref().unwrap().expose_secret();
    let session = authenticator.refresh(refreshed, RequestContext::default()).await.unwrap();
    clock.go_on(7 * 60);
    let ana = caller(&authenticator, &session).await.unwrap();
    let refused = ana.authorize(delete, &whole, clock.now()).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "step_up_required"));
    assert_eq!(refused.details().unwrap()["permission"], "tenant.accounts.delete");
    ana.authorize(create, &whole, clock.now()).expect("what is not dangerous goes on");
    let foreign = ana.authorize(delete, &Scope::tenant(world.lagoon.id), clock.now()).unwrap_err();
    assert_ne!(foreign.code(), "step_up_required", "nobody is asked to prove who they are for nothing");
    assert_eq!(failure(authenticator.enrol_second_factor(&ana).await).1, "step_up_required");

    let wrong = StepUp { password: Some("wrong".into()), code: None };
    assert_eq!(failure(authenticator.step_up(&ana, wrong).await).1, "wrong_password");
    assert_eq!(failure(authenticator.step_up(&ana, StepUp::default()).await).0, ErrorKind::Validation);
    let right = StepUp { password: Some(PASSWORD.into()), code: None };
    let until = authenticator.step_up(&ana, right).await.unwrap();
    assert_eq!(until, clock.now() + chrono::TimeDelta::minutes(15));
    let ana = caller(&authenticator, &session).await.unwrap();
    ana.authorize(delete, &whole, clock.now()).expect("at once");
    ana.authorize(delete, &whole, until).expect_err("and no longer");

    for _ in 0..5 {
        let wrong = StepUp { password: Some("wrong".into()), code: None };
        let _ = authenticator.step_up(&ana, wrong).await;
    }
    let right = StepUp { password: Some(PASSWORD.into()), code: None };
    assert_eq!(failure(authenticator.step_up(&ana, right).await).0, ErrorKind::RateLimited);
}

async fn where_there_is_a_second_factor_the_password_alone_is_not_fresh(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "tenant_admin").await;
    let session = answer(&authenticator, ANA).await.signed_in().unwrap();
    let other = answer(&authenticator, ANA).await.signed_in().unwrap();
    let ana = caller(&authenticator, &session).await.unwrap();
    let (secret, _) = enrol(&authenticator, &ana, clock.now()).await;
    let (delete, whole) = (permission!("tenant.accounts.delete"), Scope::tenant(world.harbour.id));
    let ana = caller(&authenticator, &session).await.unwrap();
    ana.authorize(delete, &whole, clock.now()).expect("who has just confirmed a code is fresh");
    let ana = caller(&authenticator, &other).await.unwrap();
    assert_eq!(ana.authorize(delete, &whole, clock.now()).unwrap_err().code(), "step_up_required");
    let alone = StepUp { password: Some(PASSWORD.into()), code: None };
    assert_eq!(failure(authenticator.step_up(&ana, alone).await).0, ErrorKind::Validation);
    clock.go_on(30);
    let shown = code(&secret, clock.now());
    authenticator.step_up(&ana, StepUp { password: None, code: Some(shown.clone()) }).await.unwrap();
    let again = StepUp { password: None, code: Some(shown) };
    assert_eq!(failure(authenticator.step_up(&ana, again).await).1, "invalid_code", "a code works once");
    let ana = caller(&authenticator, &other).await.unwrap();
    ana.authorize(delete, &whole, clock.now()).unwrap();
}

async fn nothing_dangerous_is_done_in_the_name_of_somebody_else(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "tenant_admin").await;
    let (acting, staff) = crate::impersonation::acting(&world, &authenticator, ANA).await;
    let as_ana = caller(&authenticator, &acting).await.unwrap();
    let (delete, whole) = (permission!("tenant.accounts.delete"), Scope::tenant(world.harbour.id));
    let refused = as_ana.authorize(delete, &whole, clock.now()).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "impersonated"));
    let given = || StepUp { password: Some(PASSWORD.into()), code: None };
    assert_eq!(failure(authenticator.step_up(&as_ana, given()).await).1, "impersonated");
    assert_eq!(failure(authenticator.enrol_second_factor(&as_ana).await).1, "impersonated");
    assert_eq!(acting.impersonator_id, Some(staff), "the login says so too");
}

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

async fn a_weaker_hash_is_replaced_at_the_next_sign_in(world: World) {
    use argon2::password_hash::CustomizedPasswordHasher;
    let (authenticator, _) = timed(&world);
    let ana = person(&world, &authenticator, ANA, "user").await;
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
        tasks.spawn(async move { answer(&authenticator, ANA).await.signed_in().map(drop) });
    }
    for signed_in in tasks.join_all().await {
        signed_in.expect("the password is right");
    }
    let email = mono_core::text::Email::parse(ANA).unwrap();
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    let stored = tx.users().credentials(&email).await.unwrap().unwrap().password_hash.unwrap();
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
    drop(tx);
    answer(&authenticator, ANA).await.signed_in().expect("the password is still the same");
}
