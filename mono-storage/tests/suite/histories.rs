//! The history of each noun. What is true of all stands in [`prove`].

use super::create;
use mono_core::ErrorKind;
use mono_core::audit::Action;
use mono_core::caller::{Caller, SystemReason};
use mono_core::model::account::{Account, AccountChange};
use mono_core::model::member::{Member, MemberFilter};
use mono_core::model::profile::{Profile, ProfileChange, ProfileStatus};
use mono_core::model::schema::{OptionSet, Schema};
use mono_core::model::team::{Team, TeamChange};
use mono_core::model::tenant::{Document, TenantChange, TenantStatus};
use mono_core::model::user::UserStatus;
use mono_core::page::PageRequest;
use mono_core::subscription::Key;
use mono_core::text::{Name, Slug};
use mono_storage::sql;
use mono_storage::store::{Revert, Versioned};
use mono_storage::testkit::{TenantWorld, World};
use serde_json::{Value, json};
use std::fmt::Debug;
use std::sync::Arc;

mono_storage::conformance!(
    a_team_has_a_history,
    a_profile_has_a_history,
    a_profile_goes_back_by_the_rules_of_today,
    a_schema_has_a_history,
    an_option_set_has_a_history,
    a_member_has_a_history,
    a_tenant_has_a_history,
    a_tenant_goes_back_by_itself,
    of_a_change_and_a_way_back_at_once_one_is_stale,
    of_two_ways_back_at_once_one_is_stale,
);

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

/// The versions of a thing, oldest first, and what was done.
async fn versions<T: Versioned>(world: &World, id: &T::Id) -> Vec<(i64, Action)> {
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    let page = tx.history::<T>(id).await.unwrap().list(PageRequest::default()).await.unwrap();
    assert_eq!(page.pagination.total, u64::try_from(page.items.len()).unwrap());
    let admin = world.harbour.admin.actor().to_string();
    assert!(page.items.iter().all(|item| item.actor == admin));
    page.items.iter().rev().map(|item| (item.version, item.action)).collect()
}

fn counted(actions: &[Action]) -> Vec<(i64, Action)> {
    (1..).zip(actions.iter().copied()).collect()
}

async fn diff<T: Versioned>(world: &World, id: &T::Id, from: i64, to: i64) -> Value {
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    let changes = tx.history::<T>(id).await.unwrap().diff(from, to).await.unwrap();
    serde_json::to_value(changes).unwrap()
}

async fn refuses<T: Versioned>(world: &World, id: &T::Id) {
    for (caller, kind) in
        [(&world.harbour.nobody, ErrorKind::Forbidden), (&world.lagoon.admin, ErrorKind::NotFound)]
    {
        let mut tx = world.test.database.tenant(caller).read().await.unwrap();
        assert_eq!(tx.history::<T>(id).await.map(drop).unwrap_err().kind(), kind, "{}", T::ENTITY);
    }
}

/// Versions are numbered without a gap; nobody sees or uses them without the right; the thing goes back to its first
/// version, which is a new one and in the audit log; going where it stands changes nothing.
async fn prove<T: Revert + PartialEq + Debug>(world: &World, id: &T::Id, actions: &[Action]) {
    assert_eq!(versions::<T>(world, id).await, counted(actions), "{}", T::ENTITY);
    refuses::<T>(world, id).await;
    let last = i64::try_from(actions.len()).unwrap();
    for (caller, kind) in
        [(&world.harbour.nobody, ErrorKind::Forbidden), (&world.lagoon.admin, ErrorKind::NotFound)]
    {
        let mut tx = world.test.database.tenant(caller).write().await.unwrap();
        assert_eq!(tx.revert::<T>(id, 1, None).await.unwrap_err().kind(), kind, "{}", T::ENTITY);
    }
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    assert_eq!(tx.revert::<T>(id, last + 1, None).await.unwrap_err().code(), "version_not_found");
    let stale = tx.revert::<T>(id, 1, Some(last + 7)).await.unwrap_err();
    assert_eq!((stale.kind(), stale.code()), (ErrorKind::Conflict, "stale_version"), "{}", T::ENTITY);
    assert_eq!(stale.details().unwrap()["currentVersion"], last);
    let first = tx.history::<T>(id).await.unwrap().version(1).await.unwrap().snapshot;
    let back = tx.revert::<T>(id, 1, Some(last)).await.unwrap();
    tx.revert::<T>(id, 1, None).await.unwrap();
    tx.commit().await.unwrap();
    let told = diff::<T>(world, id, 1, last + 1).await;
    assert_eq!(told, json!([]), "{}", T::ENTITY);
    assert_eq!(back.version().unwrap_or(last + 1), last + 1);
    assert_eq!(first.version().unwrap_or(1), 1);
    assert_eq!(versions::<T>(world, id).await, counted(&[actions, &[Action::Revert]].concat()));
    assert_eq!(reverts(world, &world.harbour, T::ENTITY, T::uuid(id)).await, 1);
}

/// How often the audit log of a tenant says that a thing went back.
async fn reverts(world: &World, tenant: &TenantWorld, entity: &str, id: mono_core::id::Uuid) -> usize {
    let mut tx = world.test.database.tenant(&tenant.admin).read().await.unwrap();
    let rows = sql!(
        tx,
        "SELECT id FROM audit_log WHERE tenant_id = $1 AND action = 'revert' AND entity = $2 AND entity_id = $3",
        entity,
        id
    );
    rows.rows().await.unwrap().len()
}

async fn a_team_has_a_history(world: World) {
    let account = create(&world, &world.harbour.admin, "North").await.unwrap();
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    let id = tx.teams().create(account.id, name("Crew")).await.unwrap().id;
    let renamed = TeamChange { version: None, name: Some(name("Riggers")) };
    tx.teams().update(id, renamed.clone()).await.unwrap();
    tx.teams().update(id, renamed).await.unwrap();
    tx.teams().delete(id).await.unwrap();
    // What is deleted is not there, and its history neither.
    assert_eq!(tx.history::<Team>(&id).await.map(drop).unwrap_err().kind(), ErrorKind::NotFound);
    tx.teams().restore(id).await.unwrap();
    tx.commit().await.unwrap();
    let changed = json!([{"field": "name", "old": "Crew", "new": "Riggers"}]);
    assert_eq!(diff::<Team>(&world, &id, 1, 2).await, changed);
    prove::<Team>(&world, &id, &[Action::Create, Action::Update, Action::Delete, Action::Restore]).await;
}

fn sailor() -> Schema {
    serde_json::from_value(json!({"key": "sailor", "name": "Sailor", "fields": [
        {"key": "phone", "label": "Phone", "type": {"text": {}}},
        {"key": "rank", "label": "Rank", "type": {"option": {"set": "ranks"}}}]}))
    .unwrap()
}

fn ranks(values: &[&str]) -> OptionSet {
    let options: Vec<_> = values.iter().map(|value| json!({"value": value, "label": value})).collect();
    serde_json::from_value(json!({"key": "ranks", "name": "Ranks", "options": options})).unwrap()
}

/// A profile of the harbour's admin with two versions.
async fn profile(world: &World) -> Profile {
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.option_sets().put(&ranks(&["mate", "master"])).await.unwrap();
    tx.schemas().put(&sailor()).await.unwrap();
    let members = tx.members().list(&MemberFilter::default(), PageRequest::default()).await.unwrap();
    let data = |value| Document::parse("data", value).unwrap();
    let first = data(json!({"phone": "+351 1", "rank": "mate"}));
    let id = tx.profiles().create(members.items[0].id, key("sailor"), first).await.unwrap().id;
    let second = data(json!({"phone": "+351 2", "rank": "master"}));
    let change = ProfileChange { version: None, data: Some(second), status: Some(ProfileStatus::Published) };
    let profile = tx.profiles().update(id, change).await.unwrap();
    tx.commit().await.unwrap();
    profile
}

async fn a_profile_has_a_history(world: World) {
    let id = profile(&world).await.id;
    let changed = json!([
        {"field": "data", "old": {"phone": "***", "rank": "mate"}, "new": {"phone": "***", "rank": "master"}},
        {"field": "status", "old": "draft", "new": "published"},
    ]);
    assert_eq!(diff::<Profile>(&world, &id, 1, 2).await, changed);
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.profiles().delete(id).await.unwrap();
    tx.profiles().restore(id).await.unwrap();
    tx.commit().await.unwrap();
    prove::<Profile>(&world, &id, &[Action::Create, Action::Update, Action::Delete, Action::Restore]).await;
}

async fn a_profile_goes_back_by_the_rules_of_today(world: World) {
    let id = profile(&world).await.id;
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.option_sets().put(&ranks(&["master"])).await.unwrap();
    let error = tx.revert::<Profile>(&id, 1, None).await.unwrap_err();
    assert_eq!(error.problems()[0].field, "data.rank");
}

async fn a_schema_has_a_history(world: World) {
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.option_sets().put(&ranks(&["mate"])).await.unwrap();
    tx.schemas().put(&sailor()).await.unwrap();
    tx.schemas().put(&sailor()).await.unwrap();
    let wider = Schema { name: "Seafarer".into(), ..sailor() };
    tx.schemas().put(&wider).await.unwrap();
    tx.schemas().delete(&wider.key).await.unwrap();
    tx.commit().await.unwrap();
    let changed = json!([{"field": "name", "old": "Sailor", "new": "Seafarer"}]);
    assert_eq!(diff::<Schema>(&world, &wider.key, 1, 2).await, changed);
    // A deleted one is gone for good: going back makes it anew.
    prove::<Schema>(&world, &wider.key, &[Action::Create, Action::Update, Action::Delete]).await;
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    assert_eq!(tx.schemas().get(&wider.key).await.unwrap(), sailor());
    // It needs what it names, as any schema.
    tx.schemas().delete(&wider.key).await.unwrap();
    tx.option_sets().delete(&key("ranks")).await.unwrap();
    let error = tx.revert::<Schema>(&wider.key, 1, None).await.unwrap_err();
    assert_eq!(error.problems()[0].code, "unknown_option_set");
    assert_eq!(tx.history::<Schema>(&key("ship")).await.map(drop).unwrap_err().kind(), ErrorKind::NotFound);
}

async fn an_option_set_has_a_history(world: World) {
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.option_sets().put(&ranks(&["mate"])).await.unwrap();
    tx.option_sets().put(&ranks(&["mate", "master"])).await.unwrap();
    tx.option_sets().delete(&key("ranks")).await.unwrap();
    tx.option_sets().put(&ranks(&["boy"])).await.unwrap();
    tx.commit().await.unwrap();
    let actions = [Action::Create, Action::Update, Action::Delete, Action::Create];
    prove::<OptionSet>(&world, &key("ranks"), &actions).await;
    // A schema and a set of one key have nothing to do with each other.
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    assert_eq!(tx.history::<Schema>(&key("ranks")).await.map(drop).unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_member_has_a_history(world: World) {
    let (_, id) = world.member(&world.harbour, "second@harbour.example").await;
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.members().set_status(id, UserStatus::Suspended).await.unwrap();
    tx.members().set_status(id, UserStatus::Active).await.unwrap();
    tx.members().remove(id).await.unwrap();
    tx.commit().await.unwrap();
    // Who is gone is gone for good; who came and went is still told.
    let mut tx = world.test.database.tenant(&world.harbour.admin).read().await.unwrap();
    let page = tx.history::<Member>(&id).await.unwrap().list(PageRequest::default()).await.unwrap();
    let told: Vec<_> = page.items.iter().rev().map(|item| (item.version, item.action)).collect();
    assert_eq!(told, counted(&[Action::Create, Action::Update, Action::Update, Action::Delete]));
    assert!(page.items.iter().all(|item| item.version == item.snapshot.version));
    let changed = json!([{"field": "status", "old": "active", "new": "suspended"}]);
    assert_eq!(diff::<Member>(&world, &id, 1, 2).await, changed);
    refuses::<Member>(&world, &id).await;
}

async fn a_tenant_has_a_history(world: World) {
    let (system, id) = (Caller::system(SystemReason::Seed), world.lagoon.id);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    let change = TenantChange {
        name: Some(name("Blue Lagoon")),
        slug: Some(Slug::parse("blue").unwrap()),
        ..Default::default()
    };
    tx.tenants().update(id, change).await.unwrap();
    tx.tenants().set_status(id, TenantStatus::Suspended).await.unwrap();
    let history = tx.tenants().history(id).await.unwrap();
    let page = history.list(PageRequest::default()).await.unwrap();
    let told: Vec<_> = page.items.iter().rev().map(|item| (item.version, item.action)).collect();
    assert_eq!(told, counted(&[Action::Create, Action::Update, Action::Update]));
    let changes = tx.tenants().history(id).await.unwrap().diff(1, 3).await.unwrap();
    let fields: Vec<_> = changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["name", "slug", "status"]);
    let error = tx.tenants().revert(id, 1, Some(1)).await.unwrap_err();
    assert_eq!((error.code(), &error.details().unwrap()["currentVersion"]), ("stale_version", &json!(3)));
    let back = tx.tenants().revert(id, 1, Some(3)).await.unwrap();
    // The status is decided by itself.
    assert_eq!((back.name.as_str(), back.slug.as_str(), back.version), ("lagoon", "lagoon", 4));
    assert_eq!(back.status, TenantStatus::Suspended);
    assert_eq!(tx.tenants().revert(id, 9, None).await.unwrap_err().code(), "version_not_found");
    tx.commit().await.unwrap();
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    let page = tx.tenants().history(id).await.unwrap().list(PageRequest::default()).await.unwrap();
    assert_eq!(
        (page.items[0].version, page.items[0].action, &page.items[0].snapshot),
        (4, Action::Revert, &back)
    );
    let rows = mono_storage::platform_sql!(
        tx,
        "SELECT id FROM platform_audit_log WHERE action = 'revert' AND entity = 'tenant'"
    );
    assert_eq!(rows.rows().await.unwrap().len(), 1);
    let unknown: mono_core::id::TenantId = world.test.database.new_id();
    assert_eq!(tx.tenants().history(unknown).await.map(drop).unwrap_err().kind(), ErrorKind::NotFound);
    // The admin of a tenant is no staff.
    let mut tx = world.test.database.platform(&world.lagoon.admin).write().await.unwrap();
    assert_eq!(tx.tenants().history(id).await.map(drop).unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(tx.tenants().revert(id, 1, None).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn a_tenant_goes_back_by_itself(world: World) {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    let slug = TenantChange { slug: Some(Slug::parse("port").unwrap()), ..Default::default() };
    tx.tenants().update(world.harbour.id, slug).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.test.database.platform(&world.harbour.admin).write().await.unwrap();
    let renamed = TenantChange { name: Some(name("Old Harbour")), ..Default::default() };
    tx.tenants().update_own(renamed).await.unwrap();
    assert_eq!(
        tx.tenants().own_history().await.unwrap().version(3).await.unwrap().snapshot.name.as_str(),
        "Old Harbour"
    );
    let back = tx.tenants().revert_own(1, Some(3)).await.unwrap();
    // The slug leads people here: it is the platform's.
    assert_eq!((back.name.as_str(), back.slug.as_str(), back.version), ("harbour", "port", 4));
    tx.commit().await.unwrap();
    // A history is of one's own tenant alone.
    let mut tx = world.test.database.platform(&world.lagoon.admin).write().await.unwrap();
    let page = tx.tenants().own_history().await.unwrap().list(PageRequest::default()).await.unwrap();
    assert!(page.items.iter().all(|item| item.snapshot.id == world.lagoon.id));
    drop(tx);
    let mut tx = world.test.database.platform(&world.harbour.nobody).write().await.unwrap();
    assert_eq!(tx.tenants().own_history().await.map(drop).unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(tx.tenants().revert_own(1, None).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn of_a_change_and_a_way_back_at_once_one_is_stale(world: World) {
    let id = create(&world, &world.lagoon.admin, "First").await.unwrap().id;
    let world = Arc::new(world);
    let named = |text: &str, version| AccountChange { name: Some(name(text)), version, ..Default::default() };
    for round in 0..10 {
        let seen = {
            let mut tx = world.test.database.tenant(&world.lagoon.admin).write().await.unwrap();
            let seen =
                tx.accounts().update(id, named(&format!("Round {round}"), None)).await.unwrap().version;
            tx.commit().await.unwrap();
            seen
        };
        let back = async {
            let mut tx = world.test.database.tenant(&world.lagoon.admin).write().await?;
            let account = tx.revert::<Account>(&id, 1, Some(seen)).await?;
            tx.commit().await.map(|()| account)
        };
        let change = async {
            let mut tx = world.test.database.tenant(&world.lagoon.admin).write().await?;
            let account = tx.accounts().update(id, named("Changed", Some(seen))).await?;
            tx.commit().await.map(|()| account)
        };
        let (back, change) = tokio::join!(back, change);
        let (done, failed) = if back.is_ok() { (back, change) } else { (change, back) };
        assert_eq!(done.unwrap().version, seen + 1);
        let failed = failed.unwrap_err();
        assert_eq!((failed.kind(), failed.code()), (ErrorKind::Conflict, "stale_version"));
    }
}

async fn of_two_ways_back_at_once_one_is_stale(world: World) {
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    for values in [&["a"][..], &["b"], &["c"]] {
        tx.option_sets().put(&ranks(values)).await.unwrap();
    }
    tx.commit().await.unwrap();
    let back = |version| {
        let world = &world;
        async move {
            let mut tx = world.test.database.tenant(&world.harbour.admin).write().await?;
            tx.revert::<OptionSet>(&key("ranks"), version, Some(3)).await?;
            tx.commit().await
        }
    };
    let (one, two) = tokio::join!(back(1), back(2));
    let failed = if one.is_ok() { two } else { one };
    assert_eq!(failed.unwrap_err().code(), "stale_version");
    assert_eq!(versions::<OptionSet>(&world, &key("ranks")).await.len(), 4);
    // Without a word on what was seen they follow one another.
    let back = |version| {
        let world = &world;
        async move {
            let mut tx = world.test.database.tenant(&world.harbour.admin).write().await?;
            tx.revert::<OptionSet>(&key("ranks"), version, None).await?;
            tx.commit().await
        }
    };
    let (one, two) = tokio::join!(back(3), back(3));
    one.and(two).unwrap();
    let told = versions::<OptionSet>(&world, &key("ranks")).await;
    assert_eq!(told.last(), Some(&(5, Action::Revert)));
}
