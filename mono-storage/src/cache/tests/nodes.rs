//! Nodes on one Redis, of which each test has its own.

use super::*;
use crate::cache::Bytes;
use mono_core::id::UserId;

/// Both nodes see a change of either, and each change costs one load.
async fn share(a: Node, b: Node) {
    let nodes = [&a, &b];
    let loads = undisturbed(&nodes, async |owner| {
        let (truth, hits) = (Arc::<Truth>::default(), b.cache.counts().1.hits);
        assert_eq!(a.read(owner, &truth).await, "0");
        assert_eq!(b.read(owner, &truth).await, "0");
        let first = (truth.loads(), b.cache.counts().1.hits - hits);
        for value in 1..20 {
            let (writer, reader) = if value % 2 == 0 { (&a, &b) } else { (&b, &a) };
            writer.write(owner, &truth, value).await;
            assert_eq!(writer.read(owner, &truth).await, value.to_string(), "at once on the node that wrote");
            within(async {
                while reader.read(owner, &truth).await != value.to_string() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
            .await;
        }
        (first, truth.loads())
    });
    let (first, all) = loads.await;
    assert_eq!(first, (1, 1), "the second node finds it in Redis");
    assert!(all <= 20, "{all}");
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

/// How many scripts a server has run.
fn scripts(server: &RedisServer) -> u64 {
    let counts = server.command(&["INFO", "commandstats"]);
    let calls = counts.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    calls.and_then(|calls| calls.split(',').next()).map_or(0, |calls| calls.parse().unwrap())
}

/// Waits until nodes have asked a server so often.
async fn until_asked(server: &RedisServer, times: u64) {
    let end = scripts(server) + times;
    within(async {
        while scripts(server) < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Asks on a node; the load reads, and returns when the gate is opened.
fn ask_slowly(
    node: &Arc<Node>,
    owner: u128,
    truth: &Arc<Truth>,
    gate: &Arc<Semaphore>,
) -> tokio::task::JoinHandle<Option<Bytes>> {
    let (node, truth, gate) = (Arc::clone(node), Arc::clone(truth), Arc::clone(gate));
    tokio::spawn(async move {
        let load = move || async move {
            let read = truth.load()().await;
            drop(gate.acquire().await);
            read
        };
        node.cache.tenant(tenant(owner)).get(&PAGES, "1", TAGS, load).await.unwrap()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn misses_on_several_nodes_cause_one_load_however_long_it_takes() {
    let Some(server) = RedisServer::start() else { return };
    let mut nodes = Vec::new();
    for _ in 0..4 {
        nodes.push(Arc::new(Node::of(&server.url()).await));
    }
    let all = nodes.iter().map(Arc::as_ref).collect::<Vec<_>>();
    let loads = undisturbed(&all, async |owner| {
        let (truth, gate) = (Arc::<Truth>::default(), Arc::new(Semaphore::new(0)));
        let asked = nodes.iter().map(|node| ask_slowly(node, owner, &truth, &gate)).collect::<Vec<_>>();
        // Three that wait have looked for longer than a quarter of a second.
        until_asked(&server, 150).await;
        gate.add_permits(1);
        for answer in asked {
            assert_eq!(answer.await.unwrap().as_deref(), Some(b"0".as_slice()));
        }
        truth.loads()
    });
    assert_eq!(loads.await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_a_load_from_before_a_change_nor_for_a_node_that_is_gone() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (Arc::new(Node::of(&server.url()).await), Node::of(&server.url()).await);
    let (truth, gate) = (Arc::<Truth>::default(), Arc::new(Semaphore::new(0)));
    for value in 1..3 {
        let slow = ask_slowly(&a, value.into(), &truth, &gate);
        let lock = format!("{}:pages:v1:1:lock", crate::redis::hash_tag(Some(tenant(value.into()))));
        within(async {
            while server.command(&["EXISTS", &lock]) == "0" {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        if value == 1 {
            b.write(value.into(), &truth, value).await;
        } else {
            // As after its time.
            server.command(&["DEL", &lock]);
        }
        within(b.read(value.into(), &truth)).await;
        slow.abort();
    }
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
    assert_eq!(c.read(1, &truth).await, "1");
    share(b, c).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_is_not_taken_for_lost() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (Node::of(&server.url()).await, Node::of(&server.url()).await);
    within(async {
        while server.command(&["ZCARD", "{p}:nodes"]) != "2" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
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
        if begin[0] != "FLUSHALL" {
            // Others cannot tell it what they change: so a node keeps nothing.
            b.until(false).await;
            value += 1;
            a.write(1, &truth, value).await;
            assert_eq!(b.read(1, &truth).await, value.to_string(), "{begin:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_starts_again_from_an_older_copy_is_not_believed() {
    let Some(mut server) = RedisServer::start() else { return };
    let (a, b, truth) =
        (Node::of(&server.url()).await, Node::of(&server.url()).await, Arc::<Truth>::default());
    assert_eq!(a.read(1, &truth).await, "0");
    server.command(&["SAVE"]);
    a.write(1, &truth, 1).await;
    server.kill();
    // A call that fails says so at once.
    for (node, owner) in [(&a, 2), (&b, 3)] {
        node.write(owner, &truth, 1).await;
        node.until(false).await;
    }
    server.restart();
    for node in [&a, &b] {
        node.until(true).await;
        assert_eq!(node.read(1, &truth).await, "1", "the page of before is there again, with its versions");
    }
    let c = Node::of(&server.url()).await;
    assert_eq!(c.read(1, &truth).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_all_nodes_believes_nothing_that_redis_has() {
    let Some(server) = RedisServer::start() else { return };
    let truth = Arc::<Truth>::default();
    let a = Node::of(&server.url()).await;
    assert_eq!(a.read(1, &truth).await, "0");
    a.bus.leave().await;
    // Nobody was there to see whether Redis was restored meanwhile.
    truth.value.store(1, Ordering::SeqCst);
    assert_eq!(Node::of(&server.url()).await.read(1, &truth).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_missed_a_change_and_takes_over_is_not_believed() {
    let Some(mut cluster) = RedisCluster::start() else { return };
    let (a, truth) = (Node::of(&cluster.url()).await, Arc::<Truth>::default());
    let command = |index: usize, words: &[&str]| cluster.servers[index].command(words);
    // The server of a role that has keys of an owner.
    let holder = |owner: Owner, role: &str| {
        let slot = command(0, &["CLUSTER", "KEYSLOT", &crate::redis::hash_tag(owner)]);
        let has = |index: &usize| {
            command(*index, &["CLUSTER", "COUNTKEYSINSLOT", &slot]) != "0"
                && command(*index, &["INFO", "replication"]).contains(role)
        };
        (0..6).find(has)
    };
    // On another master than the signs of life.
    let mut owner = 0;
    let master = loop {
        owner += 1;
        assert_eq!(a.read(owner, &truth).await, "0");
        let master = holder(Some(tenant(owner)), "role:master");
        if master != holder(None, "role:master") {
            break master.unwrap();
        }
    };
    let until = async |condition: &dyn Fn() -> bool| {
        within(async {
            while !condition() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    };
    until(&|| holder(Some(tenant(owner)), "role:slave").is_some()).await;
    let replica = holder(Some(tenant(owner)), "role:slave").unwrap();
    let sizes = || [master, replica].map(|index| command(index, &["DBSIZE"]));
    until(&|| sizes()[0] == sizes()[1]).await;
    // It is not let in again: its master knows of no password.
    command(replica, &["CONFIG", "SET", "masterauth", "wrong"]);
    command(master, &["CLIENT", "KILL", "TYPE", "replica"]);
    until(&|| command(replica, &["INFO", "replication"]).contains("master_link_status:down")).await;
    a.write(owner, &truth, 1).await;
    cluster.servers[master].kill();
    // The node itself notices: nobody asks meanwhile.
    a.until(false).await;
    a.until(true).await;
    assert!(cluster.servers[replica].command(&["INFO", "replication"]).contains("role:master"));
    assert_eq!(a.read(owner, &truth).await, "1", "the replica has the page, with the versions of before");
}

#[tokio::test(flavor = "multi_thread")]
async fn very_much_that_could_not_be_told_is_told_in_the_end() {
    let Some(mut server) = RedisServer::start() else { return };
    // As in production: one call with all of it would take longer.
    let node = Node::with(&server.url(), Duration::from_millis(50)).await;
    server.kill();
    let people = (0..20_000).map(|number| (None, Tag::user(UserId::from_u128(number))));
    node.bus.touch(people.collect()).await;
    assert!(node.bus.trusted(None).is_none());
    server.restart();
    within(async {
        while node.bus.trusted(None).is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let last = crate::redis::tag_key(None, &Tag::user(UserId::from_u128(19_999)));
    assert_eq!(server.command(&["EXISTS", &last]), "1");
}
