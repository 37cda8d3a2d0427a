use super::create;
use mono_core::ErrorKind;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{AccountId, TenantId};
use mono_core::model::account::{AccountChange, AccountFilter};
use mono_core::page::PageRequest;
use mono_core::permission::Scope;
use mono_storage::sql;
use mono_storage::store::NewAssignment;
use mono_storage::testkit::{Backend, World};

mono_storage::conformance!(
    a_foreign_id_is_as_unknown_as_one_that_nobody_has,
    lists_hold_the_own_tenant_only,
    a_forgotten_predicate_meets_the_second_wall,
    a_child_cannot_point_into_another_tenant,
    no_connection_keeps_a_tenant,
    the_audit_log_is_append_only,
);

async fn a_foreign_id_is_as_unknown_as_one_that_nobody_has(world: World) {
    let theirs = create(&world, &world.lagoon.admin, "Theirs").await.unwrap().id;
    let nobodys: AccountId = world.test.database.new_id();
    let mut answers = Vec::new();
    for id in [theirs, nobodys] {
        let database = &world.test.database;
        let admin = &world.harbour.admin;
        let mut tx = database.tenant(admin).write().await.unwrap();
        let errors = [
            tx.accounts().get(id).await.unwrap_err(),
            tx.accounts().update(id, AccountChange::default()).await.unwrap_err(),
            tx.accounts().delete(id).await.unwrap_err(),
            tx.accounts().restore(id).await.unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.kind() == ErrorKind::NotFound));
        answers.push(errors.map(|error| error.to_string()));
    }
    assert_eq!(answers[0], answers[1]);
    // Without any right it is still "not found", and not "forbidden", which would say that it exists.
    let mut tx = world.test.database.tenant(&world.harbour.nobody).read().await.unwrap();
    assert_eq!(tx.accounts().get(theirs).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn lists_hold_the_own_tenant_only(world: World) {
    for name in ["One", "Two"] {
        create(&world, &world.lagoon.admin, name).await.unwrap();
    }
    create(&world, &world.harbour.admin, "Mine").await.unwrap();
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    let page = tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.unwrap();
    assert_eq!((page.items.len(), page.pagination.total), (1, 1));
    assert!(page.items.iter().all(|account| account.tenant_id == world.harbour.id));
}

/// What the compile-time check refuses still meets the database, where it runs without the check.
async fn a_forgotten_predicate_meets_the_second_wall(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // There is no second wall on SQLite; docs/isolation.md says so.
    }
    create(&world, &world.lagoon.admin, "Theirs").await.unwrap();
    // Each names the rows of every tenant, and only row-level security holds.
    for statement in ["SELECT id FROM accounts", "UPDATE accounts SET name = 'x'"] {
        assert_eq!(world.test.as_application(world.harbour.id, statement).await, 0, "{statement}");
        assert_eq!(world.test.as_application(world.lagoon.id, statement).await, 1, "{statement}");
    }
}

async fn a_child_cannot_point_into_another_tenant(world: World) {
    let theirs = create(&world, &world.lagoon.admin, "Theirs").await.unwrap();
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    let user = tx
        .users()
        .create(mono_storage::store::NewUser {
            email: mono_core::text::Email::parse("new@harbour.example").unwrap(),
            name: mono_core::text::Name::parse("New").unwrap(),
            password_hash: None,
        })
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let system = Caller::system_in(SystemReason::Seed, world.harbour.id);
    let mut tx = world.test.database.tenant(&system).write().await.unwrap();
    let member = tx.members().add(&user).await.unwrap();
    let scope = Scope::account(world.harbour.id, theirs.id);
    let error = tx.assignments().assign(NewAssignment::new(member.id, "user", scope)).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "reference_missing"));
}

async fn no_connection_keeps_a_tenant(world: World) {
    let mut busy = tokio::task::JoinSet::new();
    for i in 0..40_u32 {
        let database = world.test.database.clone();
        let caller = if i % 2 == 0 { world.harbour.admin.clone() } else { world.lagoon.admin.clone() };
        busy.spawn(async move {
            let mut tx = database.tenant(&caller).write().await.unwrap();
            let rows = sql!(tx, "SELECT id FROM accounts WHERE tenant_id = $1").rows().await;
            match i % 4 {
                0 => tx.commit().await.unwrap(),
                1 => tx.rollback().await.unwrap(),
                2 => drop(tx),
                _ => {
                    // A statement that fails leaves the transaction broken.
                    let broken =
                        sql!(tx, "SELECT no_such_column FROM accounts WHERE tenant_id = $1").rows().await;
                    assert!(broken.is_err());
                    assert!(tx.commit().await.is_err(), "a broken transaction does not pretend to commit");
                }
            }
            rows.unwrap();
        });
    }
    // Some are cut off in the middle.
    for _ in 0..20 {
        let database = world.test.database.clone();
        let caller = world.harbour.admin.clone();
        let task = tokio::spawn(async move {
            let mut tx = database.tenant(&caller).read().await?;
            sql!(tx, "SELECT id FROM accounts WHERE tenant_id = $1").rows().await
        });
        tokio::task::yield_now().await;
        task.abort();
    }
    while let Some(result) = busy.join_next().await {
        result.unwrap();
    }
    assert_eq!(world.test.tenants_left_on_connections().await, [""; 0]);
}

async fn the_audit_log_is_append_only(world: World) {
    if world.test.backend == Backend::Sqlite {
        return; // SQLite has no rights to take away.
    }
    create(&world, &world.harbour.admin, "First").await.unwrap();
    let caller = Caller::system_in(SystemReason::Seed, world.harbour.id);
    for forge in [true, false] {
        let mut tx = world.test.database.tenant(&caller).write().await.unwrap();
        let result = if forge {
            sql!(tx, "UPDATE audit_log SET actor = 'nobody' WHERE tenant_id = $1").execute().await
        } else {
            sql!(tx, "DELETE FROM audit_log WHERE tenant_id = $1").execute().await
        };
        assert!(result.is_err());
    }
    let unknown: TenantId = TenantId::from_u128(1);
    assert_ne!(unknown, world.harbour.id);
}
