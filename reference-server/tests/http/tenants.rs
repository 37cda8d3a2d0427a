//! Tenants: what they say about themselves, and what the platform does with them; suspended ones and suspended accounts.

use crate::server::{ACCOUNTS, ADMIN, BOTH, STAFF, STRANGER, Server, USER, create, named, send};
use mono_client::Client;
use mono_core::api::accounts::{ListAccounts, UpdateAccount};
use mono_core::api::audit::ListAudit;
use mono_core::api::tenants::{CreateTenant, ListTenants, TenantSettings, UpdateOwnTenant, UpdateTenant};
use mono_core::id::TenantId;
use mono_core::model::account::AccountStatus;
use mono_core::model::tenant::TenantStatus;
use mono_core::{Error, ErrorKind};
use mono_storage::platform_sql;
use mono_storage::store::NewAssignment;
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::json;

mono_storage::conformance!(
    a_tenant_says_what_it_is,
    a_stale_version_is_a_conflict_that_names_the_current_one,
    the_platform_makes_and_changes_tenants,
    a_slug_and_a_domain_are_taken_once,
    a_suspended_tenant_is_refused_everywhere,
    a_suspended_account_is_refused_to_those_in_it,
    who_updates_an_account_does_not_suspend_it,
    a_super_admins_look_is_recorded,
    a_tenant_sees_what_is_done_to_it,
    what_is_said_twice_is_refused,
);

fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> (ErrorKind, String) {
    let error = result.unwrap_err();
    (error.kind(), error.code().to_owned())
}

async fn a_tenant_says_what_it_is(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let before = admin.tenant().get().await.unwrap();
    assert_eq!((before.id, before.slug.as_str(), before.version), (server.world.harbour.id, "harbour", 1));
    assert_eq!((before.currency.as_str(), before.time_zone.as_str()), ("EUR", "UTC"));
    assert_eq!((before.default_locale.as_str(), before.supported_locales.len()), ("en", 1));
    let own = TenantSettings {
        currency: Some("USD".into()),
        time_zone: Some("Europe/Lisbon".into()),
        default_locale: Some("PT-pt".into()),
        supported_locales: Some(vec!["en".into(), "pt-PT".into()]),
        settings: Some(json!({"berths": {"count": 40}})),
        branding: Some(json!({"colour": "#036"})),
    };
    let change = UpdateOwnTenant { name: Some("Old Harbour".into()), own, ..Default::default() };
    let after = admin.tenant().update(&change).await.unwrap();
    assert_eq!((after.name.as_str(), after.version), ("Old Harbour", 2));
    assert_eq!((after.default_locale.as_str(), after.time_zone.as_str()), ("pt-PT", "Europe/Lisbon"));
    assert_eq!(after.settings.get("berths"), Some(&json!({"count": 40})));
    assert_eq!(admin.tenant().get().await.unwrap(), after);
    assert_eq!(admin.tenant().update(&change).await.unwrap(), after, "nothing changes: no new version");
    // What is left out stays; what contradicts the rest is refused.
    let own = TenantSettings { supported_locales: Some(vec!["en".into()]), ..Default::default() };
    let error = admin.tenant().update(&UpdateOwnTenant { own, ..Default::default() }).await;
    assert_eq!(refused(error), (ErrorKind::Validation, "not_supported".into()));
    let token = server.token(ADMIN).await;
    for body in [
        json!({"slug": "mine"}),
        json!({"domain": "mine.example"}),
        json!({"status": "active"}),
        json!({"settings": []}),
        json!({"branding": {"a": "\0"}}),
        json!({"settings": {"a": "x".repeat(33_000)}}),
        // What is deeper cannot be read from the log and the history, where it stands some levels deep.
        json!({"settings": (0..100).fold(json!({}), |inner, _| json!({ "a": inner }))}),
        json!({"settings": {"$serde_json::private::RawValue": format!("{{\"a\":{}{}}}", "[".repeat(100), "]".repeat(100))}}),
    ] {
        let request = server.request(Method::PATCH, "/api/v1/tenant").bearer_auth(&token).json(&body);
        assert_eq!(send(request).await.failure().0, 400, "{body}");
    }
    assert_eq!(admin.tenant().get().await.unwrap(), after);
    // The neighbour has its own, and who has no right sees nothing.
    assert_eq!(server.sign_in(STRANGER).await.tenant().get().await.unwrap().slug.as_str(), "lagoon");
    let user = server.sign_in(USER).await;
    assert_eq!(user.tenant().get().await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(user.tenant().update(&change).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn a_stale_version_is_a_conflict_that_names_the_current_one(world: World) {
    let server = Server::start(world).await;
    let (admin, token) = (server.sign_in(ADMIN).await, server.token(ADMIN).await);
    let rename =
        |name: &str, version| UpdateOwnTenant { name: Some(name.into()), version, ..Default::default() };
    admin.tenant().update(&rename("Second", Some(1))).await.unwrap();
    let error = admin.tenant().update(&rename("Third", Some(1))).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "stale_version"));
    assert_eq!(error.details().unwrap()["currentVersion"], 2);
    for (header, body, status) in [
        ("\"1\"", json!({"name": "Third"}), 409),
        ("\"2\"", json!({"name": "Third", "version": 1}), 400),
        ("2", json!({"name": "Third"}), 400),
        ("\"+2\"", json!({"name": "Third"}), 400),
        ("*, \"2\"", json!({"name": "Third"}), 400),
        ("\"2\"", json!({"name": "Third"}), 200),
        ("*", json!({"name": "Fourth"}), 200),
    ] {
        let request = server.request(Method::PATCH, "/api/v1/tenant").bearer_auth(&token);
        let answer = send(request.header("if-match", header).json(&body)).await;
        assert_eq!(answer.status, status, "{header} {body} {answer:?}");
    }
    // And so for accounts.
    let account = create(&admin, "First").await;
    let path = format!("{ACCOUNTS}/{}", account.id);
    for (version, status) in [(1, 200), (1, 409), (2, 200)] {
        let request = server.request(Method::PATCH, &path).bearer_auth(&token);
        let body = json!({"name": format!("Name {version} {status}")});
        let answer = send(request.header("if-match", format!("\"{version}\"")).json(&body)).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
}

async fn the_platform_makes_and_changes_tenants(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    let tenants = staff.platform().tenants();
    let own = TenantSettings { default_locale: Some("de".into()), ..Default::default() };
    let new = CreateTenant {
        name: "New Port".into(),
        domain: Some("Port.Example.COM.".into()),
        own,
        ..Default::default()
    };
    let made = tenants.create(&new).await.unwrap();
    assert_eq!((made.slug.as_str(), made.status), ("new-port", TenantStatus::Active));
    assert_eq!(made.domain.as_ref().unwrap().as_str(), "port.example.com");
    assert_eq!((made.default_locale.as_str(), made.supported_locales.len()), ("de", 1));
    assert_eq!(tenants.get(made.id).await.unwrap(), made);
    let change = UpdateTenant {
        slug: Some("newer".into()),
        domain: Some(None),
        version: Some(1),
        ..Default::default()
    };
    let changed = tenants.update(made.id, &change).await.unwrap();
    assert_eq!((changed.slug.as_str(), &changed.domain, changed.version), ("newer", &None, 2));
    assert_eq!(
        refused(tenants.update(made.id, &change).await),
        (ErrorKind::Conflict, "stale_version".into())
    );
    let slugs = async |wanted: ListTenants| {
        let page = tenants.list(&wanted).await.unwrap();
        page.items.iter().map(|tenant| tenant.slug.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(slugs(ListTenants::default()).await, ["newer", "lagoon", "harbour"]);
    let search = |text: &str| ListTenants { search: Some(text.into()), ..Default::default() };
    assert_eq!(slugs(search("NEW")).await, ["newer"]);
    assert_eq!(slugs(search("_")).await, [""; 0]);
    tenants.archive(made.id).await.unwrap();
    let archived = ListTenants { status: Some("archived".into()), ..Default::default() };
    assert_eq!(slugs(archived).await, ["newer"]);
    let nowhere = server.database().new_id::<TenantId>();
    assert_eq!(tenants.get(nowhere).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(tenants.suspend(nowhere).await.unwrap_err().kind(), ErrorKind::NotFound);
    // A tenant's admin is nobody here.
    let admin = server.sign_in(ADMIN).await;
    let tenants = admin.platform().tenants();
    assert_eq!(tenants.create(&new).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(tenants.get(server.world.harbour.id).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(tenants.suspend(server.world.lagoon.id).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn a_slug_and_a_domain_are_taken_once(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    let tenants = staff.platform().tenants();
    let new = |name: &str, domain: &str| CreateTenant {
        name: name.into(),
        domain: Some(domain.into()),
        ..Default::default()
    };
    assert_eq!(
        refused(tenants.create(&new("Harbour", "a.example")).await),
        (ErrorKind::Conflict, "slug_taken".into())
    );
    tenants.create(&new("First", "a.example")).await.unwrap();
    assert_eq!(
        refused(tenants.create(&new("Second", "A.EXAMPLE")).await),
        (ErrorKind::Conflict, "domain_taken".into())
    );
    // Any number has none.
    tenants.create(&CreateTenant { name: "Third".into(), ..Default::default() }).await.unwrap();
}

async fn a_suspended_tenant_is_refused_everywhere(world: World) {
    let server = Server::start(world).await;
    let (staff, admin) = (server.sign_in(STAFF).await, server.sign_in(ADMIN).await);
    let (harbour, tenants) = (server.world.harbour.id, staff.platform().tenants());
    let account = create(&admin, "Kept").await;
    let suspended = tenants.suspend(harbour).await.unwrap();
    assert_eq!((suspended.status, suspended.version), (TenantStatus::Suspended, 2));
    let refused = async |client: &Client, code: &str| {
        let accounts = client.tenant().accounts();
        for error in [
            accounts.get(account.id).await.unwrap_err(),
            accounts.create(&named("New")).await.unwrap_err(),
            accounts.delete(account.id).await.unwrap_err(),
            client.tenant().get().await.unwrap_err(),
            client.tenant().entitlements().await.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, code));
        }
    };
    refused(&admin, "tenant_suspended").await;
    refused(&staff.with_tenant(harbour), "tenant_suspended").await;
    // The other tenant of the same person goes on.
    let both = server.sign_in(BOTH).await.with_tenant(server.world.lagoon.id);
    both.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    tenants.archive(harbour).await.unwrap();
    refused(&admin, "tenant_archived").await;
    tenants.reactivate(harbour).await.unwrap();
    assert_eq!(admin.tenant().accounts().get(account.id).await.unwrap(), account, "nothing is lost");
}

async fn a_suspended_account_is_refused_to_those_in_it(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let (closed, open) = (create(&admin, "Closed").await, create(&admin, "Open").await);
    let owner = owner(&server, &[closed.id, open.id]).await;
    owner.tenant().accounts().get(closed.id).await.unwrap();
    let status = |status: &str| UpdateAccount { status: Some(status.into()), ..Default::default() };
    let accounts = admin.tenant().accounts();
    let suspended = accounts.update(closed.id, &status("suspended")).await.unwrap();
    assert_eq!(suspended.status, AccountStatus::Suspended);
    for error in [
        owner.tenant().accounts().get(closed.id).await.unwrap_err(),
        owner.tenant().accounts().entitlements(closed.id).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "account_suspended"));
        assert_eq!(error.details().unwrap()["account"], closed.id.to_string());
    }
    owner.tenant().accounts().get(open.id).await.unwrap();
    let seen = owner.tenant().accounts().list(&ListAccounts::default()).await.unwrap().items;
    assert_eq!(seen, std::slice::from_ref(&open));
    // Who lifts it sees it, and changes nothing else in it before.
    assert_eq!(accounts.get(closed.id).await.unwrap(), suspended);
    assert_eq!(accounts.list(&ListAccounts::default()).await.unwrap().items.len(), 2);
    let rename = UpdateAccount { name: Some("Other".into()), ..Default::default() };
    assert_eq!(refused(accounts.update(closed.id, &rename).await).1, "account_suspended");
    assert_eq!(refused(accounts.delete(closed.id).await).1, "account_suspended");
    assert_eq!(accounts.update(closed.id, &status("active")).await.unwrap().version, 3);
    owner.tenant().accounts().get(closed.id).await.unwrap();
    accounts.update(closed.id, &rename).await.unwrap();
}

async fn who_updates_an_account_does_not_suspend_it(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let account = create(&admin, "One").await;
    let scope = mono_core::permission::Scope::account(server.world.harbour.id, account.id);
    let (user, email) = (server.add_person("keeper@harbour.example", &[]).await, "keeper@harbour.example");
    let system =
        mono_core::caller::Caller::system_in(mono_core::caller::SystemReason::Seed, server.world.harbour.id);
    let mut platform = server.database().platform(&system).read().await.unwrap();
    let found = platform.users().credentials(&email.parse().unwrap()).await.unwrap().unwrap().user;
    drop(platform);
    assert_eq!(found.id, user);
    let mut tx = server.database().tenant(&system).write().await.unwrap();
    let member = tx.members().add(&found).await.unwrap();
    // The whole of a tenant's rights, in one account only.
    tx.assignments().assign(NewAssignment::new(member.id, "tenant_admin", scope)).await.unwrap();
    tx.commit().await.unwrap();
    let keeper = server.sign_in(email).await;
    let rename = UpdateAccount { name: Some("Other".into()), ..Default::default() };
    keeper.tenant().accounts().update(account.id, &rename).await.unwrap();
    for status in ["suspended", "archived"] {
        let change = UpdateAccount { status: Some(status.into()), ..Default::default() };
        let error = keeper.tenant().accounts().update(account.id, &change).await.unwrap_err();
        assert_eq!(error.details().unwrap()["permission"], "tenant.accounts.suspend");
    }
}

async fn a_super_admins_look_is_recorded(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await.with_tenant(server.world.harbour.id);
    staff.tenant().get().await.unwrap();
    server.sign_in(ADMIN).await.tenant().get().await.unwrap();
    let system = mono_core::caller::Caller::system(mono_core::caller::SystemReason::Seed);
    let mut tx = server.database().platform(&system).read().await.unwrap();
    let rows = platform_sql!(tx, "SELECT actor FROM platform_audit_log WHERE action = 'privileged_access'");
    assert_eq!(rows.rows().await.unwrap().len(), 1);
    assert_eq!(server.audited(server.world.harbour.id).await.last().unwrap().1, "privileged_access");
}

async fn a_tenant_sees_what_is_done_to_it(world: World) {
    let server = Server::start(world).await;
    let (admin, staff) = (server.sign_in(ADMIN).await, server.sign_in(STAFF).await);
    let (harbour, tenants) = (server.world.harbour.id, staff.platform().tenants());
    let own = TenantSettings { settings: Some(json!({"berths": 40})), ..Default::default() };
    admin.tenant().update(&UpdateOwnTenant { own, ..Default::default() }).await.unwrap();
    tenants.update(harbour, &UpdateTenant { name: Some("Port".into()), ..Default::default() }).await.unwrap();
    tenants.suspend(harbour).await.unwrap();
    tenants.reactivate(harbour).await.unwrap();
    admin.tenant().history().revert(1, None).await.unwrap();
    let plan = json!({"plan": "starter", "state": {"state": "active"}, "grace_days": 3});
    let plan = serde_json::from_value(plan).unwrap();
    staff.platform().subscriptions().set(harbour, &plan).await.unwrap();
    let policy = serde_json::from_value(json!({"sessionHours": 23})).unwrap();
    admin.tenant().auth_policy().update(&policy).await.unwrap();

    let wanted = ListAudit { entity_id: Some(harbour.to_string()), limit: Some(100), ..Default::default() };
    let log = admin.tenant().audit().list(&wanted).await.unwrap().items;
    let mut told: Vec<_> = log
        .iter()
        .map(|entry| {
            let fields =
                entry.changes.iter().map(|change| change.field.as_str()).collect::<Vec<_>>().join(" ");
            (entry.entity.as_str(), entry.action.as_str(), fields)
        })
        .collect();
    told.reverse();
    let expected = [
        ("tenant", "update", "settings"),
        ("tenant", "update", "name"),
        ("tenant", "update", "status"),
        ("tenant", "update", "status"),
        ("tenant", "revert", "name settings"),
        ("subscription", "update", "grace_days"),
        ("auth_policy", "update", "sessionHours"),
    ];
    let told: Vec<_> =
        told.iter().map(|(entity, action, fields)| (*entity, *action, fields.as_str())).collect();
    assert!(told.ends_with(&expected), "{told:?}");
    assert_eq!(told[0].1, "create");
    // Who did it is told apart: the tenant's own people, and those of the platform.
    let actors: Vec<_> =
        log.iter().rev().skip(log.len() - expected.len()).map(|entry| entry.actor.as_str()).collect();
    assert!(actors[0] == actors[4] && actors[1] == actors[2] && actors[0] != actors[1], "{actors:?}");
    // Nobody else sees it but the platform, and both chains are whole.
    let stranger = server.sign_in(STRANGER).await;
    assert_eq!(stranger.tenant().audit().list(&wanted).await.unwrap().items.len(), 0);
    let system = mono_core::caller::Caller::system(mono_core::caller::SystemReason::Seed);
    let mut tx = server.database().platform(&system).read().await.unwrap();
    for log in [None, Some(harbour)] {
        assert_eq!(tx.verify_audit(log).await.unwrap().broken, None);
    }
    let rows = platform_sql!(
        tx,
        "SELECT id FROM platform_audit_log WHERE entity = 'tenant' AND entity_id = $1",
        harbour
    );
    assert_eq!(rows.rows().await.unwrap().len(), 6);
}

/// A person who owns these accounts, and has nothing else.
async fn owner(server: &Server, accounts: &[mono_core::id::AccountId]) -> Client {
    let (tenant, email) = (server.world.harbour.id, "owner@harbour.example");
    server.add_person(email, &[(tenant, None)]).await;
    let admin = server.sign_in(ADMIN).await;
    let wanted = mono_core::api::members::ListMembers { search: Some(email.into()), ..Default::default() };
    let member = admin.tenant().members().list(&wanted).await.unwrap().items[0].id;
    let system = mono_core::caller::Caller::system_in(mono_core::caller::SystemReason::Seed, tenant);
    let mut tx = server.database().tenant(&system).write().await.unwrap();
    for account in accounts {
        let scope = mono_core::permission::Scope::account(tenant, *account);
        tx.assignments().assign(NewAssignment::new(member, "account_owner", scope)).await.unwrap();
    }
    tx.commit().await.unwrap();
    server.sign_in(email).await
}

async fn what_is_said_twice_is_refused(world: World) {
    let server = Server::start(world).await;
    let token = server.token(ADMIN).await;
    for body in [
        r#"{"settings":{"a":1,"a":2}}"#,
        r#"{"settings":{"a":[{"b":1,"\u0062":2}]}}"#,
        r#"{"branding":{"colour":"red","colour":"blue"}}"#,
        r#"{"settings":{"a":1},"settings":{"b":1}}"#,
    ] {
        let change = server.request(Method::PATCH, "/api/v1/tenant").bearer_auth(&token);
        let answer = send(change.header("content-type", "application/json").body(body)).await;
        assert_eq!(answer.failure(), (400, "invalid_field".into()), "{body}: {}", answer.body);
    }
    let settings = server.sign_in(ADMIN).await.tenant().get().await.unwrap().settings;
    assert!(settings.fields().is_empty(), "{settings:?}");
    let set = r#"{"key":"s","name":"S","options":[{"value":"v","label":"V","metadata":{"a":1,"a":2}}]}"#;
    let set = server.request(Method::PUT, "/api/v1/tenant/option-sets/s").bearer_auth(&token).body(set);
    let answer = send(set.header("content-type", "application/json")).await;
    assert_eq!(answer.failure(), (400, "invalid_field".into()), "{}", answer.body);
}
