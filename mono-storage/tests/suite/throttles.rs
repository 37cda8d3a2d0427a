//! Throttles: what is tried is written down before it is judged.

use super::timed;
use mono_core::caller::{Caller, SystemReason};
use mono_core::{Error, ErrorKind};
use mono_storage::db::Database;
use mono_storage::platform_sql;
use mono_storage::store::{ATTEMPTS_IN_FLIGHT, Attempt, Throttle};
use mono_storage::testkit::World;
use serde_json::json;
use std::time::Duration;

mono_storage::conformance!(
    what_is_being_judged_may_make_room_and_what_was_wrong_does_not,
    a_try_that_is_never_judged_counts,
    a_reason_that_lasts_is_told_before_one_that_passes,
    of_many_at_once_no_more_than_the_maximum_are_reserved,
    tries_that_were_written_down_before_there_was_a_judgement_count,
    only_the_program_reaches_throttles,
);

fn system() -> Caller {
    Caller::system(SystemReason::Authentication)
}

fn throttle(key: &str, maximum: usize) -> Throttle {
    Throttle { key: key.to_owned(), maximum, window: Duration::from_mins(15), refuses: true }
}

async fn reserve(database: &Database, throttles: &[Throttle]) -> Result<Attempt, Error> {
    let mut tx = database.platform(&system()).write().await.unwrap();
    let attempt = tx.throttles().reserve(throttles).await?;
    tx.commit().await.unwrap();
    Ok(attempt)
}

async fn keep(database: &Database, attempt: &Attempt) {
    let mut tx = database.platform(&system()).write().await.unwrap();
    tx.throttles().keep(attempt).await.unwrap();
    tx.commit().await.unwrap();
}

async fn release(database: &Database, attempt: &Attempt) {
    let mut tx = database.platform(&system()).write().await.unwrap();
    tx.throttles().release(attempt).await.unwrap();
    tx.commit().await.unwrap();
}

/// The code of a refusal, and after how many seconds to come back.
async fn refusal(database: &Database, throttles: &[Throttle]) -> (String, u64) {
    let error = reserve(database, throttles).await.expect_err("a refusal");
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    let seconds = error.details().unwrap()["retryAfterSeconds"].as_u64().unwrap();
    (error.code().to_owned(), seconds)
}

fn in_flight() -> (String, u64) {
    (ATTEMPTS_IN_FLIGHT.to_owned(), 1)
}

fn too_many(seconds: u64) -> (String, u64) {
    ("too_many_attempts".to_owned(), seconds)
}

async fn what_is_being_judged_may_make_room_and_what_was_wrong_does_not(world: World) {
    let (database, clock) = timed(&world);
    let two = [throttle("two", 2)];
    let first = reserve(&database, &two).await.unwrap();
    clock.go_on(1);
    let second = reserve(&database, &two).await.unwrap();
    assert_eq!(refusal(&database, &two).await, in_flight());
    keep(&database, &first).await;
    assert_eq!(refusal(&database, &two).await, in_flight(), "one of the two is not judged yet");
    release(&database, &second).await;
    let third = reserve(&database, &two).await.expect("it was given back");
    keep(&database, &third).await;
    assert_eq!(refusal(&database, &two).await, too_many(899), "both were wrong");
    // What is judged is judged.
    release(&database, &third).await;
    assert_eq!(refusal(&database, &two).await, too_many(899));
    clock.go_on(899);
    reserve(&database, &two).await.expect("who comes back on time is let in");
}

async fn a_try_that_is_never_judged_counts(world: World) {
    let (database, clock) = timed(&world);
    let one = [throttle("one", 1)];
    let lost = reserve(&database, &one).await.unwrap();
    clock.go_on(29);
    assert_eq!(refusal(&database, &one).await, in_flight());
    clock.go_on(1);
    assert_eq!(refusal(&database, &one).await, too_many(870));
    release(&database, &lost).await;
    reserve(&database, &one).await.expect("late, but a right one");
}

async fn a_reason_that_lasts_is_told_before_one_that_passes(world: World) {
    let (database, _) = timed(&world);
    for (busy, full) in [("a", "b"), ("d", "c")] {
        let (busy, full) = (throttle(busy, 1), throttle(full, 1));
        keep(&database, &reserve(&database, std::slice::from_ref(&full)).await.unwrap()).await;
        reserve(&database, std::slice::from_ref(&busy)).await.unwrap();
        assert_eq!(refusal(&database, &[busy, full]).await, too_many(900));
    }
}

async fn of_many_at_once_no_more_than_the_maximum_are_reserved(world: World) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let database = world.test.database.clone();
        // One of the two keys is counted for all, the other never fills up.
        let throttles = [throttle("shared", 3), throttle("roomy", 100)];
        tasks.spawn(async move { reserve(&database, &throttles).await });
    }
    let (made, refused): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (3, 17));
    assert!(refused.iter().all(|result| result.as_ref().unwrap_err().code() == ATTEMPTS_IN_FLIGHT));
    let mut tx = world.test.database.platform(&system()).write().await.unwrap();
    let next = tx.throttles().reserve(&[throttle("roomy", 100)]).await.unwrap();
    assert_eq!(next.counts, [4], "what is refused is written down nowhere");
}

async fn tries_that_were_written_down_before_there_was_a_judgement_count(world: World) {
    let (database, _) = timed(&world);
    let mut tx = database.platform(&system()).write().await.unwrap();
    let now = database.now();
    platform_sql!(
        tx,
        "INSERT INTO throttles (key, times, updated_at) VALUES ('old', $1, $2)",
        json!([now, now]),
        now
    )
    .execute()
    .await
    .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(refusal(&database, &[throttle("old", 2)]).await, too_many(900));
}

async fn only_the_program_reaches_throttles(world: World) {
    let admin = &world.harbour.admin;
    let one = [throttle("one", 1)];
    let attempt = reserve(&world.test.database, &one).await.unwrap();
    let mut tx = world.test.database.platform(admin).write().await.unwrap();
    assert_eq!(tx.throttles().count(&one).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(tx.throttles().reserve(&one).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(tx.throttles().keep(&attempt).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(tx.throttles().release(&attempt).await.unwrap_err().kind(), ErrorKind::Forbidden);
}
