//! The calls of one client under one limit, as far as they still count. Moments are microseconds since 1970.

use mono_core::rate_limit::Rate;
use std::collections::VecDeque;

/// Up to this limit every single call is remembered.
pub(crate) const LOG_LIMIT: u32 = 64;

/// Above it calls are counted in buckets: those that a window can touch, the oldest of which counts in full.
pub(crate) const BUCKETS: usize = 11;

/// By how much a clock may fall back before what was remembered is moved along with it.
const SKEW: u64 = 1_000_000;

/// The calls that count.
#[derive(Debug, Clone)]
pub(crate) enum Window {
    /// Each call, in the order of time.
    Log { length: u64, calls: VecDeque<u64> },
    /// How many calls began in the newest bucket and in each of the ten before it. A bucket is as long as a tenth of the
    /// window, and its number is the count of buckets since 1970.
    Buckets { width: u64, newest: u64, counts: [u32; BUCKETS] },
}

impl Window {
    pub(crate) fn new(rate: Rate) -> Self {
        if rate.calls <= LOG_LIMIT {
            return Self::Log { length: length(rate), calls: VecDeque::new() };
        }
        Self::Buckets { width: width(rate), newest: 0, counts: [0; BUCKETS] }
    }

    /// Whether the window can count under the rate; its number of calls may have changed.
    pub(crate) fn fits(&self, rate: Rate) -> bool {
        match self {
            Self::Log { length: own, .. } => rate.calls <= LOG_LIMIT && *own == length(rate),
            Self::Buckets { width: own, .. } => rate.calls > LOG_LIMIT && *own == width(rate),
        }
    }

    /// The moment to judge by. Time that falls back a little stands still; where a clock was set back, what is remembered
    /// goes with it, so that nobody waits for hours, and nothing is forgotten before its time.
    pub(crate) fn settle(&mut self, now: u64) -> u64 {
        match self {
            Self::Log { calls, .. } => {
                let last = calls.back().copied().unwrap_or_default();
                let ahead = last.saturating_sub(now);
                if ahead <= SKEW {
                    return last.max(now);
                }
                for call in calls.iter_mut() {
                    *call = call.saturating_sub(ahead);
                }
                now
            }
            Self::Buckets { width, newest, counts } => {
                // One ahead: the calls of a bucket that was moved may be as young as its end.
                let ahead = newest.saturating_sub(now / *width + 1);
                if ahead > 0 {
                    counts.rotate_left(place(ahead));
                    *newest -= ahead;
                }
                now.max(*newest * *width)
            }
        }
    }

    /// How many calls count.
    pub(crate) fn used(&self, now: u64) -> u32 {
        match self {
            Self::Log { length, calls } => {
                let gone = calls.partition_point(|call| call + length <= now);
                u32::try_from(calls.len() - gone).unwrap_or(u32::MAX)
            }
            Self::Buckets { width, .. } => self
                .numbered()
                .filter(|(number, _)| number + BUCKETS as u64 > now / width)
                .map(|(_, count)| count)
                .fold(0, u32::saturating_add),
        }
    }

    /// The first moment at which one more call fits under the limit, if nobody calls until then.
    pub(crate) fn free_at(&self, limit: u32, now: u64) -> u64 {
        let used = self.used(now);
        if used < limit {
            return now;
        }
        match self {
            Self::Log { length, calls } => {
                let leaves = calls.len().checked_sub(limit as usize).and_then(|place| calls.get(place));
                leaves.map_or(now, |call| *call) + length
            }
            Self::Buckets { width, .. } => {
                let mut left = used;
                for (number, count) in
                    self.numbered().filter(|(number, _)| number + BUCKETS as u64 > now / width)
                {
                    left -= count.min(left);
                    if left < limit {
                        return (number + BUCKETS as u64) * width;
                    }
                }
                now + width * BUCKETS as u64
            }
        }
    }

    /// The moment from which nothing counts any more.
    pub(crate) fn empty_at(&self) -> u64 {
        match self {
            Self::Log { length, calls } => calls.back().map_or(0, |call| call + length),
            Self::Buckets { width, newest, .. } => (newest + BUCKETS as u64) * width,
        }
    }

    /// The same, if a call is counted now.
    pub(crate) fn empty_after(&self, now: u64) -> u64 {
        match self {
            Self::Log { length, .. } => now + length,
            Self::Buckets { width, .. } => (now / width + BUCKETS as u64) * width,
        }
    }

    /// Counts a call; the moment is one that [`settle`](Self::settle) gave.
    pub(crate) fn add(&mut self, now: u64) {
        match self {
            Self::Log { length, calls } => {
                while calls.front().is_some_and(|call| call + *length <= now)
                    || calls.len() >= LOG_LIMIT as usize
                {
                    calls.pop_front();
                }
                calls.push_back(now);
            }
            Self::Buckets { width, newest, counts } => {
                let number = now / *width;
                for passed in (*newest + 1..=number).rev().take(BUCKETS) {
                    if let Some(count) = counts.get_mut(place(passed)) {
                        *count = 0;
                    }
                }
                *newest = number;
                if let Some(count) = counts.get_mut(place(number)) {
                    *count = count.saturating_add(1);
                }
            }
        }
    }

    /// The buckets with their numbers, the oldest first; none for a log.
    fn numbered(&self) -> impl Iterator<Item = (u64, u32)> {
        let (newest, counts) = match self {
            Self::Log { .. } => (0, [0; BUCKETS]),
            Self::Buckets { newest, counts, .. } => (*newest, *counts),
        };
        let oldest = (newest + 1).saturating_sub(BUCKETS as u64);
        (oldest..=newest).map(move |number| (number, counts.get(place(number)).copied().unwrap_or_default()))
    }
}

/// Where the bucket of this number is kept.
#[expect(clippy::cast_possible_truncation, reason = "a remainder of eleven")]
const fn place(number: u64) -> usize {
    (number % BUCKETS as u64) as usize
}

/// The length of the window in microseconds.
pub(crate) fn length(rate: Rate) -> u64 {
    u64::try_from(rate.window.min(Rate::LONGEST).as_micros()).unwrap_or(u64::MAX).max(1)
}

/// The length of a bucket in microseconds: ten are at least as long as the window.
pub(crate) fn width(rate: Rate) -> u64 {
    length(rate).div_ceil(BUCKETS as u64 - 1)
}
