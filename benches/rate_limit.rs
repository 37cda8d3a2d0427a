//! How fast and how exact rate limits are: `MONO_TEST_REDIS_URL=redis://127.0.0.1 cargo bench -p benches --bench
//! rate_limit`. Without the URL what needs Redis is left out.
#![allow(missing_docs, reason = "a program")]
#![expect(clippy::print_stdout, reason = "the numbers are what it is for")]
#![expect(clippy::cast_precision_loss, reason = "numbers for people")]

use governor::clock::FakeRelativeClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{DefaultKeyedRateLimiter, Quota};
use mono_core::id::UserId;
use mono_core::rate_limit::{Limit, Rate};
use mono_core::time::{Clock, Timestamp};
use mono_storage::rate_limit::{Client, MemoryLimiter, RateLimiter};
use mono_storage::redis::{Redis, RedisOptions};
use mono_storage::system::{SystemClock, SystemRandom};
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

const RUNS: usize = 5;
const CALLS: u64 = 2_000_000;
const MINUTE: u64 = 60_000_000;

fn main() -> Result<(), Failure> {
    in_process();
    memory();
    accuracy();
    let Ok(url) = std::env::var("MONO_TEST_REDIS_URL") else {
        println!("MONO_TEST_REDIS_URL is not set: nothing is measured on Redis");
        return Ok(());
    };
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(on_redis(&url))
}

fn client(number: u64) -> Client {
    Client { user: Some(UserId::from_u128(u128::from(number) << 64 | 7)), ..Client::default() }
}

fn limit(name: &str, calls: u32, seconds: u64) -> Limit {
    Limit::new(name, Rate::new(calls, seconds), false)
}

/// The median of some runs, in nanoseconds for one call.
fn median(mut run: impl FnMut() -> Duration) -> f64 {
    let mut times: Vec<f64> = (0..RUNS).map(|_| run().as_secs_f64() * 1e9 / CALLS as f64).collect();
    times.sort_by(f64::total_cmp);
    times.get(RUNS / 2).copied().unwrap_or_default()
}

/// Lets some threads call, each with every client in turn.
fn timed(threads: u64, call: impl Fn(u64) + Sync) -> Duration {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| (0..CALLS / threads).for_each(&call));
        }
    });
    begun.elapsed()
}

fn in_process() {
    println!("one decision in process, median of {RUNS} runs of {CALLS} calls");
    println!("{:<44} {:>8} {:>14}", "", "ns", "a second");
    let print = |what: &str, nanoseconds: f64| {
        println!("{what:<44} {nanoseconds:>8.0} {:>14.0}", 1e9 / nanoseconds);
    };
    let now = SystemClock.now();
    let (api, tier) = (limit("api", 120, 60), limit("read", 10_000, 3600));
    let (log, both) = ([limit("log", 64, 60)], [api.clone(), tier]);
    let api = [api];
    for threads in [1, 2] {
        for clients in [1, 10_000_u64] {
            let what = |limits: &str| format!("{limits}, {clients} clients, {threads} threads");
            for (name, limits) in
                [("mono, 120 a minute", &api[..]), ("mono, a log of 64", &log), ("mono, two limits", &both)]
            {
                let limiter = MemoryLimiter::new(100_000);
                let run = || timed(threads, |n| drop(limiter.take(&client(n % clients), limits, now)));
                print(&what(name), median(run));
            }
            let limiter = MemoryLimiter::new(100_000);
            let run =
                || timed(threads, |n| drop(limiter.take(&client(n % clients), &api, SystemClock.now())));
            print(&what("mono, 120 a minute, with the clock"), median(run));
            let governor: DefaultKeyedRateLimiter<Client> = governor::RateLimiter::keyed(quota(120));
            let run = || timed(threads, |n| drop(governor.check_key(&client(n % clients))));
            print(&what("governor, 120 a minute, with its clock"), median(run));
        }
    }
    let limiter = MemoryLimiter::new(100_000);
    let mut slowest = Duration::ZERO;
    for n in 0..CALLS {
        let begun = Instant::now();
        limiter.take(&client(n % 150_000), &both, SystemClock.now());
        slowest = slowest.max(begun.elapsed());
    }
    println!("the slowest of {CALLS}, with 150 000 clients for 100 000 places: {slowest:?}\n");
}

fn quota(calls: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN))
}

/// What a million clients take, of which a hundred thousand have a place.
fn memory() {
    let now = SystemClock.now();
    for (what, limits) in [
        ("120 a minute and 10 000 an hour", vec![limit("api", 120, 60), limit("read", 10_000, 3600)]),
        ("64 a minute, all used up", vec![limit("log", 64, 60)]),
    ] {
        let calls = if limits.len() == 1 { 64 } else { 1 };
        let info = allocation_counter::measure(|| {
            let limiter = MemoryLimiter::new(100_000);
            for number in 0..1_000_000 {
                for _ in 0..calls {
                    limiter.take(&client(number), &limits, now);
                }
            }
            println!("{what}: {} clients are remembered of a million", limiter.clients());
        });
        println!("at most {:.1} MB", info.bytes_max as f64 / 1e6);
    }
    println!();
}

/// Moments of an hour: bursts of up to 150 within a second, pauses of up to 20 s, and a steady stream beneath.
fn bursts() -> Vec<u64> {
    // xorshift: the same trace in each run.
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut moments: Vec<u64> = (0..3600).map(|second| second * 1_000_000 + random(1_000_000)).collect();
    let mut begin = 0;
    while begin < 60 * MINUTE {
        let calls = random(150);
        moments.extend((0..calls).map(|_| begin + random(1_000_000)));
        begin += random(20_000_000);
    }
    moments.sort_unstable();
    moments
}

/// The most calls in any minute.
fn most(calls: &[u64]) -> usize {
    let mut window = VecDeque::new();
    let mut most = 0;
    for call in calls {
        while window.front().is_some_and(|first| first + MINUTE <= *call) {
            window.pop_front();
        }
        window.push_back(*call);
        most = most.max(window.len());
    }
    most
}

fn accuracy() {
    const CALLS: u32 = 100;
    const START: i64 = 1_790_000_000_000_000;
    let trace = bursts();
    println!("{CALLS} a minute, a trace of {} calls in an hour", trace.len());
    println!("{:<34} {:>9} {:>24}", "", "admitted", "the most in any minute");
    let exact = {
        let mut log = VecDeque::new();
        trace.iter().copied().filter(move |now| {
            while log.front().is_some_and(|first| first + MINUTE <= *now) {
                log.pop_front();
            }
            let admitted = log.len() < CALLS as usize;
            if admitted {
                log.push_back(*now);
            }
            admitted
        })
    };
    let mono = {
        let (limiter, limits) = (MemoryLimiter::new(1), [limit("x", CALLS, 60)]);
        trace.iter().copied().filter(move |now| {
            let moment =
                i64::try_from(*now).ok().and_then(|now| Timestamp::from_timestamp_micros(START + now));
            moment
                .and_then(|now| limiter.take(&client(1), &limits, now))
                .is_some_and(|verdict| verdict.admitted)
        })
    };
    let governor = {
        let clock = FakeRelativeClock::default();
        let limiter: governor::RateLimiter<u8, DashMapStateStore<u8>, FakeRelativeClock, NoOpMiddleware<_>> =
            governor::RateLimiter::new(quota(CALLS), DashMapStateStore::default(), clock.clone());
        let mut last = 0;
        trace.iter().copied().filter(move |now| {
            clock.advance(Duration::from_micros(now - last));
            last = *now;
            limiter.check_key(&1).is_ok()
        })
    };
    let fixed = {
        let (mut minute, mut used) = (0, 0);
        trace.iter().copied().filter(move |now| {
            if now / MINUTE != minute {
                (minute, used) = (now / MINUTE, 0);
            }
            used += 1;
            used <= CALLS
        })
    };
    let runs: [(&str, Vec<u64>); 4] = [
        ("an exact log", exact.collect()),
        ("mono, 11 buckets", mono.collect()),
        ("governor (GCRA)", governor.collect()),
        ("fixed minutes", fixed.collect()),
    ];
    for (what, admitted) in runs {
        println!("{what:<34} {:>9} {:>24}", admitted.len(), most(&admitted));
    }
    println!();
}

async fn on_redis(url: &str) -> Result<(), Failure> {
    const CALLS: u64 = 40_000;
    const AT_ONCE: u64 = 64;
    let mut options = RedisOptions::parse(url)?;
    options.timeout = Duration::from_secs(10);
    let limiter = RateLimiter::shared(100_000, Redis::connect(&options).await?, &SystemRandom);
    let bare = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let one = [limit("api", 1_000_000, 60)];
    let two = [limit("api", 1_000_000, 60), limit("read", 1_000_000, 3600)];
    let log = [limit("log", 64, 1)];
    println!("on Redis: {CALLS} calls of 1 000 clients, one after the other and {AT_ONCE} at once");
    println!("{:<30} {:>12} {:>16} {:>16}", "", "median µs", "99 of 100 µs", "a second at once");
    for (what, limits) in [
        ("bare INCR", None),
        ("mono, one limit", Some(&one[..])),
        ("mono, a log of 64", Some(&log)),
        ("mono, two limits", Some(&two)),
    ] {
        let call = async |number: u64| -> Result<(), Failure> {
            let client = client(number % 1_000);
            if let Some(limits) = limits {
                limiter.take(&client, limits, SystemClock.now()).await.ok_or("no verdict")?;
            } else {
                let key = format!("bench:{}", number % 1_000);
                redis::cmd("INCR").arg(key).query_async::<i64>(&mut bare.clone()).await?;
            }
            Ok(())
        };
        let mut times = Vec::new();
        for number in 0..CALLS / 4 {
            let begun = Instant::now();
            call(number).await?;
            times.push(begun.elapsed());
        }
        times.sort_unstable();
        let at =
            |part: usize| times.get(times.len() * part / 100).map_or(0.0, |time| time.as_secs_f64() * 1e6);
        let begun = Instant::now();
        let worker = async |worker: u64| -> Result<(), Failure> {
            for number in 0..CALLS / AT_ONCE {
                call(worker * 31 + number).await?;
            }
            Ok(())
        };
        futures_util::future::try_join_all((0..AT_ONCE).map(worker)).await?;
        let rate = CALLS as f64 / begun.elapsed().as_secs_f64();
        println!("{what:<30} {:>12.0} {:>16.0} {rate:>16.0}", at(50), at(99));
    }
    Ok(())
}
