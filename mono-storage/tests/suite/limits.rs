use super::{create, new_account};
use mono_core::ErrorKind;
use mono_core::model::account::AccountFilter;
use mono_core::page::PageRequest;
use mono_core::time::FixedClock;
use mono_storage::testkit::World;
use std::sync::Arc;

mono_storage::conformance!(
    fifty_writers_race_for_five_places,
    a_place_is_given_back_and_taken_again,
    what_is_undone_takes_no_place,
    a_refused_reservation_cannot_be_committed,
    one_tenant_uses_nothing_of_another,
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

async fn one_tenant_uses_nothing_of_another(world: World) {
    for i in 0..20 {
        create(&world, &world.lagoon.admin, &format!("Account {i}")).await.unwrap();
    }
    assert_eq!(rows_and_used(&world).await, (0, 0));
    create(&world, &world.harbour.admin, "First").await.unwrap();
    let mut tx = world.test.database.tenant(&world.lagoon.admin).read().await.unwrap();
    assert_eq!(tx.used("accounts").await.unwrap(), 20);
}
