use mono_core::caller::{Caller, SystemReason};
use mono_core::permission::{Grant, Scope};
use mono_core::subscription::{
    CatalogueItem, Feature, Key, Limit, Override, OverrideChange, Plan, PlanChange, Subscription, Window,
};
use mono_core::{Error, ErrorKind};
use mono_storage::store::Put;
use mono_storage::testkit::World;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

mono_storage::conformance!(
    an_item_reads_back_until_it_is_deleted,
    what_names_a_deleted_item_is_named,
    a_catalogue_that_would_not_be_whole_is_refused,
    only_who_may_changes_the_catalogue,
    two_puts_at_once_are_whole_together,
    a_plan_is_not_deleted_while_it_is_bought,
    the_window_of_a_limit_stays,
);

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn feature(name: &str, needs: &[&str]) -> Feature {
    let value = json!({"key": name, "name": name, "kind": "boolean", "depends_on": needs});
    serde_json::from_value(value).unwrap()
}

fn sold<T: CatalogueItem>(name: &str, more: Value) -> T {
    let mut value = json!({"key": name, "name": name,
        "price": {"amount": 1, "currency": "EUR", "interval": "month"}});
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(value).unwrap()
}

fn plan(name: &str, features: &[&str]) -> Plan {
    sold(name, json!({"features": features}))
}

async fn put<T: CatalogueItem>(world: &World, item: &T) -> Result<Put, Error> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await?;
    let put = tx.catalogue().put(item).await?;
    tx.commit().await?;
    Ok(put)
}

async fn delete<T: CatalogueItem>(world: &World, name: &str) -> Result<(), Error> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await?;
    tx.catalogue().delete::<T>(&key(name)).await?;
    tx.commit().await
}

async fn list<T: CatalogueItem>(world: &World) -> Vec<String> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    let items: Vec<T> = tx.catalogue().list().await.unwrap();
    items.iter().map(|item| item.key().to_string()).collect()
}

async fn subscribe(world: &World, subscription: &Subscription) -> Result<(), Error> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await?;
    tx.subscriptions().set(world.harbour.id, subscription).await?;
    tx.commit().await
}

fn uses(result: Result<(), Error>) -> Vec<String> {
    let error = result.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "in_use"), "{error:?}");
    serde_json::from_value(error.details().unwrap()["uses"].clone()).unwrap()
}

async fn an_item_reads_back_until_it_is_deleted(world: World) {
    assert_eq!(put(&world, &feature("chat", &[])).await.unwrap(), Put::Created);
    assert_eq!(put(&world, &feature("chat", &[])).await.unwrap(), Put::Updated);
    let mut gold = plan("gold", &["chat"]);
    put(&world, &gold).await.unwrap();
    gold.trial_days = 30;
    assert_eq!(put(&world, &gold).await.unwrap(), Put::Updated);
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    assert_eq!(tx.catalogue().get::<Plan>(&gold.key).await.unwrap(), gold);
    drop(tx);
    assert_eq!(list::<Plan>(&world).await, ["gold", "starter", "unlimited"]);
    delete::<Plan>(&world, "gold").await.unwrap();
    assert_eq!(delete::<Plan>(&world, "gold").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(list::<Plan>(&world).await, ["starter", "unlimited"]);
}

async fn what_names_a_deleted_item_is_named(world: World) {
    use mono_core::subscription::{AddOn, FeatureSet, Limit};
    put(&world, &feature("chat", &[])).await.unwrap();
    put(&world, &feature("calls", &["chat"])).await.unwrap();
    let set: FeatureSet =
        serde_json::from_value(json!({"key": "talk", "name": "Talk", "features": ["chat", "calls"]}))
            .unwrap();
    put(&world, &set).await.unwrap();
    put(&world, &sold::<Plan>("gold", json!({"feature_sets": ["talk"]}))).await.unwrap();
    put(&world, &sold::<Plan>("old", json!({}))).await.unwrap();
    put(&world, &sold::<AddOn>("seats", json!({"limits": {"members": 5}, "plans": ["gold"]}))).await.unwrap();
    put(&world, &sold::<AddOn>("space", json!({}))).await.unwrap();

    assert_eq!(
        uses(delete::<Feature>(&world, "chat").await),
        // The plan has the feature by its set.
        ["features.calls.depends_on[0]", "feature_sets.talk.features[0]", "plans.gold.feature_sets[0]"]
    );
    assert_eq!(uses(delete::<FeatureSet>(&world, "talk").await), ["plans.gold.feature_sets[0]"]);
    assert_eq!(uses(delete::<Plan>(&world, "gold").await), ["add_ons.seats.plans[0]"]);

    // A subscription names its plans, also those that it had and will have, and its add-ons.
    let now = world.test.database.now();
    let bought = json!({"plan": "old", "state": {"state": "active"},
        "plan_changes": [{"plan": "starter", "from": now - Duration::from_hours(48)},
                         {"plan": "gold", "from": now + Duration::from_hours(48)}],
        "add_ons": [{"add_on": "space", "quantity": 1, "from": now}]});
    subscribe(&world, &serde_json::from_value(bought).unwrap()).await.unwrap();
    let place = format!("subscriptions.{}", world.harbour.id);
    assert_eq!(uses(delete::<Plan>(&world, "old").await), [&*place]);
    assert_eq!(uses(delete::<Plan>(&world, "gold").await), ["add_ons.seats.plans[0]", &*place]);
    assert_eq!(uses(delete::<AddOn>(&world, "space").await), [&*place]);
    delete::<AddOn>(&world, "seats").await.unwrap();

    // An override names a feature or a limit.
    let limit: Limit = serde_json::from_value(json!({"key": "rooms", "name": "Rooms", "unit": "room",
        "category": "other", "default": 1, "window": "total", "enforcement": "hard"}))
    .unwrap();
    put(&world, &limit).await.unwrap();
    put(&world, &feature("video", &[])).await.unwrap();
    let system = Caller::system(SystemReason::Seed);
    for (change, name) in [
        (json!({"limit": {"limit": "rooms", "maximum": 3}}), "rooms"),
        (json!({"feature": {"feature": "video", "enabled": true}}), "video"),
    ] {
        let change: OverrideChange = serde_json::from_value(change).unwrap();
        let exception = Override { account: None, change, from: now, until: None, reason: "a test".into() };
        let mut tx = world.test.database.platform(&system).write().await.unwrap();
        let stored = tx.subscriptions().add_override(world.harbour.id, &exception).await.unwrap();
        tx.commit().await.unwrap();
        let refused = if name == "rooms" {
            delete::<Limit>(&world, name).await
        } else {
            delete::<Feature>(&world, name).await
        };
        assert_eq!(uses(refused), [format!("entitlement_overrides.{}.{}", world.harbour.id, stored.id)]);
        let mut tx = world.test.database.platform(&system).write().await.unwrap();
        tx.subscriptions().remove_override(world.harbour.id, stored.id).await.unwrap();
        tx.commit().await.unwrap();
    }
    delete::<Limit>(&world, "rooms").await.unwrap();
    delete::<Feature>(&world, "video").await.unwrap();
}

async fn a_catalogue_that_would_not_be_whole_is_refused(world: World) {
    put(&world, &feature("chat", &[])).await.unwrap();
    put(&world, &plan("gold", &["chat"])).await.unwrap();
    // What is right by itself breaks a plan that is stored.
    put(&world, &feature("teams", &[])).await.unwrap();
    let error = put(&world, &feature("chat", &["teams", "nothing"])).await.unwrap_err();
    let mut problems: Vec<_> = error.problems().into_iter().map(|p| (p.field, p.code)).collect();
    problems.sort();
    let problem = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    assert_eq!(
        problems,
        [
            problem("features.chat.depends_on[1]", "unknown_feature"),
            problem("plans.gold.features[0]", "missing_dependency"),
            problem("plans.gold.features[0]", "missing_dependency"),
        ]
    );
    let mut long = plan("gold", &["chat"]);
    long.description = "line\nline".into();
    assert_eq!(put(&world, &long).await.unwrap_err().code(), "control_character");
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    assert_eq!(tx.catalogue().get::<Feature>(&key("chat")).await.unwrap(), feature("chat", &[]));
}

async fn only_who_may_changes_the_catalogue(world: World) {
    let caller = &world.harbour.admin;
    let refused = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        error.details().unwrap()["permission"].as_str().unwrap().to_owned()
    };
    let mut tx = world.test.database.platform(caller).write().await.unwrap();
    assert_eq!(refused(tx.catalogue().list::<Plan>().await.unwrap_err()), "platform.plans.read");
    let missing = refused(tx.catalogue().get::<Feature>(&key("chat")).await.unwrap_err());
    assert_eq!(missing, "platform.features.read");
    refused(tx.catalogue().put(&plan("gold", &[])).await.unwrap_err());
    let missing = refused(tx.catalogue().delete::<Plan>(&key("starter")).await.unwrap_err());
    assert_eq!(missing, "platform.plans.delete");
    drop(tx);
    // Who may change what is there may not add to it, and the other way round.
    let with = |names: &[&str]| {
        let grants = names.iter().map(|name| Grant::allow(*name, Scope::platform())).collect();
        world.caller_with(&world.harbour, grants)
    };
    let stored = world.seed.plans.plan("starter").unwrap().clone();
    for (right, item, missing) in [
        ("platform.plans.update", plan("gold", &[]), "platform.plans.create"),
        ("platform.plans.create", stored, "platform.plans.update"),
    ] {
        let caller = with(&["platform.plans.read", right]);
        let mut tx = world.test.database.platform(&caller).write().await.unwrap();
        assert_eq!(refused(tx.catalogue().put(&item).await.unwrap_err()), missing);
    }
}

async fn two_puts_at_once_are_whole_together(world: World) {
    let world = Arc::new(world);
    for round in 0..10 {
        let (one, other) = (format!("one_{round}"), format!("other_{round}"));
        put(&world, &feature(&one, &[])).await.unwrap();
        put(&world, &feature(&other, &[])).await.unwrap();
        let start = Arc::new(tokio::sync::Barrier::new(2));
        let race = |name: &str, needs: &str| {
            let (world, start) = (Arc::clone(&world), Arc::clone(&start));
            let item = feature(name, &[needs]);
            tokio::spawn(async move {
                start.wait().await;
                put(&world, &item).await
            })
        };
        let (first, second) = (race(&one, &other), race(&other, &one));
        let results = [first.await.unwrap(), second.await.unwrap()];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        let refused = results.into_iter().find_map(Result::err).unwrap();
        assert_eq!(refused.code(), "cycle");
    }
}

async fn a_plan_is_not_deleted_while_it_is_bought(world: World) {
    let world = Arc::new(world);
    for round in 0..10 {
        let name = format!("gold_{round}");
        put(&world, &plan(&name, &[])).await.unwrap();
        // Bought for later, so that no foreign key knows of it.
        let from = world.test.database.now() + Duration::from_hours(24);
        let mut subscription = Subscription::new(key("starter"));
        subscription.plan_changes.push(PlanChange { plan: key(&name), from });
        let start = Arc::new(tokio::sync::Barrier::new(2));
        let (buyer, gate) = (Arc::clone(&world), Arc::clone(&start));
        let buys = tokio::spawn(async move {
            gate.wait().await;
            subscribe(&buyer, &subscription).await
        });
        start.wait().await;
        let deleted = delete::<Plan>(&world, &name).await;
        let bought = buys.await.unwrap();
        assert_ne!(deleted.is_ok(), bought.is_ok(), "{deleted:?} {bought:?}");
    }
}

/// Use is counted under the start of its window: in another window it would begin at nothing.
async fn the_window_of_a_limit_stays(world: World) {
    let limits = &world.seed.plans;
    for (name, window, code) in [
        ("accounts", Window::Month, "window_not_total"),
        ("members", Window::Day, "window_not_total"),
        ("messages", Window::Month, "window_fixed"),
    ] {
        let changed = Limit { window, ..limits.limit(name).unwrap().clone() };
        let error = put(&world, &changed).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Validation);
        assert_eq!(error.details().unwrap()["fields"][0]["code"], code, "{error:?}");
    }
    let more =
        Limit { key: key("parcels"), window: Window::Month, ..limits.limit("messages").unwrap().clone() };
    assert_eq!(put(&world, &more).await.unwrap(), Put::Created);
    assert_eq!(put(&world, limits.limit("accounts").unwrap()).await.unwrap(), Put::Updated);
}
