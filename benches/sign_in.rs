//! Whether the time of a refused sign-in tells if the address is known: `cargo bench -p benches --bench sign_in`.
//!
//! 200 tries of each kind, in turns, each at another address from another network, so that no throttle tells them
//! apart. The rank test (Mann and Whitney, 1947) says how likely such a difference is by chance alone.
#![allow(missing_docs, clippy::print_stdout, reason = "a program that prints its report")]

use mono_auth::{Authenticator, KeyRing, SignIn};
use mono_core::caller::{Caller, RequestContext, SystemReason};
use mono_core::seed::Seed;
use mono_core::text::{Email, Name};
use mono_core::{Error, ErrorKind};
use mono_storage::store::NewUser;
use mono_storage::testkit::{Backend, TestDatabase};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

const TRIES: u32 = 200;
/// The kinds of address, each with the beginning of its addresses.
const KINDS: [&str; 3] = ["known", "unknown", "without-a-password"];

#[tokio::main]
async fn main() -> Result<(), Error> {
    let backend = match std::env::var("MONO_TEST_POSTGRES_URL") {
        Ok(_) => Backend::Postgres,
        Err(_) => Backend::Sqlite,
    };
    let test = TestDatabase::create(backend).await.ok_or_else(|| Error::internal("no database"))?;
    let authenticator = Authenticator::new(test.database.clone(), &KeyRing::new((0..32).collect())?)?;
    people(&test, &authenticator).await?;
    let mut times: [Vec<Duration>; 3] = Default::default();
    for number in 0..TRIES {
        for (turn, kind) in KINDS.iter().enumerate() {
            let address =
                Ipv4Addr::from_bits(0x0A00_0000 + number * 3 + u32::try_from(turn).unwrap_or_default());
            let request = RequestContext { ip_address: Some(IpAddr::V4(address)), ..Default::default() };
            let given = SignIn::new(format!("{kind}-{number}@example.com"), "not the password");
            let begun = Instant::now();
            let outcome = authenticator.sign_in(given, request).await;
            let took = begun.elapsed();
            if outcome.err().map(|error| error.kind()) != Some(ErrorKind::Unauthorized) {
                return Err(Error::internal("a wrong password was not refused"));
            }
            if let Some(times) = times.get_mut(turn) {
                times.push(took);
            }
        }
    }
    let [known, unknown, without] = times;
    println!("{} tries of each kind on {}", TRIES, backend.name());
    for (name, times) in [("known", &known), ("unknown", &unknown), ("without a password", &without)] {
        let mut sorted = times.clone();
        sorted.sort();
        let at = |share: usize| sorted.get(sorted.len() * share / 100).copied().unwrap_or_default();
        println!("{name:<20} median {:>10.3?}   middle half {:.3?} to {:.3?}", at(50), at(25), at(75));
    }
    for (name, others) in [("unknown", &unknown), ("without a password", &without)] {
        println!("known against {name}: p = {:.3}", rank_test(&known, others));
    }
    Ok(())
}

async fn people(test: &TestDatabase, authenticator: &Authenticator) -> Result<(), Error> {
    let database = &test.database;
    let hash = authenticator.passwords().hash("the password".into(), database.random()).await?;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).write().await?;
    tx.catalogue().save(&Seed::parse(Seed::STARTER).map_err(Error::validation)?).await?;
    for number in 0..TRIES {
        for (kind, password_hash) in [("known", Some(hash.clone())), ("without-a-password", None)] {
            let email = Email::parse(&format!("{kind}-{number}@example.com"))?;
            tx.users().create(NewUser { email, name: Name::parse(kind)?, password_hash }).await?;
        }
    }
    tx.commit().await
}

/// How likely a difference in rank as large as this one is where both are alike: two-sided, by the normal approximation.
fn rank_test(one: &[Duration], other: &[Duration]) -> f64 {
    let pairs = one.iter().flat_map(|one| other.iter().map(move |other| (one, other)));
    let wins: f64 = pairs
        .map(|(one, other)| match one.cmp(other) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        })
        .sum();
    #[expect(clippy::cast_precision_loss, reason = "some hundred tries")]
    let (n, m) = (one.len() as f64, other.len() as f64);
    let deviation = (n * m * (n + m + 1.0) / 12.0).sqrt();
    let z = (wins - n * m / 2.0).abs() / deviation;
    // Abramowitz and Stegun 26.2.17: exact to seven digits.
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum: f64 = series.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    let density = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (2.0 * density * sum).min(1.0)
}
