//! How often a password may be guessed.

use crate::{PASSWORD, authenticator, person, timed};
use mono_auth::{Authenticator, SignIn, SignedIn};
use mono_core::caller::{Caller, RequestContext, SystemReason};
use mono_core::{Error, ErrorKind};
use mono_storage::testkit::{Backend, World};
use std::collections::BTreeMap;
use tokio::task::JoinSet;

mono_storage::conformance!(
    five_guesses_are_looked_at_and_the_sixth_is_not,
    fifty_guesses_at_once_cost_five,
    twenty_right_logins_at_once_all_succeed,
    one_place_that_is_left_serves_ten_right_logins_at_once,
    among_right_ones_no_more_wrong_guesses_are_looked_at,
    who_hangs_up_is_judged_all_the_same,
    who_finds_no_place_to_wait_is_told_to_come_back_in_a_second,
    an_address_that_nobody_has_is_throttled_alike,
    who_signs_in_rightly_is_never_counted,
    a_network_has_a_hundred_guesses,
);

const EMAIL: &str = "ana@harbour.example";

async fn guess(
    authenticator: &Authenticator,
    email: &str,
    password: &str,
    address: &str,
) -> Result<SignedIn, Error> {
    let request = RequestContext { ip_address: Some(address.parse().unwrap()), ..Default::default() };
    authenticator.sign_in(SignIn::new(email, password), request).await?.signed_in()
}

/// As [`guess`]; who is told to come back, since too many others are looked at, does.
async fn patient_guess(
    authenticator: &Authenticator,
    email: &str,
    password: &str,
    address: &str,
) -> Result<SignedIn, Error> {
    loop {
        match guess(authenticator, email, password, address).await {
            Err(error) if error.code() == "attempts_in_flight" => {}
            answer => break answer,
        }
    }
}

async fn code(authenticator: &Authenticator, email: &str, address: &str) -> String {
    patient_guess(authenticator, email, "wrong", address).await.err().unwrap().code().to_owned()
}

async fn five_guesses_are_looked_at_and_the_sixth_is_not(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, EMAIL, "user").await;
    for _ in 0..5 {
        assert_eq!(code(&authenticator, EMAIL, "10.0.0.1").await, "invalid_credentials");
        clock.go_on(60);
    }
    let error = guess(&authenticator, EMAIL, PASSWORD, "10.0.0.1").await.err().unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, "too_many_attempts"));
    assert_eq!(error.details().unwrap()["retryAfterSeconds"], 600, "the first guess was five minutes ago");
    assert_eq!(code(&authenticator, "ben@harbour.example", "10.0.0.1").await, "invalid_credentials");
    guess(&authenticator, EMAIL, PASSWORD, "10.0.0.2").await.expect("the person is not locked out elsewhere");
    clock.go_on(599);
    assert_eq!(code(&authenticator, EMAIL, "10.0.0.1").await, "too_many_attempts");
    clock.go_on(1);
    guess(&authenticator, EMAIL, PASSWORD, "10.0.0.1").await.unwrap();
}

async fn fifty_guesses_at_once_cost_five(world: World) {
    let (authenticator, _) = timed(&world);
    person(&world, &authenticator, EMAIL, "user").await;
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let authenticator = authenticator.clone();
        tasks.spawn(async move { code(&authenticator, EMAIL, "10.0.0.1").await });
    }
    let codes = tasks.join_all().await;
    let looked_at = codes.iter().filter(|code| *code == "invalid_credentials").count();
    let refused = codes.iter().filter(|code| *code == "too_many_attempts").count();
    assert_eq!((looked_at, refused), (5, 45));
}

/// Tries these passwords at the same moment, in turns on two servers; gives how often each was answered how.
async fn at_once(
    world: &World,
    passwords: impl IntoIterator<Item = &'static str>,
) -> BTreeMap<(&'static str, String), usize> {
    let servers = [authenticator(world), authenticator(world)];
    let mut tasks = JoinSet::new();
    for (password, server) in passwords.into_iter().zip(servers.iter().cycle()) {
        let server = server.clone();
        tasks.spawn(async move {
            let answer = patient_guess(&server, EMAIL, password, "10.0.0.1").await;
            (password, answer.err().map_or_else(|| "in".to_owned(), |error| error.code().to_owned()))
        });
    }
    let mut answers = BTreeMap::new();
    for answer in tasks.join_all().await {
        *answers.entry(answer).or_default() += 1;
    }
    answers
}

fn answers<const N: usize>(
    expected: [(&'static str, &str, usize); N],
) -> BTreeMap<(&'static str, String), usize> {
    expected.map(|(password, answer, times)| ((password, answer.to_owned()), times)).into()
}

async fn twenty_right_logins_at_once_all_succeed(world: World) {
    person(&world, &authenticator(&world), EMAIL, "user").await;
    assert_eq!(at_once(&world, [PASSWORD; 20]).await, answers([(PASSWORD, "in", 20)]));
    let wrong = at_once(&world, ["wrong"; 6]).await;
    let expected = answers([("wrong", "invalid_credentials", 5), ("wrong", "too_many_attempts", 1)]);
    assert_eq!(wrong, expected, "none of them is counted");
}

async fn one_place_that_is_left_serves_ten_right_logins_at_once(world: World) {
    person(&world, &authenticator(&world), EMAIL, "user").await;
    at_once(&world, ["wrong"; 4]).await;
    assert_eq!(at_once(&world, [PASSWORD; 10]).await, answers([(PASSWORD, "in", 10)]));
}

async fn among_right_ones_no_more_wrong_guesses_are_looked_at(world: World) {
    person(&world, &authenticator(&world), EMAIL, "user").await;
    let mut mixed = at_once(&world, ["wrong", PASSWORD, "wrong"].into_iter().cycle().take(45)).await;
    // Until the fifth wrong one is found out, right ones come in.
    mixed.retain(|(password, _), _| *password != PASSWORD);
    let expected = answers([("wrong", "invalid_credentials", 5), ("wrong", "too_many_attempts", 25)]);
    assert_eq!(mixed, expected);
    assert_eq!(at_once(&world, [PASSWORD]).await, answers([(PASSWORD, "too_many_attempts", 1)]));
}

async fn who_hangs_up_is_judged_all_the_same(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // Nobody can be held there between their reservation and its judgement: one transaction writes at a time.
    }
    let authenticator = authenticator(&world);
    let user = person(&world, &authenticator, EMAIL, "user").await;
    let system = Caller::system(SystemReason::Authentication);
    let mut holder = world.test.database.platform(&system).write().await.unwrap();
    // Whoever is right waits for this row before it is known that they are.
    holder.users().set_password(user, "another").await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let authenticator = authenticator.clone();
        tasks.spawn(async move { guess(&authenticator, EMAIL, PASSWORD, "10.0.0.1").await });
    }
    // All of them do.
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let until = format!(
        "DO $$ BEGIN WHILE ({waiting}) < 3 LOOP PERFORM pg_sleep(0.01), pg_stat_clear_snapshot(); END LOOP; END $$"
    );
    world.test.as_owner(&until).await;
    tasks.shutdown().await;
    drop(holder);
    let expected = answers([("wrong", "invalid_credentials", 5), ("wrong", "too_many_attempts", 1)]);
    assert_eq!(at_once(&world, ["wrong"; 6]).await, expected, "none of the right ones is counted");
}

async fn who_finds_no_place_to_wait_is_told_to_come_back_in_a_second(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // Too few are there at once: one transaction writes at a time.
    }
    person(&world, &authenticator(&world), EMAIL, "user").await;
    let authenticator = authenticator(&world);
    let mut tasks = JoinSet::new();
    // Five are looked at, 64 wait.
    for _ in 0..200 {
        let authenticator = authenticator.clone();
        tasks.spawn(async move { guess(&authenticator, EMAIL, PASSWORD, "10.0.0.1").await });
    }
    let answers = tasks.join_all().await;
    let refused = answers.iter().filter_map(|answer| answer.as_ref().err()).collect::<Vec<_>>();
    assert!(!refused.is_empty() && refused.len() < answers.len(), "{}", refused.len());
    for error in refused {
        assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, "attempts_in_flight"));
        assert_eq!(error.details().unwrap()["retryAfterSeconds"], 1);
    }
    guess(&authenticator, EMAIL, PASSWORD, "10.0.0.1").await.expect("who comes back is let in");
}

async fn an_address_that_nobody_has_is_throttled_alike(world: World) {
    let (authenticator, _) = timed(&world);
    person(&world, &authenticator, EMAIL, "user").await;
    for email in [EMAIL, "nobody@harbour.example", "no address"] {
        let mut codes = Vec::new();
        for spelling in
            [email.to_owned(), email.to_uppercase(), email.into(), email.into(), email.into(), email.into()]
        {
            codes.push(code(&authenticator, &spelling, "10.0.0.1").await);
        }
        assert_eq!(codes[..5], ["invalid_credentials"; 5], "{email}");
        assert_eq!(codes[5], "too_many_attempts", "{email}");
    }
}

async fn who_signs_in_rightly_is_never_counted(world: World) {
    let (authenticator, _) = timed(&world);
    person(&world, &authenticator, EMAIL, "user").await;
    for _ in 0..4 {
        assert_eq!(code(&authenticator, EMAIL, "10.0.0.1").await, "invalid_credentials");
    }
    for _ in 0..4 {
        guess(&authenticator, EMAIL, PASSWORD, "10.0.0.1").await.unwrap();
    }
    assert_eq!(code(&authenticator, EMAIL, "10.0.0.1").await, "invalid_credentials");
    assert_eq!(code(&authenticator, EMAIL, "10.0.0.1").await, "too_many_attempts");
}

async fn a_network_has_a_hundred_guesses(world: World) {
    let (authenticator, _) = timed(&world);
    let mut tasks = JoinSet::new();
    for number in 0..120 {
        let authenticator = authenticator.clone();
        let address = format!("2001:db8::{number:x}");
        tasks.spawn(async move { code(&authenticator, &format!("p{number}@x.io"), &address).await });
    }
    let codes = tasks.join_all().await;
    assert_eq!(codes.iter().filter(|code| *code == "invalid_credentials").count(), 100);
    assert_eq!(code(&authenticator, "p1@x.io", "2001:db8:0:1::1").await, "invalid_credentials");
}
