//! The roles of a tenant, and who has which.

use crate::server::{ADMIN, MEMBER, STRANGER, Server, create};
use mono_client::Client;
use mono_core::ErrorKind;
use mono_core::api::assignments::AssignRole;
use mono_core::api::members::ListMembers;
use mono_core::id::MemberId;
use mono_core::permission::{Role, Scope};
use mono_storage::testkit::World;

mono_storage::conformance!(
    a_role_works_from_when_it_is_given_to_when_it_is_taken,
    nobody_gives_more_than_they_have,
    what_another_tenant_has_is_out_of_reach,
);

fn named(role: &str) -> AssignRole {
    AssignRole { role: role.into(), ..Default::default() }
}

async fn member(client: &Client, email: &str) -> MemberId {
    let wanted = ListMembers { search: Some(email.into()), ..Default::default() };
    client.tenant().members().list(&wanted).await.unwrap().items[0].id
}

async fn a_role_works_from_when_it_is_given_to_when_it_is_taken(world: World) {
    let server = Server::start(world).await;
    let (admin, clerk) = (server.sign_in(ADMIN).await, server.sign_in(MEMBER).await);
    let account = create(&admin, "One").await.id;
    let (roles, assignments) = (admin.tenant().roles(), admin.tenant().assignments());
    let reads = async || clerk.tenant().accounts().get(account).await.map(|_| ());
    assert_eq!(reads().await.unwrap_err().kind(), ErrorKind::Forbidden);

    let front_desk = Role::new("front-desk").allow(["tenant.accounts.read"]);
    assert_eq!(roles.create(&front_desk).await.unwrap(), front_desk);
    assert_eq!(roles.create(&front_desk).await.unwrap_err().kind(), ErrorKind::Conflict);
    let member = member(&admin, MEMBER).await;
    let in_one = AssignRole { account_id: Some(account), ..named("front-desk") };
    let given = assignments.assign(member, &in_one).await.unwrap();
    assert_eq!(given.scope, Scope::account(server.world.harbour.id, account));
    assert_eq!(assignments.assign(member, &in_one).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(assignments.list(member).await.unwrap(), std::slice::from_ref(&given));
    reads().await.unwrap();
    assert_eq!(roles.delete("front-desk").await.unwrap_err().code(), "role_in_use");

    let nothing = Role { name: "Front desk".into(), ..Role::new("front-desk") };
    roles.update(&nothing).await.unwrap();
    assert_eq!(reads().await.unwrap_err().kind(), ErrorKind::Forbidden);
    roles.update(&front_desk).await.unwrap();
    reads().await.unwrap();
    assignments.revoke(given.id).await.unwrap();
    assert_eq!(reads().await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(assignments.revoke(given.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    roles.delete("front-desk").await.unwrap();
    assert_eq!(roles.list().await.unwrap(), []);
}

async fn nobody_gives_more_than_they_have(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let giver = Role::new("giver").allow(["tenant.roles.*", "tenant.members.read"]);
    admin.tenant().roles().create(&giver).await.unwrap();
    let member = member(&admin, MEMBER).await;
    admin.tenant().assignments().assign(member, &named("giver")).await.unwrap();
    let clerk = server.sign_in(MEMBER).await;
    let error = clerk.tenant().assignments().assign(member, &named("tenant_admin")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "not_held"));
    let everything = Role::new("everything").allow(["tenant.*"]);
    let error = clerk.tenant().roles().create(&everything).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "not_held"));
    assert_eq!(clerk.tenant().assignments().list(member).await.unwrap().len(), 1);
    // What they have they may pass on.
    let reader = Role::new("reader").allow(["tenant.members.read"]);
    clerk.tenant().roles().create(&reader).await.unwrap();
    clerk.tenant().assignments().assign(member, &named("reader")).await.unwrap();
}

async fn what_another_tenant_has_is_out_of_reach(world: World) {
    let server = Server::start(world).await;
    let (admin, stranger) = (server.sign_in(ADMIN).await, server.sign_in(STRANGER).await);
    let role = Role::new("ours").allow(["tenant.accounts.read"]);
    admin.tenant().roles().create(&role).await.unwrap();
    let member = member(&admin, MEMBER).await;
    let given = admin.tenant().assignments().assign(member, &named("ours")).await.unwrap();
    let theirs = stranger.tenant();
    assert_eq!(theirs.roles().list().await.unwrap(), []);
    assert_eq!(theirs.roles().update(&role).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(theirs.roles().delete("ours").await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(theirs.assignments().list(member).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(theirs.assignments().revoke(given.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let error = theirs.assignments().assign(member, &named("user")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(admin.tenant().assignments().list(member).await.unwrap(), [given]);
}
