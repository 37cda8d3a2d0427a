//! What a new tenant starts from.

use mono_core::audit::{Action, AuditFilter};
use mono_core::caller::{Caller, SystemReason};
use mono_core::model::schema::Schema;
use mono_core::model::template::Template;
use mono_core::model::tenant::{NewTenant, Tenant, TenantChange};
use mono_core::page::PageRequest;
use mono_core::permission::{Grant, Scope};
use mono_core::subscription::{Key, Plan, SubscriptionState};
use mono_core::text::{Name, Slug};
use mono_core::{Error, ErrorKind};
use mono_storage::testkit::World;
use serde_json::json;

mono_storage::conformance!(
    a_tenant_starts_with_all_that_its_template_holds,
    a_tenant_is_made_whole_or_not_at_all,
    a_template_that_is_not_whole_is_refused,
    what_a_template_needs_stays,
    a_template_that_changes_leaves_tenants_alone,
);

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn new(slug: &str, template: &str) -> NewTenant {
    NewTenant {
        slug: Slug::parse(slug).unwrap(),
        name: Name::parse(slug).unwrap(),
        change: TenantChange::default(),
        template: Some(key(template)),
    }
}

async fn create(world: &World, caller: &Caller, new: NewTenant) -> Result<Tenant, Error> {
    let mut tx = world.test.database.platform(caller).write().await?;
    let tenant = tx.tenants().create_from(new).await?;
    tx.commit().await?;
    Ok(tenant)
}

fn organisation(world: &World) -> Template {
    world.seed.plans.template("organisation").unwrap().clone()
}

async fn put(world: &World, template: &Template) -> Result<(), Error> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await?;
    tx.catalogue().put(template).await?;
    tx.commit().await
}

async fn a_tenant_starts_with_all_that_its_template_holds(world: World) {
    let template = organisation(&world);
    let mut plan = world.seed.plans.plan("starter").unwrap().clone();
    plan.trial_days = 14;
    let staff = world.root(&world.lagoon, &world.harbour);
    let mut tx = world.test.database.platform(&staff).write().await.unwrap();
    tx.catalogue().put(&plan).await.unwrap();
    tx.commit().await.unwrap();
    let tenant = create(&world, &staff, new("north", "organisation")).await.unwrap();
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    let bought = tx.subscriptions().get(tenant.id).await.unwrap();
    assert_eq!(bought.plan, template.plan);
    assert!(matches!(bought.state, SubscriptionState::Trialing { .. }));
    drop(tx);
    let system = Caller::system_in(SystemReason::Seed, tenant.id);
    let mut tx = world.test.database.tenant(&system).write().await.unwrap();
    assert_eq!(tx.schemas().list().await.unwrap(), template.schemas);
    assert_eq!(tx.option_sets().list().await.unwrap(), template.option_sets);
    assert_eq!(tx.roles().list().await.unwrap(), template.roles);
    // Each of them is told in the tenant's log, by who made the tenant, and has its first version.
    let page = tx.audit_log().list(&AuditFilter::default(), PageRequest::default()).await.unwrap();
    let mut told: Vec<_> = page.items.iter().map(|entry| entry.entity.as_str()).collect();
    told.sort_unstable();
    assert_eq!(told, ["option_set", "role", "schema", "subscription", "tenant", "tenant"]);
    let who = staff.actor().to_string();
    assert!(page.items.iter().all(|entry| entry.actor == who));
    let made = page.items.iter().filter(|entry| entry.action == Action::Create);
    assert_eq!(
        made.count(),
        4,
        "the tenant, and what it got copies of; the subscription is set, the template noted"
    );
    let history = tx.history::<Schema>(&key("colleague")).await.unwrap();
    let kept = history.list(PageRequest::default()).await.unwrap().items;
    assert_eq!((kept.len(), kept[0].version, &kept[0].snapshot), (1, 1, &template.schemas[0]));
    // They are the tenant's own now.
    let wider = Schema { name: "Friend".into(), ..template.schemas[0].clone() };
    tx.schemas().put(&wider).await.unwrap();
    assert_eq!(tx.revert::<Schema>(&key("colleague"), 1, Some(2)).await.unwrap(), template.schemas[0]);
    tx.commit().await.unwrap();
    let mut tx = world.test.database.tenant(&world.lagoon.admin).read().await.unwrap();
    assert_eq!(tx.schemas().list().await.unwrap(), []);
}

async fn a_tenant_is_made_whole_or_not_at_all(world: World) {
    let system = Caller::system(SystemReason::Seed);
    let error = create(&world, &system, new("north", "brewery")).await.unwrap_err();
    assert_eq!((error.problems()[0].field.as_str(), error.code()), ("template", "unknown_template"));
    let error = create(&world, &system, new("harbour", "organisation")).await.unwrap_err();
    assert_eq!(error.code(), "slug_taken");
    // Who may make tenants and not sell to them makes none with a plan.
    let grants = vec![Grant::allow("platform.tenants.*", Scope::platform())];
    let maker = world.caller_with(&world.harbour, grants);
    let error = create(&world, &maker, new("north", "organisation")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    // Not even by who goes on after a refusal.
    for (caller, template) in [(&system, "brewery"), (&maker, "organisation")] {
        let mut tx = world.test.database.platform(caller).write().await.unwrap();
        tx.tenants().create_from(new("north", template)).await.unwrap_err();
        tx.commit().await.unwrap();
    }
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    assert_eq!(tx.tenants().find_by_slug(&Slug::parse("north").unwrap()).await.unwrap(), None);
    // What is undone leaves nothing behind.
    let tenant = tx.tenants().create_from(new("north", "organisation")).await.unwrap();
    drop(tx);
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    assert_eq!(tx.subscriptions().get(tenant.id).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_template_that_is_not_whole_is_refused(world: World) {
    let whole = organisation(&world);
    let mut no_plan = whole.clone();
    no_plan.plan = key("golden");
    let mut no_set = whole.clone();
    no_set.option_sets.clear();
    let mut no_permission = whole.clone();
    no_permission.roles[0].allow.push("tenant.berths.read".into());
    let mut no_parent = whole.clone();
    no_parent.roles[0].parents.push("boss".into());
    let mut too_much = whole.clone();
    too_much.roles[0].allow.push("platform.tenants.read".into());
    let mut taken = whole.clone();
    taken.roles[0].key = "tenant_admin".into();
    let place = |rest: &str| format!("templates.organisation.{rest}");
    for (template, field, code) in [
        (no_plan, "plan", "unknown_plan"),
        (no_set, "schemas[0].fields", "unknown_option_set"),
        (no_permission, "roles[0].allow[2]", "unknown_permission"),
        (no_parent, "roles[0].parents[1]", "unknown_role"),
        (too_much, "roles[0].allow[2]", "outside_tenant"),
        (taken, "roles[0].key", "duplicate_role"),
    ] {
        let problems = put(&world, &template).await.unwrap_err().problems();
        let told: Vec<_> = problems.iter().map(|p| (p.field.clone(), p.code.as_str())).collect();
        assert!(told.contains(&(place(field), code)), "{code}: {told:?}");
    }
    put(&world, &whole).await.unwrap();
}

async fn what_a_template_needs_stays(world: World) {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    let mut own: Plan = world.seed.plans.plan("starter").unwrap().clone();
    own.key = key("own");
    tx.catalogue().put(&own).await.unwrap();
    let template = Template { key: key("plain"), plan: key("own"), ..organisation(&world) };
    tx.catalogue().put(&template).await.unwrap();
    let error = tx.catalogue().delete::<Plan>(&key("own")).await.unwrap_err();
    assert_eq!(error.code(), "in_use");
    assert_eq!(error.details().unwrap()["uses"], json!(["templates.plain.plan"]));
    tx.catalogue().delete::<Template>(&key("plain")).await.unwrap();
    tx.catalogue().delete::<Plan>(&key("own")).await.unwrap();
}

async fn a_template_that_changes_leaves_tenants_alone(world: World) {
    let system = Caller::system(SystemReason::Seed);
    let tenant = create(&world, &system, new("north", "organisation")).await.unwrap();
    let mut other = organisation(&world);
    other.schemas.clear();
    put(&world, &other).await.unwrap();
    let system = Caller::system_in(SystemReason::Seed, tenant.id);
    let mut tx = world.test.database.tenant(&system).read().await.unwrap();
    assert_eq!(tx.schemas().list().await.unwrap().len(), 1);
}
