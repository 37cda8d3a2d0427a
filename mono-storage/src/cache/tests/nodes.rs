//! Nodes on one Redis, of which each test has its own.

use super::*;

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
