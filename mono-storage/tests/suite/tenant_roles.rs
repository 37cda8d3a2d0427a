//! Roles of a tenant's own, and what a tenant changes in those of the platform.

use super::create;
use super::granting::{giver, pattern, refused, stored, write};
use mono_core::ErrorKind;
use mono_core::caller::Caller;
use mono_core::model::account::AccountFilter;
use mono_core::page::PageRequest;
use mono_core::permission::{Grant, OverrideKind, Pattern, Role, Scope};
use mono_storage::store::NewAssignment;
use mono_storage::testkit::World;

mono_storage::conformance!(
    a_custom_role_is_made_given_and_deleted,
    a_custom_role_gives_nothing_that_its_maker_lacks,
    a_custom_role_cannot_reach_outside_its_tenant,
    a_broken_role_is_refused_with_everything_wrong,
    an_override_holds_in_its_tenant_only,
    a_restriction_is_not_lifted_by_setting_another,
    what_an_override_hides_does_not_come_back_for_who_lacks_it,
    a_key_of_a_tenant_is_never_the_platforms,
    a_deleted_role_is_given_to_nobody,
    a_role_has_a_plain_key_and_a_bounded_size,
    nobody_changes_the_rules_for_good,
    there_is_an_end_to_roles,
);

async fn a_custom_role_is_made_given_and_deleted(world: World) {
    let harbour = &world.harbour;
    let (admin, admin_member) = world.member(harbour, "chief@harbour.example").await;
    let (user, member) = world.member(harbour, "new@harbour.example").await;
    let system = Caller::system_in(mono_core::caller::SystemReason::Seed, harbour.id);
    let whole = Scope::tenant(harbour.id);
    let mut tx = write(&world, &system).await;
    tx.assignments().assign(NewAssignment::new(admin_member, "tenant_admin", whole)).await.unwrap();
    tx.commit().await.unwrap();

    let chief = world.reload(harbour, admin).await;
    let role =
        Role::new("clerk").allow(["tenant.accounts.*"]).except(["tenant.accounts.delete"]).inherit(["user"]);
    let mut tx = write(&world, &chief).await;
    tx.roles().create(role.clone()).await.unwrap();
    tx.commit().await.unwrap();
    let chief = world.reload(harbour, admin).await;
    let mut tx = write(&world, &chief).await;
    assert_eq!(tx.roles().list().await.unwrap(), std::slice::from_ref(&role));
    let assignment = tx.assignments().assign(NewAssignment::new(member, "clerk", whole)).await.unwrap();
    refused(tx.roles().delete("clerk").await, "role_in_use");
    tx.commit().await.unwrap();

    let clerk = world.reload(harbour, user).await;
    let account = create(&world, &clerk, "First").await.unwrap();
    let mut tx = write(&world, &clerk).await;
    assert_eq!(tx.accounts().delete(account.id).await.unwrap_err().kind(), ErrorKind::Forbidden);
    drop(tx);

    let mut tx = write(&world, &chief).await;
    tx.roles().update(Role::new("clerk").allow(["tenant.accounts.read"])).await.unwrap();
    tx.commit().await.unwrap();
    let clerk = world.reload(harbour, user).await;
    assert_eq!(create(&world, &clerk, "Second").await.unwrap_err().kind(), ErrorKind::Forbidden);

    let chief = world.reload(harbour, admin).await;
    let mut tx = write(&world, &chief).await;
    tx.assignments().revoke(assignment.id.unwrap()).await.unwrap();
    tx.roles().delete("clerk").await.unwrap();
    refused(tx.roles().delete("clerk").await, "not_found");
    tx.commit().await.unwrap();
}

async fn a_custom_role_gives_nothing_that_its_maker_lacks(world: World) {
    let clerk = giver(&world);
    let mut tx = write(&world, &clerk).await;
    for role in [
        Role::new("wide").allow(["tenant.*"]),
        Role::new("wide").allow(["tenant.accounts.read", "tenant.accounts.create"]),
        Role::new("wide").allow(["tenant.accounts.read"]).inherit(["tenant_admin"]),
        Role::new("wide").allow(["tenant.*"]).except(["tenant.accounts.create"]),
    ] {
        refused(tx.roles().create(role).await, "not_held");
    }
    tx.roles().create(Role::new("narrow").allow(["tenant.accounts.read"])).await.unwrap();
    drop(tx);
    for caller in [&world.harbour.user, &world.harbour.nobody] {
        let mut tx = write(&world, caller).await;
        assert_eq!(tx.roles().create(Role::new("mine")).await.unwrap_err().kind(), ErrorKind::Forbidden);
    }
}

async fn a_custom_role_cannot_reach_outside_its_tenant(world: World) {
    let everything = vec![Grant::allow("*", Scope::platform())];
    let root = world.caller_with(&world.harbour, everything);
    let mut tx = write(&world, &root).await;
    for text in ["*", "platform.*", "platform.tenants.create"] {
        refused(tx.roles().create(Role::new("wide").allow([text])).await, "outside_tenant");
        let change = [pattern(text)];
        refused(tx.roles().set_override("user", OverrideKind::Extend, &change).await, "outside_tenant");
    }
    tx.roles().create(Role::new("local").allow(["tenant.*"])).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = write(&world, &world.lagoon.admin).await;
    assert_eq!(tx.roles().list().await.unwrap(), [], "another tenant does not see it");
    tx.roles().create(Role::new("local").allow(["tenant.*"])).await.expect("and may use the same key");
}

async fn a_broken_role_is_refused_with_everything_wrong(world: World) {
    let mut tx = write(&world, &world.harbour.admin).await;
    let broken =
        Role::new("Broken Key").allow(["tenant..x", "tenant.acc*"]).inherit(["nobody_knows", "Broken Key"]);
    let error = tx.roles().create(broken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Validation);
    assert!(error.problems().len() >= 3, "{:?}", error.problems());
    let error = tx.roles().create(Role::new("tenant_admin").allow(["tenant.manage"])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
}

async fn an_override_holds_in_its_tenant_only(world: World) {
    let extend = [pattern("tenant.accounts.read")];
    let mut tx = write(&world, &world.harbour.admin).await;
    tx.roles().set_override("user", OverrideKind::Extend, &extend).await.unwrap();
    tx.commit().await.unwrap();
    create(&world, &world.harbour.admin, "First").await.unwrap();
    let mut seen = Vec::new();
    for tenant in [&world.harbour, &world.lagoon] {
        let (user, member) = world.member(tenant, &format!("new@{}.example", tenant.id)).await;
        let mut tx = write(&world, &tenant.admin).await;
        tx.assignments().assign(NewAssignment::new(member, "user", Scope::tenant(tenant.id))).await.unwrap();
        tx.commit().await.unwrap();
        let caller = world.reload(tenant, user).await;
        let mut tx = world.test.database.tenant(&caller).read().await.unwrap();
        seen.push(tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.is_ok());
    }
    assert_eq!(seen, [true, false]);
    let mut tx = write(&world, &world.harbour.admin).await;
    assert_eq!(tx.roles().overrides().await.unwrap().len(), 1);
    tx.roles().remove_override("user", OverrideKind::Extend).await.unwrap();
    assert_eq!(tx.roles().overrides().await.unwrap(), []);
}

async fn restrict(world: &World, role: &str, texts: &[&str]) {
    let patterns: Vec<Pattern> = texts.iter().map(|text| pattern(text)).collect();
    let mut tx = write(world, &world.harbour.admin).await;
    tx.roles().set_override(role, OverrideKind::Restrict, &patterns).await.unwrap();
    tx.commit().await.unwrap();
}

async fn a_restriction_is_not_lifted_by_setting_another(world: World) {
    let (user, _) = stored(&world, "a@harbour.example", "tenant_admin").await;
    restrict(&world, "tenant_admin", &["tenant.accounts.delete", "tenant.billing.*"]).await;
    let bound = world.reload(&world.harbour, user).await;
    for patterns in [&[][..], &[pattern("tenant.accounts.read")], &[pattern("tenant.accounts.create")]] {
        let mut tx = write(&world, &bound).await;
        refused(tx.roles().set_override("tenant_admin", OverrideKind::Restrict, patterns).await, "not_held");
    }
    let mut tx = write(&world, &bound).await;
    refused(tx.roles().remove_override("tenant_admin", OverrideKind::Restrict).await, "not_held");
}

async fn what_an_override_hides_does_not_come_back_for_who_lacks_it(world: World) {
    let mut tx = write(&world, &world.harbour.admin).await;
    tx.roles().create(Role::new("deputy").allow(["tenant.accounts.*", "tenant.billing.*"])).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = write(&world, &world.harbour.admin).await;
    // Only roles of the platform have overrides; a tenant changes its own.
    let narrow = [pattern("tenant.accounts.read")];
    refused(tx.roles().set_override("deputy", OverrideKind::Replace, &narrow).await, "unknown_role");
    tx.roles()
        .set_override("tenant_admin", OverrideKind::Replace, &[pattern("tenant.roles.*")])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (user, _) = stored(&world, "a@harbour.example", "tenant_admin").await;
    let bound = world.reload(&world.harbour, user).await;
    let mut tx = write(&world, &bound).await;
    refused(tx.roles().remove_override("tenant_admin", OverrideKind::Replace).await, "not_held");
    let mine = [pattern("tenant.roles.*")];
    refused(tx.roles().set_override("tenant_admin", OverrideKind::Replace, &mine).await, "not_held");
}

async fn a_key_of_a_tenant_is_never_the_platforms(world: World) {
    let mut tx = write(&world, &world.harbour.admin).await;
    tx.roles().create(Role::new("super_admin").allow(["tenant.accounts.read"])).await.unwrap();
    tx.commit().await.unwrap();
    let text = r#"{"catalogue": "later", "version": 1, "limits": [], "feature_sets": [], "features": [], "plans": [],
        "add_ons": [], "permissions": [{"name": "tenant.manage", "description": "x"}],
        "roles": [{"key": "super_admin", "name": "x", "description": "x", "allow": ["tenant.manage"]}]}"#;
    let seed = mono_core::seed::Seed::parse(text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let system = Caller::system(mono_core::caller::SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    refused(tx.catalogue().save(&seed).await, "key_taken");
}

async fn a_deleted_role_is_given_to_nobody(world: World) {
    let (_, member) = world.member(&world.harbour, "new@harbour.example").await;
    let mut tx = write(&world, &world.harbour.admin).await;
    tx.roles().create(Role::new("project").allow(["tenant.accounts.read"])).await.unwrap();
    tx.commit().await.unwrap();
    let world = std::sync::Arc::new(world);
    let mut both = tokio::task::JoinSet::new();
    for delete in [true, false] {
        let world = std::sync::Arc::clone(&world);
        both.spawn(async move {
            let mut tx = write(&world, &world.harbour.admin).await;
            if delete {
                tx.roles().delete("project").await?;
            } else {
                let whole = Scope::tenant(world.harbour.id);
                tx.assignments().assign(NewAssignment::new(member, "project", whole)).await?;
            }
            tx.commit().await
        });
    }
    let results = both.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
}

async fn a_role_has_a_plain_key_and_a_bounded_size(world: World) {
    let mut tx = write(&world, &world.harbour.admin).await;
    for key in ["", "Tenant", "user ", "us\u{200B}er", "../x", "a\n", &"x".repeat(65)] {
        let error = tx.roles().create(Role::new(key).allow(["tenant.accounts.read"])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Validation, "{key:?}");
    }
    let many = Role::new("many").allow(vec!["tenant.accounts.read"; 501]);
    refused(tx.roles().create(many).await, "too_long");
}

async fn nobody_changes_the_rules_for_good(world: World) {
    let (user, member) = stored(&world, "chief@harbour.example", "tenant_admin").await;
    let chief = world.reload(&world.harbour, user).await;
    let mut tx = write(&world, &chief).await;
    for (kind, text) in [
        (OverrideKind::Restrict, "tenant.*"),
        (OverrideKind::Restrict, "tenant.roles.update"),
        (OverrideKind::Replace, "tenant.accounts.*"),
    ] {
        refused(tx.roles().set_override("tenant_admin", kind, &[pattern(text)]).await, "locks_out");
    }
    // Also a role of the tenant's own, where the caller has no other.
    let own = Role::new("own").allow(["tenant.*"]);
    tx.roles().create(own.clone()).await.unwrap();
    let old = tx.assignments().list(member).await.unwrap()[0].id.unwrap();
    tx.commit().await.unwrap();
    let whole = Scope::tenant(world.harbour.id);
    let mut tx = write(&world, &world.harbour.admin).await;
    tx.assignments().assign(NewAssignment::new(member, "own", whole)).await.unwrap();
    tx.assignments().revoke(old).await.unwrap();
    tx.commit().await.unwrap();
    let chief = world.reload(&world.harbour, user).await;
    let mut tx = write(&world, &chief).await;
    refused(tx.roles().update(Role::new("own").allow(["tenant.accounts.*"])).await, "locks_out");
    tx.roles().update(own.except(["tenant.accounts.delete"])).await.unwrap();
}

async fn there_is_an_end_to_roles(world: World) {
    let mut tx = write(&world, &world.harbour.admin).await;
    for number in 0..100 {
        tx.roles().create(Role::new(format!("role_{number}")).allow(["tenant.accounts.read"])).await.unwrap();
    }
    let more = Role::new("one_more").allow(["tenant.accounts.read"]);
    refused(tx.roles().create(more).await, "too_many");
}
