//! What a tenant asks for when somebody signs in.

use mono_core::ErrorKind;
use mono_core::model::auth_policy::{AuthPolicy, AuthPolicyChange};
use mono_storage::testkit::{TenantWorld, World};

mono_storage::conformance!(
    a_tenant_asks_for_more_of_its_own_people_only,
    of_many_changes_at_once_none_is_lost,
    a_policy_names_roles_that_there_are,
);

fn hours(hours: u16) -> AuthPolicyChange {
    AuthPolicyChange { session_hours: Some(Some(hours)), ..AuthPolicyChange::default() }
}

async fn update(world: &World, tenant: &TenantWorld, change: AuthPolicyChange) -> mono_core::Result<i64> {
    let mut tx = world.test.database.tenant(&tenant.admin).write().await?;
    let policy = tx.auth_policy().update(change, &AuthPolicy::default()).await?;
    tx.commit().await?;
    Ok(policy.version)
}

async fn a_tenant_asks_for_more_of_its_own_people_only(world: World) {
    assert_eq!(update(&world, &world.harbour, hours(8)).await.unwrap(), 1);
    assert_eq!(update(&world, &world.harbour, hours(8)).await.unwrap(), 1, "nothing has changed");
    assert_eq!(update(&world, &world.harbour, hours(7)).await.unwrap(), 2);
    let looser = update(&world, &world.harbour, hours(25)).await.unwrap_err();
    assert_eq!((looser.kind(), looser.code()), (ErrorKind::Validation, "looser_than_platform"));
    assert_eq!(looser.problems()[0].field, "sessionHours");
    let mut tx = world.test.database.tenant(&world.lagoon.admin).read().await.unwrap();
    assert_eq!(tx.auth_policy().get().await.unwrap().own.session_hours, None);
    let mut tx = world.test.database.tenant(&world.harbour.nobody).write().await.unwrap();
    assert_eq!(tx.auth_policy().get().await.unwrap_err().kind(), ErrorKind::Forbidden);
    let refused = tx.auth_policy().update(hours(1), &AuthPolicy::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
}

async fn of_many_changes_at_once_none_is_lost(world: World) {
    let changes = [
        hours(8),
        AuthPolicyChange { idle_minutes: Some(Some(30)), ..AuthPolicyChange::default() },
        AuthPolicyChange { password_minimum_length: Some(Some(16)), ..AuthPolicyChange::default() },
    ];
    let world = std::sync::Arc::new(world);
    let tasks = changes.map(|change| {
        let world = world.clone();
        tokio::spawn(async move { update(&world, &world.harbour, change).await })
    });
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    let policy = tx.auth_policy().get().await.unwrap();
    let own = policy.own;
    assert_eq!((policy.version, own.session_hours, own.idle_minutes), (3, Some(8), Some(30)));
    assert_eq!(own.password_minimum_length, Some(16));
    drop(tx);
    let stale = AuthPolicyChange { version: Some(2), ..hours(4) };
    assert_eq!(update(&world, &world.harbour, stale).await.unwrap_err().code(), "stale_version");
}

async fn a_policy_names_roles_that_there_are(world: World) {
    let roles = |role: &str| AuthPolicyChange {
        second_factor_roles: Some(Some([role.to_owned()].into())),
        ..AuthPolicyChange::default()
    };
    update(&world, &world.harbour, roles("tenant_admin")).await.unwrap();
    let unknown = update(&world, &world.harbour, roles("pirate")).await.unwrap_err();
    assert_eq!((unknown.code(), unknown.problems()[0].field.as_str()), ("unknown_role", "secondFactorRoles"));
}
