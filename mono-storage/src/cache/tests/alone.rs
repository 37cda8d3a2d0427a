//! What one node keeps, most of it without Redis.

use super::*;
use std::sync::Mutex;

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
        let nodes = [&node];
        let loads = undisturbed(&nodes, async |owner| {
            let loads = Arc::<AtomicU64>::default();
            for _ in 0..3 {
                let loads = Arc::clone(&loads);
                let load = move || {
                    loads.fetch_add(1, Ordering::SeqCst);
                    std::future::ready(Ok(None))
                };
                let given = node.cache.tenant(tenant(owner)).get(&PAGES, "1", TAGS, load).await;
                assert_eq!(given.unwrap(), None);
            }
            loads.load(Ordering::SeqCst)
        });
        assert_eq!(loads.await, 1);
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

/// Stale from the begin on.
static BRIEF: Space = Space {
    name: "brief",
    schema: 1,
    fresh: Duration::ZERO,
    stale: Duration::from_secs(25),
    negative: Duration::ZERO,
};

#[tokio::test]
async fn a_value_that_is_stale_is_given_while_it_is_loaded_anew() {
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

#[tokio::test]
async fn a_value_that_is_stale_is_given_while_it_cannot_be_loaded_anew_and_the_log_says_so() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let said = || String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let (node, truth, refusals) = (Node::alone(), Arc::<Truth>::default(), Arc::<AtomicU64>::default());
    let refuse = || {
        let refusals = Arc::clone(&refusals);
        move || async move {
            refusals.fetch_add(1, Ordering::SeqCst);
            Err(Error::new(ErrorKind::Unavailable, "away", "the harbour is closed"))
        }
    };
    let cache = node.cache.tenant(tenant(1));
    let refused = cache.get(&BRIEF, "1", TAGS, refuse()).await;
    assert_eq!((refused.unwrap_err().code(), said().as_str()), ("away", ""), "who waits is told");
    cache.get(&BRIEF, "1", TAGS, truth.load()).await.unwrap();
    within(async {
        while refusals.load(Ordering::SeqCst) < 4 {
            let given = cache.get(&BRIEF, "1", TAGS, refuse()).await.unwrap();
            assert_eq!(given.as_deref(), Some(b"0".as_slice()));
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(said().contains("a load failed in the background: the harbour is closed"), "{}", said());
    node.write(1, &truth, 1).await;
    let refused = cache.get(&BRIEF, "1", TAGS, refuse()).await;
    assert_eq!(refused.unwrap_err().code(), "away", "what was changed is given no more");
}

/// What is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
