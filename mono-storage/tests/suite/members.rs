use mono_core::Error;
use mono_core::caller::Caller;
use mono_core::id::MemberId;
use mono_core::model::user::UserStatus;
use mono_core::permission::{Grant, Scope};
use mono_storage::sql;
use mono_storage::store::NewAssignment;
use mono_storage::testkit::World;

mono_storage::conformance!(a_lesser_admin_does_not_touch_a_greater_one, what_a_member_held_ends_with_them);

async fn assign(world: &World, member: MemberId, role: &str) {
    let scope = Scope::tenant(world.harbour.id);
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    tx.assignments().assign(NewAssignment::new(member, role, scope)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn remove(world: &World, caller: &Caller, member: MemberId) -> Result<(), Error> {
    let mut tx = world.test.database.tenant(caller).write().await?;
    tx.members().remove(member).await?;
    tx.commit().await
}

async fn a_lesser_admin_does_not_touch_a_greater_one(world: World) {
    let harbour = &world.harbour;
    let (_, admin) = world.member(harbour, "greater@harbour.example").await;
    let (_, user) = world.member(harbour, "lesser@harbour.example").await;
    assign(&world, admin, "tenant_admin").await;
    assign(&world, user, "user").await;
    let whole = Scope::tenant(harbour.id);
    let lesser = ["tenant.members.*", "user.*", "public.*"].map(|pattern| Grant::allow(pattern, whole));
    let lesser = world.caller_with(harbour, lesser.into());
    for status in [UserStatus::Suspended, UserStatus::Active] {
        let mut tx = world.test.database.tenant(&lesser).write().await.unwrap();
        assert_eq!(tx.members().set_status(admin, status).await.unwrap_err().code(), "not_held");
    }
    assert_eq!(remove(&world, &lesser, admin).await.unwrap_err().code(), "not_held");
    remove(&world, &lesser, user).await.unwrap();
    let error = remove(&world, &harbour.user, admin).await.unwrap_err();
    assert_eq!(error.details().unwrap()["permission"], "tenant.members.remove");
    remove(&world, &harbour.admin, admin).await.unwrap();
}

async fn what_a_member_held_ends_with_them(world: World) {
    let harbour = &world.harbour;
    let (user, member) = world.member(harbour, "gone@harbour.example").await;
    assign(&world, member, "tenant_admin").await;
    remove(&world, &harbour.admin, member).await.unwrap();
    let mut tx = world.test.database.tenant(&harbour.admin).read().await.unwrap();
    let left = sql!(tx, "SELECT id FROM assignments WHERE tenant_id = $1 AND member_id = $2", member);
    assert!(left.rows().await.unwrap().is_empty());
    // One person of the world, and nobody else.
    assert_eq!(tx.used("members").await.unwrap(), 1);
    drop(tx);
    let system = Caller::system(mono_core::caller::SystemReason::Authentication);
    let mut tx = world.test.database.platform(&system).read().await.unwrap();
    let principal = tx.principals().load(user, Some(harbour.id)).await.unwrap().unwrap();
    assert!(principal.tenant.unwrap().member.is_none());
}
