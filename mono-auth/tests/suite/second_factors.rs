//! The second factor.

use crate::{PASSWORD, caller, person, timed};
use mono_auth::{Authenticator, SignIn, SignInAnswer, SignedIn};
use mono_core::Error;
use mono_core::caller::{Caller, RequestContext};
use mono_core::error::ErrorKind;
use mono_core::time::{Clock, Timestamp};
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
);

pub(crate) const ANA: &str = "ana@harbour.example";
pub(crate) const BEN: &str = "ben@harbour.example";

/// The code that an authenticator with this secret shows.
pub(crate) fn code(secret: &str, now: Timestamp) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_algorithm(Algorithm::SHA1).with_secret(secret).build().unwrap();
    totp.generate(now.timestamp().try_into().unwrap()).to_string()
}

pub(crate) async fn answer(authenticator: &Authenticator, email: &str) -> SignInAnswer {
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

pub(crate) fn failure<T>(result: Result<T, Error>) -> (ErrorKind, String) {
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
        tasks.spawn(async move {
            loop {
                match show(&authenticator, &asked, code.expose_secret()).await {
                    // Too many others are looked at: who is told to come back does.
                    Err(error) if error.code() == "attempts_in_flight" => {}
                    answer => break answer,
                }
            }
        });
    }
    for answer in tasks.join_all().await {
        answer.expect("a right code");
    }
    let mut tasks = tokio::task::JoinSet::new();
    for guess in 0..20 {
        let (authenticator, asked) = (authenticator.clone(), asked.clone());
        tasks.spawn(async move {
            loop {
                let code = failure(show(&authenticator, &asked, &format!("{guess:06}")).await).1;
                if code != "attempts_in_flight" {
                    break code;
                }
            }
        });
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
