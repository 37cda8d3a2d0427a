//! What the cache costs, beside others: `cargo bench -p benches --bench cache`.
//!
//! The program `redis-server` must be installed: the bench starts one of its own.
#![allow(missing_docs, clippy::print_stdout, reason = "a bench prints what it measured")]

use mimalloc::MiMalloc;
use mono_core::Error;
use mono_core::id::{TenantId, Uuid};
use mono_core::time::Clock as _;
use mono_storage::bus::{Bus, Tag};
use mono_storage::cache::{Cache, Lifetime, Loaded, Memory, Space};
use mono_storage::redis::{Redis, RedisOptions};
use mono_storage::system::SystemClock;
use mono_storage::testkit::RedisServer;
use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

// As the command `mono` has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

static PAGES: Space = Space {
    name: "pages",
    schema: 1,
    fresh: Duration::from_mins(5),
    stale: Duration::ZERO,
    negative: Duration::ZERO,
};
const TAGS: &[Tag] = &[Tag::ACCOUNTS, Tag::RIGHTS];
const LIFETIME: Lifetime = Lifetime { fresh: Duration::from_mins(5), stale: Duration::ZERO };
const SIZE: usize = 4800;
const HITS: usize = 2_000_000;
const RUNS: usize = 5;

/// What the bench calls itself with, to be the other process.
const TELL: &str = "tell";

fn tenant() -> TenantId {
    TenantId::from(Uuid::from_u128(1))
}

fn value() -> Vec<u8> {
    vec![b'x'; SIZE]
}

/// A key of a page, as a request makes it.
fn keys(count: u64) -> Vec<String> {
    (0..count).map(|number| format!("-createdAt:active:{number}:20")).collect()
}

/// The median of some runs over all keys in a scattered order, in nanoseconds a hit, with the least and the most.
fn hits(name: &str, count: u64, mut get: impl FnMut(usize)) {
    let length = usize::try_from(count).unwrap_or(1);
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let (begun, mut place) = (Instant::now(), 0_usize);
        for _ in 0..HITS {
            // A step that has no divisor in common with the number of keys visits all of them.
            place = (place + 7919) % length;
            get(place);
        }
        times.push(begun.elapsed().as_secs_f64() * 1e9 / 2e6);
    }
    times.sort_by(f64::total_cmp);
    if let [least, _, median, _, most] = times.as_slice() {
        println!("{name:<52} {count:>7} keys {median:>7.1} ns  ({least:.1} to {most:.1})");
    }
}

async fn in_process(count: u64) -> Result<(), Error> {
    let (bus, names) = (Bus::in_memory(), keys(count));
    // Room for about as many entries in each: larger tables are further from the processor.
    let memory = Memory::<String, Vec<u8>>::new(&bus, 100 << 20);
    let cache = Cache::new(&bus, 100 << 20);
    let others = quick_cache::sync::Cache::<String, Arc<[u8]>>::new(100_000);
    for name in &names {
        let tags = TAGS.iter().map(|tag| (Some(tenant()), tag));
        let load = || async { Ok(Loaded { value: value(), lifetime: LIFETIME, weight: SIZE }) };
        memory.get_or_load(name.as_str(), str::to_owned, tags, load).await?;
        cache.tenant(tenant()).get(&PAGES, name, TAGS, || async { Ok(Some(value())) }).await?;
        others.insert(name.clone(), value().into());
    }
    let name = |place: usize| names.get(place).map_or("", String::as_str);
    hits("mono, memory: tags, epoch and time checked", count, |place| {
        black_box(memory.get(name(place)));
    });
    hits("mono, whole cache: the owner in the key", count, |place| {
        let owned = cache.tenant(tenant());
        let future = owned.get(&PAGES, name(place), TAGS, || async { Ok(None) });
        black_box(futures_now(future));
    });
    hits("quick_cache: nothing checked", count, |place| {
        black_box(others.get(name(place)));
    });
    peers(count, &names);
    Ok(())
}

fn peers(count: u64, names: &[String]) {
    let name = |place: usize| names.get(place).map_or("", String::as_str);
    let moka = moka::sync::Cache::<String, Arc<[u8]>>::builder()
        .max_capacity(100_000)
        .time_to_live(Duration::from_mins(5))
        .build();
    let cached = cached::ShardedLruTtlCache::<String, Arc<[u8]>>::builder()
        .max_size(100_000)
        .ttl(Duration::from_mins(5))
        .build();
    let Ok(cached) = cached else { return };
    for name in names {
        moka.insert(name.clone(), value().into());
        let _ = cached.set(name.clone(), value().into());
    }
    hits("moka: time checked", count, |place| {
        black_box(moka.get(name(place)));
    });
    hits("cached, sharded: time checked", count, |place| {
        black_box(cached.get(name(place)));
    });
}

/// The result of a future that need not wait.
fn futures_now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

/// Half of the times are shorter, and one in a hundred is longer.
fn spread(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    println!("{name:<60} median {:>8.1?}  p99 {:>8.1?}", at(50), at(99));
}

async fn connect(url: &str) -> Result<Bus, Error> {
    let mut options = RedisOptions::parse(url)?;
    options.timeout = Duration::from_secs(5);
    let bus = Bus::over(&Redis::connect(&options).await?);
    while bus.redis_state() != Some(true) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(bus)
}

async fn over_redis(url: &str) -> Result<(), Error> {
    let bus = connect(url).await?;
    let cache = Cache::new(&bus, 1 << 30);
    let owned = cache.tenant(tenant());
    owned.get(&PAGES, "1", TAGS, || async { Ok(Some(value())) }).await?;
    let client = redis::Client::open(url).map_err(Error::internal)?;
    let mut bare = client.get_multiplexed_async_connection().await.map_err(Error::internal)?;
    let set = redis::cmd("SET").arg("bare").arg(vec![b'x'; SIZE]).exec_async(&mut bare).await;
    set.map_err(Error::internal)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..20_000 {
        // The memory of the process holds nothing any more; Redis does.
        bus.forget();
        let begun = Instant::now();
        black_box(owned.get(&PAGES, "1", TAGS, || async { Ok(None) }).await?);
        ours.push(begun.elapsed());
        let begun = Instant::now();
        let got: Vec<u8> =
            redis::cmd("GET").arg("bare").query_async(&mut bare).await.map_err(Error::internal)?;
        black_box(got);
        theirs.push(begun.elapsed());
    }
    spread("hit in Redis: value and two versions, 4.8 kB", ours);
    spread("bare GET of redis-rs, 4.8 kB", theirs);
    Ok(())
}

/// From before the call that tells in one process, to the moment in which another finds its value invalid.
async fn invalidation(url: &str) -> Result<(), Error> {
    let mut other = Command::new(std::env::current_exe().map_err(Error::internal)?)
        .args([TELL, url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Error::internal)?;
    let (Some(mut ask), Some(answers)) = (other.stdin.take(), other.stdout.take()) else { return Ok(()) };
    let mut answers = BufReader::new(answers).lines();
    let bus = connect(url).await?;
    let memory = Memory::<u32, u32>::new(&bus, 1 << 20);
    let mut times = Vec::new();
    for _ in 0..5_000 {
        let tags = TAGS.iter().map(|tag| (Some(tenant()), tag));
        let load = || async { Ok(Loaded { value: 1, lifetime: LIFETIME, weight: 8 }) };
        memory.get_or_load(&1, |key| *key, tags, load).await?;
        writeln!(ask).map_err(Error::internal)?;
        while memory.get(&1).is_some() {
            tokio::task::yield_now().await;
        }
        let seen = micros();
        let told = answers.next().and_then(Result::ok).and_then(|line| line.parse::<u64>().ok());
        times.push(Duration::from_micros(seen.saturating_sub(told.unwrap_or_default())));
    }
    drop(ask);
    other.wait().map_err(Error::internal)?;
    spread("from a change in one process to its effect in another", times);
    Ok(())
}

/// The other process: tells a change for each line, and says when it began to.
async fn tell(url: &str) -> Result<(), Error> {
    let bus = connect(url).await?;
    for line in std::io::stdin().lines() {
        line.map_err(Error::internal)?;
        let begun = micros();
        bus.changed(Some(tenant()), Tag::ACCOUNTS).await;
        println!("{begun}");
    }
    Ok(())
}

/// The time of this machine, which its processes share.
fn micros() -> u64 {
    u64::try_from(SystemClock.now().timestamp_micros()).unwrap_or_default()
}

async fn misses() -> Result<(), Error> {
    let cache = Cache::new(&Bus::in_memory(), 1 << 30);
    let loads = Arc::<AtomicU64>::default();
    let begun = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (cache, loads) = (cache.clone(), Arc::clone(&loads));
        tasks.spawn(async move {
            let load = || async move {
                loads.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok(Some(value()))
            };
            cache.tenant(tenant()).get(&PAGES, "1", TAGS, load).await.is_ok()
        });
    }
    let answers = tasks.join_all().await.into_iter().filter(|answer| *answer).count();
    let (loads, time) = (loads.load(Ordering::Relaxed), begun.elapsed());
    println!("{answers} misses at once, of a load that takes 20 ms: {loads} load, {time:.1?} for all");
    Ok(())
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Error> {
    if let [_, what, url] = std::env::args().collect::<Vec<_>>().as_slice()
        && what == TELL
    {
        return tell(url).await;
    }
    for count in [100, 10_000] {
        in_process(count).await?;
    }
    misses().await?;
    let Some(server) = RedisServer::start() else { return Ok(()) };
    over_redis(&server.url()).await?;
    invalidation(&server.url()).await
}
