//! Sign-in, callers and snapshots.

use crate::{authenticator, caller, person, sign_in};
use mono_auth::{Authenticator, KeyRing, permissions_of};
use mono_core::caller::{Actor, Caller, RequestContext, SystemReason};
use mono_core::id::{AccountId, UserId};
use mono_core::permission::{Effect, Pattern, Scope, Snapshot};
use mono_core::{ErrorKind, permission};
use mono_storage::store::NewGrant;
use mono_storage::testkit::World;
use std::time::Duration;

mono_storage::conformance!(
    who_signs_in_is_the_caller,
    a_revoked_session_is_over,
    a_change_of_rights_is_seen_at_once_when_told,
    an_operator_is_told_what_a_request_would_be,
    a_snapshot_decides_as_the_server_does,
    the_catalogue_has_what_the_program_asks_for,
);

async fn who_signs_in_is_the_caller(world: World) {
    let authenticator = authenticator(&world);
    let user = person(&world, &authenticator, "Ana@harbour.example", "tenant_admin").await;
    let signed_in = sign_in(&authenticator, "ana@HARBOUR.example").await.unwrap();
    assert_eq!((signed_in.user_id, signed_in.tenant_id), (user, Some(world.harbour.id)));
    let caller = caller(&authenticator, &signed_in).await.unwrap();
    assert_eq!(caller.tenant().unwrap(), world.harbour.id);
    assert!(matches!(caller.actor(), Actor::User { user: found, .. } if found == user));
    let now = world.test.database.now();
    let create = permission!("tenant.accounts.create");
    caller.authorize(create, &Scope::tenant(world.harbour.id), now).unwrap();
    caller.authorize(create, &Scope::tenant(world.lagoon.id), now).unwrap_err();
    assert!(!caller.entitlements().check("accounts", 5, 1).allowed);

    let elsewhere =
        authenticator.authenticate(&signed_in.access_token, Some(world.lagoon.id), RequestContext::default());
    assert_eq!(elsewhere.await.unwrap_err().code(), "not_a_member");
    let other_keys =
        Authenticator::new(world.test.database.clone(), &KeyRing::new((1..33).collect()).unwrap()).unwrap();
    let error = self::caller(&other_keys, &signed_in).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "invalid_token"));
}

async fn a_revoked_session_is_over(world: World) {
    let authenticator = authenticator(&world);
    let user = person(&world, &authenticator, "ana@harbour.example", "user").await;
    let signed_in = sign_in(&authenticator, "ana@harbour.example").await.unwrap();
    caller(&authenticator, &signed_in).await.unwrap();
    let system = Caller::system(SystemReason::Authentication);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    assert_eq!(tx.sessions().revoke_all(user).await.unwrap(), 1);
    tx.commit().await.unwrap();
    authenticator.forget();
    assert_eq!(caller(&authenticator, &signed_in).await.unwrap_err().code(), "session_ended");
}

async fn a_change_of_rights_is_seen_at_once_when_told(world: World) {
    let authenticator = authenticator(&world);
    person(&world, &authenticator, "ana@harbour.example", "tenant_admin").await;
    let signed_in = sign_in(&authenticator, "ana@harbour.example").await.unwrap();
    let before = caller(&authenticator, &signed_in).await.unwrap();
    let Actor::User { member: Some(member), .. } = before.actor() else { panic!("a member") };
    let whole = Scope::tenant(world.harbour.id);
    let mut tx = world.test.database.tenant(&world.harbour.admin).write().await.unwrap();
    let deny = NewGrant {
        member,
        pattern: Pattern::parse("tenant.accounts.create").unwrap(),
        effect: Effect::Deny,
        scope: whole,
        starts_at: None,
        ends_at: None,
    };
    tx.grants().give(deny).await.unwrap();
    tx.commit().await.unwrap();
    authenticator.forget();
    let after = caller(&authenticator, &signed_in).await.unwrap();
    let (create, now) = (permission!("tenant.accounts.create"), world.test.database.now());
    before.authorize(create, &whole, now).expect("a request sees one world from its begin to its end");
    assert_eq!(after.authorize(create, &whole, now).unwrap_err().code(), "denied");
}

async fn an_operator_is_told_what_a_request_would_be(world: World) {
    let authenticator = authenticator(&world);
    let user = person(&world, &authenticator, "ana@harbour.example", "user").await;
    let database = &world.test.database;
    let set = permissions_of(database, user, Some(world.harbour.id)).await.unwrap();
    let whole = Scope::tenant(world.harbour.id);
    assert!(!set.check("tenant.accounts.create", &whole, database.now()));
    assert_eq!(
        permissions_of(database, user, Some(world.lagoon.id)).await.unwrap_err().code(),
        "not_a_member"
    );
    let nobody = UserId::from_u128(1);
    assert_eq!(permissions_of(database, nobody, None).await.unwrap_err().kind(), ErrorKind::NotFound);
}

async fn a_snapshot_decides_as_the_server_does(world: World) {
    let authenticator = authenticator(&world);
    person(&world, &authenticator, "ana@harbour.example", "account_owner").await;
    let signed_in = sign_in(&authenticator, "ana@harbour.example").await.unwrap();
    let caller = caller(&authenticator, &signed_in).await.unwrap();
    let bytes = authenticator.snapshot(&caller, Duration::from_hours(1)).await.unwrap();
    let keys = [authenticator.snapshot_public_key().unwrap()];
    let now = world.test.database.now();
    let snapshot = Snapshot::verify(&bytes, &keys, now).unwrap();
    assert_eq!(
        (snapshot.tenant(), snapshot.principal()),
        (world.harbour.id, signed_in.user_id.to_string().as_str())
    );
    let online = caller.permissions().unwrap();
    let account = Scope::account(world.harbour.id, world.test.database.new_id::<AccountId>());
    let mut allowed = 0;
    for entry in &world.seed.engine.catalogue().permissions {
        for scope in
            [Scope::tenant(world.harbour.id), account, Scope::tenant(world.lagoon.id), Scope::platform()]
        {
            let answer = snapshot.check(&*entry.name, &scope, now);
            assert_eq!(answer, online.check(&*entry.name, &scope, now), "{} at {scope}", entry.name);
            allowed += u32::from(answer);
        }
    }
    assert!(allowed > 0);
    assert_eq!(
        authenticator.snapshot(&caller, Duration::from_hours(25)).await.unwrap_err().code(),
        "out_of_range"
    );
    let system = Caller::system_in(SystemReason::Seed, world.harbour.id);
    assert_eq!(
        authenticator.snapshot(&system, Duration::from_secs(1)).await.unwrap_err().code(),
        "people_only"
    );
}

async fn the_catalogue_has_what_the_program_asks_for(world: World) {
    authenticator(&world).check_catalogue().await.unwrap();
    world.test.as_owner("DELETE FROM permissions WHERE key = 'tenant.accounts.create'").await;
    world.test.as_owner("DELETE FROM roles").await;
    let error = authenticator(&world).check_catalogue().await.unwrap_err();
    assert_eq!(error.code(), "catalogue_incomplete");
    assert!(error.message().contains("mono-storage/src/store/accounts.rs:"), "{error}");
}
