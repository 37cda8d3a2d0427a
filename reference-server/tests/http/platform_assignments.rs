//! Roles on the whole platform.

use crate::server::{ADMIN, LONER, STAFF, Server};
use mono_core::ErrorKind;
use mono_core::api::assignments::AssignPlatformRole;
use mono_core::api::tenants::ListTenants;
use mono_core::id::{AssignmentId, UserId};
use mono_core::model::user::PlatformAssignment;
use mono_storage::testkit::World;

mono_storage::conformance!(
    a_role_on_the_platform_works_until_it_ends,
    the_last_administrator_stays,
    of_two_who_end_each_other_one_stays,
    others_reach_none_of_it,
);

fn role(user: UserId, role: &str) -> AssignPlatformRole {
    AssignPlatformRole { user_id: user, role: role.into(), starts_at: None, ends_at: None }
}

async fn user(server: &Server, email: &str) -> UserId {
    server.sign_in(email).await.user().profile().await.unwrap().id
}

async fn a_role_on_the_platform_works_until_it_ends(world: World) {
    let server = Server::start(world).await;
    let (staff, person) = (server.sign_in(STAFF).await, server.sign_in(LONER).await);
    let (assignments, loner) = (staff.platform().assignments(), user(&server, LONER).await);
    let sees_tenants = async || person.platform().tenants().list(&ListTenants::default()).await.map(|_| ());
    assert_eq!(sees_tenants().await.unwrap_err().kind(), ErrorKind::Forbidden);
    let given = assignments.assign(&role(loner, "platform_admin")).await.unwrap();
    assert_eq!((given.user_id, given.email.as_str(), &*given.role), (loner, LONER, "platform_admin"));
    sees_tenants().await.unwrap();
    let twice = assignments.assign(&role(loner, "platform_admin")).await.unwrap_err();
    assert_eq!((twice.kind(), twice.code()), (ErrorKind::Conflict, "already_exists"));
    assert_eq!(assignments.list().await.unwrap().last(), Some(&given));
    assignments.end(given.id).await.unwrap();
    assert_eq!(sees_tenants().await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(assignments.end(given.id).await.unwrap_err().kind(), ErrorKind::NotFound);

    let nobody = assignments.assign(&role(UserId::from_u128(7), "user")).await.unwrap_err();
    assert_eq!((nobody.kind(), nobody.code()), (ErrorKind::Conflict, "reference_missing"));
    let unknown = assignments.assign(&role(loner, "no_such_role")).await.unwrap_err();
    assert_eq!((unknown.kind(), unknown.code()), (ErrorKind::Forbidden, "not_held"));
    let now = server.database().now();
    let backwards = AssignPlatformRole { starts_at: Some(now), ends_at: Some(now), ..role(loner, "user") };
    assert_eq!(assignments.assign(&backwards).await.unwrap_err().code(), "out_of_range");
}

async fn the_last_administrator_stays(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    let (assignments, loner) = (staff.platform().assignments(), user(&server, LONER).await);
    let own = assignments.list().await.unwrap()[0].id;
    let refused = |result: mono_core::Result<()>| {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "last_administrator"));
    };
    refused(assignments.end(own).await);
    // Neither who has little, nor who has everything for a while, can stand in.
    assignments.assign(&role(loner, "user")).await.unwrap();
    refused(assignments.end(own).await);
    let ends_at = Some(server.database().now() + chrono::TimeDelta::hours(1));
    let for_a_while = AssignPlatformRole { ends_at, ..role(loner, "platform_admin") };
    let for_a_while = assignments.assign(&for_a_while).await.unwrap();
    refused(assignments.end(own).await);
    // Who has everything for a while passes it on for as long, and no longer.
    let deputy = server.sign_in(LONER).await;
    let admin = user(&server, ADMIN).await;
    let longer = deputy.platform().assignments().assign(&role(admin, "platform_admin")).await.unwrap_err();
    assert_eq!(longer.code(), "not_held");
    assignments.end(for_a_while.id).await.unwrap();
    // Who cannot sign in does not count either.
    assignments.assign(&role(loner, "platform_admin")).await.unwrap();
    server.suspend_person(LONER).await;
    refused(assignments.end(own).await);
    assignments.assign(&role(admin, "platform_admin")).await.unwrap();
    assignments.end(own).await.unwrap();
}

async fn of_two_who_end_each_other_one_stays(world: World) {
    let server = Server::start(world).await;
    let (staff, second) = (server.sign_in(STAFF).await, server.sign_in(LONER).await);
    let loner = user(&server, LONER).await;
    let given = staff.platform().assignments().assign(&role(loner, "platform_admin")).await.unwrap().id;
    let own = staff.platform().assignments().list().await.unwrap()[0].id;
    let (one, other) =
        tokio::join!(staff.platform().assignments().end(given), second.platform().assignments().end(own));
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    let left = if one.is_ok() { staff } else { second };
    let left: Vec<PlatformAssignment> = left.platform().assignments().list().await.unwrap();
    assert_eq!(left.len(), 1, "{one:?} {other:?}");
}

async fn others_reach_none_of_it(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let (assignments, own) = (admin.platform().assignments(), user(&server, ADMIN).await);
    assert_eq!(assignments.list().await.unwrap_err().kind(), ErrorKind::Forbidden);
    let refused = assignments.assign(&role(own, "platform_admin")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
    let refused = assignments.end(AssignmentId::from_u128(7)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Forbidden);
}
