//! Events: told if and only if their transaction committed, in the order of their tenant.

use mono_core::ErrorKind;
use mono_core::caller::{Caller, SystemReason};
use mono_core::event::EventPayload;
use mono_core::id::TenantId;
use mono_core::model::account::{AccountFilter, AccountType, NewAccount};
use mono_core::page::PageRequest;
use mono_core::time::FixedClock;
use mono_storage::bus::{Delivery, EventBus, Events};
use mono_storage::db::Database;
use mono_storage::redis::{Redis, RedisOptions};
use mono_storage::store::Event;
use mono_storage::testkit::{self, Backend, RedisServer, World};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

mono_storage::conformance!(
    an_event_is_told_if_and_only_if_its_transaction_commits,
    every_subscriber_of_every_node_hears_each_tenant_in_order,
    an_event_that_commits_late_is_told_behind_what_was,
    a_node_hears_what_one_with_a_late_clock_numbers,
    events_are_given_again_from_any_that_is_kept,
    an_event_is_read_as_its_kind_and_no_other,
    a_subscriber_that_sleeps_holds_nobody_and_learns_what_it_missed,
    an_event_is_kept_for_seven_days,
    what_a_node_without_redis_changes_is_heeded_by_those_who_have_it,
);

/// An event of an application.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Happened {
    pub(super) number: u64,
}

impl EventPayload for Happened {
    const KIND: &str = "test.happened";
}

async fn emit(database: &Database, tenant: TenantId, number: u64) {
    let system = Caller::system_in(SystemReason::Seed, tenant);
    let mut tx = database.tenant(&system).write().await.unwrap();
    tx.emit(&Happened { number }).await.unwrap();
    tx.commit().await.unwrap();
}

async fn next(events: &mut Events) -> Arc<Event> {
    let delivery = tokio::time::timeout(Duration::from_mins(1), events.next()).await.unwrap().unwrap();
    match delivery {
        Delivery::Event(event) => event,
        Delivery::Missed => panic!("nobody is slow here"),
    }
}

fn number(event: &Event) -> u64 {
    event.read::<Happened>().unwrap().unwrap().number
}

async fn an_event_is_told_if_and_only_if_its_transaction_commits(world: World) {
    let database = &world.test.database;
    // From before the bus: nobody who comes later hears it, but it is given again.
    emit(database, world.harbour.id, 0).await;
    let bus = EventBus::start(database).await.unwrap();
    let mut events = bus.subscribe();
    let system = Caller::system_in(SystemReason::Seed, world.harbour.id);
    let mut tx = database.tenant(&system).write().await.unwrap();
    tx.emit(&Happened { number: 1 }).await.unwrap();
    tx.rollback().await.unwrap();
    emit(database, world.harbour.id, 2).await;
    let mut told = next(&mut events).await;
    if number(&told) == 0 {
        // The first look came before it had its number.
        told = next(&mut events).await;
    }
    assert_eq!(number(&told), 2);
    assert_eq!((told.tenant_id, told.sequence), (world.harbour.id, 2));
}

async fn every_subscriber_of_every_node_hears_each_tenant_in_order(world: World) {
    const EVENTS: u64 = 100;
    let one = world.test.database.clone();
    let two = Database::connect(&world.test.options).await.unwrap();
    let (bus_one, bus_two) = (EventBus::start(&one).await.unwrap(), EventBus::start(&two).await.unwrap());
    let mut subscribers = [bus_one.subscribe(), bus_one.subscribe(), bus_two.subscribe()];
    let tenants = [world.harbour.id, world.lagoon.id];
    let write = async |database: &Database, tenant: TenantId| {
        for number in 0..EVENTS {
            emit(database, tenant, number).await;
        }
    };
    tokio::join!(write(&one, tenants[0]), write(&two, tenants[1]));
    for subscriber in &mut subscribers {
        let mut told = [Vec::new(), Vec::new()];
        for _ in 0..2 * EVENTS {
            let event = next(subscriber).await;
            let tenant = tenants.iter().position(|tenant| *tenant == event.tenant_id).unwrap();
            told[tenant].push((event.sequence, number(&event)));
        }
        for told in told {
            let expected = (0..EVENTS).map(|number| (i64::try_from(number).unwrap() + 1, number));
            assert_eq!(told, expected.collect::<Vec<_>>());
        }
    }
}

async fn an_event_that_commits_late_is_told_behind_what_was(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // One transaction writes at a time.
    }
    let writer = &world.test.database;
    // Another node, which no message reaches.
    let reader = Database::connect(&world.test.options).await.unwrap();
    let bus = EventBus::start(&reader).await.unwrap();
    let mut events = bus.subscribe();
    let system = Caller::system_in(SystemReason::Seed, world.harbour.id);
    let mut late = writer.tenant(&system).write().await.unwrap();
    late.emit(&Happened { number: 1 }).await.unwrap();
    emit(writer, world.harbour.id, 2).await;
    let first = next(&mut events).await;
    assert_eq!((number(&first), first.sequence), (2, 1));
    late.commit().await.unwrap();
    let second = next(&mut events).await;
    assert_eq!((number(&second), second.sequence), (1, 2));
    assert!(second.created_at < first.created_at);
}

async fn a_node_hears_what_one_with_a_late_clock_numbers(world: World) {
    let reader = &world.test.database;
    let bus = EventBus::start(reader).await.unwrap();
    let mut events = bus.subscribe();
    let late = FixedClock(reader.now() - Duration::from_mins(4));
    let writer = Database::connect(&world.test.options).await.unwrap().with_clock(Arc::new(late));
    let _bus = EventBus::start(&writer).await.unwrap();
    for expected in 0..3 {
        emit(&writer, world.harbour.id, expected).await;
        assert_eq!(number(&*next(&mut events).await), expected);
    }
}

async fn events_are_given_again_from_any_that_is_kept(world: World) {
    let database = &world.test.database;
    let bus = EventBus::start(database).await.unwrap();
    let mut events = bus.subscribe();
    for number in 0..5 {
        emit(database, world.harbour.id, number).await;
    }
    let mut told = Vec::new();
    while told.len() < 5 {
        told.push(next(&mut events).await);
    }
    let system = Caller::system_in(SystemReason::Seed, world.harbour.id);
    let mut tx = database.tenant(&system).read().await.unwrap();
    let again = tx.events_after(Some(told[1].id)).await.unwrap();
    assert_eq!(again.iter().map(number).collect::<Vec<_>>(), [2, 3, 4]);
    assert_eq!(tx.events_after(None).await.unwrap().len(), 5);
    drop(tx);
    let stranger = Caller::system_in(SystemReason::Seed, world.lagoon.id);
    let mut tx = database.tenant(&stranger).read().await.unwrap();
    let foreign = tx.events_after(Some(told[1].id)).await.unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::NotFound);
    let mut tx = database.tenant(&world.harbour.admin).read().await.unwrap();
    assert_eq!(tx.events_after(None).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn an_event_is_read_as_its_kind_and_no_other(world: World) {
    #[derive(Serialize, Deserialize)]
    struct Other {}
    impl EventPayload for Other {
        const KIND: &str = "test.other";
    }
    /// The same kind, of a program that understands it otherwise.
    #[derive(Serialize, Deserialize)]
    struct Older {
        name: String,
    }
    impl EventPayload for Older {
        const KIND: &str = Happened::KIND;
    }
    emit(&world.test.database, world.harbour.id, 7).await;
    let events = testkit::events(&world.test.database, world.harbour.id).await.unwrap();
    assert_eq!(events[0].read().unwrap(), Some(Happened { number: 7 }));
    assert!(events[0].read::<Other>().unwrap().is_none());
    assert_eq!(events[0].read::<Older>().err().unwrap().kind(), ErrorKind::Internal);
}

async fn a_subscriber_that_sleeps_holds_nobody_and_learns_what_it_missed(world: World) {
    const BACKLOG: u16 = 4;
    let database = &world.test.database;
    let tenants = [world.harbour.id, world.lagoon.id];
    let begun = database.now();
    let bus = EventBus::start_with_backlog(database, BACKLOG).await.unwrap();
    let (mut awake, mut asleep) = (bus.subscribe(), bus.subscribe());
    for number in 0..20 {
        for tenant in tenants {
            emit(database, tenant, number).await;
            assert_eq!(self::number(&*next(&mut awake).await), number);
        }
    }
    assert!(matches!(asleep.next().await, Some(Delivery::Missed)));
    // From the table all of it, and from the bus what has waited.
    let heads = database.event_heads(begun).await.unwrap();
    assert_eq!(heads, tenants.map(|tenant| (tenant, 20)).into());
    for tenant in tenants {
        let system = Caller::system_in(SystemReason::Events, tenant);
        let mut tx = database.tenant(&system).read_current().await.unwrap();
        let missed = tx.events_behind(3).await.unwrap();
        assert_eq!(missed.iter().map(number).collect::<Vec<_>>(), (3..20).collect::<Vec<_>>());
    }
    for expected in [18, 18, 19, 19] {
        assert_eq!(number(&*next(&mut asleep).await), expected);
    }
    let later = database.event_heads(database.now() + Duration::from_hours(1)).await.unwrap();
    assert_eq!(later, [].into());
}

async fn an_event_is_kept_for_seven_days(world: World) {
    let tenant = world.harbour.id;
    let database = &world.test.database;
    emit(database, tenant, 0).await;
    let first = testkit::events(database, tenant).await.unwrap()[0].id;
    // What is too old is removed between two numberings.
    let days_later = async |days: u64, numbers: [u64; 2]| {
        let clock = FixedClock(database.now() + Duration::from_hours(24 * days));
        let node = database.clone().with_clock(Arc::new(clock));
        let bus = EventBus::start(&node).await.unwrap();
        let mut events = bus.subscribe();
        for expected in numbers {
            emit(&node, tenant, expected).await;
            assert_eq!(number(&*next(&mut events).await), expected);
        }
    };
    let system = Caller::system_in(SystemReason::Events, tenant);
    let after = async |id| {
        let mut tx = database.tenant(&system).read().await.unwrap();
        tx.events_after(id).await.map(|events| events.iter().map(number).collect::<Vec<_>>())
    };
    days_later(6, [1, 2]).await;
    assert_eq!(after(Some(first)).await.unwrap(), [1, 2]);
    days_later(8, [3, 4]).await;
    // What came after it may be gone too.
    assert_eq!(after(Some(first)).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(after(None).await.unwrap(), [1, 2, 3, 4]);
}

async fn what_a_node_without_redis_changes_is_heeded_by_those_who_have_it(world: World) {
    let (Some(redis), Some(mut gone)) = (RedisServer::start(), RedisServer::start()) else { return };
    gone.kill();
    let node = async |url: &str| {
        let mut options = RedisOptions::parse(url).unwrap();
        options.timeout = Duration::from_secs(5);
        let database = Database::connect(&world.test.options).await.unwrap();
        database.with_redis(&Redis::connect(&options).await.unwrap())
    };
    let (near, far) = (node(&redis.url()).await, node(&gone.url()).await);
    let _buses = (EventBus::start(&near).await.unwrap(), EventBus::start(&far).await.unwrap());
    let admin = &world.harbour.admin;
    let page = async |database: &Database| {
        let page = database.account_page(admin, &AccountFilter::default(), PageRequest::default()).await;
        serde_json::from_slice::<serde_json::Value>(page.unwrap().json()).unwrap()["items"]
            .as_array()
            .unwrap()
            .len()
    };
    let until = async |expected: usize| {
        while near.bus().redis_state() != Some(true) || page(&near).await != expected {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // Without being told, the node would find the old page in Redis for five minutes.
    let patience = Duration::from_mins(1);
    let before = page(&far).await;
    tokio::time::timeout(patience, until(before)).await.unwrap();
    for number in 1..3 {
        let mut tx = far.tenant(admin).write().await.unwrap();
        let new = NewAccount {
            name: format!("Far {number}").parse().unwrap(),
            slug: format!("far-{number}").parse().unwrap(),
            account_type: AccountType::Business,
            email: None,
        };
        tx.accounts().create(new).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(page(&far).await, before + number, "at once where it was written");
        tokio::time::timeout(patience, until(before + number)).await.unwrap();
    }
}
