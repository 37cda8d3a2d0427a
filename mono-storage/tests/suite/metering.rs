use mono_core::ErrorKind;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::TenantId;
use mono_core::subscription::{DailyUsage, Entitlements, Key, LimitEvent, Override, Subscription, Threshold};
use mono_core::time::{FixedClock, NaiveDate, NaiveTime};
use mono_storage::db::Database;
use mono_storage::testkit::{self, TenantWorld, World};
use std::sync::Arc;
use tokio::task::JoinSet;

mono_storage::conformance!(
    no_number_of_callers_passes_a_hard_limit_on_one_node,
    nothing_is_lost_or_counted_twice_while_it_is_flushed,
    nothing_is_lost_on_a_clean_stop,
    two_nodes_count_together,
    a_failed_flush_is_made_up_for,
    a_tenant_that_is_gone_holds_nobody_up,
    a_new_day_begins_at_nothing,
    each_threshold_is_told_once,
    a_refusal_counts_nothing,
    what_an_account_uses_its_tenant_uses_too,
    what_an_account_is_refused_its_tenant_keeps,
);

/// It is noon for as long as the test runs: no day and no month ends meanwhile.
fn in_one_window(mut world: World) -> World {
    let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap();
    let clock = FixedClock(world.test.database.now().date_naive().and_time(noon).and_utc());
    world.test.database = world.test.database.with_clock(Arc::new(clock));
    world
}

/// Another node on the same database, at the same time.
async fn node(world: &World) -> Database {
    let clock = FixedClock(world.test.database.now());
    Database::connect(&world.test.options).await.unwrap().with_clock(Arc::new(clock))
}

/// How much of the limit is written.
async fn written(database: &Database, tenant: &TenantWorld, limit: &str) -> u64 {
    database.tenant(&tenant.admin).read().await.unwrap().used(limit).await.unwrap()
}

async fn no_number_of_callers_passes_a_hard_limit_on_one_node(world: World) {
    let world = Arc::new(in_one_window(world));
    let start = Arc::new(tokio::sync::Barrier::new(20));
    let mut callers = JoinSet::new();
    for _ in 0..20 {
        let (world, start) = (Arc::clone(&world), Arc::clone(&start));
        callers.spawn(async move {
            let (database, caller) = (&world.test.database, &world.harbour.admin);
            start.wait().await;
            let mut counted = 0;
            for turn in 0..20 {
                match database.count(caller, None, "messages", 1).await {
                    Ok(()) => counted += 1,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}"),
                }
                if turn % 5 == 0 {
                    database.flush_usage().await.unwrap();
                }
            }
            counted
        });
    }
    let counted: u64 = callers.join_all().await.into_iter().sum();
    assert_eq!(counted, 200, "the plan has 200 messages a day");
    world.test.database.flush_usage().await.unwrap();
    assert_eq!(written(&world.test.database, &world.harbour, "messages").await, 200);
}

async fn nothing_is_lost_or_counted_twice_while_it_is_flushed(world: World) {
    let world = Arc::new(in_one_window(world));
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let world = Arc::clone(&world);
        callers.spawn(async move {
            for turn in 0..500_u32 {
                let (database, caller) = (&world.test.database, &world.lagoon.admin);
                database.count(caller, None, "api_calls", 2).await.unwrap();
                if turn % 100 == 0 {
                    database.flush_usage().await.unwrap();
                }
            }
        });
    }
    let (database, mut told) = (&world.test.database, 0);
    while told < 8000 {
        let mut tx = database.tenant(&world.lagoon.admin).read().await.unwrap();
        let usage = tx.usage(None).await.unwrap();
        let calls = usage.iter().find(|usage| usage.decision.limit == "api_calls").unwrap();
        assert!(calls.decision.current >= told, "what is on its way is told too");
        told = calls.decision.current;
    }
    assert_eq!(told, 8000, "and what is not written yet");
    callers.join_all().await;
    database.flush_usage().await.unwrap();
    database.flush_usage().await.unwrap();
    assert_eq!(written(database, &world.lagoon, "api_calls").await, 8000);
    let today = database.now().date_naive();
    let mut tx = database.tenant(&world.lagoon.admin).read().await.unwrap();
    let days = tx.daily_usage(None, today, today).await.unwrap();
    assert_eq!(days.iter().map(|day| day.used).sum::<u64>(), 8000);
    assert!(days.iter().all(|day| day.limit.as_deref() == Some("api_calls")));
}

async fn nothing_is_lost_on_a_clean_stop(world: World) {
    let world = in_one_window(world);
    let node = node(&world).await;
    node.count(&world.lagoon.admin, None, "api_calls", 7).await.unwrap();
    node.close().await;
    assert_eq!(written(&world.test.database, &world.lagoon, "api_calls").await, 7);
}

async fn two_nodes_count_together(world: World) {
    let world = in_one_window(world);
    let (first, caller) = (&world.test.database, &world.harbour.admin);
    let second = node(&world).await;
    first.count(caller, None, "messages", 120).await.unwrap();
    // The second node knows of it after a flush, also where it has counted before.
    second.count(caller, None, "messages", 30).await.unwrap();
    first.flush_usage().await.unwrap();
    second.flush_usage().await.unwrap();
    assert_eq!(written(first, &world.harbour, "messages").await, 150);
    let error = second.count(caller, None, "messages", 51).await.unwrap_err();
    assert_eq!(error.details().unwrap()["current"], 150);
    second.count(caller, None, "messages", 50).await.unwrap();
    second.close().await;
    assert_eq!(written(first, &world.harbour, "messages").await, 200);
}

async fn a_failed_flush_is_made_up_for(world: World) {
    let world = in_one_window(world);
    let database = &world.test.database;
    database.count(&world.lagoon.admin, None, "api_calls", 5).await.unwrap();
    for table in ["usage_days", "usage_counters"] {
        world.test.as_owner(&format!("ALTER TABLE {table} RENAME TO elsewhere")).await;
        assert!(database.flush_usage().await.is_err(), "{table}");
        world.test.as_owner(&format!("ALTER TABLE elsewhere RENAME TO {table}")).await;
        database.count(&world.lagoon.admin, None, "api_calls", 5).await.unwrap();
    }
    database.flush_usage().await.unwrap();
    assert_eq!(written(database, &world.lagoon, "api_calls").await, 15);
    let today = database.now().date_naive();
    let mut tx = database.tenant(&world.lagoon.admin).read().await.unwrap();
    let days = tx.daily_usage(None, today, today).await.unwrap();
    assert_eq!(days.iter().map(|day| day.used).sum::<u64>(), 15);
}

async fn a_tenant_that_is_gone_holds_nobody_up(world: World) {
    let world = in_one_window(world);
    let database = &world.test.database;
    let gone = Caller::system_in(SystemReason::Metering, TenantId::from_u128(1));
    database.count(&gone, None, "api_calls", 5).await.unwrap();
    database.count(&world.lagoon.admin, None, "api_calls", 5).await.unwrap();
    database.flush_usage().await.unwrap();
    assert_eq!(written(database, &world.lagoon, "api_calls").await, 5);
}

async fn a_new_day_begins_at_nothing(world: World) {
    let at = |text: &str| {
        let clock = FixedClock(text.parse().unwrap());
        // Clones share what is counted: it is one node, whose clock goes on.
        world.test.database.clone().with_clock(Arc::new(clock))
    };
    let (late, next) = (at("2028-02-29T23:59:59.999999Z"), at("2028-03-01T00:00:00Z"));
    let caller = &world.harbour.admin;
    late.count(caller, None, "messages", 200).await.unwrap();
    assert!(late.count(caller, None, "messages", 1).await.is_err());
    next.count(caller, None, "messages", 200).await.unwrap();
    // What was counted before midnight belongs to the day before, also where it is written later.
    next.flush_usage().await.unwrap();
    next.flush_usage().await.unwrap();
    assert_eq!(written(&late, &world.harbour, "messages").await, 200);
    assert_eq!(written(&next, &world.harbour, "messages").await, 200);
    let day = |month, day| NaiveDate::from_ymd_opt(2028, month, day).unwrap();
    let mut tx = next.tenant(caller).read().await.unwrap();
    let usage = |day| DailyUsage { day, limit: Some("messages".into()), feature: None, used: 200 };
    assert_eq!(
        tx.daily_usage(None, day(2, 29), day(3, 1)).await.unwrap(),
        [usage(day(2, 29)), usage(day(3, 1))]
    );
    assert_eq!(tx.daily_usage(None, day(3, 1), day(3, 1)).await.unwrap(), [usage(day(3, 1))]);
    let ancient = NaiveDate::from_ymd_opt(-5000, 1, 1).unwrap();
    for (from, until) in [(day(3, 1), day(2, 29)), (ancient, ancient), (NaiveDate::MAX, NaiveDate::MAX)] {
        let error = tx.daily_usage(None, from, until).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Validation);
    }
    drop(tx);
    let mut tx = next.tenant(&world.harbour.user).read().await.unwrap();
    assert_eq!(tx.daily_usage(None, day(3, 1), day(3, 1)).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn each_threshold_is_told_once(world: World) {
    let world = in_one_window(world);
    let ((database, clock), caller) = (super::timed(&world), &world.harbour.admin);
    let told = async || -> Vec<Threshold> {
        let events = testkit::events(&database, world.harbour.id).await.unwrap();
        let limit_events = events.iter().filter_map(|event| event.read::<LimitEvent>().unwrap());
        limit_events.map(|event| event.threshold).collect()
    };
    for (amount, expected) in
        [(159, vec![]), (1, vec![Threshold::NearlyFull]), (30, vec![Threshold::NearlyFull])]
    {
        database.count(caller, None, "messages", amount).await.unwrap();
        database.flush_usage().await.unwrap();
        assert_eq!(told().await, expected);
        clock.go_on(1);
    }
    database.count(caller, None, "messages", 10).await.unwrap();
    database.flush_usage().await.unwrap();
    database.flush_usage().await.unwrap();
    assert_eq!(told().await, [Threshold::NearlyFull, Threshold::Full]);
}

async fn a_refusal_counts_nothing(world: World) {
    let world = in_one_window(world);
    let (database, caller) = (&world.test.database, &world.harbour.admin);
    for amount in [201, u64::MAX] {
        let error = database.count(caller, None, "messages", amount).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(error.details().unwrap()["current"], 0);
    }
    assert_eq!(
        database.count(caller, None, "no_such_limit", 1).await.unwrap_err().kind(),
        ErrorKind::LimitExceeded
    );
    database.count(caller, None, "messages", 200).await.unwrap();
    database.flush_usage().await.unwrap();
    assert_eq!(written(database, &world.harbour, "messages").await, 200);
    let events = testkit::events(database, world.harbour.id).await.unwrap();
    assert_eq!(events.len(), 2);
}

async fn what_an_account_uses_its_tenant_uses_too(world: World) {
    let world = in_one_window(world);
    let (database, caller) = (&world.test.database, &world.harbour.admin);
    let first = super::create(&world, caller, "First").await.unwrap().id;
    let second = super::create(&world, caller, "Second").await.unwrap().id;
    database.count(caller, Some(first), "messages", 150).await.unwrap();
    // The account has room for fifty of its own two hundred; the tenant has none for them.
    database.count(caller, None, "messages", 40).await.unwrap();
    for account in [Some(first), Some(second), None] {
        let error = database.count(caller, account, "messages", 11).await.unwrap_err();
        assert_eq!(error.details().unwrap()["current"], 190);
    }
    database.flush_usage().await.unwrap();
    database.count(caller, Some(second), "messages", 10).await.unwrap();
    database.flush_usage().await.unwrap();
    let mut tx = database.tenant(caller).read().await.unwrap();
    assert_eq!(tx.used("messages").await.unwrap(), 200);
    assert_eq!(tx.used_by("messages", Some(first)).await.unwrap(), 150);
    assert_eq!(tx.used_by("messages", Some(second)).await.unwrap(), 10);
}

/// What the account may not use is not counted for its tenant either, also where it was on its way to the database.
async fn what_an_account_is_refused_its_tenant_keeps(world: World) {
    let world = in_one_window(world);
    let database = &world.test.database;
    let account = super::create(&world, &world.harbour.admin, "First").await.unwrap().id;
    let small = serde_json::json!([{"account": account, "change": {"limit": {"limit": "messages", "maximum": 5}},
        "from": "2020-01-01T00:00:00Z", "reason": "a test"}]);
    let exceptions: Vec<Override> = serde_json::from_value(small).unwrap();
    let subscription = Subscription::new(Key::parse("starter").unwrap());
    let (plans, now) = (&world.seed.plans, database.now());
    let tenant = Entitlements::of_tenant(plans, &subscription, &exceptions, now);
    let accounts = Entitlements::of_accounts(plans, &subscription, &exceptions, now);
    let caller = Arc::new(world.caller_with_entitlements(&world.harbour, tenant, accounts));
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        let (database, caller) = (database.clone(), Arc::clone(&caller));
        callers.spawn(async move {
            let mut counted = 0;
            for _ in 0..10 {
                match database.count(&caller, Some(account), "messages", 1).await {
                    Ok(()) => counted += 1,
                    Err(error) => {
                        assert_eq!(error.details().unwrap()["account"], account.to_string());
                        assert_eq!(error.details().unwrap()["maximum"], 5);
                    }
                }
                database.flush_usage().await.unwrap();
            }
            counted
        });
    }
    assert_eq!(callers.join_all().await.into_iter().sum::<u64>(), 5);
    // What was taken back after it was written is made up for by what is counted next.
    database.count(&caller, None, "messages", 100).await.unwrap();
    database.flush_usage().await.unwrap();
    assert_eq!(written(database, &world.harbour, "messages").await, 105);
}
