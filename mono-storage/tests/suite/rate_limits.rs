//! The suite that every limiter must pass: in process, on Redis, and on a cluster of it; and what happens where Redis is
//! away.

use mono_core::id::{TenantId, UserId};
use mono_core::rate_limit::{Limit, Rate};
use mono_core::time::Clock;
use mono_storage::rate_limit::{Client, RateLimiter, Verdict};
use mono_storage::redis::{Redis, RedisOptions};
use mono_storage::system::{SystemClock, SystemRandom};
use mono_storage::testkit::{RedisCluster, RedisServer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Every case for every back end.
macro_rules! every_limiter {
    ($($case:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::RateLimiter::local(10_000)).await;
            })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let Some(server) = super::RedisServer::start() else { return };
                super::$case(super::shared(&server.url()).await).await;
            })*
        }
        #[tokio::test(flavor = "multi_thread")]
        async fn on_a_cluster() {
            let Some((url, _own)) = cluster() else { return };
            $($case(shared(&url).await).await;)*
        }
    };
}

every_limiter!(
    of_two_hundred_calls_at_once_exactly_the_limit_pass,
    no_window_sees_one_too_many,
    who_waits_as_told_is_let_in,
    a_refused_call_counts_nowhere,
    tenants_do_not_use_up_what_others_have,
    a_limit_may_change,
    strangers_are_counted_by_network,
);

/// The cluster of the test run, or one of its own.
fn cluster() -> Option<(String, Option<RedisCluster>)> {
    match std::env::var("MONO_TEST_REDIS_CLUSTER_URL") {
        Ok(url) if !url.is_empty() => Some((url, None)),
        _ => RedisCluster::start().map(|own| (own.url(), Some(own))),
    }
}

/// A patient limiter: a loaded machine answers late.
async fn shared(url: &str) -> RateLimiter {
    node(url, Duration::from_secs(10)).await
}

async fn node(url: &str, timeout: Duration) -> RateLimiter {
    let mut options = RedisOptions::parse(url).unwrap();
    options.timeout = timeout;
    let redis = Redis::connect(&options).await.unwrap();
    until(|| async { redis.is_up() }).await;
    RateLimiter::shared(10_000, redis, &SystemRandom)
}

/// A number that no other test has, even on the same server.
fn unique() -> u128 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let begun = SystemClock.now().timestamp_micros();
    (u128::from(begun.unsigned_abs()) << 64) | u128::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn limit(name: &str, calls: u32, seconds: u64) -> Limit {
    Limit::new(name, Rate::new(calls, seconds), false)
}

fn client() -> Client {
    Client {
        tenant: Some(TenantId::from_u128(unique())),
        user: Some(UserId::from_u128(unique())),
        ..Client::default()
    }
}

async fn take(limiter: &RateLimiter, client: &Client, limits: &[Limit]) -> Verdict {
    limiter.take(client, limits, SystemClock.now()).await.unwrap()
}

/// How many of many calls at once are let through.
async fn admitted(limiters: &[&RateLimiter], client: Client, limits: &[Limit], calls: usize) -> usize {
    let mut tasks = JoinSet::new();
    for (_, limiter) in (0..calls).zip(limiters.iter().cycle()) {
        let (limiter, limits) = (RateLimiter::clone(limiter), limits.to_vec());
        tasks.spawn(async move { take(&limiter, &client, &limits).await.admitted });
    }
    tasks.join_all().await.into_iter().filter(|admitted| *admitted).count()
}

async fn of_two_hundred_calls_at_once_exactly_the_limit_pass(limiter: RateLimiter) {
    for calls in [1, 50, 64, 65, 100] {
        let limits = [limit("narrow", calls, 600), limit("wide", 150, 600)];
        assert_eq!(admitted(&[&limiter], client(), &limits, 200).await, calls as usize);
    }
}

async fn no_window_sees_one_too_many(limiter: RateLimiter) {
    for calls in [20, 70] {
        let (client, limits) = (client(), [limit("x", calls, 1)]);
        let admitted = Arc::new(AtomicU32::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..50 {
            let (limiter, limits, admitted) = (limiter.clone(), limits.clone(), admitted.clone());
            tasks.spawn(async move {
                let mut passed = Vec::new();
                // Until the window has slid on twice.
                while admitted.load(Ordering::Relaxed) <= 2 * calls {
                    let sent = Instant::now();
                    if take(&limiter, &client, &limits).await.admitted {
                        passed.push((sent, Instant::now()));
                        admitted.fetch_add(1, Ordering::Relaxed);
                    }
                    tokio::task::yield_now().await;
                }
                passed
            });
        }
        let mut passed = tasks.join_all().await.concat();
        passed.sort_by_key(|(_, answered)| *answered);
        for one_too_many in passed.windows(calls as usize + 1) {
            let first = one_too_many.iter().map(|(sent, _)| *sent).min().unwrap();
            let (_, last) = one_too_many[calls as usize];
            // All of them were decided in between.
            assert!(last - first >= Duration::from_secs(1), "{calls}: {:?}", last - first);
        }
    }
}

async fn who_waits_as_told_is_let_in(limiter: RateLimiter) {
    for calls in [2, 70] {
        let (client, limits) = (client(), [limit("short", calls, 1), limit("long", 1_000_000, 600)]);
        let refused = loop {
            admitted(&[&limiter], client, &limits, calls as usize).await;
            let verdict = take(&limiter, &client, &limits).await;
            // It is let in where the second was over before the calls were.
            if !verdict.admitted {
                break verdict;
            }
        };
        assert_eq!((&*refused.name, refused.remaining), ("short", 0));
        assert!(refused.wait <= refused.reset && refused.reset <= Duration::from_millis(1200), "{refused:?}");
        tokio::time::sleep(refused.wait).await;
        assert!(take(&limiter, &client, &limits).await.admitted);
    }
}

async fn a_refused_call_counts_nowhere(limiter: RateLimiter) {
    let (client, wide, narrow) = (client(), limit("wide", 100, 600), limit("narrow", 2, 600));
    for remaining in [1, 0] {
        let verdict = take(&limiter, &client, &[wide.clone(), narrow.clone()]).await;
        assert_eq!((verdict.admitted, &*verdict.name, verdict.remaining), (true, "narrow", remaining));
    }
    let first = take(&limiter, &client, &[wide.clone(), narrow.clone()]).await;
    for _ in 0..20 {
        let verdict = take(&limiter, &client, &[wide.clone(), narrow.clone()]).await;
        assert!(!verdict.admitted && verdict.wait <= first.wait);
    }
    assert_eq!(take(&limiter, &client, &[wide]).await.remaining, 97);
}

async fn tenants_do_not_use_up_what_others_have(limiter: RateLimiter) {
    let limits = [limit("x", 70, 600)];
    let (one, other) = (client(), client());
    let colleague = Client { user: other.user, ..one };
    assert_eq!(admitted(&[&limiter], one, &limits, 100).await, 70);
    for other in [other, colleague] {
        assert_eq!(take(&limiter, &other, &limits).await.remaining, 69);
    }
}

async fn a_limit_may_change(limiter: RateLimiter) {
    let client = client();
    assert_eq!(take(&limiter, &client, &[limit("x", 100, 600)]).await.remaining, 99);
    assert_eq!(take(&limiter, &client, &[limit("x", 200, 600)]).await.remaining, 198);
    let verdict = take(&limiter, &client, &[limit("x", 0, 600)]).await;
    assert_eq!((verdict.admitted, verdict.wait), (false, Duration::from_mins(10)));
    assert!(limiter.take(&client, &[], SystemClock.now()).await.is_none());
}

async fn strangers_are_counted_by_network(limiter: RateLimiter) {
    let limits = [limit("x", 1, 600)];
    let base = (unique() >> 64 << 64) | (unique() << 112 >> 48);
    let of = |bits: u128| Client::stranger(Some(std::net::Ipv6Addr::from_bits(bits).into()));
    assert!(take(&limiter, &of(base | 1), &limits).await.admitted);
    assert!(!take(&limiter, &of(base | 2), &limits).await.admitted, "one customer has 64 bits");
    assert!(take(&limiter, &of(base + (1 << 64)), &limits).await.admitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_count_together() {
    let Some(server) = RedisServer::start() else { return };
    let nodes = [shared(&server.url()).await, shared(&server.url()).await];
    let (client, limits) = (client(), [limit("x", 100, 600)]);
    assert_eq!(admitted(&[&nodes[0], &nodes[1]], client, &limits, 300).await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_node_has_its_share_and_back_again() {
    let Some(mut server) = RedisServer::start() else { return };
    let nodes = [shared(&server.url()).await, shared(&server.url()).await];
    let limits = [limit("x", 100, 600)];
    until(|| async { nodes.iter().all(|node| node.nodes() == 2) }).await;
    server.kill();
    for _ in 0..2 {
        let client = client();
        assert_eq!(admitted(&[&nodes[0]], client, &limits, 80).await, 50);
        assert_eq!(admitted(&[&nodes[1]], client, &limits, 80).await, 50);
    }
    server.restart();
    until(|| count_together(&nodes, client())).await;
    assert_eq!(admitted(&[&nodes[0], &nodes[1]], client(), &limits, 300).await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_is_left_alone() {
    // Long enough that a machine which is only slow is not taken for one that hangs.
    const BRIEF: Duration = Duration::from_secs(1);
    let Some(server) = RedisServer::start() else { return };
    let nodes = [node(&server.url(), BRIEF).await, node(&server.url(), BRIEF).await];
    let (client, limits) = (client(), [limit("x", 100, 600)]);
    until(|| async { nodes.iter().all(|node| node.nodes() == 2) }).await;
    server.freeze();
    // Nobody waits for it for ever, and nobody is told of it.
    let one = [&nodes[0]];
    let share = tokio::time::timeout(Duration::from_mins(1), admitted(&one, client, &limits, 80));
    assert_eq!(share.await.unwrap(), 50);
    server.thaw();
    until(|| count_together(&nodes, client)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_let_through_is_known_when_redis_goes_away() {
    let Some(mut server) = RedisServer::start() else { return };
    let limiter = shared(&server.url()).await;
    let (client, limits) = (client(), [limit("x", 100, 600), limit("y", 60, 600)]);
    assert_eq!(admitted(&[&limiter], client, &limits, 40).await, 40);
    server.kill();
    assert_eq!(admitted(&[&limiter], client, &limits, 100).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_limit_holds_where_redis_has_forgotten() {
    let Some(server) = RedisServer::start() else { return };
    let limiter = shared(&server.url()).await;
    let client = client();
    let local = [Limit::new("auth", Rate::new(5, 600), true)];
    let usual = [limit("api", 5, 600)];
    assert_eq!(admitted(&[&limiter], client, &local, 20).await, 5);
    assert_eq!(admitted(&[&limiter], client, &usual, 20).await, 5);
    server.command(&["FLUSHALL"]);
    let refused = take(&limiter, &client, &local).await;
    assert!(!refused.admitted && refused.wait > Duration::from_mins(8), "{refused:?}");
    // The node itself may have said meanwhile that it is there.
    assert_eq!(server.command(&["KEYS", "{t:*"]), "", "a refused call is written nowhere");
    assert!(take(&limiter, &client, &usual).await.admitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_loss_of_a_master_lets_nobody_through_twice() {
    let Some(mut cluster) = RedisCluster::start() else { return };
    let nodes = [shared(&cluster.url()).await, shared(&cluster.url()).await];
    let both = [&nodes[0], &nodes[1]];
    let limits = [limit("x", 100, 600)];
    let [used_up, fresh, probe] = [(); 3].map(|()| client_of_first_master(&cluster));
    assert_eq!(admitted(&both[..1], used_up, &limits, 150).await, 100);
    let written = replication(&cluster.servers[0], "master_repl_offset:");
    until(|| async { replication(&cluster.servers[0], ",offset=") >= written }).await;

    cluster.servers[0].kill();
    // Each call is answered. None is let through: neither by what the node knows itself, nor by the replica.
    until(|| async {
        assert!(!take(&nodes[0], &used_up, &limits).await.admitted);
        count_together(&nodes, probe).await
    })
    .await;
    assert_eq!(admitted(&both, used_up, &limits, 100).await, 0);
    assert_eq!(admitted(&both, fresh, &limits, 300).await, 100);
}

/// A client whose calls the first master counts.
fn client_of_first_master(cluster: &RedisCluster) -> Client {
    let slot = |client: &Client| {
        let tag = format!("{{t:{}}}", client.tenant.unwrap());
        cluster.servers[0].command(&["CLUSTER", "KEYSLOT", &tag]).parse::<u32>().unwrap()
    };
    std::iter::repeat_with(client).find(|client| slot(client) < 16_384 / 3).unwrap()
}

/// How much the server has written, or its replica has copied, in bytes; `None` where it has no replica.
fn replication(server: &RedisServer, name: &str) -> Option<u64> {
    let told = server.command(&["INFO", "replication"]);
    let (_, number) = told.split_once(name)?;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Whether a call at one node is seen by the other.
async fn count_together(nodes: &[RateLimiter; 2], client: Client) -> bool {
    let name = format!("probe_{}", unique());
    let limits = [limit(&name, 4, 600)];
    take(&nodes[0], &client, &limits).await;
    // By itself a node has one of its share of two left, or three where it has never heard of another.
    take(&nodes[1], &client, &limits).await.remaining == 2
}

/// Waits for what comes by itself; for ever would be a fault.
async fn until<F: Future<Output = bool>>(condition: impl Fn() -> F) {
    let come = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), come).await.expect("it comes by itself");
}
