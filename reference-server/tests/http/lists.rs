//! Lists: by cursor, and what none of them takes.

use crate::endpoints;
use crate::server::{ADMIN, STAFF, STRANGER, Server, USER, send};
use mono_client::Client;
use mono_core::ErrorKind;
use mono_core::api::audit::{ListAudit, ScrollAudit};
use mono_core::api::members::{ListMembers, ScrollMembers};
use mono_core::api::profiles::{CreateProfile, ListProfiles, ScrollProfiles};
use mono_core::api::tenants::{CreateTenant, ListTenants, ScrollTenants};
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::json;

mono_storage::conformance!(
    a_cursor_goes_through_the_whole_list_once,
    a_cursor_sees_what_its_filter_and_its_caller_see,
    no_list_ignores_a_parameter,
);

/// Follows the cursors of a list in slices of two.
macro_rules! follow {
    ($list:expr, $wanted:ident $(, $field:ident: $value:expr)*) => {{
        let mut cursor = None;
        let mut items = Vec::new();
        loop {
            let wanted = $wanted { cursor, limit: Some(2), $($field: $value,)* ..Default::default() };
            let slice = $list.scroll(&wanted).await.unwrap();
            assert!(slice.items.len() <= 2);
            items.extend(slice.items);
            cursor = slice.next;
            if cursor.is_none() {
                break items;
            }
        }
    }};
}

async fn people(server: &Server, count: usize) {
    for number in 0..count {
        server.add_person(&format!("crew{number}@harbour.example"), &[(server.world.harbour.id, None)]).await;
    }
}

/// A profile for each of the first members.
async fn profiles(admin: &Client, count: usize) {
    let schema = serde_json::from_value(json!({"key": "plain", "name": "Plain", "fields": []})).unwrap();
    admin.tenant().schemas().put(&schema).await.unwrap();
    let members = admin.tenant().members().list(&ListMembers::default()).await.unwrap().items;
    for member in members.iter().take(count) {
        let new = CreateProfile { kind: "plain".into(), data: json!({}) };
        admin.tenant().profiles().create(member.id, &new).await.unwrap();
    }
}

async fn a_cursor_goes_through_the_whole_list_once(world: World) {
    let server = Server::start(world).await;
    let (admin, staff) = (server.sign_in(ADMIN).await, server.sign_in(STAFF).await);
    people(&server, 3).await;
    profiles(&admin, 5).await;
    for name in ["Third", "Fourth", "Fifth"] {
        staff
            .platform()
            .tenants()
            .create(&CreateTenant { name: name.into(), ..Default::default() })
            .await
            .unwrap();
    }
    let newest = || Some("-createdAt".to_owned());

    let listed =
        admin.tenant().members().list(&ListMembers { sort: newest(), ..Default::default() }).await.unwrap();
    assert!(listed.items.len() > 4);
    assert_eq!(follow!(admin.tenant().members(), ScrollMembers), listed.items);

    let listed = admin.tenant().profiles().page(&ListProfiles::default()).await.unwrap();
    assert_eq!((listed.items.len(), listed.pagination.total), (5, 5));
    assert_eq!(follow!(admin.tenant().profiles(), ScrollProfiles), listed.items);
    let oldest =
        ListProfiles { sort: Some("createdAt".into()), limit: Some(1), page: Some(5), ..Default::default() };
    assert_eq!(admin.tenant().profiles().page(&oldest).await.unwrap().items[0], listed.items[0]);

    let listed = staff.platform().tenants().list(&ListTenants::default()).await.unwrap();
    assert_eq!(listed.items.len(), 5);
    assert_eq!(follow!(staff.platform().tenants(), ScrollTenants), listed.items);

    let wanted = ListAudit { limit: Some(100), ..Default::default() };
    let listed = admin.tenant().audit().list(&wanted).await.unwrap();
    assert!(listed.items.len() > 10);
    assert_eq!(follow!(admin.tenant().audit(), ScrollAudit), listed.items);
}

async fn a_cursor_sees_what_its_filter_and_its_caller_see(world: World) {
    let server = Server::start(world).await;
    let (admin, staff) = (server.sign_in(ADMIN).await, server.sign_in(STAFF).await);
    people(&server, 3).await;
    profiles(&admin, 3).await;
    let crew = follow!(admin.tenant().members(), ScrollMembers, search: Some("CREW".into()));
    assert_eq!(crew.len(), 3);
    admin.tenant().members().suspend(crew[0].id).await.unwrap();
    let suspended = follow!(admin.tenant().members(), ScrollMembers, status: Some("suspended".into()));
    assert_eq!(suspended.iter().map(|member| member.id).collect::<Vec<_>>(), [crew[0].id]);

    let all = follow!(admin.tenant().profiles(), ScrollProfiles);
    let of = |member: mono_core::id::MemberId| Some(member.to_string());
    let one = follow!(admin.tenant().profiles(), ScrollProfiles, member_id: of(all[0].member_id));
    assert_eq!(one, all[..1]);
    assert_eq!(follow!(admin.tenant().profiles(), ScrollProfiles, kind: Some("other".into())), []);
    assert_eq!(follow!(admin.tenant().profiles(), ScrollProfiles, status: Some("published".into())), []);
    let page = ListProfiles { status: Some("draft".into()), ..Default::default() };
    assert_eq!(admin.tenant().profiles().page(&page).await.unwrap().items, all);

    let suspensions = follow!(admin.tenant().audit(), ScrollAudit, entity: Some("member".into()),
        entity_id: of(crew[0].id), action: Some("update".into()));
    assert_eq!(suspensions.len(), 1);
    assert_eq!(follow!(staff.platform().tenants(), ScrollTenants, search: Some("lagoon".into())).len(), 1);

    // Of another tenant nothing is seen, with a cursor from there either; who may not read the list reads no slice.
    let stranger = server.sign_in(STRANGER).await;
    let first = ScrollMembers { limit: Some(1), ..Default::default() };
    let cursor = admin.tenant().members().scroll(&first).await.unwrap().next;
    let seen =
        stranger.tenant().members().scroll(&ScrollMembers { cursor, ..Default::default() }).await.unwrap();
    assert!(seen.items.iter().all(|member| member.tenant_id == server.world.lagoon.id));
    assert_eq!(follow!(stranger.tenant().profiles(), ScrollProfiles), []);
    let user = server.sign_in(USER).await;
    let tenant = user.tenant();
    let refused = [
        tenant.members().scroll(&ScrollMembers::default()).await.unwrap_err(),
        tenant.profiles().page(&ListProfiles::default()).await.unwrap_err(),
        tenant.profiles().scroll(&ScrollProfiles::default()).await.unwrap_err(),
        tenant.audit().scroll(&ScrollAudit::default()).await.unwrap_err(),
        admin.platform().tenants().scroll(&ScrollTenants::default()).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.kind() == ErrorKind::Forbidden), "{refused:?}");
    let bad = ScrollAudit {
        cursor: Some("x".into()),
        limit: Some(0),
        action: Some("x".into()),
        ..Default::default()
    };
    assert_eq!(admin.tenant().audit().scroll(&bad).await.unwrap_err().problems().len(), 3);
}

/// What reads one thing, and not a list.
fn is_one_thing(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    let named = [
        "tenant",
        "user",
        "second-factor",
        "auth-policy",
        "entitlements",
        "snapshot",
        "subscription",
        "extra",
        "1",
        "en",
        "openapi.json",
    ];
    last.starts_with('{') || named.contains(&last)
}

async fn no_list_ignores_a_parameter(world: World) {
    let server = Server::start(world).await;
    let (admin, staff) = (server.token(ADMIN).await, server.token(STAFF).await);
    let mut lists = 0;
    for (method, path, _) in endpoints::routes() {
        if method != Method::GET || !path.starts_with("/api/") || is_one_thing(&path) {
            continue;
        }
        let mut address = path.clone();
        while let Some((before, (_, after))) =
            address.split_once('{').and_then(|(a, b)| Some((a, b.split_once('}')?)))
        {
            address = format!("{before}01998d5e-0000-7000-8000-000000000000{after}");
        }
        let more = if address.contains('?') { '&' } else { '?' };
        let token = if path.starts_with("/api/v1/platform") { &staff } else { &admin };
        let answer = send(server.get(&format!("{address}{more}surprise=1")).bearer_auth(token)).await;
        assert_eq!(answer.failure(), (400, "invalid_query".to_owned()), "{path}");
        assert!(answer.json()["message"].as_str().unwrap().contains("surprise"), "{path}: {answer:?}");
        lists += 1;
    }
    assert!(lists > 20, "{lists}");
}
