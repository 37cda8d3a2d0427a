//! The people of a tenant.

use crate::server::{ADMIN, BOTH, MEMBER, STRANGER, Server, USER, credentials};
use mono_client::Client;
use mono_core::ErrorKind;
use mono_core::api::accounts::ListAccounts;
use mono_core::api::members::ListMembers;
use mono_core::model::member::Member;
use mono_core::model::user::UserStatus;
use mono_storage::testkit::World;

mono_storage::conformance!(
    members_are_listed_searched_and_filtered,
    a_suspended_member_is_refused_at_once_and_comes_back,
    a_removed_member_is_gone_with_every_right,
    nobody_changes_their_own_membership,
    a_member_of_another_tenant_is_not_found,
);

async fn find(client: &Client, email: &str) -> Member {
    let wanted = ListMembers { search: Some(email.into()), ..Default::default() };
    client.tenant().members().list(&wanted).await.unwrap().items.remove(0)
}

async fn seats(client: &Client) -> u64 {
    let limits = client.tenant().entitlements().await.unwrap().limits;
    limits.into_iter().find(|usage| usage.decision.limit == "members").unwrap().decision.current
}

async fn names(client: &Client, wanted: ListMembers) -> Vec<String> {
    let page = client.tenant().members().list(&wanted).await.unwrap();
    page.items.iter().map(|member| member.name.to_string()).collect()
}

async fn members_are_listed_searched_and_filtered(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let members = admin.tenant().members();
    let all = names(&admin, ListMembers::default()).await;
    assert_eq!(all, [ADMIN, BOTH, "harbour", MEMBER, USER], "by name, and of this tenant only");
    let wanted = ListMembers { sort: Some("createdAt".into()), limit: Some(2), ..Default::default() };
    assert_eq!(names(&admin, wanted.clone()).await, ["harbour", ADMIN]);
    assert_eq!(names(&admin, ListMembers { page: Some(3), ..wanted }).await, [BOTH]);
    let search = |text: &str| ListMembers { search: Some(text.into()), ..Default::default() };
    assert_eq!(names(&admin, search("USER@")).await, [USER]);
    assert_eq!(names(&admin, search("person@harbour")).await, ["harbour"], "by address");
    assert_eq!(names(&admin, search("%")).await, [""; 0]);
    let user = find(&admin, USER).await;
    assert_eq!((user.email.as_str(), user.version, user.status), (USER, 1, UserStatus::Active));
    assert_eq!(members.get(user.id).await.unwrap(), user);
    members.suspend(user.id).await.unwrap();
    let status = |status: &str| ListMembers { status: Some(status.into()), ..Default::default() };
    assert_eq!(names(&admin, status("suspended")).await, [USER]);
    assert_eq!(names(&admin, status("active")).await.len(), 4);
    let error = members.list(&status("gone")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Validation);
}

async fn a_suspended_member_is_refused_at_once_and_comes_back(world: World) {
    let server = Server::start(world).await;
    let (admin, both) = (server.sign_in(ADMIN).await, server.sign_in(BOTH).await);
    let at_work = async |client: &Client| {
        let list = client.tenant().accounts().list(&ListAccounts::default()).await;
        list.map(drop).map_err(|error| error.code().to_owned())
    };
    at_work(&both).await.unwrap();
    let member = find(&admin, BOTH).await;
    let suspended = admin.tenant().members().suspend(member.id).await.unwrap();
    assert_eq!((suspended.status, suspended.version), (UserStatus::Suspended, 2));
    // Twice is once.
    assert_eq!(admin.tenant().members().suspend(member.id).await.unwrap(), suspended);
    assert_eq!(at_work(&both).await, Err("member_suspended".into()));
    // Their other tenant has nothing to do with it: signing in leads there.
    let signed_in = server.client().auth().login(&credentials(BOTH)).await.unwrap();
    assert_eq!(signed_in.tenant_id, Some(server.world.lagoon.id));
    at_work(&both.with_tenant(server.world.lagoon.id)).await.unwrap();
    assert_eq!(seats(&admin).await, 5, "the seat is kept");

    let back = admin.tenant().members().reactivate(member.id).await.unwrap();
    assert_eq!((back.status, back.version), (UserStatus::Active, 3));
    at_work(&both).await.unwrap();
}

async fn a_removed_member_is_gone_with_every_right(world: World) {
    let server = Server::start(world).await;
    let (admin, user) = (server.sign_in(ADMIN).await, server.sign_in(USER).await);
    let member = find(&admin, USER).await;
    assert_eq!(seats(&admin).await, 5);
    admin.tenant().members().remove(member.id).await.unwrap();
    assert_eq!(seats(&admin).await, 4);
    let error = user.tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
    assert_eq!(error.code(), "not_a_member");
    for error in [
        admin.tenant().members().get(member.id).await.unwrap_err(),
        admin.tenant().members().remove(member.id).await.unwrap_err(),
        admin.tenant().members().suspend(member.id).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert_eq!(seats(&admin).await, 4);
}

async fn nobody_changes_their_own_membership(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let (own, members) = (find(&admin, ADMIN).await, admin.tenant().members());
    for error in [
        members.suspend(own.id).await.unwrap_err(),
        members.reactivate(own.id).await.unwrap_err(),
        members.remove(own.id).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "own_membership"));
    }
    // Two administrators at once: one of them stays.
    let (both, other) = (server.sign_in(BOTH).await, find(&admin, BOTH).await);
    let results =
        tokio::join!(members.remove(other.id), async { both.tenant().members().remove(own.id).await });
    assert_eq!(usize::from(results.0.is_ok()) + usize::from(results.1.is_ok()), 1, "{results:?}");
}

async fn a_member_of_another_tenant_is_not_found(world: World) {
    let server = Server::start(world).await;
    let (admin, stranger) = (server.sign_in(ADMIN).await, server.sign_in(STRANGER).await);
    let theirs = find(&stranger, STRANGER).await;
    let members = admin.tenant().members();
    for error in [
        members.get(theirs.id).await.unwrap_err(),
        members.suspend(theirs.id).await.unwrap_err(),
        members.remove(theirs.id).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert_eq!(stranger.tenant().members().get(theirs.id).await.unwrap(), theirs);
    // Without the right nobody learns even that much.
    let user = server.sign_in(USER).await;
    for id in [theirs.id, find(&admin, ADMIN).await.id] {
        assert_eq!(user.tenant().members().get(id).await.unwrap_err().kind(), ErrorKind::Forbidden);
    }
}
