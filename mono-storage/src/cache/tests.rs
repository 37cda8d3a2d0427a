//! Two nodes on one Redis, of which each test has its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::{Cache, Space};
use crate::bus::{Bus, Owner, Tag, Touched};
use crate::redis::{Redis, RedisOptions};
use crate::testkit::{RedisCluster, RedisServer};
use mono_core::id::TenantId;
use mono_core::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use uuid::Uuid;

static PAGES: Space = Space {
    name: "pages",
    schema: 1,
    fresh: Duration::from_mins(5),
    stale: Duration::ZERO,
    negative: Duration::from_mins(5),
};

const TAGS: &[Tag] = &[Tag::ACCOUNTS, Tag::entity("team")];
const BYTES: u64 = 1 << 20;

fn tenant(number: u128) -> TenantId {
    TenantId::from(Uuid::from_u128(number))
}

fn touched(owner: Owner, tag: Tag) -> Touched {
    [(owner, tag)].into()
}

type Load = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, Error>> + Send>>;

/// What the database would hold, and how often it was asked.
#[derive(Default)]
struct Truth {
    value: AtomicU64,
    loads: AtomicU64,
}

impl Truth {
    fn load(self: &Arc<Self>) -> impl FnOnce() -> Load + use<> {
        let truth = Arc::clone(self);
        move || {
            Box::pin(async move {
                truth.loads.fetch_add(1, Ordering::SeqCst);
                let value = truth.value.load(Ordering::SeqCst).to_string();
                Ok(Some(value.into_bytes()))
            })
        }
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }
}

struct Node {
    bus: Bus,
    cache: Cache,
}

impl Node {
    fn alone() -> Self {
        Self::over(Bus::in_memory())
    }

    fn over(bus: Bus) -> Self {
        Self { cache: Cache::new(&bus, BYTES), bus }
    }

    async fn of(url: &str) -> Self {
        let mut options = RedisOptions::parse(url).unwrap();
        // A loaded machine answers late.
        options.timeout = Duration::from_secs(5);
        let node = Self::over(Bus::over(&Redis::connect(&options).await.unwrap()));
        node.until(true).await;
        node
    }

    /// Waits until others are heard, or no more.
    async fn until(&self, live: bool) {
        within(async {
            while self.bus.redis_state() != Some(live) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
    }

    async fn read(&self, owner: u128, truth: &Arc<Truth>) -> String {
        let value = self.cache.tenant(tenant(owner)).get(&PAGES, "1", TAGS, truth.load()).await;
        String::from_utf8(value.unwrap().unwrap().to_vec()).unwrap()
    }

    /// Changes the truth and tells it, as a commit does.
    async fn write(&self, owner: u128, truth: &Truth, value: u64) {
        truth.value.store(value, Ordering::SeqCst);
        self.bus.touch(touched(Some(tenant(owner)), Tag::ACCOUNTS)).await;
    }
}

/// The time of something that hangs, not of something slow.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), work).await.expect("it happens at all")
}

#[tokio::test]
async fn a_value_is_loaded_once_and_again_after_a_change_of_its_tenant() {
    let (node, truth) = (Node::alone(), Arc::<Truth>::default());
    assert_eq!(node.read(1, &truth).await, "0");
    assert_eq!(node.read(1, &truth).await, "0");
    assert_eq!(truth.loads(), 1);
    node.write(2, &truth, 5).await;
    assert_eq!(node.read(1, &truth).await, "0", "another tenant's change is none of ours");
    node.write(1, &truth, 6).await;
    assert_eq!(node.read(1, &truth).await, "6");
    assert_eq!(node.cache.counts().0.loads, 2);
}

#[tokio::test]
async fn a_value_of_one_tenant_never_answers_another() {
    let Some(server) = RedisServer::start() else { return };
    for node in [Node::alone(), Node::of(&server.url()).await] {
        for owner in 1..20 {
            let truth = Arc::<Truth>::default();
            truth.value.store(u64::try_from(owner).unwrap(), Ordering::SeqCst);
            assert_eq!(node.read(owner, &truth).await, owner.to_string());
        }
        let platform = node.cache.platform().get(&PAGES, "1", TAGS, || std::future::ready(Ok(None))).await;
        assert_eq!(platform.unwrap(), None);
    }
}

#[tokio::test]
async fn nothing_is_kept_as_nothing() {
    let Some(server) = RedisServer::start() else { return };
    for node in [Node::alone(), Node::of(&server.url()).await] {
        let loads = Arc::<AtomicU64>::default();
        for _ in 0..3 {
            let loads = Arc::clone(&loads);
            let load = move || {
                loads.fetch_add(1, Ordering::SeqCst);
                std::future::ready(Ok(None))
            };
            assert_eq!(node.cache.tenant(tenant(1)).get(&PAGES, "1", TAGS, load).await.unwrap(), None);
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        // And so for a node that has nothing in its memory.
        node.bus.forget();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_misses_at_once_cause_one_load() {
    let (node, gate) = (Arc::new(Node::alone()), Arc::new(Semaphore::new(0)));
    let truth = Arc::<Truth>::default();
    let ask = || {
        let (node, gate, truth) = (Arc::clone(&node), Arc::clone(&gate), Arc::clone(&truth));
        async move {
            let load = move || async move {
                drop(gate.acquire().await);
                truth.load()().await
            };
            node.cache.tenant(tenant(1)).get(&PAGES, "1", TAGS, load).await.unwrap()
        }
    };
    let asked = (0..1000).map(|_| tokio::spawn(ask())).collect::<Vec<_>>();
    within(async {
        while node.cache.counts().0.misses < 1000 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    gate.add_permits(1);
    for answer in asked {
        assert_eq!(answer.await.unwrap().as_deref(), Some(b"0".as_slice()));
    }
    assert_eq!(truth.loads(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_after_a_write_does_not_get_what_was_read_before_it() {
    let (node, gate) = (Arc::new(Node::alone()), Arc::new(Semaphore::new(0)));
    let truth = Arc::<Truth>::default();
    // A load that has read, and is slow to return.
    let slow = tokio::spawn({
        let (node, gate, truth) = (Arc::clone(&node), Arc::clone(&gate), Arc::clone(&truth));
        async move {
            let load = move || async move {
                let read = truth.load()().await;
                drop(gate.acquire().await);
                read
            };
            node.cache.tenant(tenant(1)).get(&PAGES, "1", TAGS, load).await.unwrap()
        }
    });
    within(async {
        while truth.loads() < 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    node.write(1, &truth, 7).await;
    assert_eq!(node.read(1, &truth).await, "7");
    gate.add_permits(1);
    assert_eq!(slow.await.unwrap().as_deref(), Some(b"0".as_slice()), "who asked before may get it");
    assert_eq!(node.read(1, &truth).await, "7", "and it is not kept");
    assert_eq!(truth.loads(), 2);
}

#[tokio::test]
async fn an_error_is_told_to_everybody_and_not_kept() {
    let (node, truth) = (Node::alone(), Arc::<Truth>::default());
    let refuse = || async {
        tokio::task::yield_now().await;
        Err(Error::new(ErrorKind::Conflict, "busy", "somebody is at it"))
    };
    let cache = node.cache.tenant(tenant(1));
    let asked = tokio::join!(cache.get(&PAGES, "1", TAGS, refuse), cache.get(&PAGES, "1", TAGS, refuse));
    for error in [asked.0.unwrap_err(), asked.1.unwrap_err()] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "busy"));
    }
    assert_eq!(node.cache.counts().0.loads, 1);
    assert_eq!(node.read(1, &truth).await, "0");
}

#[tokio::test]
async fn a_load_that_panics_ends_for_those_who_wait() {
    let (node, truth) = (Node::alone(), Arc::<Truth>::default());
    let load = || async { panic!("a load has a mistake") };
    let error = within(node.cache.tenant(tenant(1)).get(&PAGES, "1", TAGS, load)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    assert_eq!(node.read(1, &truth).await, "0");
}

#[tokio::test]
async fn the_memory_is_bounded_in_bytes() {
    let (node, large) = (Node::alone(), vec![0_u8; 10_000]);
    for number in 0..1000 {
        let value = large.clone();
        let load = || std::future::ready(Ok(Some(value)));
        node.cache.tenant(tenant(1)).get(&PAGES, &number.to_string(), TAGS, load).await.unwrap();
    }
    let counts = node.cache.counts().0;
    assert!(counts.evictions >= 890, "a megabyte holds a hundred of them: {counts:?}");
}

#[tokio::test]
async fn a_value_that_is_stale_is_given_while_it_is_loaded_anew() {
    static BRIEF: Space = Space {
        name: "brief",
        schema: 1,
        fresh: Duration::ZERO,
        stale: Duration::from_secs(25),
        negative: Duration::ZERO,
    };
    let (node, truth) = (Node::alone(), Arc::<Truth>::default());
    let cache = node.cache.tenant(tenant(1));
    cache.get(&BRIEF, "1", TAGS, truth.load()).await.unwrap();
    truth.value.store(1, Ordering::SeqCst);
    let given = cache.get(&BRIEF, "1", TAGS, truth.load()).await.unwrap();
    assert_eq!(given.as_deref(), Some(b"0".as_slice()), "nobody waits");
    within(async {
        while cache.get(&BRIEF, "1", TAGS, truth.load()).await.unwrap().as_deref() != Some(b"1") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    node.write(1, &truth, 2).await;
    let given = cache.get(&BRIEF, "1", TAGS, truth.load()).await.unwrap();
    assert_eq!(given.as_deref(), Some(b"2".as_slice()), "what was changed is not stale but wrong");
}

/// Both nodes see a change of either; `loads` counts how often the database was asked.
async fn share(a: Node, b: Node) {
    let truth = Arc::<Truth>::default();
    assert_eq!(a.read(1, &truth).await, "0");
    assert_eq!(b.read(1, &truth).await, "0");
    assert_eq!(truth.loads(), 1, "the second node finds it in Redis");
    assert_eq!(b.cache.counts().1.hits, 1);
    for value in 1..20 {
        let (writer, reader) = if value % 2 == 0 { (&a, &b) } else { (&b, &a) };
        writer.write(1, &truth, value).await;
        assert_eq!(writer.read(1, &truth).await, value.to_string(), "at once on the node that wrote");
        within(async {
            while reader.read(1, &truth).await != value.to_string() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
    assert!(truth.loads() <= 20, "each change costs one load: {}", truth.loads());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_values_and_hear_of_changes() {
    let Some(server) = RedisServer::start() else { return };
    share(Node::of(&server.url()).await, Node::of(&server.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_values_in_a_cluster() {
    let Some(cluster) = RedisCluster::start() else { return };
    share(Node::of(&cluster.url()).await, Node::of(&cluster.url()).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn misses_on_several_nodes_cause_one_load() {
    let Some(server) = RedisServer::start() else { return };
    let truth = Arc::<Truth>::default();
    let mut asked = Vec::new();
    for _ in 0..4 {
        let (node, truth) = (Node::of(&server.url()).await, Arc::clone(&truth));
        asked.push(async move {
            let load = || async move {
                // Long enough for the others to ask, shorter than they wait.
                tokio::time::sleep(Duration::from_millis(50)).await;
                truth.load()().await
            };
            node.cache.tenant(tenant(1)).get(&PAGES, "1", TAGS, load).await.unwrap();
        });
    }
    let asked = asked.into_iter().map(tokio::spawn).collect::<Vec<_>>();
    for answer in asked {
        answer.await.unwrap();
    }
    assert_eq!(truth.loads(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_nothing_fails_and_nothing_is_old() {
    let Some(mut server) = RedisServer::start() else { return };
    let (a, b, truth) =
        (Node::of(&server.url()).await, Node::of(&server.url()).await, Arc::<Truth>::default());
    assert_eq!(a.read(1, &truth).await, "0");
    assert_eq!(b.read(1, &truth).await, "0");
    server.kill();
    a.until(false).await;
    b.until(false).await;
    // Nobody hears: so nobody keeps.
    a.write(1, &truth, 1).await;
    assert_eq!(a.read(1, &truth).await, "1");
    assert_eq!(b.read(1, &truth).await, "1");
    server.restart();
    a.until(true).await;
    b.until(true).await;
    a.write(1, &truth, 2).await;
    assert_eq!(a.read(1, &truth).await, "2");
    let loads = truth.loads();
    within(async {
        while b.read(1, &truth).await != "2" {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
    assert!(truth.loads() <= loads + 1, "it is shared again: {}", truth.loads());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_told_is_told_later_and_redis_is_not_trusted_until_then() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b, truth) =
        (Node::of(&server.url()).await, Node::of(&server.url()).await, Arc::<Truth>::default());
    assert_eq!(a.read(1, &truth).await, "0");
    // The server goes on living, and loses nothing; it only answers this node late.
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    a.write(1, &truth, 1).await;
    assert_eq!(a.read(1, &truth).await, "1", "Redis still has the old value, with its old versions");
    server.command(&["REPLICAOF", "NO", "ONE"]);
    a.until(true).await;
    b.until(true).await;
    assert_eq!(a.read(1, &truth).await, "1");
    within(async {
        while b.read(1, &truth).await != "1" {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_emptied_makes_nothing_old_valid_again() {
    let Some(server) = RedisServer::start() else { return };
    let (a, truth) = (Node::of(&server.url()).await, Arc::<Truth>::default());
    assert_eq!(a.read(1, &truth).await, "0");
    a.write(1, &truth, 1).await;
    server.command(&["FLUSHALL"]);
    assert_eq!(a.read(1, &truth).await, "1");
    let b = Node::of(&server.url()).await;
    assert_eq!(b.read(1, &truth).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_wrote_never_reads_what_is_older_however_many_write() {
    const WRITES: u64 = 200;
    let Some(server) = RedisServer::start() else { return };
    let truth = Arc::<Truth>::default();
    let nodes = [Arc::new(Node::of(&server.url()).await), Arc::new(Node::of(&server.url()).await)];
    let mut tasks = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (node, truth) = (Arc::clone(&nodes[writer % 2]), Arc::clone(&truth));
        tasks.spawn(async move {
            for _ in 0..WRITES {
                let written = truth.value.fetch_add(1, Ordering::SeqCst) + 1;
                node.bus.touch(touched(Some(tenant(1)), Tag::ACCOUNTS)).await;
                let read = node.read(1, &truth).await.parse::<u64>().unwrap();
                assert!(read >= written, "{read} is older than {written}");
            }
        });
    }
    tasks.join_all().await;
    for node in nodes {
        within(async {
            while node.read(1, &truth).await != (8 * WRITES).to_string() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_could_not_tell_before_it_died_is_not_kept_for_long() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b, truth) =
        (Node::of(&server.url()).await, Node::of(&server.url()).await, Arc::<Truth>::default());
    assert_eq!(a.read(1, &truth).await, "0");
    assert_eq!(b.read(1, &truth).await, "0");
    // The commit of A, whose message never leaves.
    truth.value.store(1, Ordering::SeqCst);
    drop(a);
    within(async {
        while b.read(1, &truth).await != "1" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let c = Node::of(&server.url()).await;
    let loads = truth.loads();
    assert_eq!(c.read(1, &truth).await, "1");
    assert_eq!(truth.loads(), loads, "the others go on sharing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_is_not_taken_for_lost() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (Node::of(&server.url()).await, Node::of(&server.url()).await);
    assert_eq!(server.command(&["ZCARD", "{p}:nodes"]), "2");
    a.bus.leave().await;
    assert_eq!(server.command(&["ZCARD", "{p}:nodes"]), "1");
    drop((a, b));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_redis_suffers_nothing_fails_and_nothing_is_old() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b, truth) =
        (Node::of(&server.url()).await, Node::of(&server.url()).await, Arc::<Truth>::default());
    let faults: [(&[&str], &[&str]); 3] = [
        (&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"]),
        (&["REPLICAOF", "127.0.0.1", "1"], &["REPLICAOF", "NO", "ONE"]),
        (&["FLUSHALL"], &["PING"]),
    ];
    let mut value = 0;
    for (begin, end) in faults {
        assert_eq!(a.read(1, &truth).await, value.to_string());
        assert_eq!(b.read(1, &truth).await, value.to_string());
        server.command(begin);
        for _ in 0..3 {
            value += 1;
            a.write(1, &truth, value).await;
            assert_eq!(a.read(1, &truth).await, value.to_string(), "{begin:?}");
        }
        server.command(end);
        a.until(true).await;
        b.until(true).await;
        within(async {
            while b.read(1, &truth).await != value.to_string() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }
}
