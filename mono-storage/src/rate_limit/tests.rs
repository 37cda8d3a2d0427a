//! The limiter beside one that remembers every call and is too simple to be wrong.

use super::*;
use mono_core::rate_limit::Rate;
use mono_core::time::Timestamp;
use proptest::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A moment in the middle of a bucket, years after 1970.
const START: u64 = 1_790_000_000_123_456;
const MINUTE: u64 = 60_000_000;

fn at(micros: u64) -> Timestamp {
    Timestamp::from_timestamp_micros(i64::try_from(micros).unwrap()).unwrap()
}

fn micros(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros()).unwrap()
}

fn limit(name: &str, calls: u32) -> Limit {
    Limit::new(name, Rate::new(calls, 60), false)
}

fn client(number: u128) -> Client {
    Client { user: Some(UserId::from_u128(number)), ..Client::default() }
}

/// The most calls in any stretch of a minute.
fn most(calls: &[u64]) -> usize {
    let in_window =
        |first: &u64| calls.iter().filter(|call| (*first..first + MINUTE).contains(*call)).count();
    calls.iter().map(in_window).max().unwrap_or_default()
}

/// Pauses between calls: bursts, a steady stream, and moments at the very edges of windows and buckets.
fn pauses() -> impl Strategy<Value = Vec<u64>> {
    let pause = prop_oneof![
        4 => Just(0_u64),
        4 => 0..200_000_u64,
        2 => 0..10_000_000_u64,
        1 => prop_oneof![Just(MINUTE), Just(MINUTE - 1), Just(MINUTE + 1), Just(MINUTE / 10), Just(2 * MINUTE)],
    ];
    proptest::collection::vec(pause, 1..500)
}

proptest! {
    #[test]
    fn a_log_answers_as_the_exact_model(pauses in pauses(), calls in 1..=64_u32) {
        let (limiter, limits) = (MemoryLimiter::new(1), [limit("x", calls)]);
        let (mut now, mut model) = (START, Vec::<u64>::new());
        for pause in pauses {
            now += pause;
            let live: Vec<u64> = model.iter().copied().filter(|call| call + MINUTE > now).collect();
            let verdict = limiter.take(&client(1), &limits, at(now)).unwrap();
            prop_assert_eq!(verdict.admitted, live.len() < calls as usize);
            if verdict.admitted {
                prop_assert_eq!(verdict.remaining as usize, calls as usize - live.len() - 1);
                prop_assert_eq!(micros(verdict.reset), MINUTE);
                model.push(now);
            } else {
                prop_assert_eq!(micros(verdict.wait), live[live.len() - calls as usize] + MINUTE - now);
            }
        }
        prop_assert!(most(&model) <= calls as usize);
    }

    #[test]
    fn buckets_never_let_one_too_many_through(pauses in pauses(), calls in 65..150_u32) {
        let (limiter, limits) = (MemoryLimiter::new(1), [limit("x", calls)]);
        let (mut now, mut admitted) = (START, Vec::new());
        for pause in pauses {
            now += pause;
            if limiter.take(&client(1), &limits, at(now)).unwrap().admitted {
                admitted.push(now);
            }
        }
        prop_assert!(most(&admitted) <= calls as usize);
    }

    #[test]
    fn who_waits_as_told_is_let_in_and_nobody_before(pauses in pauses(), calls in 1..120_u32) {
        let (limiter, limits) = (MemoryLimiter::new(1), [limit("x", calls), limit("y", calls / 2 + 1)]);
        let mut now = START;
        for pause in pauses {
            now += pause;
            let verdict = limiter.take(&client(1), &limits, at(now)).unwrap();
            prop_assert_eq!(verdict.admitted, verdict.wait.is_zero());
            if !verdict.admitted {
                let then = now + micros(verdict.wait);
                prop_assert!(limiter.look(&client(1), &limits, at(then)).unwrap().admitted);
                prop_assert!(!limiter.look(&client(1), &limits, at(then - 1)).unwrap().admitted);
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_lets_nobody_through_and_keeps_nobody_out(
        pauses in pauses(),
        steps in proptest::collection::vec((0..500_usize, 0..3 * MINUTE), 0..6),
        calls in 1..120_u32,
    ) {
        let (limiter, limits) = (MemoryLimiter::new(1), [limit("x", calls)]);
        // The limiter sees the clock; how much time has really passed is what counts.
        let (mut real, mut back, mut admitted) = (START, 0, Vec::new());
        for (number, pause) in pauses.into_iter().enumerate() {
            real += pause;
            back += steps.iter().filter(|(step, _)| *step == number).map(|(_, by)| by).sum::<u64>();
            let verdict = limiter.take(&client(1), &limits, at(real - back)).unwrap();
            if verdict.admitted {
                admitted.push(real);
            }
            // One bucket more than the window, and one more after a step.
            prop_assert!(micros(verdict.wait) <= MINUTE / 10 * 12 + 1_000_000);
        }
        prop_assert!(most(&admitted) <= calls as usize);
    }

    #[test]
    fn no_client_gains_by_a_table_that_is_full(
        calls in proptest::collection::vec((0..400_u128, 0..300_000_u64), 1..1500),
        few in 1..4_u32,
        many in 65..70_u32,
    ) {
        // A plan or a key gives some clients more under the same limit.
        let limiter = MemoryLimiter::new(64);
        let calls_of = |who: u128| if who.is_multiple_of(2) { few } else { many };
        let (mut now, mut admitted) = (START, HashMap::<u128, Vec<u64>>::new());
        for (who, pause) in calls {
            now += pause;
            // Few come often, as it is.
            let who = who * who / 400;
            if limiter.take(&client(who), &[limit("x", calls_of(who))], at(now)).unwrap().admitted {
                admitted.entry(who).or_default().push(now);
            }
            prop_assert!(limiter.clients() <= 64);
        }
        prop_assert!(admitted.iter().all(|(who, calls)| most(calls) <= calls_of(*who) as usize));
    }
}

#[test]
fn who_calls_faster_than_the_limit_is_let_through_all_the_same() {
    // At 1.2 times the limit for ten minutes: counting refused calls would let nothing through after the first minute.
    for (calls, least) in [(50, 50), (100, 90)] {
        let (limiter, limits) = (MemoryLimiter::new(1), [limit("x", calls)]);
        let pause = MINUTE / (u64::from(calls) * 6 / 5);
        let moments = (0..).map(|n| START + n * pause).take_while(|now| *now < START + 10 * MINUTE);
        let admitted =
            moments.filter(|now| limiter.take(&client(1), &limits, at(*now)).unwrap().admitted).count();
        assert!(admitted >= least * 10, "{admitted} of {}", calls * 10);
    }
}

#[test]
fn a_refused_call_is_counted_nowhere() {
    let limiter = MemoryLimiter::new(1);
    let (wide, narrow) = (limit("wide", 100), limit("narrow", 2));
    let both = [wide.clone(), narrow.clone()];
    let take = |limits: &[Limit], now| limiter.take(&client(1), limits, at(now)).unwrap();
    assert!(take(&both, START).admitted && take(&both, START).admitted);
    let before = format!("{limiter:?}");
    for second in 0..50 {
        let verdict = take(&both, START + second * 1_000_000);
        assert_eq!((verdict.admitted, &*verdict.name, verdict.remaining), (false, "narrow", 0));
    }
    assert_eq!(format!("{limiter:?}"), before);
    assert_eq!(take(&[wide], START).remaining, 97, "two that were admitted, and this one");
}

#[test]
fn the_tighter_limit_answers() {
    let limiter = MemoryLimiter::new(1);
    let (few, many) = (limit("few", 3), limit("many", 100));
    let verdict = limiter.take(&client(1), &[many.clone(), few.clone()], at(START)).unwrap();
    assert_eq!((&*verdict.name, verdict.limit, verdict.remaining), ("few", 3, 2));
    let long = Limit::new("long", Rate::new(1, 3600), false);
    let verdict = limiter.take(&client(1), &[long.clone(), few.clone()], at(START)).unwrap();
    assert!(verdict.admitted);
    limiter.take(&client(1), std::slice::from_ref(&few), at(START)).unwrap();
    let verdict = limiter.take(&client(1), &[few, long], at(START)).unwrap();
    assert_eq!((verdict.admitted, &*verdict.name), (false, "long"), "both refuse, and this one for longer");
    assert_eq!(verdict.wait, Duration::from_hours(1));
    assert_eq!(limiter.take(&client(1), &[], at(START)), None);
}

#[test]
fn a_limit_of_nothing_lets_nothing_through() {
    let verdict = MemoryLimiter::new(1).take(&client(1), &[limit("x", 0)], at(START)).unwrap();
    assert_eq!((verdict.admitted, verdict.wait), (false, Duration::from_mins(1)));
}

#[test]
fn clients_do_not_use_up_what_others_have() {
    let (limiter, limits) = (MemoryLimiter::new(1_000), [limit("x", 1)]);
    let tenants = [1, 2].map(|tenant| Client { tenant: Some(TenantId::from_u128(tenant)), ..client(1) });
    for client in tenants {
        assert!(limiter.take(&client, &limits, at(START)).unwrap().admitted);
    }
    for client in tenants {
        assert!(!limiter.take(&client, &limits, at(START)).unwrap().admitted);
    }
}

#[test]
fn fifty_threads_get_exactly_the_limit() {
    for calls in [50, 100] {
        let (limiter, limits) = (MemoryLimiter::new(1), [limit("x", calls)]);
        let passed = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..50 {
                let (limiter, limits, passed) = (&limiter, &limits, &passed);
                scope.spawn(move || {
                    for call in 0..20 {
                        let now = at(START + thread * 13 + call * 7);
                        if limiter.take(&client(1), limits, now).unwrap().admitted {
                            passed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), calls as usize);
    }
}

/// The script by a clock that the test sets, beside the limiter of one process: both answer the same to every call.
#[cfg(feature = "redis")]
#[test]
fn the_script_answers_as_one_process_does() {
    use super::redis::{TEXT, question, verdict};
    use crate::redis::{Call, Redis, RedisOptions, Script};
    use proptest::test_runner::{Config, TestRunner};

    let Some(server) = crate::testkit::RedisServer::start() else { return };
    let text = TEXT.replace("redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}");
    assert_ne!(text, TEXT);
    let script = Script::new(text.leak());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut options = RedisOptions::parse(&server.url()).unwrap();
    options.timeout = Duration::from_secs(10);
    let redis = runtime.block_on(Redis::connect(&options)).unwrap();
    let ask = |client: &Client, limits: &[Limit], now: u64| {
        let (keys, mut arguments) = question(client, limits, true);
        arguments.extend([(now / 1_000_000).to_string(), (now % 1_000_000).to_string()]);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        let call = Call { keys: &keys, arguments: &arguments };
        verdict(limits, &runtime.block_on(redis.run::<Vec<u64>>(&script, call)).unwrap())
    };
    let number = AtomicUsize::new(0);
    let steps = proptest::collection::vec((0..500_usize, 0..3 * MINUTE), 0..6);
    let cases = (pauses(), steps, 1..150_u32);
    TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(40) })
        .run(&cases, |(pauses, steps, calls)| {
            let number = number.fetch_add(1, Ordering::Relaxed) as u128;
            let (client, limiter) = (client(number), MemoryLimiter::new(1));
            let limits = [limit("x", calls), limit("y", calls / 2 + 1)];
            let mut now = START;
            for (index, pause) in pauses.into_iter().enumerate() {
                now += pause;
                now -= steps.iter().filter(|(step, _)| *step == index).map(|(_, by)| by).sum::<u64>();
                prop_assert_eq!(ask(&client, &limits, now), limiter.take(&client, &limits, at(now)));
            }
            Ok(())
        })
        .unwrap();
}
