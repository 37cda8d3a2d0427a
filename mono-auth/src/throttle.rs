//! How often secrets may be tried. Who tries an address that nobody has is throttled like everybody else.

use crate::authenticator::Authenticator;
use crate::secret;
use mono_core::Error;
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::UserId;
use mono_core::text::Email;
use mono_storage::store::{ATTEMPTS_IN_FLIGHT, Attempt, Throttle};
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};
use tracing::Instrument as _;

/// How long a try counts.
const WINDOW: Duration = Duration::from_mins(15);
/// How often one address is tried from one network.
const PER_PAIR: usize = 5;
/// How often one address is tried from all networks of one customer.
const PER_SITE: usize = 20;
/// How often any address is tried from one network.
const PER_NETWORK: usize = 100;
/// The longest time that a try at one address waits, in seconds, however many are tried from everywhere.
const LONGEST_DELAY: usize = 10;

/// How many tries wait at most, in one process, until others are judged: each of them asks the database again and again.
pub(crate) const WAITING: usize = 64;
/// How long a try waits at most until others are judged.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it waits before it asks again: at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(320);

/// What every try of a password counts as.
pub(crate) const SIGN_IN: &str = "sign_in";

/// What a try at something counts under: an address from a network, any address from the network, the address from all
/// networks of a customer, the address from everywhere.
pub(crate) fn attempts(what: &str, email: &str, request: &RequestContext) -> [Throttle; 4] {
    let (email, network, site) = (folded(email), network(request), site(request));
    [
        throttle(&format!("{what}|{email}|{network}"), PER_PAIR, true),
        throttle(&format!("{what}|{network}"), PER_NETWORK, true),
        throttle(&format!("{what}|{email}|{site}|site"), PER_SITE, true),
        throttle(&format!("{what}|{email}"), PER_PAIR + LONGEST_DELAY, false),
    ]
}

/// What a try at the second factor of a person counts under, wherever it comes from: the first factor is known there.
pub(crate) fn second_factor(user: UserId) -> Throttle {
    throttle(&format!("second_factor|{user}"), PER_PAIR, true)
}

impl Authenticator {
    /// Writes a try down before its secret is looked at: fifty guesses at once cost five. Where tries that are being judged
    /// leave no room, they may be right ones and make some: it waits for that, on whatever node they are.
    pub(crate) async fn reserve(&self, system: &Caller, throttles: &[Throttle]) -> Result<Attempt, Error> {
        let deadline = Instant::now() + PATIENCE;
        let (mut place, mut pause) = (None, FIRST_PAUSE);
        loop {
            let mut tx = self.inner.database.platform(system).write().await?;
            let refusal = match tx.throttles().reserve(throttles).await {
                Ok(attempt) => {
                    tx.commit().await?;
                    return Ok(attempt);
                }
                Err(error) if error.code() == ATTEMPTS_IN_FLIGHT => error,
                Err(error) => return Err(error),
            };
            drop(tx);
            place = place.or_else(|| self.inner.waiting.try_acquire().ok());
            if place.is_none() || Instant::now() >= deadline {
                return Err(refusal);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// Judges a try to its end, also where the client has hung up meanwhile: a right one that nobody judges would count.
pub(crate) async fn judged<T: Send + 'static>(
    judgement: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    tokio::spawn(judgement.in_current_span()).await.map_err(Error::internal)?
}

/// How often the address was tried from everywhere.
fn tries(attempt: &Attempt) -> usize {
    attempt.counts.last().copied().unwrap_or_default()
}

/// Whether the address was tried no more often from everywhere than it may be from one network.
pub(crate) fn is_within(attempt: &Attempt) -> bool {
    tries(attempt) <= PER_PAIR
}

/// How long a try waits before its secret is looked at. Guessing from many networks gets slow; the person whose address
/// it is waits as well, and is let in.
pub(crate) fn delay(attempt: &Attempt) -> Duration {
    delay_after(tries(attempt))
}

fn delay_after(tries: usize) -> Duration {
    Duration::from_secs(tries.saturating_sub(PER_PAIR).min(LONGEST_DELAY) as u64)
}

fn throttle(what: &str, maximum: usize, refuses: bool) -> Throttle {
    Throttle { key: secret::hash(what), maximum, window: WINDOW, refuses }
}

/// An address as people are told apart by it; one that cannot be is taken as it is.
fn folded(email: &str) -> String {
    Email::parse(email).map_or_else(|_| email.to_lowercase(), |email| email.folded().clone())
}

/// The network that one customer of a provider has: an address of version 4, or 64 bits of one of version 6.
pub(crate) fn network(request: &RequestContext) -> String {
    prefix(request, 64)
}

/// All the networks that one customer of a provider may have: an address of version 4, or 48 bits of one of version 6,
/// which are 65 536 networks (RFC 6177).
fn site(request: &RequestContext) -> String {
    prefix(request, 48)
}

fn prefix(request: &RequestContext, bits: u32) -> String {
    let mask = !u128::MAX.checked_shr(bits).unwrap_or_default();
    match request.ip_address {
        Some(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() & mask).to_string(),
        Some(address) => address.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str) -> RequestContext {
        RequestContext { ip_address: Some(address.parse().unwrap()), ..Default::default() }
    }

    #[test]
    fn one_person_and_one_network_are_one() {
        let keys = |email: &str, address: &str| {
            attempts(SIGN_IN, email, &from(address)).map(|throttle| throttle.key)
        };
        assert_eq!(keys("Ana@x.io", "10.0.0.1"), keys("ana@X.io", "10.0.0.1"));
        assert_eq!(keys("ana@x.io", "2001:db8::1"), keys("ana@x.io", "2001:db8::ffff:1"));
        let (here, there) = (keys("ana@x.io", "2001:db8::1"), keys("ana@x.io", "2001:db8:0:1::1"));
        assert!(here[0] != there[0] && here[1] != there[1] && here[2] == there[2] && here[3] == there[3]);
        let away = keys("ana@x.io", "2001:db8:1::1");
        assert!(here[2] != away[2] && here[3] == away[3]);
    }

    #[test]
    fn the_delay_grows_to_ten_seconds() {
        let seconds = [1, 5, 6, 9, 15, 16, 1_000_000].map(|tries| delay_after(tries).as_secs());
        assert_eq!(seconds, [0, 0, 1, 4, 10, 10, 10]);
    }
}
