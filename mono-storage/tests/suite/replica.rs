//! Reading from a replica. Another database plays one that is far behind: what is read shows which of them answered.

use super::create;
use mono_core::caller::Caller;
use mono_core::model::account::AccountFilter;
use mono_core::page::PageRequest;
use mono_storage::db::{Database, DatabaseOptions};
use mono_storage::testkit::{Backend, TestDatabase, World};
use std::sync::Arc;

mono_storage::conformance!(
    a_request_reads_from_the_replica_until_it_writes,
    a_replica_that_does_not_keep_tenants_apart_is_refused,
);

async fn with_replica(world: &World) -> Option<(TestDatabase, DatabaseOptions)> {
    let replica = TestDatabase::create(Backend::Postgres).await?;
    let options = world.test.options.clone().read_url(&replica.url);
    if world.test.backend == Backend::Sqlite {
        assert_eq!(options.unwrap_err().code(), "invalid_url");
        return None;
    }
    Some((replica, options.unwrap()))
}

async fn seen(database: &Database, caller: &Caller) -> usize {
    let mut tx = database.tenant(caller).read().await.unwrap();
    let page = PageRequest::parse(None, None).unwrap();
    tx.accounts().list(&AccountFilter::default(), page).await.unwrap().items.len()
}

async fn a_request_reads_from_the_replica_until_it_writes(world: World) {
    let Some((_replica, options)) = with_replica(&world).await else { return };
    create(&world, &world.harbour.admin, "First").await.unwrap();
    let database = Database::connect(&options).await.unwrap();
    let names: Vec<_> = database.pool_status().iter().map(|pool| pool.name).collect();
    assert_eq!(names, ["application", "platform", "replica"]);
    // Each request has a caller of its own.
    let request = || world.harbour.admin.clone().with_request(Arc::default());
    let caller = request();
    assert_eq!(seen(&database, &caller).await, 0, "the replica has nothing yet");
    let tx = database.tenant(&caller).write().await.unwrap();
    drop(tx);
    assert_eq!(seen(&database, &caller).await, 1, "who writes reads from there");
    assert_eq!(seen(&database, &caller.clone()).await, 1, "so does the rest of the request");
    assert_eq!(seen(&database, &request()).await, 0, "the next request begins anew");
    let caller = request();
    let _tx = database.platform(&caller).write().await.unwrap();
    assert_eq!(seen(&database, &caller).await, 1);
}

async fn a_replica_that_does_not_keep_tenants_apart_is_refused(world: World) {
    let Some((replica, options)) = with_replica(&world).await else { return };
    let owner = replica.owner_url.as_deref().unwrap();
    let superuser = world.test.options.clone().read_url(owner).unwrap();
    assert_eq!(Database::connect(&superuser).await.unwrap_err().code(), "isolation_not_whole");
    replica.as_owner("ALTER TABLE accounts DISABLE ROW LEVEL SECURITY").await;
    let error = Database::connect(&options).await.unwrap_err();
    assert_eq!(error.code(), "isolation_not_whole");
    assert!(error.message().contains("accounts breaks"), "{error}");
}
