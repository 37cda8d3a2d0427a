use super::{create, new_account};
use mono_core::ErrorKind;
use mono_core::caller::{Caller, SystemReason};
use mono_core::model::account::AccountChange;
use mono_core::text::Name;
use mono_storage::sql;
use mono_storage::testkit::World;
use std::sync::Arc;

mono_storage::conformance!(
    a_caller_without_a_tenant_gets_no_transaction,
    a_reading_transaction_cannot_write,
    a_transaction_with_a_failed_statement_cannot_be_committed,
    of_equal_versions_one_writer_wins,
    moments_and_ids_survive_the_round_trip,
);

async fn a_caller_without_a_tenant_gets_no_transaction(world: World) {
    let system = Caller::system(SystemReason::Seed);
    let error = world.test.database.tenant(&system).read().await.err().unwrap();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Validation, "tenant_required"));
}

async fn a_reading_transaction_cannot_write(world: World) {
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    assert!(tx.accounts().create(new_account("First")).await.is_err());
}

async fn a_transaction_with_a_failed_statement_cannot_be_committed(world: World) {
    let admin = &world.harbour.admin;
    create(&world, admin, "First").await.unwrap();
    let mut tx = world.test.database.tenant(admin).write().await.unwrap();
    tx.accounts().create(new_account("Second")).await.unwrap();
    assert_eq!(tx.accounts().create(new_account("First")).await.unwrap_err().code(), "slug_taken");
    assert_eq!(tx.commit().await.unwrap_err().kind(), ErrorKind::Internal);
    create(&world, admin, "Second").await.expect("the first attempt left nothing behind");
}

async fn of_equal_versions_one_writer_wins(world: World) {
    let account = create(&world, &world.harbour.admin, "First").await.unwrap();
    let world = Arc::new(world);
    let mut writers = tokio::task::JoinSet::new();
    for i in 0..20 {
        let world = Arc::clone(&world);
        writers.spawn(async move {
            let mut tx = world.test.database.tenant(&world.harbour.admin).write().await?;
            let name = Some(Name::parse(&format!("Name {i}"))?);
            tx.accounts()
                .update(account.id, AccountChange { version: Some(1), name, ..Default::default() })
                .await?;
            tx.commit().await
        });
    }
    let results = writers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(
        results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .all(|error| error.code() == "stale_version")
    );
}

async fn moments_and_ids_survive_the_round_trip(world: World) {
    let account = create(&world, &world.harbour.admin, "First").await.unwrap();
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    // What was written can be found by the value that came back.
    let rows = sql!(
        tx,
        "SELECT id FROM accounts WHERE tenant_id = $1 AND created_at = $2 AND id = $3",
        account.created_at,
        account.id
    )
    .rows()
    .await
    .unwrap();
    assert_eq!(rows.len(), 1);
}
