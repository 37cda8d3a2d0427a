//! What the client reads: lists as streams, answers that it has already, permissions that it decides with itself.

use crate::server::{ADMIN, BOTH, STAFF, STRANGER, Server, USER, builder, create, credentials};
use futures_util::{StreamExt, TryStreamExt};
use mono_client::{CacheSettings, Client};
use mono_core::api::accounts::{ListAccounts, ScrollAccounts, UpdateAccount};
use mono_core::api::audit::ScrollAudit;
use mono_core::api::members::{ListMembers, ScrollMembers};
use mono_core::id::{AccountId, TenantId};
use mono_core::permission::Scope;
use mono_core::{ErrorKind, permission};
use mono_storage::testkit::World;
use std::time::Duration;

mono_storage::conformance!(
    a_list_is_a_stream_of_all_its_items,
    what_the_caller_may_do_is_decided_without_the_server,
    permissions_belong_to_who_is_signed_in,
    an_answer_is_kept_until_it_changes,
);

async fn a_list_is_a_stream_of_all_its_items(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    for number in 0..5 {
        create(&admin, &format!("Account {number}")).await;
    }
    let accounts = admin.tenant().accounts();
    let listed = accounts.list(&ListAccounts::default()).await.unwrap().items;
    for limit in [1, 3, 5, 100] {
        let wanted = ScrollAccounts { limit: Some(limit), ..Default::default() };
        let streamed: Vec<_> = accounts.stream(wanted).try_collect().await.unwrap();
        assert_eq!(streamed, listed, "{limit} at a time");
    }
    let wanted = ScrollAccounts { search: Some("Account 3".into()), ..Default::default() };
    assert_eq!(
        accounts.stream(wanted).map(|item| item.unwrap().name.to_string()).collect::<Vec<_>>().await,
        ["Account 3"]
    );
    let wanted = ScrollAccounts { search: Some("nobody".into()), ..Default::default() };
    assert_eq!(accounts.stream(wanted).count().await, 0);

    // From a cursor on, and in a task of its own.
    let wanted = ScrollAccounts { limit: Some(2), ..Default::default() };
    let cursor = accounts.scroll(&wanted).await.unwrap().next;
    let rest = accounts.stream(ScrollAccounts { cursor, ..wanted });
    let rest = tokio::spawn(rest.try_collect::<Vec<_>>()).await.unwrap().unwrap();
    assert_eq!(rest, listed[2..]);

    let wanted = ScrollAccounts { limit: Some(1_000), ..Default::default() };
    let mut refused = accounts.stream(wanted);
    assert_eq!(refused.next().await.unwrap().unwrap_err().kind(), ErrorKind::Validation);
    assert!(refused.next().await.is_none(), "it ends with the error");

    let members = admin.tenant().members();
    let wanted = ScrollMembers { limit: Some(2), ..Default::default() };
    let listed = members.list(&ListMembers::default()).await.unwrap().items.len();
    assert_eq!(members.stream(wanted).count().await, listed);
    let wanted = ScrollAudit { limit: Some(4), ..Default::default() };
    assert!(admin.tenant().audit().stream(wanted).count().await > 5);
}

async fn what_the_caller_may_do_is_decided_without_the_server(world: World) {
    let server = Server::start(world).await;
    let here = Scope::tenant(server.world.harbour.id);
    let create = permission!("tenant.accounts.create");
    let (admin, user) = (server.sign_in(ADMIN).await, server.sign_in(USER).await);
    let error = admin.can(create, &here).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "permissions_not_loaded"));
    for (client, may) in [(&admin, true), (&user, false)] {
        client.permissions().await.unwrap();
        assert_eq!(client.can(create, &here).unwrap(), may);
        let account = Scope::account(server.world.harbour.id, AccountId::from_u128(1));
        assert_eq!(client.can(create, &account).unwrap(), may);
        for scope in [Scope::tenant(server.world.lagoon.id), Scope::platform()] {
            assert_eq!(client.can(create, &scope).unwrap_err().code(), "other_tenant");
        }
    }
    let first = user.permissions().await.unwrap();
    assert_eq!(user.permissions().await.unwrap().issued_at(), first.issued_at(), "it is kept");
    user.tenant().accounts().create(&crate::server::named("No")).await.unwrap_err();
    let second = user.permissions().await.unwrap();
    assert!(second.issued_at() > first.issued_at(), "a refusal says that it may be old");
    drop(server);
    assert!(!user.can(create, &here).unwrap(), "the server is not asked");
    assert_eq!(user.permissions().await.unwrap().issued_at(), second.issued_at());
}

async fn permissions_belong_to_who_is_signed_in(world: World) {
    let server = Server::start(world).await;
    let (harbour, lagoon) = (server.world.harbour.id, server.world.lagoon.id);
    let client = server.sign_in(BOTH).await;
    let may = |client: &Client, tenant: TenantId| {
        client
            .can(permission!("tenant.accounts.create"), &Scope::tenant(tenant))
            .map_err(|error| error.code().to_owned())
    };
    let not_loaded = Err("permissions_not_loaded".to_owned());
    client.permissions().await.unwrap();
    assert_eq!(may(&client, harbour), Ok(true));
    assert_eq!(may(&client.clone(), harbour), Ok(true));
    assert_eq!(may(&client.with_token("another"), harbour), not_loaded);
    assert_eq!(may(&client.with_tenant(lagoon), lagoon), not_loaded);
    client.auth().refresh().await.unwrap();
    assert_eq!(may(&client, harbour), Ok(true), "the same person with the next token");
    client.user().choose_tenant(lagoon).await.unwrap();
    assert_eq!(may(&client, lagoon), not_loaded);
    client.permissions().await.unwrap();
    assert_eq!(may(&client, lagoon), Ok(true));
    client.auth().logout().await.unwrap();
    assert_eq!(may(&client, lagoon), not_loaded);

    // Staff of the platform name the tenant.
    let staff = server.sign_in(STAFF).await.with_tenant(harbour);
    assert_eq!(staff.permissions().await.unwrap().tenant(), harbour);

    let other_key = builder(server.address).permission_keys([[7; 32]]).build().unwrap();
    other_key.auth().login(&credentials(ADMIN)).await.unwrap();
    let error = other_key.permissions().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Internal, "snapshot_refused"));
    assert_eq!(may(&other_key, harbour), not_loaded);
}

async fn an_answer_is_kept_until_it_changes(world: World) {
    let server = Server::start(world).await;
    let (admin, other) =
        (keeping(&server, Duration::ZERO).await, keeping(&server, Duration::from_hours(1)).await);
    let wanted = ListAccounts::default();
    let names = async |client: &Client| -> Vec<String> {
        let page = client.tenant().accounts().list(&wanted).await.unwrap();
        page.items.into_iter().map(|account| account.name.to_string()).collect()
    };
    let made = create(&admin, "One").await;
    for _ in 0..3 {
        assert_eq!(names(&admin).await, ["One"]);
        assert_eq!(names(&other).await, ["One"]);
        assert_eq!(admin.tenant().accounts().get(made.id).await.unwrap(), made);
    }
    // Somebody else's change is seen by who asks each time, and by the other after a write of their own.
    let change = UpdateAccount { name: Some("Two".into()), ..Default::default() };
    server.sign_in(ADMIN).await.tenant().accounts().update(made.id, &change).await.unwrap();
    assert_eq!((names(&admin).await, names(&other).await), (vec!["Two".to_owned()], vec!["One".to_owned()]));
    assert_eq!(admin.tenant().accounts().get(made.id).await.unwrap().name.as_str(), "Two");
    other.tenant().accounts().delete(made.id).await.unwrap();
    assert!(names(&other).await.is_empty() && names(&admin).await.is_empty());
    assert_eq!(admin.tenant().accounts().get(made.id).await.unwrap_err().kind(), ErrorKind::NotFound);

    // The next person at this machine sees their own.
    create(&other, "Of the harbour").await;
    assert_eq!(names(&other).await, ["Of the harbour"]);
    other.auth().logout().await.unwrap();
    other.auth().login(&credentials(STRANGER)).await.unwrap();
    assert!(names(&other).await.is_empty());
}

async fn keeping(server: &Server, fresh_for: Duration) -> Client {
    let settings = CacheSettings { fresh_for, ..CacheSettings::default() };
    let client = builder(server.address).cache(settings).build().unwrap();
    client.auth().login(&credentials(ADMIN)).await.unwrap();
    client
}
