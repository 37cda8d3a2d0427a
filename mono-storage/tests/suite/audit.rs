use super::create;
use mono_core::caller::Caller;
use mono_core::model::account::{AccountChange, AccountFilter};
use mono_core::page::PageRequest;
use mono_core::text::Email;
use mono_storage::sql;
use mono_storage::testkit::{TenantWorld, World};
use serde_json::Value;

mono_storage::conformance!(
    every_change_is_recorded_with_its_fields,
    what_is_undone_is_not_recorded,
    a_super_admin_in_a_foreign_tenant_is_recorded,
);

/// The entries of a tenant, oldest first, apart from those of how the world was made: actor, action, changes.
async fn entries(world: &World, tenant: &TenantWorld) -> Vec<(String, String, Value)> {
    let mut tx = world.test.database.tenant(&tenant.admin).read().await.unwrap();
    let rows =
        sql!(tx, "SELECT actor, action, changes FROM audit_log WHERE tenant_id = $1 AND entity NOT IN ('tenant', 'subscription', 'member') ORDER BY at, id").rows();
    let rows = rows.await.unwrap();
    rows.iter()
        .map(|row| (row.get("actor").unwrap(), row.get("action").unwrap(), row.get("changes").unwrap()))
        .collect()
}

fn actor(caller: &Caller) -> String {
    caller.actor().to_string()
}

async fn every_change_is_recorded_with_its_fields(world: World) {
    let admin = &world.harbour.admin;
    let account = create(&world, admin, "First").await.unwrap();
    let mut tx = world.test.database.tenant(admin).write().await.unwrap();
    let email = Some(Some(Email::parse("secret@example.com").unwrap()));
    tx.accounts().update(account.id, AccountChange { email, ..Default::default() }).await.unwrap();
    tx.accounts().delete(account.id).await.unwrap();
    tx.accounts().restore(account.id).await.unwrap();
    tx.commit().await.unwrap();

    let entries = entries(&world, &world.harbour).await;
    let actions: Vec<&str> = entries.iter().map(|(_, action, _)| action.as_str()).collect();
    assert_eq!(actions, ["create", "update", "delete", "restore"]);
    assert!(entries.iter().all(|(by, ..)| *by == actor(admin)));
    assert_eq!(
        entries[1].2,
        serde_json::json!([{ "field": "email", "old": null, "new": "s***@example.com" }])
    );
    assert!(entries[0].2.to_string().contains("First"));
    assert!(!entries.iter().any(|(.., changes)| changes.to_string().contains("secret@")));
    assert_eq!(self::entries(&world, &world.lagoon).await, []);
}

async fn what_is_undone_is_not_recorded(world: World) {
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.accounts().create(super::new_account("Never")).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(entries(&world, &world.harbour).await, []);
}

async fn a_super_admin_in_a_foreign_tenant_is_recorded(world: World) {
    // At home in the lagoon, and at work in the harbour.
    let root = world.root(&world.lagoon, &world.harbour);
    let mut tx = world.test.database.tenant(&root).read().await.unwrap();
    tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.unwrap();
    drop(tx);
    let account = create(&world, &root, "First").await.unwrap();
    let mut tx = world.test.database.tenant(&root).read().await.unwrap();
    tx.accounts().get(account.id).await.unwrap();
    drop(tx);
    let recorded: Vec<_> = entries(&world, &world.harbour)
        .await
        .into_iter()
        .map(|(_, action, changes)| {
            let permission = changes[0]["new"].as_str().unwrap_or_default().to_owned();
            if action == "privileged_access" { permission } else { action }
        })
        .collect();
    assert_eq!(
        recorded,
        ["tenant.accounts.read", "tenant.accounts.create", "create", "tenant.accounts.read"]
    );

    // At home it is nothing special.
    let root = world.root(&world.lagoon, &world.lagoon);
    let mut tx = world.test.database.tenant(&root).read().await.unwrap();
    tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.unwrap();
    drop(tx);
    assert_eq!(entries(&world, &world.lagoon).await, []);
}
