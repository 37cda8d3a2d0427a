//! API keys: what they may do, and when they may do nothing any more.

use crate::{caller, person, sign_in, timed};
use mono_auth::{Authenticator, KeyEnvironment};
use mono_core::api::api_keys::CreatedApiKey;
use mono_core::caller::{Actor, Caller, RequestContext, SystemReason};
use mono_core::id::AccountId;
use mono_core::model::account::{AccountType, NewAccount};
use mono_core::model::api_key::{ApiKeyChange, NewApiKey, Rotation};
use mono_core::model::tenant::TenantStatus;
use mono_core::model::user::UserStatus;
use mono_core::permission::{Permission, Scope};
use mono_core::text::{Name, Slug};
use mono_core::time::Clock;
use mono_core::{Error, ErrorKind, permission};
use mono_storage::platform_sql;
use mono_storage::store::NewPlatformAssignment;
use mono_storage::testkit::World;
use std::time::Duration;

mono_storage::conformance!(
    a_key_may_what_its_scopes_its_owner_and_its_place_allow,
    nobody_puts_into_a_key_what_they_do_not_hold,
    a_key_makes_no_key_that_may_more_or_lasts_longer,
    a_key_ends_with_its_time_its_owner_and_its_tenant,
    a_rotated_key_works_on_for_the_overlap,
    of_many_who_rotate_a_key_at_once_one_does,
    a_key_that_is_revoked_while_it_is_rotated_is_one_or_the_other,
    the_use_of_a_key_is_noted_once_a_minute,
    wrong_keys_are_refused_and_counted_by_network,
    who_acts_as_somebody_else_leaves_no_key_behind,
    a_key_belongs_to_one_tenant_and_is_no_person,
);

const ANA: &str = "ana@harbour.example";
const BEN: &str = "ben@harbour.example";
const READ: Permission = permission!("tenant.accounts.read");
const CREATE: Permission = permission!("tenant.accounts.create");
const TEAMS: Permission = permission!("account.teams.read");

fn new(scopes: &[&str]) -> NewApiKey {
    NewApiKey {
        name: Name::parse("Import").unwrap(),
        account_id: None,
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        expires_at: None,
    }
}

async fn signed_in(world: &World, authenticator: &Authenticator, email: &str, role: &str) -> Caller {
    person(world, authenticator, email, role).await;
    again(authenticator, email).await
}

async fn again(authenticator: &Authenticator, email: &str) -> Caller {
    caller(authenticator, &sign_in(authenticator, email).await.unwrap()).await.unwrap()
}

async fn show(authenticator: &Authenticator, key: &CreatedApiKey) -> Result<Caller, Error> {
    authenticator.authenticate(&key.key, None, RequestContext::default()).await
}

fn may(world: &World, caller: &Caller, permission: Permission, at: &Scope) -> Result<(), String> {
    let result = caller.authorize(permission, at, world.test.database.now());
    result.map(drop).map_err(|error| error.code().to_owned())
}

fn code<T>(result: Result<T, Error>) -> String {
    result.err().map_or_else(|| "ok".to_owned(), |error| error.code().to_owned())
}

async fn account(world: &World, name: &str) -> AccountId {
    let system = Caller::system_in(SystemReason::Seed, world.harbour.id);
    let mut tx = world.test.database.tenant(&system).write().await.unwrap();
    let (name, slug) = (Name::parse(name).unwrap(), Slug::suggest(name).unwrap());
    let new = NewAccount { name, slug, account_type: AccountType::Business, email: None };
    let account = tx.accounts().create(new).await.unwrap();
    tx.commit().await.unwrap();
    account.id
}

async fn a_key_may_what_its_scopes_its_owner_and_its_place_allow(world: World) {
    let (authenticator, _) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    let whole = Scope::tenant(world.harbour.id);
    let made = authenticator.create_api_key(&ana, new(&["tenant.accounts.read"])).await.unwrap();
    assert!(made.key.starts_with(&made.api_key.prefix));
    assert_eq!((made.api_key.expires_at - made.api_key.created_at).num_days(), 90);
    let key = show(&authenticator, &made).await.unwrap();
    let owner = made.api_key.owner_id;
    assert_eq!(key.actor().to_string(), format!("api_key:{} of user:{owner}", made.api_key.id));
    assert_eq!(key.tenant().unwrap(), world.harbour.id);
    assert_eq!(may(&world, &key, READ, &whole), Ok(()));
    assert_eq!(may(&world, &key, CREATE, &whole), Err("key_lacks".to_owned()));

    let nothing = authenticator.create_api_key(&ana, new(&[])).await.unwrap();
    let key = show(&authenticator, &nothing).await.unwrap();
    assert_eq!(may(&world, &key, READ, &whole), Err("key_lacks".to_owned()));

    // All that the owner may, in one account.
    let (one, other) = (account(&world, "One").await, account(&world, "Other").await);
    let bound = NewApiKey { account_id: Some(one), ..new(&["admin"]) };
    let key = show(&authenticator, &authenticator.create_api_key(&ana, bound).await.unwrap()).await.unwrap();
    let at = |account| Scope::account(world.harbour.id, account);
    assert_eq!(may(&world, &key, TEAMS, &at(one)), Ok(()));
    assert_eq!(may(&world, &key, TEAMS, &at(other)), Err("key_lacks".to_owned()));
    assert_eq!(may(&world, &key, READ, &whole), Err("key_lacks".to_owned()));

    // What the owner loses, the key loses.
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    let query = platform_sql!(tx, "DELETE FROM assignments WHERE tenant_id = $1", world.harbour.id);
    query.execute().await.unwrap();
    tx.commit().await.unwrap();
    authenticator.forget();
    let key = show(&authenticator, &made).await.unwrap();
    assert_eq!(may(&world, &key, READ, &whole), Err("no_assignment".to_owned()));
}

async fn nobody_puts_into_a_key_what_they_do_not_hold(world: World) {
    let (authenticator, clock) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    let ben = signed_in(&world, &authenticator, BEN, "account_owner").await;
    let create = async |caller: &Caller, scopes: &[&str]| {
        code(authenticator.create_api_key(caller, new(scopes)).await)
    };
    assert_eq!(create(&ben, &["tenant.accounts.read"]).await, "no_grant", "Ben runs accounts only");
    assert_eq!(create(&ana, &["tenant.*", "account.teams.*", "files:read"]).await, "ok");
    assert_eq!(create(&ana, &["platform.tenants.read"]).await, "not_held");
    for unknown in ["files:reed", "tenant.acc*", "tenant.nothing.read", "", "x"] {
        assert_eq!(create(&ana, &[unknown]).await, "unknown_scope", "{unknown}");
    }
    let account = account(&world, "One").await;
    let bound = |scopes: &[&str]| NewApiKey { account_id: Some(account), ..new(scopes) };
    let made = authenticator.create_api_key(&ben, bound(&["account.teams.*"])).await.unwrap();
    assert_eq!(
        code(authenticator.create_api_key(&ben, bound(&["tenant.accounts.create"])).await),
        "not_held"
    );
    // `*` is no more than its owner may; in the key of somebody else it would be.
    let star = authenticator.create_api_key(&ben, bound(&["*"])).await.unwrap();
    let mut tx = world.test.database.tenant(&ana).write().await.unwrap();
    let wider = |scopes: &[&str]| ApiKeyChange { scopes: Some(new(scopes).scopes), ..Default::default() };
    assert_eq!(code(tx.api_keys().update(made.api_key.id, wider(&["*"])).await), "not_held");
    assert_eq!(code(tx.api_keys().update(made.api_key.id, wider(&["account.*"])).await), "ok");
    drop(tx);
    let mut tx = world.test.database.tenant(&ben).write().await.unwrap();
    let more = wider(&["tenant.accounts.delete"]);
    assert_eq!(code(tx.api_keys().update(star.api_key.id, more).await), "not_held");
    drop(tx);

    // Neither past nor far.
    let now = clock.now();
    for (days, expected) in [(-1, "out_of_range"), (0, "out_of_range"), (366, "ok"), (368, "out_of_range")] {
        let end = NewApiKey { expires_at: Some(now + chrono::TimeDelta::days(days)), ..new(&[]) };
        assert_eq!(code(authenticator.create_api_key(&ana, end).await), expected, "{days} days");
    }
    // Who holds something for an hour puts it into no key that lasts for two.
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    let until = now + chrono::TimeDelta::hours(1);
    let query = platform_sql!(
        tx,
        "UPDATE assignments SET ends_at = $2 WHERE tenant_id = $1 AND role_key = 'tenant_admin'",
        world.harbour.id,
        until
    );
    query.execute().await.unwrap();
    tx.commit().await.unwrap();
    authenticator.forget();
    let ana = again(&authenticator, ANA).await;
    assert_eq!(create(&ana, &["tenant.accounts.read"]).await, "not_held");
    let short = NewApiKey { expires_at: Some(until), ..new(&["tenant.accounts.read"]) };
    assert_eq!(code(authenticator.create_api_key(&ana, short).await), "ok");
}

async fn a_key_makes_no_key_that_may_more_or_lasts_longer(world: World) {
    let (authenticator, clock) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    let plain = authenticator.create_api_key(&ana, new(&["tenant.accounts.*"])).await.unwrap();
    let plain = show(&authenticator, &plain).await.unwrap();
    assert_eq!(code(authenticator.create_api_key(&plain, new(&["tenant.accounts.read"])).await), "key_lacks");

    let maker = authenticator.create_api_key(&ana, new(&["tenant.api_keys.*", "tenant.accounts.*"])).await;
    let maker = maker.unwrap();
    let key = show(&authenticator, &maker).await.unwrap();
    let until = Some(maker.api_key.expires_at);
    let create = async |scopes: &[&str], expires_at| {
        code(authenticator.create_api_key(&key, NewApiKey { expires_at, ..new(scopes) }).await)
    };
    assert_eq!(create(&["tenant.accounts.read"], until).await, "ok");
    assert_eq!(create(&["tenant.members.read"], until).await, "not_held");
    assert_eq!(create(&["*"], until).await, "not_held");
    clock.go_on(1);
    assert_eq!(create(&["tenant.accounts.read"], None).await, "not_held", "90 days from now is longer");
    let rotated = authenticator.rotate_api_key(&key, maker.api_key.id, Rotation::default()).await;
    assert_eq!(code(rotated), "not_held");

    // A revoked key makes none, though the node does not know yet.
    let mut tx = world.test.database.tenant(&ana).write().await.unwrap();
    tx.api_keys().revoke(maker.api_key.id).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(create(&["tenant.accounts.read"], until).await, "key_revoked");
}

async fn a_key_ends_with_its_time_its_owner_and_its_tenant(world: World) {
    let (authenticator, clock) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    person(&world, &authenticator, BEN, "tenant_admin").await;
    let ben = again(&authenticator, BEN).await;
    let made = authenticator.create_api_key(&ana, new(&["tenant.*"])).await.unwrap();
    let revoked = authenticator.create_api_key(&ana, new(&["tenant.*"])).await.unwrap();
    show(&authenticator, &revoked).await.unwrap();
    let mut tx = world.test.database.tenant(&ben).write().await.unwrap();
    tx.api_keys().revoke(revoked.api_key.id).await.unwrap();
    tx.api_keys().revoke(revoked.api_key.id).await.expect("once more is no mistake");
    tx.commit().await.unwrap();
    authenticator.forget();
    let error = show(&authenticator, &revoked).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "api_key_revoked"));

    let status = async |text: &'static str, value: &str| {
        let system = Caller::system(SystemReason::Seed);
        let mut tx = world.test.database.platform(&system).write().await.unwrap();
        let query = match text {
            "users" => platform_sql!(tx, "UPDATE users SET status = $1 WHERE email_norm = $2", value, ANA),
            "members" => {
                platform_sql!(tx, "UPDATE members SET status = $1 WHERE email_norm = $2", value, ANA)
            }
            _ => platform_sql!(tx, "UPDATE tenants SET status = $1 WHERE id = $2", value, world.harbour.id),
        };
        assert_eq!(query.execute().await.unwrap(), 1);
        tx.commit().await.unwrap();
        authenticator.forget();
    };
    for (table, word, expected) in [
        ("users", UserStatus::Suspended.as_str(), "user_suspended"),
        ("members", UserStatus::Suspended.as_str(), "member_suspended"),
        ("tenants", TenantStatus::Suspended.as_str(), "tenant_suspended"),
        ("tenants", TenantStatus::Archived.as_str(), "tenant_archived"),
    ] {
        status(table, word).await;
        let error = show(&authenticator, &made).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, expected));
        status(table, "active").await;
        show(&authenticator, &made).await.unwrap();
    }

    // To the second, though it is known for a moment longer.
    clock.go_on(90 * 24 * 3600 - 1);
    show(&authenticator, &made).await.unwrap();
    clock.go_on(1);
    assert_eq!(code(show(&authenticator, &made).await), "api_key_expired");
    authenticator.forget();
    assert_eq!(code(show(&authenticator, &made).await), "api_key_expired");

    // The membership ends, and its keys with it: they do not come back.
    let ana = again(&authenticator, ANA).await;
    let ben = again(&authenticator, BEN).await;
    let last = authenticator.create_api_key(&ana, new(&["tenant.*"])).await.unwrap();
    let member = ana.actor().member().unwrap();
    let mut tx = world.test.database.tenant(&ben).write().await.unwrap();
    tx.members().remove(member).await.unwrap();
    tx.commit().await.unwrap();
    authenticator.forget();
    assert_eq!(code(show(&authenticator, &last).await), "api_key_revoked");
    clock.go_on(91 * 24 * 3600);
    authenticator.clean().await.unwrap();
    assert_eq!(code(show(&authenticator, &last).await), "invalid_api_key", "it is taken away at last");
}

async fn a_rotated_key_works_on_for_the_overlap(world: World) {
    let (authenticator, clock) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    let first = authenticator.create_api_key(&ana, new(&["tenant.accounts.read"])).await.unwrap();
    let rotation = Rotation { overlap: Duration::from_hours(1), expires_at: None };
    let second = authenticator.rotate_api_key(&ana, first.api_key.id, rotation).await.unwrap();
    assert_eq!((&second.api_key.name, &second.api_key.scopes), (&first.api_key.name, &first.api_key.scopes));
    show(&authenticator, &first).await.unwrap();
    show(&authenticator, &second).await.unwrap();
    let twice = authenticator.rotate_api_key(&ana, first.api_key.id, rotation).await;
    assert_eq!(code(twice), "key_rotated");
    clock.go_on(3600);
    assert_eq!(code(show(&authenticator, &first).await), "api_key_expired");
    show(&authenticator, &second).await.unwrap();
    let ana = again(&authenticator, ANA).await;
    let at_once = authenticator.rotate_api_key(&ana, second.api_key.id, Rotation::default()).await.unwrap();
    assert_eq!(code(show(&authenticator, &second).await), "api_key_expired");
    show(&authenticator, &at_once).await.unwrap();
    let late = authenticator.rotate_api_key(&ana, first.api_key.id, rotation).await;
    assert_eq!(code(late), "key_expired");
}

async fn of_many_who_rotate_a_key_at_once_one_does(world: World) {
    let (authenticator, _) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    let first = authenticator.create_api_key(&ana, new(&["tenant.accounts.read"])).await.unwrap();
    let rotation = Rotation { overlap: Duration::from_hours(1), expires_at: None };
    let tries = (0..8).map(|_| {
        let (authenticator, ana, id) = (authenticator.clone(), ana.clone(), first.api_key.id);
        tokio::spawn(async move { code(authenticator.rotate_api_key(&ana, id, rotation).await) })
    });
    let mut codes = Vec::new();
    for task in tries.collect::<Vec<_>>() {
        codes.push(task.await.unwrap());
    }
    codes.sort();
    assert_eq!(codes, [vec!["key_rotated"; 7], vec!["ok"]].concat());
}

async fn a_key_that_is_revoked_while_it_is_rotated_is_one_or_the_other(world: World) {
    let (authenticator, _) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    for _ in 0..6 {
        let key = authenticator.create_api_key(&ana, new(&["tenant.accounts.read"])).await.unwrap();
        let rotation = Rotation { overlap: Duration::from_hours(1), expires_at: None };
        let rotate = authenticator.rotate_api_key(&ana, key.api_key.id, rotation);
        let revoke = async {
            let mut tx = world.test.database.tenant(&ana).write().await.unwrap();
            tx.api_keys().revoke(key.api_key.id).await.unwrap();
            tx.commit().await.unwrap();
            authenticator.forget();
        };
        let (rotated, ()) = tokio::join!(rotate, revoke);
        authenticator.forget();
        assert_eq!(code(show(&authenticator, &key).await), "api_key_revoked", "however it went");
        match rotated {
            Ok(next) => drop(show(&authenticator, &next).await.unwrap()),
            Err(error) => assert_eq!(error.code(), "key_revoked"),
        }
    }
}

async fn the_use_of_a_key_is_noted_once_a_minute(world: World) {
    let (authenticator, clock) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    let made = authenticator.create_api_key(&ana, new(&["tenant.accounts.read"])).await.unwrap();
    assert_eq!(made.api_key.last_used_at, None);
    let used = async || {
        authenticator.forget();
        show(&authenticator, &made).await.unwrap();
        let mut tx = world.test.database.tenant(&ana).read().await.unwrap();
        tx.api_keys().get(made.api_key.id).await.unwrap().last_used_at.unwrap()
    };
    let first = used().await;
    clock.go_on(60);
    assert_eq!(used().await, first);
    clock.go_on(1);
    assert_eq!((used().await - first).num_seconds(), 61);
}

async fn wrong_keys_are_refused_and_counted_by_network(world: World) {
    let (authenticator, _) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    let made = authenticator.create_api_key(&ana, new(&["tenant.accounts.read"])).await.unwrap();
    // Made with other root keys: well formed, and of nobody here.
    let elsewhere = mono_auth::KeyRing::new((7..39).collect()).unwrap();
    let elsewhere = Authenticator::new(world.test.database.clone(), &elsewhere).unwrap();
    let foreign = elsewhere.create_api_key(&ana, new(&["tenant.accounts.read"])).await.unwrap();
    let test = authenticator.clone().with_environment(&crate::keys(), KeyEnvironment::Test).unwrap();
    let from = |address: &str| RequestContext {
        ip_address: Some(address.parse().unwrap()),
        ..RequestContext::default()
    };
    let ask = async |authenticator: &Authenticator, key: &str, address: &str| {
        code(authenticator.authenticate_key(key, None, from(address)).await)
    };
    assert_eq!(ask(&authenticator, &made.key, "10.0.0.1").await, "ok");
    assert_eq!(ask(&test, &made.key, "10.0.0.2").await, "invalid_api_key", "another environment");
    let other = authenticator.create_api_key(&ana, new(&["tenant.accounts.read"])).await.unwrap();
    for i in 0..50 {
        assert_eq!(ask(&authenticator, &foreign.key, "10.0.0.1").await, "invalid_api_key");
        let mistyped = made.key.replace(&made.key[95..], &format!("{i:05}"));
        assert_eq!(ask(&authenticator, &mistyped, "10.0.0.1").await, "invalid_api_key");
    }
    let error = authenticator.authenticate_key(&foreign.key, None, from("10.0.0.1")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, "too_many_attempts"));
    assert_eq!(ask(&authenticator, &other.key, "10.0.0.1").await, "too_many_attempts");
    // What was right from there a moment ago goes on, and so do other networks.
    assert_eq!(ask(&authenticator, &made.key, "10.0.0.1").await, "ok");
    assert_eq!(ask(&authenticator, &other.key, "10.0.0.9").await, "ok");
}

async fn who_acts_as_somebody_else_leaves_no_key_behind(world: World) {
    let (authenticator, _) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    let made = authenticator.create_api_key(&ana, new(&["tenant.accounts.read"])).await.unwrap();
    let staff = person(&world, &authenticator, "staff@platform.example", "user").await;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = world.test.database.platform(&system).write().await.unwrap();
    tx.assignments().assign(NewPlatformAssignment::new(staff, "platform_admin")).await.unwrap();
    tx.commit().await.unwrap();
    let staff = again(&authenticator, "staff@platform.example").await;
    let (member, harbour) = (ana.actor().member().unwrap(), world.harbour.id);
    let acting = authenticator.impersonate(&staff, harbour, member, "ticket 7").await.unwrap();
    let acting = caller(&authenticator, &acting).await.unwrap();
    assert_eq!(code(authenticator.create_api_key(&acting, new(&[])).await), "impersonated");
    let rotated = authenticator.rotate_api_key(&acting, made.api_key.id, Rotation::default()).await;
    assert_eq!(code(rotated), "impersonated");
    let mut tx = world.test.database.tenant(&acting).write().await.unwrap();
    let change = ApiKeyChange { scopes: Some(vec![]), ..Default::default() };
    assert_eq!(code(tx.api_keys().update(made.api_key.id, change).await), "impersonated");
    tx.api_keys().revoke(made.api_key.id).await.expect("what is lost may be ended by whoever helps");
}

async fn a_key_belongs_to_one_tenant_and_is_no_person(world: World) {
    let (authenticator, _) = timed(&world);
    let ana = signed_in(&world, &authenticator, ANA, "tenant_admin").await;
    let made = authenticator.create_api_key(&ana, new(&["tenant.*"])).await.unwrap();
    let chosen = async |tenant| {
        code(authenticator.authenticate(&made.key, Some(tenant), RequestContext::default()).await)
    };
    assert_eq!(chosen(world.harbour.id).await, "ok");
    assert_eq!(chosen(world.lagoon.id).await, "not_a_member");
    let person = authenticator.authenticate_person(&made.key, RequestContext::default()).await;
    assert_eq!(code(person), "people_only");
    let session = authenticator.authenticate_session(&made.key, None, RequestContext::default()).await;
    assert_eq!(code(session), "invalid_token");
    let key = show(&authenticator, &made).await.unwrap();
    assert!(matches!(key.actor(), Actor::ApiKey { member: Some(_), .. }));
    assert_eq!(code(authenticator.sessions(&key).await), "people_only");
    assert_eq!(code(authenticator.profile(&key).await), "people_only");
    assert_eq!(code(authenticator.snapshot(&key, Duration::from_mins(1)).await), "people_only");
    assert_eq!(code(authenticator.choose_tenant(&key, world.harbour.id).await), "people_only");
    // The neighbour neither sees nor ends it.
    let mut tx = world.test.database.tenant(&world.lagoon.admin).write().await.unwrap();
    let (id, change) = (made.api_key.id, ApiKeyChange::default());
    assert_eq!(code(tx.api_keys().get(id).await), "not_found");
    assert_eq!(code(tx.api_keys().update(id, change).await), "not_found");
    assert_eq!(code(tx.api_keys().revoke(id).await), "not_found");
    drop(tx);
    let rotated = authenticator.rotate_api_key(&world.lagoon.admin, id, Rotation::default()).await;
    assert_eq!(code(rotated), "not_found");
}
