use mono_core::caller::{Caller, SystemReason};
use mono_core::seed::Seed;
use mono_core::{Error, ErrorKind};
use mono_storage::store::Definitions;
use mono_storage::testkit::World;

mono_storage::conformance!(
    what_is_saved_loads_back_the_same,
    saving_twice_changes_nothing,
    a_seed_that_contradicts_what_is_stored_changes_nothing,
    only_the_platform_saves,
);

async fn load(world: &World) -> Definitions {
    let system = Caller::system(SystemReason::Seed);
    world.test.database.platform(&system).read().await.unwrap().catalogue().load().await.unwrap()
}

fn sorted(mut definitions: Definitions) -> Definitions {
    definitions.permissions.sort_by(|a, b| a.name.cmp(&b.name));
    definitions.aliases.sort_by(|a, b| a.scope.cmp(&b.scope));
    definitions.roles.sort_by(|a, b| a.key.cmp(&b.key));
    definitions.plans.features.sort_by(|a, b| a.key.cmp(&b.key));
    definitions.plans.feature_sets.sort_by(|a, b| a.key.cmp(&b.key));
    definitions.plans.limits.sort_by(|a, b| a.key.cmp(&b.key));
    definitions.plans.plans.sort_by(|a, b| a.key.cmp(&b.key));
    definitions.plans.add_ons.sort_by(|a, b| a.key.cmp(&b.key));
    definitions
}

async fn what_is_saved_loads_back_the_same(world: World) {
    assert_eq!(sorted(load(&world).await), sorted(Definitions::from(&world.seed)));
}

async fn saving_twice_changes_nothing(world: World) {
    let before = load(&world).await;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    tx.catalogue().save(&world.seed).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(load(&world).await, before);
}

/// A seed with the features and plans that are given.
fn seed(features: &str, plans: &str) -> Seed {
    let text = format!(
        r#"{{"catalogue": "test", "version": 1, "permissions": [], "roles": [], "limits": [], "feature_sets": [],
            "features": [{features}], "plans": [{plans}], "add_ons": []}}"#
    );
    Seed::parse(&text).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

async fn save(world: &World, seed: &Seed) -> Result<(), Error> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await?;
    tx.catalogue().save(seed).await?;
    tx.commit().await
}

async fn a_seed_that_contradicts_what_is_stored_changes_nothing(world: World) {
    const FEATURE: &str = r#"{"key": "chat", "name": "Chat", "description": "x", "kind": "boolean"}"#;
    const PLAN: &str = r#"{"key": "gold", "name": "Gold", "description": "x", "features": ["chat"],
        "price": {"amount": 1, "currency": "EUR", "interval": "month"}}"#;
    // Alone it is whole; over what is stored, the plan has a feature without what that feature then needs.
    const NEEDY: &str = r#"{"key": "chat", "name": "Chat", "description": "x", "kind": "boolean", "depends_on": ["teams"]},
        {"key": "teams", "name": "Teams", "description": "x", "kind": "boolean"}"#;
    save(&world, &seed(FEATURE, PLAN)).await.unwrap();
    let before = load(&world).await;
    let error = save(&world, &seed(NEEDY, "")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Validation);
    assert!(error.problems().iter().any(|problem| problem.message.contains("teams")), "{error:?}");
    assert_eq!(load(&world).await, before);
}

async fn only_the_platform_saves(world: World) {
    let mut tx = world.test.database.platform(&world.harbour.admin).write().await.unwrap();
    let error = tx.catalogue().save(&world.seed).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}
