use super::{create, new_account};
use mono_core::ErrorKind;
use mono_core::audit::Action;
use mono_core::id::AccountId;
use mono_core::model::account::{Account, AccountChange, AccountStatus};
use mono_core::page::PageRequest;
use mono_core::text::{Email, Name, Slug};
use mono_storage::sql;
use mono_storage::testkit::World;

mono_storage::conformance!(
    every_version_is_kept,
    two_versions_differ_in_what_was_changed,
    an_account_goes_back,
    going_back_obeys_the_rules_of_a_change,
    history_is_read_by_those_who_read_the_row,
    what_is_undone_is_no_version,
);

fn named(name: &str) -> AccountChange {
    AccountChange { name: Some(Name::parse(name).unwrap()), ..Default::default() }
}

/// An account that was made, changed twice, deleted and restored.
async fn account(world: &World) -> AccountId {
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    let mut new = new_account("First");
    new.email = Some(Email::parse("first@example.com").unwrap());
    let id = tx.accounts().create(new).await.unwrap().id;
    tx.accounts().update(id, named("Second")).await.unwrap();
    let change = AccountChange {
        email: Some(Some(Email::parse("third@example.com").unwrap())),
        status: Some(AccountStatus::Suspended),
        slug: Some(Slug::parse("third").unwrap()),
        ..named("Third")
    };
    tx.accounts().update(id, change).await.unwrap();
    tx.accounts().update(id, named("Third")).await.unwrap();
    tx.accounts().delete(id).await.unwrap();
    tx.accounts().restore(id).await.unwrap();
    tx.commit().await.unwrap();
    id
}

async fn every_version_is_kept(world: World) {
    let id = account(&world).await;
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    let now = tx.accounts().get(id).await.unwrap();
    let page = tx.history::<Account>(&id).await.unwrap().list(PageRequest::default()).await.unwrap();
    let told: Vec<_> = page.items.iter().map(|item| (item.version, item.action)).collect();
    let expected = [
        (5, Action::Restore),
        (4, Action::Delete),
        (3, Action::Update),
        (2, Action::Update),
        (1, Action::Create),
    ];
    assert_eq!(told, expected);
    assert_eq!((page.pagination.total, &page.items[0].snapshot), (5, &now));
    assert!(page.items.iter().all(|item| item.version == item.snapshot.version));
    assert!(page.items.iter().all(|item| item.actor == world.harbour.admin.actor().to_string()));
    let short = PageRequest::parse(Some(2), Some(2)).unwrap();
    let page = tx.history::<Account>(&id).await.unwrap().list(short).await.unwrap();
    assert_eq!(page.items.iter().map(|item| item.version).collect::<Vec<_>>(), [3, 2]);
    let first = tx.history::<Account>(&id).await.unwrap().version(1).await.unwrap();
    assert_eq!(first.snapshot.email.unwrap().as_str(), "first@example.com");
    for version in [0, 6, -1, i64::MAX] {
        let history = tx.history::<Account>(&id).await.unwrap();
        assert_eq!(history.version(version).await.unwrap_err().code(), "version_not_found");
    }
}

async fn two_versions_differ_in_what_was_changed(world: World) {
    let id = account(&world).await;
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    let diff = tx.history::<Account>(&id).await.unwrap().diff(1, 3).await.unwrap();
    let diff = serde_json::to_value(diff).unwrap();
    assert_eq!(
        diff,
        serde_json::json!([
            {"field": "email", "old": "f***@example.com", "new": "t***@example.com"},
            {"field": "name", "old": "First", "new": "Third"},
            {"field": "slug", "old": "first", "new": "third"},
            {"field": "status", "old": "active", "new": "suspended"},
        ])
    );
    let back = tx.history::<Account>(&id).await.unwrap().diff(3, 1).await.unwrap();
    assert_eq!(back[1].new, Some("First".into()));
    assert_eq!(tx.history::<Account>(&id).await.unwrap().diff(3, 5).await.unwrap(), []);
    let error = tx.history::<Account>(&id).await.unwrap().diff(3, 9).await.unwrap_err();
    assert_eq!(error.code(), "version_not_found");
}

async fn an_account_goes_back(world: World) {
    let id = account(&world).await;
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    let first = tx.history::<Account>(&id).await.unwrap().version(1).await.unwrap().snapshot;
    let back = tx.revert::<Account>(&id, 1, None).await.unwrap();
    assert_eq!(
        (&back.name, &back.slug, &back.email, back.status),
        (&first.name, &first.slug, &first.email, first.status)
    );
    assert_eq!(back.version, 6);
    // It is there already: nothing changes.
    assert_eq!(tx.revert::<Account>(&id, 1, None).await.unwrap().version, 6);
    // The revert can be reverted.
    assert_eq!(tx.revert::<Account>(&id, 3, None).await.unwrap().name.as_str(), "Third");
    tx.commit().await.unwrap();
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    let page = tx.history::<Account>(&id).await.unwrap().list(PageRequest::default()).await.unwrap();
    assert_eq!((page.items[0].version, page.items[0].action), (7, Action::Revert));
    let rows = sql!(tx, "SELECT id FROM audit_log WHERE tenant_id = $1 AND action = 'revert'").rows().await;
    assert_eq!(rows.unwrap().len(), 2);
}

async fn going_back_obeys_the_rules_of_a_change(world: World) {
    let id = account(&world).await;
    // The slug of the first version is another's now.
    create(&world, &world.harbour.admin, "First").await.unwrap();
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    assert_eq!(tx.revert::<Account>(&id, 1, None).await.unwrap_err().code(), "slug_taken");
    drop(tx);
    let reader = world.account_caller(&world.harbour, "user", id);
    let mut tx = world.test.database.tenant(&reader).write().await.unwrap();
    assert_eq!(tx.revert::<Account>(&id, 1, None).await.unwrap_err().kind(), ErrorKind::Forbidden);
    drop(tx);
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    assert_eq!(tx.revert::<Account>(&id, 99, None).await.unwrap_err().code(), "version_not_found");
    tx.accounts().delete(id).await.unwrap();
    assert_eq!(tx.revert::<Account>(&id, 2, None).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn history_is_read_by_those_who_read_the_row(world: World) {
    let id = account(&world).await;
    for (caller, kind) in
        [(&world.harbour.nobody, ErrorKind::Forbidden), (&world.lagoon.admin, ErrorKind::NotFound)]
    {
        let mut tx = world.test.database.tenant(caller).write().await.unwrap();
        let errors = [
            tx.history::<Account>(&id).await.map(drop).unwrap_err(),
            tx.revert::<Account>(&id, 1, None).await.unwrap_err(),
            // Whether a version is kept is not told to who may not read it.
            tx.revert::<Account>(&id, 99, None).await.unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.kind() == kind), "{errors:?}");
    }
    // Without the store's check the tenant still holds.
    let mut tx = world.test.database.tenant(&world.lagoon.admin).read().await.unwrap();
    let foreign = sql!(tx, "SELECT version FROM entity_versions WHERE tenant_id = $1 AND entity_id = $2", id);
    assert!(foreign.rows().await.unwrap().is_empty());
}

async fn what_is_undone_is_no_version(world: World) {
    let account = create(&world, &world.harbour.admin, "First").await.unwrap();
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.accounts().update(account.id, named("Never")).await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    assert_eq!(tx.accounts().update(account.id, named("Second")).await.unwrap().version, 2);
    // A version is kept once.
    let account = tx.accounts().get(account.id).await.unwrap();
    let twice = tx.record(Action::Update, None, &account).await;
    assert_eq!(twice.unwrap_err().kind(), ErrorKind::Conflict);
}
