use super::{create, new_account};
use mono_core::ErrorKind;
use mono_core::caller::{Caller, SystemReason};
use mono_core::model::account::AccountFilter;
use mono_core::page::PageRequest;
use mono_core::time::FixedClock;
use mono_storage::store::Drift;
use mono_storage::testkit::World;
use std::sync::Arc;

mono_storage::conformance!(
    fifty_writers_race_for_five_places,
    a_place_is_given_back_and_taken_again,
    what_is_undone_takes_no_place,
    a_refused_reservation_cannot_be_committed,
    one_tenant_uses_nothing_of_another,
    use_equals_rows_whatever_happens_at_once,
    a_recount_finds_drift_and_mends_it,
    what_is_used_in_a_day_is_free_again_the_next,
);

/// How many accounts there are, and how many the counter says there are.
async fn rows_and_used(world: &World) -> (u64, u64) {
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    let page = tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.unwrap();
    (page.pagination.total, tx.used("accounts").await.unwrap())
}

async fn fifty_writers_race_for_five_places(world: World) {
    let world = Arc::new(world);
    let start = Arc::new(tokio::sync::Barrier::new(50));
    let mut writers = tokio::task::JoinSet::new();
    for i in 0..50 {
        let (world, start) = (Arc::clone(&world), Arc::clone(&start));
        writers.spawn(async move {
            start.wait().await;
            create(&world, &world.harbour.admin, &format!("Account {i}")).await
        });
    }
    let mut made = 0;
    while let Some(result) = writers.join_next().await {
        match result.unwrap() {
            Ok(_) => made += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error:?}");
                let details = error.details().unwrap();
                assert_eq!((&details["limit"], &details["maximum"]), (&"accounts".into(), &5.into()));
            }
        }
    }
    assert_eq!(made, 5);
    assert_eq!(rows_and_used(&world).await, (5, 5));
}

async fn a_place_is_given_back_and_taken_again(world: World) {
    let admin = &world.harbour.admin;
    let mut accounts = Vec::new();
    for i in 0..5 {
        accounts.push(create(&world, admin, &format!("Account {i}")).await.unwrap());
    }
    assert_eq!(create(&world, admin, "Sixth").await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    let mut tx = world.test.database.tenant(admin).write().await.unwrap();
    tx.accounts().delete(accounts[0].id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(rows_and_used(&world).await, (4, 4));
    create(&world, admin, "Sixth").await.unwrap();
    let mut tx = world.test.database.tenant(admin).write().await.unwrap();
    let error = tx.accounts().restore(accounts[0].id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    drop(tx);
    assert_eq!(rows_and_used(&world).await, (5, 5));
}

async fn what_is_undone_takes_no_place(world: World) {
    let admin = &world.harbour.admin;
    let mut tx = world.test.database.tenant(admin).write().await.unwrap();
    tx.accounts().create(new_account("Rolled back")).await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = world.test.database.tenant(admin).write().await.unwrap();
    tx.accounts().create(new_account("Dropped")).await.unwrap();
    drop(tx);
    assert_eq!(rows_and_used(&world).await, (0, 0));
}

async fn a_refused_reservation_cannot_be_committed(world: World) {
    let admin = &world.harbour.admin;
    let mut tx = world.test.database.tenant(admin).write().await.unwrap();
    for i in 0..5 {
        tx.accounts().create(new_account(&format!("Account {i}"))).await.unwrap();
    }
    assert_eq!(
        tx.accounts().create(new_account("Sixth")).await.unwrap_err().kind(),
        ErrorKind::LimitExceeded
    );
    // Whoever swallows the refusal does not keep the row.
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Internal);
    assert_eq!(rows_and_used(&world).await, (0, 0));
}

async fn what_is_used_in_a_day_is_free_again_the_next(world: World) {
    // The plan allows 200 messages a day; the clock decides which day it is.
    let at = |text: &str| {
        let clock = FixedClock(text.parse().unwrap());
        world.test.database.clone().with_clock(Arc::new(clock))
    };
    let late = at("2026-02-28T23:59:59.999999Z");
    let mut tx = late.tenant(&world.harbour.admin).write().await.unwrap();
    tx.reserve("messages", 200).await.unwrap();
    tx.release("messages", 100).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = late.tenant(&world.harbour.admin).write().await.unwrap();
    assert_eq!(tx.used("messages").await.unwrap(), 200, "what was sent stays sent");
    assert_eq!(tx.reserve("messages", 1).await.unwrap_err().kind(), ErrorKind::LimitExceeded);
    drop(tx);
    let next = at("2026-03-01T00:00:00Z");
    let mut tx = next.tenant(&world.harbour.admin).write().await.unwrap();
    assert_eq!(tx.used("messages").await.unwrap(), 0);
    tx.reserve("messages", 200).await.unwrap();
    tx.commit().await.unwrap();
}

/// Makes, deletes, restores and undoes at once, in an order that differs from run to run.
async fn use_equals_rows_whatever_happens_at_once(world: World) {
    let world = Arc::new(world);
    let mut workers = tokio::task::JoinSet::new();
    for worker in 0..20_u32 {
        let world = Arc::clone(&world);
        workers.spawn(async move {
            let admin = &world.harbour.admin;
            let mut own = Vec::new();
            for step in 0..12_u32 {
                let mut tx = world.test.database.tenant(admin).write().await.unwrap();
                match (worker + step) % 4 {
                    0 | 1 => {
                        match tx.accounts().create(new_account(&format!("Account {worker} {step}"))).await {
                            // Every third is undone after all.
                            Ok(_) if step % 3 == 2 => tx.rollback().await.unwrap(),
                            Ok(account) => {
                                tx.commit().await.unwrap();
                                own.push(account.id);
                            }
                            Err(error) => assert_eq!(error.kind(), ErrorKind::LimitExceeded),
                        }
                    }
                    2 => {
                        if let Some(id) = own.last() {
                            // Gone already, perhaps: then there is nothing to give back.
                            if tx.accounts().delete(*id).await.is_ok() {
                                tx.commit().await.unwrap();
                            }
                        }
                    }
                    _ => {
                        if let Some(id) = own.first()
                            && tx.accounts().restore(*id).await.is_ok()
                        {
                            tx.commit().await.unwrap();
                        }
                    }
                }
            }
        });
    }
    while let Some(result) = workers.join_next().await {
        result.unwrap();
    }
    let (rows, used) = rows_and_used(&world).await;
    assert_eq!(rows, used);
    assert!(used <= 5);
}

async fn a_recount_finds_drift_and_mends_it(world: World) {
    for i in 0..3 {
        create(&world, &world.harbour.admin, &format!("Account {i}")).await.unwrap();
    }
    let system = Caller::system_in(SystemReason::Recount, world.harbour.id);
    let recount = async || {
        let mut tx = world.test.database.tenant(&system).write().await.unwrap();
        let drift = tx.recount().await.unwrap();
        tx.commit().await.unwrap();
        drift
    };
    assert_eq!(recount().await, []);
    world.test.as_owner("UPDATE usage_counters SET used = 5").await;
    assert_eq!(
        create(&world, &world.harbour.admin, "Fourth").await.unwrap_err().kind(),
        ErrorKind::LimitExceeded
    );
    assert_eq!(
        recount().await,
        [
            Drift { limit: "accounts", account: None, counted: 5, rows: 3 },
            Drift { limit: "members", account: None, counted: 5, rows: 1 },
            Drift { limit: "teams", account: None, counted: 5, rows: 0 }
        ]
    );
    assert_eq!(recount().await, []);
    create(&world, &world.harbour.admin, "Fourth").await.unwrap();
    assert_eq!(rows_and_used(&world).await, (4, 4));
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    assert_eq!(tx.recount().await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn one_tenant_uses_nothing_of_another(world: World) {
    for i in 0..20 {
        create(&world, &world.lagoon.admin, &format!("Account {i}")).await.unwrap();
    }
    assert_eq!(rows_and_used(&world).await, (0, 0));
    create(&world, &world.harbour.admin, "First").await.unwrap();
    let mut tx = world.test.database.tenant(&world.lagoon.admin).read().await.unwrap();
    assert_eq!(tx.used("accounts").await.unwrap(), 20);
}
