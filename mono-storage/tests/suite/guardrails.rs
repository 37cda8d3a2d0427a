//! What is forbidden to everybody in a tenant.

use super::create;
use super::granting::{allow, giver, pattern, refused, stored, write};
use mono_core::permission::Scope;
use mono_core::{Error, ErrorKind};
use mono_storage::store::NewAssignment;
use mono_storage::testkit::World;

mono_storage::conformance!(
    a_guardrail_binds_everybody,
    a_guardrail_is_lifted_by_who_holds_what_it_forbids,
    there_is_an_end_to_grants_and_guardrails,
    of_two_guardrails_at_once_one_can_be_lifted,
);

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
