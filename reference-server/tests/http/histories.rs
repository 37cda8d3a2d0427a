//! The versions of each noun over HTTP.

use crate::server::{ADMIN, MEMBER, STAFF, STRANGER, Server, create, send};
use mono_client::History;
use mono_core::api::history::{CompareVersions, ListVersions};
use mono_core::api::members::ListMembers;
use mono_core::api::profiles::{CreateProfile, UpdateProfile};
use mono_core::api::teams::{CreateTeam, UpdateTeam};
use mono_core::api::tenants::{TenantSettings, UpdateOwnTenant, UpdateTenant};
use mono_core::audit::Action;
use mono_core::model::schema::{OptionSet, Schema};
use mono_core::subscription::Key;
use mono_core::{Error, ErrorKind};
use mono_storage::testkit::World;
use serde::de::DeserializeOwned;
use serde_json::json;

mono_storage::conformance!(
    teams_profiles_schemas_and_sets_go_back,
    a_member_is_told_of_and_does_not_go_back,
    a_tenant_goes_back,
    a_stale_way_back_is_a_conflict,
    a_history_is_read_by_those_who_read_the_thing,
);

const BOTH: CompareVersions = CompareVersions { from: 1, to: 2 };

/// What was done, oldest first.
async fn told<T: DeserializeOwned>(history: &History<'_, T>) -> Vec<Action> {
    let page = history.list(ListVersions::default()).await.unwrap();
    let told: Vec<_> = page.items.iter().rev().map(|item| (item.version, item.action)).collect();
    assert_eq!(
        told.iter().map(|(version, _)| *version).collect::<Vec<_>>(),
        (1..=told.len() as i64).collect::<Vec<_>>()
    );
    told.into_iter().map(|(_, action)| action).collect()
}

fn schema(name: &str) -> Schema {
    let field = json!({"key": "phone", "label": "Phone", "type": {"text": {}}});
    serde_json::from_value(json!({"key": "sailor", "name": name, "fields": [field]})).unwrap()
}

fn ranks(name: &str) -> OptionSet {
    serde_json::from_value(json!({"key": "ranks", "name": name, "options": []})).unwrap()
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

async fn teams_profiles_schemas_and_sets_go_back(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let (tenant, reverted) = (admin.tenant(), [Action::Create, Action::Update, Action::Revert]);

    let account = create(&admin, "North").await.id;
    let team = tenant.teams().create(account, &CreateTeam { name: "Crew".into() }).await.unwrap();
    let change = UpdateTeam { name: Some("Riggers".into()), ..Default::default() };
    tenant.teams().update(team.id, &change).await.unwrap();
    let teams = tenant.teams();
    let history = teams.history(team.id);
    assert_eq!(history.version(1).await.unwrap().snapshot, team);
    assert_eq!(history.diff(BOTH).await.unwrap()[0].new, Some("Riggers".into()));
    assert_eq!(history.revert(1, Some(2)).await.unwrap().name, team.name);
    assert_eq!(told(&history).await, reverted);
    assert_eq!(server.audited(team.id).await.last().unwrap().1, "revert");

    tenant.schemas().put(&schema("Sailor")).await.unwrap();
    tenant.schemas().put(&schema("Seafarer")).await.unwrap();
    let schemas = tenant.schemas();
    let history = schemas.history(&key("sailor"));
    assert_eq!(history.diff(BOTH).await.unwrap()[0].field, "name");
    assert_eq!(history.revert(1, None).await.unwrap(), schema("Sailor"));
    assert_eq!(told(&history).await, reverted);
    assert_eq!(schemas.get(&key("sailor")).await.unwrap().name, "Sailor");

    let sets = tenant.option_sets();
    sets.put(&ranks("Ranks")).await.unwrap();
    sets.delete(&key("ranks")).await.unwrap();
    let history = sets.history(&key("ranks"));
    assert_eq!(history.revert(1, Some(2)).await.unwrap(), ranks("Ranks"));
    assert_eq!(told(&history).await, [Action::Create, Action::Delete, Action::Revert]);
    assert_eq!(sets.get(&key("ranks")).await.unwrap(), ranks("Ranks"));

    let member = tenant.members().list(&ListMembers::default()).await.unwrap().items[0].id;
    let new = CreateProfile { kind: "sailor".into(), data: json!({"phone": "+351 1"}) };
    let profile = tenant.profiles().create(member, &new).await.unwrap();
    let change = UpdateProfile { data: Some(json!({"phone": "+351 2"})), ..Default::default() };
    tenant.profiles().update(profile.id, &change).await.unwrap();
    let profiles = tenant.profiles();
    let history = profiles.history(profile.id);
    let diff = serde_json::to_value(history.diff(BOTH).await.unwrap()).unwrap();
    assert!(!diff.to_string().contains("+351"), "{diff}");
    assert_eq!(history.revert(1, None).await.unwrap().data, profile.data);
    assert_eq!(told(&history).await, reverted);
}

async fn a_member_is_told_of_and_does_not_go_back(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    server.add_person("second@harbour.example", &[(server.world.harbour.id, None)]).await;
    let members = admin.tenant().members();
    let listed = members.list(&ListMembers::default()).await.unwrap().items;
    let member = listed.iter().find(|member| member.email.as_str() == "second@harbour.example").unwrap();
    members.suspend(member.id).await.unwrap();
    members.remove(member.id).await.unwrap();
    let history = members.history(member.id);
    assert_eq!(told(&history).await, [Action::Create, Action::Update, Action::Delete]);
    assert_eq!(history.version(1).await.unwrap().snapshot, *member);
    assert_eq!(history.diff(BOTH).await.unwrap()[0].field, "status");
    let path = format!("/api/v1/tenant/members/{}/versions/1/revert", member.id);
    let answer =
        send(server.request(reqwest::Method::POST, &path).bearer_auth(server.token(ADMIN).await)).await;
    assert_eq!((answer.status, answer.failure().1.as_str()), (404, "no_such_route"));
}

async fn a_tenant_goes_back(world: World) {
    let server = Server::start(world).await;
    let (admin, staff, id) =
        (server.sign_in(ADMIN).await, server.sign_in(STAFF).await, server.world.harbour.id);
    let own = TenantSettings { currency: Some("USD".into()), ..Default::default() };
    admin.tenant().update(&UpdateOwnTenant { own, ..Default::default() }).await.unwrap();
    let change = UpdateTenant { slug: Some("port".into()), ..Default::default() };
    staff.platform().tenants().update(id, &change).await.unwrap();
    let history = admin.tenant().history();
    let back = history.revert(1, Some(3)).await.unwrap();
    assert_eq!((back.currency.as_str(), back.slug.as_str()), ("EUR", "port"));
    let tenants = staff.platform().tenants();
    let above = tenants.history(id);
    assert_eq!(above.revert(1, None).await.unwrap().slug.as_str(), "harbour");
    let expected = [Action::Create, Action::Update, Action::Update, Action::Revert, Action::Revert];
    assert_eq!(told(&above).await, expected);
    assert_eq!(told(&history).await, expected);
    assert_eq!(history.version(2).await.unwrap().snapshot.currency.as_str(), "USD");
    assert_eq!(history.diff(BOTH).await.unwrap()[0].field, "currency");
    // Nobody looks at another tenant's from within.
    let stranger = server.sign_in(STRANGER).await;
    assert_eq!(
        stranger.platform().tenants().history(id).version(1).await.unwrap_err().kind(),
        ErrorKind::Forbidden
    );
    assert_ne!(stranger.tenant().history().version(1).await.unwrap().snapshot.id, id);
    let member = server.sign_in(MEMBER).await;
    assert_eq!(member.tenant().history().version(1).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(member.tenant().history().revert(1, None).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn a_stale_way_back_is_a_conflict(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let schemas = admin.tenant().schemas();
    for name in ["One", "Two", "Three"] {
        schemas.put(&schema(name)).await.unwrap();
    }
    let sailor = key("sailor");
    let (one, two) = (schemas.history(&sailor), schemas.history(&sailor));
    let (one, two) = tokio::join!(one.revert(1, Some(3)), two.revert(2, Some(3)));
    let failed = if one.is_ok() { two } else { one }.unwrap_err();
    assert_eq!((failed.kind(), failed.code()), (ErrorKind::Conflict, "stale_version"));
    assert_eq!(failed.details().unwrap()["currentVersion"], 4);
    let token = server.token(ADMIN).await;
    let path = "/api/v1/tenant/schemas/sailor/versions/1/revert";
    let request = server.request(reqwest::Method::POST, path).bearer_auth(token).header("If-Match", "3");
    assert_eq!(send(request).await.failure(), (400, "invalid_version".to_owned()));
}

async fn a_history_is_read_by_those_who_read_the_thing(world: World) {
    async fn all<T: mono_client::Revert + std::fmt::Debug>(history: History<'_, T>, kind: ErrorKind) {
        let errors: [Error; 4] = [
            history.list(ListVersions::default()).await.unwrap_err(),
            history.version(1).await.unwrap_err(),
            history.diff(BOTH).await.unwrap_err(),
            history.revert(1, None).await.unwrap_err(),
        ];
        assert!(errors.iter().all(|error| error.kind() == kind), "{errors:?}");
    }
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let account = create(&admin, "North").await.id;
    let team = admin.tenant().teams().create(account, &CreateTeam { name: "Crew".into() }).await.unwrap().id;
    admin.tenant().schemas().put(&schema("Sailor")).await.unwrap();
    admin.tenant().option_sets().put(&ranks("Ranks")).await.unwrap();
    let member = admin.tenant().members().list(&ListMembers::default()).await.unwrap().items[0].id;
    let new = CreateProfile { kind: "sailor".into(), data: json!({}) };
    let profile = admin.tenant().profiles().create(member, &new).await.unwrap().id;
    for (email, kind) in [(MEMBER, ErrorKind::Forbidden), (STRANGER, ErrorKind::NotFound)] {
        let client = server.sign_in(email).await;
        let tenant = client.tenant();
        all(tenant.teams().history(team), kind).await;
        all(tenant.profiles().history(profile), kind).await;
        all(tenant.schemas().history(&key("sailor")), kind).await;
        all(tenant.option_sets().history(&key("ranks")), kind).await;
        assert_eq!(tenant.members().history(member).version(1).await.unwrap_err().kind(), kind);
    }
}
