//! Nobody passes on what they do not hold; what is stored decides as the engine says.

use super::create;
use mono_core::caller::Caller;
use mono_core::model::account::AccountFilter;
use mono_core::page::PageRequest;
use mono_core::permission::{Effect, Grant, Pattern, Role, Scope};
use mono_core::{Error, ErrorKind};
use mono_storage::db::TenantTx;
use mono_storage::store::{NewAssignment, NewGrant, NewPlatformAssignment};
use mono_storage::testkit::World;

mono_storage::conformance!(
    a_stored_role_decides_at_its_scope,
    nobody_gives_a_role_that_holds_more,
    nobody_gives_a_pattern_they_do_not_hold,
    nobody_takes_what_they_could_not_give,
    a_deny_beats_every_allow,
    a_stored_deny_that_cannot_be_read_closes_everything,
    only_a_super_admin_gives_roles_on_the_platform,
    an_old_caller_is_judged_by_the_rules_of_now,
    nobody_locks_out_who_holds_more,
    nobody_takes_rights_from_themselves,
    of_two_who_take_each_others_role_one_stays,
    what_has_ended_shields_nobody,
    a_moment_is_one_that_both_databases_hold,
);

pub(crate) async fn write(world: &World, caller: &Caller) -> TenantTx {
    world.test.database.tenant(caller).write().await.unwrap()
}

pub(crate) fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

pub(crate) fn refused(result: Result<impl Sized, Error>, code: &str) {
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
pub(crate) fn giver(world: &World) -> Caller {
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

pub(crate) fn allow(member: mono_core::id::MemberId, text: &str, scope: Scope) -> NewGrant {
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
pub(crate) async fn stored(
    world: &World,
    email: &str,
    role: &str,
) -> (mono_core::id::UserId, mono_core::id::MemberId) {
    let (user, member) = world.member(&world.harbour, email).await;
    let system = Caller::system_in(mono_core::caller::SystemReason::Seed, world.harbour.id);
    let mut tx = write(world, &system).await;
    tx.assignments().assign(NewAssignment::new(member, role, Scope::tenant(world.harbour.id))).await.unwrap();
    tx.commit().await.unwrap();
    (user, member)
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
