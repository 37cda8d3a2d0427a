//! The user of Redis that the documentation tells people to make can do everything that is asked of it.

use mono_core::id::{ApiKeyId, TenantId, UserId};
use mono_core::rate_limit::{Limit, Rate};
use mono_core::time::Clock;
use mono_storage::bus::{Bus, Tag};
use mono_storage::cache::{Cache, Space};
use mono_storage::rate_limit::{Client, RateLimiter};
use mono_storage::redis::{Redis, RedisOptions};
use mono_storage::system::{SystemClock, SystemRandom};
use mono_storage::testkit::{RedisCluster, RedisServer};
use std::time::Duration;

static PAGES: Space = Space {
    name: "pages",
    schema: 1,
    fresh: Duration::from_mins(5),
    stale: Duration::ZERO,
    negative: Duration::from_mins(5),
};

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_user_suffices_on_one_server() {
    let Some(server) = RedisServer::start() else { return };
    make_user(&server);
    use_everything(&format!("redis://mono:SECRET@127.0.0.1:{}/2", server.port())).await;
    assert_eq!(refused(&server), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_user_suffices_in_a_cluster() {
    let Some(cluster) = RedisCluster::start() else { return };
    cluster.servers.iter().for_each(make_user);
    use_everything(&cluster.url().replace("://", "://mono:SECRET@")).await;
    for server in &cluster.servers {
        assert_eq!(refused(server), "");
    }
}

/// Runs the command that stands in the documentation.
fn make_user(server: &RedisServer) {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cache.md")).unwrap();
    let (_, command) = page.split_once("redis-cli ACL SETUSER ").unwrap();
    let (command, _) = command.split_once("```").unwrap();
    let command = command.replace(['\\', '\''], "");
    let words = ["ACL", "SETUSER"].into_iter().chain(command.split_whitespace()).collect::<Vec<_>>();
    server.command(&words);
}

/// What a server did not let its users do.
fn refused(server: &RedisServer) -> String {
    let log = server.command(&["ACL", "LOG"]);
    let lines = log.lines().collect::<Vec<_>>();
    let refused = lines.windows(2).filter(|pair| pair[0] == "object").map(|pair| pair[1]);
    // The driver says its name, where that is allowed.
    refused.filter(|object| *object != "client|setinfo").collect::<Vec<_>>().join(", ")
}

/// What a node asks of Redis in its life.
async fn use_everything(url: &str) {
    let mut options = RedisOptions::parse(url).unwrap();
    options.timeout = Duration::from_secs(10);
    let redis = Redis::connect(&options).await.unwrap();
    let (bus, other) = (Bus::over(&redis), Bus::over(&redis));
    for bus in [&bus, &other] {
        until(async || bus.redis_state() == Some(true)).await;
    }
    redis.ping().await.unwrap();

    let tenants = (1..20).map(|number| Some(TenantId::from_u128(number)));
    for owner in tenants.chain([None]) {
        let read = async |bus: &Bus, value: &'static str| {
            let cache = Cache::new(bus, 1 << 20);
            let cache = owner.map_or_else(|| cache.platform(), |tenant| cache.tenant(tenant));
            let load = || std::future::ready(Ok(Some(value.into())));
            cache.get(&PAGES, "1", &[Tag::ACCOUNTS], load).await.unwrap().unwrap()
        };
        until(async || {
            bus.changed(owner, Tag::ACCOUNTS).await;
            let _ = read(&bus, "first").await;
            &*read(&other, "second").await == b"first"
        })
        .await;
    }
    bus.changed(None, Tag::user(UserId::from_u128(1))).await;
    bus.changed(None, Tag::api_key(ApiKeyId::from_u128(1))).await;

    let limiter = RateLimiter::shared(1_000, redis, &SystemRandom);
    until(async || limiter.nodes() == 1).await;
    let user = Some(UserId::from_u128(1));
    let clients = [
        Client { tenant: Some(TenantId::from_u128(1)), user, ..Client::default() },
        Client { user, ..Client::default() },
        Client::stranger(Some([10, 0, 0, 1].into())),
        Client::default(),
    ];
    // One is counted as a log, the other in buckets; both are used up, so that something is refused too.
    for limit in [Limit::new("few", Rate::new(3, 1), false), Limit::new("many", Rate::new(70, 1), false)] {
        for client in clients {
            for _ in 0..80 {
                limiter.take(&client, std::slice::from_ref(&limit), SystemClock.now()).await.unwrap();
            }
        }
    }
    bus.leave().await;
    other.leave().await;
}

/// Waits for what comes by itself.
async fn until(condition: impl AsyncFn() -> bool) {
    let come = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), come).await.expect("it comes by itself");
}
