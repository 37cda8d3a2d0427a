//! How often a password may be guessed.

use crate::{PASSWORD, person, timed};
use mono_auth::{Authenticator, SignIn, SignedIn};
use mono_core::caller::RequestContext;
use mono_core::{Error, ErrorKind};
use mono_storage::testkit::World;

mono_storage::conformance!(
    five_guesses_are_looked_at_and_the_sixth_is_not,
    fifty_guesses_at_once_cost_five,
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

async fn code(authenticator: &Authenticator, email: &str, address: &str) -> String {
    guess(authenticator, email, "wrong", address).await.err().unwrap().code().to_owned()
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
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let authenticator = authenticator.clone();
        tasks.spawn(async move { code(&authenticator, EMAIL, "10.0.0.1").await });
    }
    let codes = tasks.join_all().await;
    let looked_at = codes.iter().filter(|code| *code == "invalid_credentials").count();
    let refused = codes.iter().filter(|code| *code == "too_many_attempts").count();
    assert_eq!((looked_at, refused), (5, 45));
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
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..120 {
        let authenticator = authenticator.clone();
        let address = format!("2001:db8::{number:x}");
        tasks.spawn(async move { code(&authenticator, &format!("p{number}@x.io"), &address).await });
    }
    let codes = tasks.join_all().await;
    assert_eq!(codes.iter().filter(|code| *code == "invalid_credentials").count(), 100);
    assert_eq!(code(&authenticator, "p1@x.io", "2001:db8:0:1::1").await, "invalid_credentials");
}
