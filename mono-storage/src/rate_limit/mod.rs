//! How often one may call: a window that slides, so that no stretch of time of its length sees more calls than the
//! limit.
//!
//! Limits up to 64 remember each call. Above that, calls are counted in buckets of a tenth of the window, of which the
//! oldest counts in full: that lets 92 to 97 of 100 through, and never one too many.

mod limiter;
mod memory;
#[cfg(feature = "redis")]
mod redis;
#[cfg(test)]
mod tests;
mod window;

pub use limiter::RateLimiter;
pub use memory::MemoryLimiter;

use mono_core::id::{TenantId, UserId, Uuid};
use mono_core::rate_limit::Limit;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

/// Whose calls are counted together. What is not given is not told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Client {
    /// The tenant that the caller works in.
    pub tenant: Option<TenantId>,
    /// The person.
    pub user: Option<UserId>,
    /// The API key.
    pub key: Option<Uuid>,
    /// The network, of who is not known.
    pub network: Option<IpAddr>,
}

impl Client {
    /// Who is not known, by the network that one customer of a provider has: an address of version 4, or 64 bits of one of
    /// version 6 (RFC 6177).
    pub fn stranger(address: Option<IpAddr>) -> Self {
        const UPPER: u128 = !(u64::MAX as u128);
        let network = address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & UPPER).into(),
            address @ IpAddr::V4(_) => address,
        });
        Self { network, ..Self::default() }
    }
}

/// The answer to a call, and what the tightest of its limits says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the call is one of those that the limits let through. Only then it was counted, under all of them.
    pub admitted: bool,
    /// The tightest limit: the one to wait for longest, or the one that has least left.
    pub name: Arc<str>,
    /// The calls of that limit.
    pub limit: u32,
    /// How many more it lets through now.
    pub remaining: u32,
    /// After how long the call fits under every limit, if nobody calls until then; nothing if it fitted.
    pub wait: Duration,
    /// After how long nothing counts under that limit any more.
    pub reset: Duration,
}

impl Verdict {
    /// The answer that tells of the tighter limit.
    fn tighter(self, other: Self) -> Self {
        let rank = |verdict: &Self| (verdict.admitted, std::cmp::Reverse(verdict.wait), verdict.remaining);
        if rank(&other) < rank(&self) { other } else { self }
    }

    /// What a limit of so many calls says about one that would be one more than `used`.
    fn of(limit: &Limit, calls: u32, used: u32, wait: u64, reset: u64) -> Self {
        Self {
            admitted: used < calls,
            name: Arc::clone(&limit.name),
            limit: calls,
            remaining: calls.saturating_sub(used),
            wait: Duration::from_micros(wait),
            reset: Duration::from_micros(reset),
        }
    }

    /// The tightest of many, where the call is then counted if all let it through.
    fn tightest(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut verdict = all.into_iter().reduce(Self::tighter)?;
        if verdict.admitted {
            verdict.remaining = verdict.remaining.saturating_sub(1);
        }
        Some(verdict)
    }
}
