//! Support staff who act as a member.

use crate::{caller, person, sign_in, timed};
use mono_auth::Authenticator;
use mono_core::caller::{Actor, Caller, RequestContext, SystemReason};
use mono_core::id::{MemberId, UserId};
use mono_core::permission::Scope;
use mono_core::time::Clock;
use mono_core::{ErrorKind, permission};
use mono_storage::store::NewPlatformAssignment;
use mono_storage::testkit::World;
use secrecy::ExposeSecret;

mono_storage::conformance!(
    staff_act_as_a_member_for_an_hour_and_in_plain_sight,
    what_is_for_the_person_alone_stays_theirs,
    nobody_acts_as_staff_and_nobody_without_the_right_acts_at_all,
    staff_act_in_the_tenant_where_they_began_and_no_longer_than_their_own_sessions,
    who_signs_out_acts_as_nobody_any_more,
);

const ANA: &str = "ana@harbour.example";
const STAFF: &str = "staff@platform.example";

async fn staff(world: &World, authenticator: &Authenticator) -> (UserId, Caller) {
    let user = person(world, authenticator, STAFF, "user").await;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    tx.assignments().assign(NewPlatformAssignment::new(user, "platform_admin")).await.unwrap();
    tx.commit().await.unwrap();
    let signed_in = sign_in(authenticator, STAFF).await.unwrap();
    (user, caller(authenticator, &signed_in).await.unwrap())
}

/// Staff who act as this person from now on, and who they are.
pub(crate) async fn acting(
    world: &World,
    authenticator: &Authenticator,
    email: &str,
) -> (mono_auth::SignedIn, UserId) {
    let member = member(authenticator, email).await;
    let (support, asking) = staff(world, authenticator).await;
    (authenticator.impersonate(&asking, world.harbour.id, member, "ticket 7").await.unwrap(), support)
}

async fn member(authenticator: &Authenticator, email: &str) -> MemberId {
    let signed_in = sign_in(authenticator, email).await.unwrap();
    match caller(authenticator, &signed_in).await.unwrap().actor() {
        Actor::User { member: Some(member), .. } => member,
        actor => panic!("{actor:?} is no member"),
    }
}

async fn staff_act_as_a_member_for_an_hour_and_in_plain_sight(world: World) {
    let (authenticator, clock) = timed(&world);
    let ana = person(&world, &authenticator, ANA, "tenant_admin").await;
    let member = member(&authenticator, ANA).await;
    let (support, asking) = staff(&world, &authenticator).await;
    let harbour = world.harbour.id;
    let acting = authenticator.impersonate(&asking, harbour, member, "ticket 7: no invoices").await.unwrap();
    assert!(acting.refresh_token.is_none(), "it ends after an hour, whatever happens");
    let tokens = mono_auth::Tokens::new(&crate::keys(), mono_auth::TokenAlgorithm::default()).unwrap();
    let claims = tokens.read(&acting.access_token, clock.now()).unwrap();
    assert_eq!(claims.act.map(|act| act.sub), Some(support), "the token says who acts");
    let as_ana = caller(&authenticator, &acting).await.unwrap();
    assert_eq!(as_ana.actor().to_string(), format!("user:{support} as user:{ana}"));
    let (create, whole) = (permission!("tenant.accounts.create"), Scope::tenant(harbour));
    as_ana.authorize(create, &whole, world.test.database.now()).expect("staff may do what the member may");
    let other = permission!("platform.tenants.read");
    as_ana.authorize(other, &Scope::platform(), world.test.database.now()).expect_err("and nothing else");

    let system = Caller::system_in(SystemReason::Inspection, harbour);
    let mut tx = world.test.database.tenant(&system).read().await.unwrap();
    let rows = mono_storage::sql!(
        tx,
        "SELECT actor, CAST(changes AS TEXT) AS changes FROM audit_log
         WHERE tenant_id = $1 AND action = 'impersonate'"
    );
    let rows = rows.rows().await.unwrap();
    assert_eq!(rows.len(), 1, "the tenant reads it");
    assert_eq!(rows[0].get::<String>("actor").unwrap(), format!("user:{support}"));
    assert!(rows[0].get::<String>("changes").unwrap().contains("ticket 7: no invoices"));
    drop(tx);
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    mono_storage::platform_sql!(tx, "UPDATE users SET status = 'suspended' WHERE id = $1", support)
        .execute()
        .await
        .unwrap();
    tx.commit().await.unwrap();
    authenticator.forget();
    assert!(caller(&authenticator, &acting).await.is_err(), "who is suspended acts as nobody any more");
    clock.go_on(60 * 60);
    assert!(caller(&authenticator, &acting).await.is_err());
}

async fn what_is_for_the_person_alone_stays_theirs(world: World) {
    let (authenticator, _) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let own = sign_in(&authenticator, ANA).await.unwrap();
    let member = member(&authenticator, ANA).await;
    let (_, asking) = staff(&world, &authenticator).await;
    let acting = authenticator.impersonate(&asking, world.harbour.id, member, "ticket 7").await.unwrap();
    let as_ana = caller(&authenticator, &acting).await.unwrap();
    let refused = |error: mono_core::Error| assert_eq!(error.code(), "impersonated");
    refused(authenticator.sessions(&as_ana).await.unwrap_err());
    refused(authenticator.revoke_other_sessions(&as_ana).await.unwrap_err());
    refused(authenticator.revoke_session(&as_ana, own.session_id).await.unwrap_err());
    refused(authenticator.choose_tenant(&as_ana, world.harbour.id).await.err().unwrap());
    refused(authenticator.impersonate(&as_ana, world.harbour.id, member, "once more").await.err().unwrap());
    let ana = caller(&authenticator, &own).await.unwrap();
    let sessions = authenticator.sessions(&ana).await.unwrap();
    assert!(sessions.iter().any(|session| session.impersonator_id.is_some()), "the person sees it");
    authenticator.revoke_session(&as_ana, acting.session_id).await.expect("staff end their own session");
    assert_eq!(caller(&authenticator, &acting).await.unwrap_err().code(), "session_ended");
    caller(&authenticator, &own).await.expect("and no other");
}

async fn nobody_acts_as_staff_and_nobody_without_the_right_acts_at_all(world: World) {
    let (authenticator, _) = timed(&world);
    person(&world, &authenticator, ANA, "tenant_admin").await;
    let member_of_ana = member(&authenticator, ANA).await;
    let (_, asking) = staff(&world, &authenticator).await;
    let (harbour, lagoon) = (world.harbour.id, world.lagoon.id);
    let own = member(&authenticator, STAFF).await;
    let code = async |caller: &Caller, tenant, member, reason: &str| {
        let error = authenticator.impersonate(caller, tenant, member, reason).await.err().unwrap();
        (error.kind(), error.code().to_owned())
    };
    assert_eq!(code(&asking, harbour, own, "myself").await, (ErrorKind::Forbidden, "platform_staff".into()));
    assert_eq!(code(&asking, lagoon, member_of_ana, "x").await, (ErrorKind::NotFound, "not_found".into()));
    assert_eq!(
        code(&asking, harbour, member_of_ana, " ").await,
        (ErrorKind::Validation, "invalid_reason".into())
    );
    assert_eq!(code(&asking, harbour, member_of_ana, "a\nb").await.0, ErrorKind::Validation);
    let ana = caller(&authenticator, &sign_in(&authenticator, ANA).await.unwrap()).await.unwrap();
    assert_eq!(code(&ana, harbour, own, "curiosity").await.0, ErrorKind::Forbidden);
}

async fn staff_act_in_the_tenant_where_they_began_and_no_longer_than_their_own_sessions(world: World) {
    let (authenticator, _) = timed(&world);
    let ana = person(&world, &authenticator, ANA, "user").await;
    let own = sign_in(&authenticator, ANA).await.unwrap();
    let lagoon = world.lagoon.id;
    let system = Caller::system(SystemReason::Seed);
    let user = world.test.database.platform(&system).read().await.unwrap().users().find(ana).await.unwrap();
    let system = Caller::system_in(SystemReason::Seed, lagoon);
    let mut tx = world.test.database.tenant(&system).write().await.unwrap();
    tx.members().add(&user.unwrap()).await.unwrap();
    tx.commit().await.unwrap();
    let (acting, _) = acting(&world, &authenticator, ANA).await;
    let request = mono_core::caller::RequestContext::default;
    let there = authenticator.authenticate(&own.access_token, Some(lagoon), request()).await;
    there.expect("the person belongs to the lagoon as well");
    let there = authenticator.authenticate(&acting.access_token, Some(lagoon), request()).await;
    assert_eq!(there.unwrap_err().code(), "not_a_member", "the lagoon was told of nothing");
    let here = authenticator.authenticate(&acting.access_token, Some(world.harbour.id), request()).await;
    here.expect("where they began");

    let staff = caller(&authenticator, &sign_in(&authenticator, STAFF).await.unwrap()).await.unwrap();
    assert!(authenticator.revoke_other_sessions(&staff).await.unwrap() >= 2);
    assert_eq!(caller(&authenticator, &acting).await.unwrap_err().code(), "session_ended");
    caller(&authenticator, &own).await.expect("the person themself goes on");
}

async fn who_signs_out_acts_as_nobody_any_more(world: World) {
    let (authenticator, _) = timed(&world);
    person(&world, &authenticator, ANA, "user").await;
    let own = sign_in(&authenticator, ANA).await.unwrap();
    let member = member(&authenticator, ANA).await;
    staff(&world, &authenticator).await;
    for by_list in [false, true] {
        let session = sign_in(&authenticator, STAFF).await.unwrap();
        let asking = caller(&authenticator, &session).await.unwrap();
        let acting = authenticator.impersonate(&asking, world.harbour.id, member, "ticket 7").await.unwrap();
        caller(&authenticator, &acting).await.unwrap();
        if by_list {
            authenticator.revoke_session(&asking, session.session_id).await.unwrap();
        } else {
            let token = session.refresh_token.unwrap();
            authenticator.sign_out(token.expose_secret(), RequestContext::default()).await.unwrap();
        }
        assert_eq!(caller(&authenticator, &acting).await.unwrap_err().code(), "session_ended");
    }
    caller(&authenticator, &own).await.expect("the person themself goes on");
}
