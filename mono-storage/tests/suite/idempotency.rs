use super::new_account;
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_core::idempotency::{IdempotencyKey, KeptAnswer};
use mono_core::model::account::AccountFilter;
use mono_core::page::PageRequest;
use mono_storage::testkit::World;
use std::sync::Arc;
use std::time::Duration;

mono_storage::conformance!(
    the_same_request_gets_the_same_answer_and_is_done_once,
    another_request_under_the_same_key_is_refused,
    a_key_is_refused_where_no_answer_is_kept,
    what_failed_may_be_tried_again_under_the_same_key,
    a_key_belongs_to_who_gave_it_in_their_tenant,
    of_many_at_once_one_is_done_and_all_get_its_answer,
    work_of_the_platform_is_done_once_too,
    an_answer_is_forgotten_when_its_time_has_passed,
);

fn once(caller: &Caller, fingerprint: &str) -> Caller {
    caller.clone().once(IdempotencyKey::parse("key-1", fingerprint).unwrap())
}

/// Makes an account and keeps its name as the answer.
async fn create(world: &World, caller: &Caller, name: &str) -> Result<(), Error> {
    let mut tx = world.test.database.tenant(caller).write().await?;
    let account = tx.accounts().create(new_account(name)).await?;
    tx.commit_answer(201, account.name.as_str()).await
}

async fn count(world: &World, caller: &Caller) -> u64 {
    let mut tx = world.test.database.tenant(caller).read().await.unwrap();
    let page = tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.unwrap();
    page.pagination.total
}

async fn the_same_request_gets_the_same_answer_and_is_done_once(world: World) {
    let caller = once(&world.harbour.admin, "a");
    create(&world, &caller, "First").await.unwrap();
    // The second begins as a new process would, and asks for nothing but what the database holds.
    let error = create(&world, &caller, "First").await.unwrap_err();
    assert_eq!(error.code(), "already_done");
    assert_eq!(KeptAnswer::of(&error), Some(&KeptAnswer { status: 201, body: "First".to_owned() }));
    assert_eq!(count(&world, &caller).await, 1);
}

async fn another_request_under_the_same_key_is_refused(world: World) {
    create(&world, &once(&world.harbour.admin, "a"), "First").await.unwrap();
    let error = create(&world, &once(&world.harbour.admin, "b"), "Second").await.unwrap_err();
    assert_eq!((error.code(), KeptAnswer::of(&error)), ("idempotency_key_reused", None));
    assert_eq!(count(&world, &world.harbour.admin).await, 1);
}

async fn a_key_is_refused_where_no_answer_is_kept(world: World) {
    let caller = once(&world.harbour.admin, "a");
    let mut tx = world.test.database.tenant(&caller).write().await.unwrap();
    tx.accounts().create(new_account("First")).await.unwrap();
    assert_eq!(tx.commit().await.unwrap_err().problems()[0].code, "idempotency_not_supported");
    assert_eq!(count(&world, &caller).await, 0);
}

async fn what_failed_may_be_tried_again_under_the_same_key(world: World) {
    super::create(&world, &world.harbour.admin, "First").await.unwrap();
    let caller = once(&world.harbour.admin, "a");
    assert_eq!(create(&world, &caller, "First").await.unwrap_err().code(), "slug_taken");
    create(&world, &caller, "Second").await.unwrap();
}

async fn a_key_belongs_to_who_gave_it_in_their_tenant(world: World) {
    create(&world, &once(&world.harbour.admin, "a"), "First").await.unwrap();
    create(&world, &once(&world.lagoon.admin, "b"), "First").await.unwrap();
    let other = Caller::system_in(SystemReason::Seed, world.harbour.id);
    create(&world, &once(&other, "b"), "Second").await.unwrap();
}

async fn of_many_at_once_one_is_done_and_all_get_its_answer(world: World) {
    let world = Arc::new(world);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let world = Arc::clone(&world);
        tasks.spawn(async move { create(&world, &once(&world.harbour.admin, "a"), "First").await });
    }
    let (done, again): (Vec<_>, Vec<_>) = tasks.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((done.len(), again.len()), (1, 7));
    for result in again {
        let error = result.unwrap_err();
        assert_eq!(KeptAnswer::of(&error).map(|kept| kept.body.as_str()), Some("First"), "{error}");
    }
    assert_eq!(count(&world, &world.harbour.admin).await, 1);
}

async fn work_of_the_platform_is_done_once_too(world: World) {
    let system = once(&Caller::system(SystemReason::Seed), "a");
    let tx = world.test.database.platform(&system).write().await.unwrap();
    tx.commit_answer(200, "{}").await.unwrap();
    let error = world.test.database.platform(&system).write().await.err().unwrap();
    assert_eq!(KeptAnswer::of(&error).map(|kept| kept.status), Some(200));
    let other = once(&Caller::system(SystemReason::Seed), "b");
    let error = world.test.database.platform(&other).write().await.err().unwrap();
    assert_eq!(error.code(), "idempotency_key_reused");
}

async fn an_answer_is_forgotten_when_its_time_has_passed(world: World) {
    let caller = once(&world.harbour.admin, "a");
    create(&world, &caller, "First").await.unwrap();
    let system = Caller::system(SystemReason::Authentication);
    let (now, minute) = (world.test.database.now(), Duration::from_mins(1));
    let forget = async |before| {
        let mut tx = world.test.database.platform(&system).write().await.unwrap();
        let gone = tx.forget_answers(before).await.unwrap();
        tx.commit().await.unwrap();
        gone
    };
    assert_eq!(forget(now - minute).await, 0);
    assert_eq!(create(&world, &caller, "Second").await.unwrap_err().code(), "already_done");
    assert_eq!(forget(now + minute).await, 1);
    create(&world, &caller, "Second").await.unwrap();
}
