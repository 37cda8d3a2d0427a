//! Nobody passes on what they do not hold; what is stored decides as the engine says.

use super::create;
use mono_core::caller::Caller;
use mono_core::model::account::AccountFilter;
use mono_core::page::PageRequest;
use mono_core::permission::{Effect, Grant, OverrideKind, Pattern, Role, Scope};
use mono_core::{Error, ErrorKind};
use mono_storage::db::TenantTx;
use mono_storage::store::{NewAssignment, NewGrant, NewPlatformAssignment};
use mono_storage::testkit::World;

mono_storage::conformance!(
    a_stored_role_decides_at_its_scope,
    nobody_gives_a_role_that_holds_more,
    nobody_gives_a_pattern_they_do_not_hold,
    nobody_takes_what_they_could_not_give,
    a_custom_role_is_made_given_and_deleted,
    a_custom_role_gives_nothing_that_its_maker_lacks,
    a_custom_role_cannot_reach_outside_its_tenant,
    a_broken_role_is_refused_with_everything_wrong,
    an_override_holds_in_its_tenant_only,
    a_guardrail_binds_everybody,
    a_deny_beats_every_allow,
    a_stored_deny_that_cannot_be_read_closes_everything,
    only_a_super_admin_gives_roles_on_the_platform,
    a_restriction_is_not_lifted_by_setting_another,
    what_an_override_hides_does_not_come_back_for_who_lacks_it,
    a_key_of_a_tenant_is_never_the_platforms,
    an_old_caller_is_judged_by_the_rules_of_now,
    a_deleted_role_is_given_to_nobody,
    a_guardrail_is_lifted_by_who_holds_what_it_forbids,
    nobody_locks_out_who_holds_more,
    a_role_has_a_plain_key_and_a_bounded_size,
    there_is_an_end_to_grants_and_guardrails,
    nobody_takes_rights_from_themselves,
    of_two_who_take_each_others_role_one_stays,
    nobody_changes_the_rules_for_good,
    of_two_guardrails_at_once_one_can_be_lifted,
    what_has_ended_shields_nobody,
    a_moment_is_one_that_both_databases_hold,
    there_is_an_end_to_roles,
);

async fn write(world: &World, caller: &Caller) -> TenantTx {
    world.test.database.tenant(caller).write().await.unwrap()
}

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

fn refused(result: Result<impl Sized, Error>, code: &str) {
    let error = result.err().expect("this is refused");
    assert_eq!(error.code(), code, "{error:?}");
}

async fn a_stored_role_decides_at_its_scope(world: World) {
    let harbour = &world.harbour;
    let first = create(&world, &harbour.admin, "First").await.unwrap();
    let second = create(&world, &harbour.admin, "Second").await.unwrap();
    let (user, member) = world.member(harbour, "new@harbour.example").await;
    let scope = Scope::account(harbour.id, first.id);
    let mut tx = write(&world, &harbour.admin).await;
    let assignment =
        tx.assignments().assign(NewAssignment::new(member, "tenant_admin", scope)).await.unwrap();
    assert_eq!(tx.assignments().list(member).await.unwrap(), std::slice::from_ref(&assignment));
    refused(
        tx.assignments().assign(NewAssignment::new(member, "tenant_admin", scope)).await,
        "already_exists",
    );
    drop(tx);
    let mut tx = write(&world, &harbour.admin).await;
    let assignment =
        tx.assignments().assign(NewAssignment::new(member, "tenant_admin", scope)).await.unwrap();
    tx.commit().await.unwrap();

    let caller = world.reload(harbour, user).await;
    let mut tx = world.test.database.tenant(&caller).read().await.unwrap();
    tx.accounts().get(first.id).await.unwrap();
    assert_eq!(tx.accounts().get(second.id).await.unwrap_err().kind(), ErrorKind::Forbidden);
    drop(tx);

    let mut tx = write(&world, &harbour.admin).await;
    tx.assignments().revoke(assignment.id.unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    let caller = world.reload(harbour, user).await;
    let mut tx = world.test.database.tenant(&caller).read().await.unwrap();
    assert_eq!(tx.accounts().get(first.id).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

/// A member who may give roles, and holds little else.
fn giver(world: &World) -> Caller {
    let grants = ["tenant.roles.*", "tenant.accounts.read"];
    world.caller_with(
        &world.harbour,
        grants.map(|text| Grant::allow(text, Scope::tenant(world.harbour.id))).into(),
    )
}

async fn nobody_gives_a_role_that_holds_more(world: World) {
    let harbour = &world.harbour;
    let (_, member) = world.member(harbour, "new@harbour.example").await;
    let whole = Scope::tenant(harbour.id);
    let mut tx = write(&world, &giver(&world)).await;
    refused(tx.assignments().assign(NewAssignment::new(member, "tenant_admin", whole)).await, "not_held");
    refused(tx.assignments().assign(NewAssignment::new(member, "platform_admin", whole)).await, "not_held");
    refused(tx.assignments().assign(NewAssignment::new(member, "no_such_role", whole)).await, "unknown_role");
    drop(tx);
    let mut tx = write(&world, &harbour.admin).await;
    refused(tx.assignments().assign(NewAssignment::new(member, "platform_admin", whole)).await, "not_held");
    let elsewhere = NewAssignment::new(member, "user", Scope::tenant(world.lagoon.id));
    refused(tx.assignments().assign(elsewhere).await, "outside_tenant");
    refused(
        tx.assignments().assign(NewAssignment::new(member, "user", Scope::platform())).await,
        "outside_tenant",
    );
    drop(tx);
    for caller in [&harbour.user, &harbour.nobody, &world.lagoon.admin] {
        let mut tx = write(&world, caller).await;
        assert!(tx.assignments().assign(NewAssignment::new(member, "user", whole)).await.is_err());
    }
}

fn allow(member: mono_core::id::MemberId, text: &str, scope: Scope) -> NewGrant {
    NewGrant { member, pattern: pattern(text), effect: Effect::Allow, scope, starts_at: None, ends_at: None }
}

async fn nobody_gives_a_pattern_they_do_not_hold(world: World) {
    let harbour = &world.harbour;
    let (user, member) = world.member(harbour, "new@harbour.example").await;
    let whole = Scope::tenant(harbour.id);
    let clerk = giver(&world);
    for text in [
        "tenant.accounts.*",
        "tenant.accounts.create",
        "tenant.*",
        "*",
        "platform.tenants.create",
        "tenant.*.read",
    ] {
        let mut tx = write(&world, &clerk).await;
        refused(tx.grants().give(allow(member, text, whole)).await, "not_held");
        let deny = NewGrant { effect: Effect::Deny, ..allow(member, text, whole) };
        refused(tx.grants().give(deny).await, "not_held");
    }
    let mut tx = write(&world, &clerk).await;
    let soon = tx.now() + std::time::Duration::from_hours(1);
    let grant = NewGrant { ends_at: Some(soon), ..allow(member, "tenant.accounts.read", whole) };
    let given = tx.grants().give(grant.clone()).await.unwrap();
    assert_eq!((given.ends_at, given.pattern.as_str()), (Some(soon), "tenant.accounts.read"));
    let backwards = NewGrant { starts_at: Some(soon), ends_at: Some(soon), ..grant };
    refused(tx.grants().give(backwards).await, "out_of_range");
    tx.commit().await.unwrap();
    create(&world, &harbour.admin, "First").await.unwrap();
    let caller = world.reload(harbour, user).await;
    let mut tx = world.test.database.tenant(&caller).read().await.unwrap();
    assert_eq!(
        tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.unwrap().items.len(),
        1
    );
    // What ends sooner is held, and cannot be passed on for longer.
    let read = mono_core::permission!("tenant.accounts.read");
    assert!(caller.permissions().unwrap().check(read, &whole, tx.now()));
    assert!(!caller.permissions().unwrap().check(read, &whole, soon));
    assert!(!caller.permissions().unwrap().covers(&pattern("tenant.accounts.read"), &whole, None, tx.now()));
}

async fn nobody_takes_what_they_could_not_give(world: World) {
    let harbour = &world.harbour;
    let (_, member) = world.member(harbour, "new@harbour.example").await;
    let whole = Scope::tenant(harbour.id);
    let mut tx = write(&world, &harbour.admin).await;
    let assignment =
        tx.assignments().assign(NewAssignment::new(member, "tenant_admin", whole)).await.unwrap();
    let grant = tx.grants().give(allow(member, "tenant.accounts.*", whole)).await.unwrap();
    tx.commit().await.unwrap();
    let clerk = giver(&world);
    let mut tx = write(&world, &clerk).await;
    refused(tx.assignments().revoke(assignment.id.unwrap()).await, "not_held");
    refused(tx.grants().revoke(grant.id.unwrap()).await, "not_held");
    drop(tx);
    let mut tx = write(&world, &world.lagoon.admin).await;
    refused(tx.assignments().revoke(assignment.id.unwrap()).await, "not_found");
    refused(tx.grants().revoke(grant.id.unwrap()).await, "not_found");
}

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

async fn a_guardrail_binds_everybody(world: World) {
    let harbour = &world.harbour;
    let (user, member) = world.member(harbour, "chief@harbour.example").await;
    let whole = Scope::tenant(harbour.id);
    let mut tx = write(&world, &harbour.admin).await;
    tx.assignments().assign(NewAssignment::new(member, "tenant_admin", whole)).await.unwrap();
    refused(tx.guardrails().forbid(&pattern("tenant.*"), whole, "all").await, "locks_everybody_out");
    refused(tx.guardrails().forbid(&pattern("*"), whole, "all").await, "not_held");
    let id = tx
        .guardrails()
        .forbid(&pattern("tenant.accounts.create"), whole, "closed for the season")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let chief = world.reload(harbour, user).await;
    assert_eq!(create(&world, &chief, "First").await.unwrap_err().kind(), ErrorKind::Forbidden);
    let mut tx = write(&world, &chief).await;
    tx.guardrails().lift(id).await.unwrap();
    tx.commit().await.unwrap();
    create(&world, &world.reload(harbour, user).await, "First").await.unwrap();
}

async fn a_deny_beats_every_allow(world: World) {
    let harbour = &world.harbour;
    let (user, member) = world.member(harbour, "chief@harbour.example").await;
    let whole = Scope::tenant(harbour.id);
    let mut tx = write(&world, &harbour.admin).await;
    tx.assignments().assign(NewAssignment::new(member, "tenant_admin", whole)).await.unwrap();
    let deny = NewGrant { effect: Effect::Deny, ..allow(member, "tenant.accounts.create", whole) };
    tx.grants().give(deny).await.unwrap();
    tx.commit().await.unwrap();
    let error = create(&world, &world.reload(harbour, user).await, "First").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "denied"));
}

async fn a_stored_deny_that_cannot_be_read_closes_everything(world: World) {
    let harbour = &world.harbour;
    let (user, member) = world.member(harbour, "chief@harbour.example").await;
    let whole = Scope::tenant(harbour.id);
    let mut tx = write(&world, &harbour.admin).await;
    tx.assignments().assign(NewAssignment::new(member, "tenant_admin", whole)).await.unwrap();
    let grant = NewGrant { effect: Effect::Deny, ..allow(member, "tenant.accounts.create", whole) };
    tx.grants().give(grant).await.unwrap();
    tx.commit().await.unwrap();
    world.test.as_owner("UPDATE grants SET pattern = 'tenant..'").await;
    let caller = world.reload(harbour, user).await;
    assert!(caller.permissions().unwrap().is_faulty());
    let mut tx = world.test.database.tenant(&caller).read().await.unwrap();
    assert_eq!(
        tx.accounts().list(&AccountFilter::default(), PageRequest::default()).await.unwrap_err().kind(),
        ErrorKind::Forbidden
    );
}

async fn only_a_super_admin_gives_roles_on_the_platform(world: World) {
    let (user, _) = world.member(&world.harbour, "new@harbour.example").await;
    let some = vec![Grant::allow("platform.roles.manage", Scope::platform())];
    let some = world.caller_with(&world.harbour, some);
    for caller in [&world.harbour.admin, &some] {
        let mut tx = world.test.database.platform(caller).write().await.unwrap();
        assert_eq!(
            tx.assignments().assign(NewPlatformAssignment::new(user, "user")).await.unwrap_err().kind(),
            ErrorKind::Forbidden
        );
    }
    let root = world.caller_with(&world.harbour, vec![Grant::allow("*", Scope::platform())]);
    let mut tx = world.test.database.platform(&root).write().await.unwrap();
    tx.assignments().assign(NewPlatformAssignment::new(user, "platform_admin")).await.unwrap();
    tx.commit().await.unwrap();
}

/// A member with a role of the platform in the whole tenant, as the stored data make one.
async fn stored(world: &World, email: &str, role: &str) -> (mono_core::id::UserId, mono_core::id::MemberId) {
    let (user, member) = world.member(&world.harbour, email).await;
    let system = Caller::system_in(mono_core::caller::SystemReason::Seed, world.harbour.id);
    let mut tx = write(world, &system).await;
    tx.assignments().assign(NewAssignment::new(member, role, Scope::tenant(world.harbour.id))).await.unwrap();
    tx.commit().await.unwrap();
    (user, member)
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

async fn an_old_caller_is_judged_by_the_rules_of_now(world: World) {
    let (_, member) = world.member(&world.harbour, "new@harbour.example").await;
    let mut tx = write(&world, &world.harbour.admin).await;
    tx.roles().create(Role::new("project").allow(["tenant.accounts.read"])).await.unwrap();
    tx.commit().await.unwrap();
    // Signed in while the role was weak, and still at work when it has become strong.
    let old = giver(&world);
    let mut tx = write(&world, &world.harbour.admin).await;
    tx.roles()
        .update(Role::new("project").allow(["tenant.accounts.read", "tenant.billing.*"]))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let whole = Scope::tenant(world.harbour.id);
    let mut tx = write(&world, &old).await;
    refused(tx.assignments().assign(NewAssignment::new(member, "project", whole)).await, "not_held");
    refused(tx.roles().update(Role::new("project")).await, "not_held");
    refused(tx.roles().create(Role::new("mine").inherit(["project"])).await, "not_held");
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

async fn a_guardrail_is_lifted_by_who_holds_what_it_forbids(world: World) {
    let whole = Scope::tenant(world.harbour.id);
    let mut tx = write(&world, &world.harbour.admin).await;
    let id = tx
        .guardrails()
        .forbid(&pattern("tenant.accounts.delete"), whole, "kept for the auditors")
        .await
        .unwrap();
    refused(
        tx.guardrails().forbid(&pattern("tenant.accounts.read"), whole, &"x".repeat(501)).await,
        "too_long",
    );
    tx.rollback().await.unwrap();
    let mut tx = write(&world, &world.harbour.admin).await;
    let again = tx
        .guardrails()
        .forbid(&pattern("tenant.accounts.delete"), whole, "kept for the auditors")
        .await
        .unwrap();
    assert_ne!(id, again);
    tx.commit().await.unwrap();
    let mut tx = write(&world, &giver(&world)).await;
    refused(tx.guardrails().lift(again).await, "not_held");
    drop(tx);
    let mut tx = write(&world, &world.harbour.admin).await;
    tx.guardrails().lift(again).await.unwrap();
}

async fn nobody_locks_out_who_holds_more(world: World) {
    let whole = Scope::tenant(world.harbour.id);
    let (_, chief) = stored(&world, "chief@harbour.example", "tenant_admin").await;
    let (_, peer) = stored(&world, "peer@harbour.example", "user").await;
    let deny = |member| NewGrant { effect: Effect::Deny, ..allow(member, "tenant.accounts.read", whole) };
    let mut tx = write(&world, &giver(&world)).await;
    refused(tx.grants().give(deny(chief)).await, "not_held");
    drop(tx);
    let mut tx = write(&world, &world.harbour.admin).await;
    tx.grants().give(deny(peer)).await.unwrap();
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

async fn there_is_an_end_to_grants_and_guardrails(world: World) {
    let whole = Scope::tenant(world.harbour.id);
    let (_, member) = world.member(&world.harbour, "new@harbour.example").await;
    let (_, other) = world.member(&world.harbour, "other@harbour.example").await;
    let mut tx = write(&world, &world.harbour.admin).await;
    for number in 0..200 {
        tx.grants().give(allow(member, "tenant.accounts.read", whole)).await.unwrap();
        tx.guardrails().forbid(&pattern(&format!("tenant.boats_{number}.sink")), whole, "").await.unwrap();
    }
    refused(tx.grants().give(allow(member, "tenant.accounts.read", whole)).await, "too_many");
    refused(tx.guardrails().forbid(&pattern("tenant.accounts.delete"), whole, "").await, "too_many");
    tx.grants().give(allow(other, "tenant.accounts.read", whole)).await.unwrap();
    assert_eq!(tx.guardrails().list().await.unwrap().len(), 200);
    drop(tx);
    let mut tx = write(&world, &world.lagoon.admin).await;
    assert_eq!(tx.guardrails().list().await.unwrap(), []);
    drop(tx);
    let mut tx = write(&world, &world.harbour.user).await;
    assert_eq!(tx.guardrails().list().await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn nobody_takes_rights_from_themselves(world: World) {
    let whole = Scope::tenant(world.harbour.id);
    let (user, member) = stored(&world, "chief@harbour.example", "tenant_admin").await;
    let chief = world.reload(&world.harbour, user).await;
    let mut tx = write(&world, &chief).await;
    let grant = tx.grants().give(allow(member, "tenant.accounts.read", whole)).await.unwrap();
    let own = tx.assignments().list(member).await.unwrap()[0].id.unwrap();
    tx.commit().await.unwrap();
    let mut tx = write(&world, &chief).await;
    refused(tx.assignments().revoke(own).await, "own_membership");
    refused(tx.grants().revoke(grant.id.unwrap()).await, "own_membership");
    let deny = NewGrant { effect: Effect::Deny, ..allow(member, "tenant.accounts.read", whole) };
    refused(tx.grants().give(deny).await, "own_membership");
}

async fn of_two_who_take_each_others_role_one_stays(world: World) {
    let mut both = Vec::new();
    for email in ["a@harbour.example", "b@harbour.example"] {
        let (user, member) = stored(&world, email, "tenant_admin").await;
        let caller = world.reload(&world.harbour, user).await;
        let mut tx = world.test.database.tenant(&caller).read().await.unwrap();
        let assignment = tx.assignments().list(member).await.unwrap()[0].id.unwrap();
        both.push((caller, assignment));
    }
    let world = std::sync::Arc::new(world);
    let mut attempts = tokio::task::JoinSet::new();
    for (caller, assignment) in [(both[0].0.clone(), both[1].1), (both[1].0.clone(), both[0].1)] {
        let world = std::sync::Arc::clone(&world);
        attempts.spawn(async move {
            let mut tx = write(&world, &caller).await;
            tx.assignments().revoke(assignment).await?;
            tx.commit().await
        });
    }
    let results = attempts.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
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

async fn of_two_guardrails_at_once_one_can_be_lifted(world: World) {
    let (user, _) = stored(&world, "chief@harbour.example", "tenant_admin").await;
    let (chief, whole) = (world.reload(&world.harbour, user).await, Scope::tenant(world.harbour.id));
    let world = std::sync::Arc::new(world);
    let mut attempts = tokio::task::JoinSet::new();
    for text in ["tenant.accounts.*", "tenant.accounts.delete"] {
        let (world, chief) = (std::sync::Arc::clone(&world), chief.clone());
        attempts.spawn(async move {
            let mut tx = write(&world, &chief).await;
            let id = tx.guardrails().forbid(&pattern(text), whole, "frozen").await?;
            tx.commit().await?;
            Ok::<_, Error>(id)
        });
    }
    let results = attempts.join_all().await;
    let set: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(set.len(), 1, "{results:?}");
    let mut tx = write(&world, &world.reload(&world.harbour, user).await).await;
    tx.guardrails().lift(*set[0]).await.unwrap();
}

async fn what_has_ended_shields_nobody(world: World) {
    let (user, _) = stored(&world, "chief@harbour.example", "tenant_admin").await;
    let (_, member) = world.member(&world.harbour, "new@harbour.example").await;
    let (whole, ended) = (Scope::tenant(world.harbour.id), Some("2020-01-01T00:00:00Z".parse().unwrap()));
    let system = Caller::system_in(mono_core::caller::SystemReason::Seed, world.harbour.id);
    let mut tx = write(&world, &system).await;
    let role = NewAssignment { ends_at: ended, ..NewAssignment::new(member, "platform_admin", whole) };
    let role = tx.assignments().assign(role).await.unwrap().id.unwrap();
    let grant = NewGrant { ends_at: ended, ..allow(member, "platform.tenants.read", whole) };
    tx.grants().give(grant).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = write(&world, &world.reload(&world.harbour, user).await).await;
    let deny = NewGrant { effect: Effect::Deny, ..allow(member, "tenant.accounts.read", whole) };
    tx.grants().give(deny).await.unwrap();
    tx.assignments().revoke(role).await.unwrap();
}

async fn a_moment_is_one_that_both_databases_hold(world: World) {
    let (_, member) = world.member(&world.harbour, "new@harbour.example").await;
    let whole = Scope::tenant(world.harbour.id);
    let mut tx = write(&world, &world.harbour.admin).await;
    for moment in ["-5000-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "+10000-01-01T00:00:00Z"] {
        let moment = Some(moment.parse().unwrap());
        let role = NewAssignment { starts_at: moment, ..NewAssignment::new(member, "user", whole) };
        refused(tx.assignments().assign(role).await, "out_of_range");
        let grant = NewGrant { ends_at: moment, ..allow(member, "tenant.accounts.read", whole) };
        refused(tx.grants().give(grant).await, "out_of_range");
    }
}

async fn there_is_an_end_to_roles(world: World) {
    let mut tx = write(&world, &world.harbour.admin).await;
    for number in 0..100 {
        tx.roles().create(Role::new(format!("role_{number}")).allow(["tenant.accounts.read"])).await.unwrap();
    }
    let more = Role::new("one_more").allow(["tenant.accounts.read"]);
    refused(tx.roles().create(more).await, "too_many");
}
