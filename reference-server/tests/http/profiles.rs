//! Profiles of members, and the schemas and option sets of the tenant that they obey.

use crate::server::{ADMIN, MEMBER, STRANGER, Server, USER};
use mono_client::Client;
use mono_core::ErrorKind;
use mono_core::api::members::ListMembers;
use mono_core::api::profiles::{CreateProfile, UpdateProfile};
use mono_core::id::MemberId;
use mono_core::model::profile::ProfileStatus;
use mono_core::model::schema::{OptionSet, Schema};
use mono_core::subscription::Key;
use mono_storage::testkit::World;
use serde_json::{Value, json};

mono_storage::conformance!(
    a_profile_obeys_its_schema,
    a_profile_is_its_members_own,
    what_is_in_use_is_not_deleted,
    another_tenants_profiles_and_schemas_are_not_found,
);

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn ranks(options: &[&str]) -> OptionSet {
    let options: Vec<Value> =
        options.iter().map(|value| json!({"value": value, "label": value, "metadata": {"a": 1}})).collect();
    serde_json::from_value(json!({"key": "ranks", "name": "Ranks", "options": options})).unwrap()
}

fn sailor() -> Schema {
    serde_json::from_value(json!({"key": "sailor", "name": "Sailor", "fields": [
        {"key": "bio", "label": "Bio", "type": {"text": {"max_length": 5}}, "required": true},
        {"key": "rank", "label": "Rank", "type": {"option": {"set": "ranks"}}},
        {"key": "boats", "label": "Boats", "type": {"number": {"minimum": 0}}}]}))
    .unwrap()
}

async fn set_up(client: &Client) {
    client.tenant().option_sets().put(&ranks(&["mate", "captain"])).await.unwrap();
    client.tenant().schemas().put(&sailor()).await.unwrap();
}

async fn member(client: &Client, email: &str) -> MemberId {
    let wanted = ListMembers { search: Some(email.into()), ..Default::default() };
    client.tenant().members().list(&wanted).await.unwrap().items[0].id
}

fn draft(data: Value) -> CreateProfile {
    CreateProfile { kind: "sailor".into(), data }
}

fn status(status: &str) -> UpdateProfile {
    UpdateProfile { status: Some(status.into()), ..Default::default() }
}

async fn a_profile_obeys_its_schema(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    set_up(&admin).await;
    assert_eq!(admin.tenant().schemas().list().await.unwrap(), [sailor()]);
    assert_eq!(admin.tenant().option_sets().get(&key("ranks")).await.unwrap(), ranks(&["mate", "captain"]));
    let (profiles, user) = (admin.tenant().profiles(), member(&admin, USER).await);
    let wrong = json!({"bio": "too long", "rank": "cook", "boats": -1, "ships": 2});
    let error = profiles.create(user, &draft(wrong)).await.unwrap_err();
    let mut fields: Vec<_> = error.problems().into_iter().map(|problem| problem.field).collect();
    fields.sort();
    assert_eq!(fields, ["data.bio", "data.boats", "data.rank", "data.ships"]);
    let unknown = CreateProfile { kind: "pilot".into(), data: json!({}) };
    assert_eq!(profiles.create(user, &unknown).await.unwrap_err().code(), "unknown_schema");

    let made = profiles.create(user, &draft(json!({"rank": "mate"}))).await.unwrap();
    assert_eq!((made.status, made.version), (ProfileStatus::Draft, 1));
    let error = profiles.update(made.id, &status("published")).await.unwrap_err();
    assert_eq!(error.problems()[0].field, "data.bio", "published, it is whole");
    let data = Some(json!({"bio": "Ann", "rank": "captain"}));
    let change = UpdateProfile { data, status: Some("published".into()), version: Some(1) };
    let published = profiles.update(made.id, &change).await.unwrap();
    assert_eq!((published.status, published.version), (ProfileStatus::Published, 2));
    let stale = profiles.update(made.id, &UpdateProfile { version: Some(1), ..status("draft") }).await;
    assert_eq!(stale.unwrap_err().details().unwrap()["currentVersion"], 2);
    assert_eq!(profiles.get(made.id).await.unwrap(), published);

    // A set that has lost an option asks for another when the data are next written.
    admin.tenant().option_sets().put(&ranks(&["mate"])).await.unwrap();
    assert_eq!(profiles.get(made.id).await.unwrap(), published);
    let data = Some(json!({"bio": "Anna", "rank": "captain"}));
    let error = profiles.update(made.id, &UpdateProfile { data, ..Default::default() }).await.unwrap_err();
    assert_eq!(error.problems()[0].field, "data.rank");

    profiles.delete(made.id).await.unwrap();
    assert_eq!(profiles.get(made.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(profiles.list(user).await.unwrap(), []);
    let back = profiles.restore(made.id).await.unwrap();
    assert_eq!((back.status, back.version), (ProfileStatus::Draft, 4));
    assert_eq!(profiles.list(user).await.unwrap(), [back]);
}

async fn a_profile_is_its_members_own(world: World) {
    let server = Server::start(world).await;
    let (admin, user) = (server.sign_in(ADMIN).await, server.sign_in(USER).await);
    set_up(&admin).await;
    let (own, other) = (member(&admin, USER).await, member(&admin, MEMBER).await);
    let profiles = user.tenant().profiles();
    let made = profiles.create(own, &draft(json!({"bio": "Uma"}))).await.unwrap();
    profiles.update(made.id, &status("published")).await.unwrap();
    assert_eq!(profiles.list(own).await.unwrap().len(), 1);
    // `user.*` in the whole tenant opens nobody else's.
    let theirs = admin.tenant().profiles().create(other, &draft(json!({}))).await.unwrap();
    for error in [
        profiles.get(theirs.id).await.unwrap_err(),
        profiles.list(other).await.unwrap_err(),
        profiles.create(other, &draft(json!({}))).await.unwrap_err(),
        profiles.update(theirs.id, &status("published")).await.unwrap_err(),
        profiles.delete(theirs.id).await.unwrap_err(),
        user.tenant().schemas().put(&sailor()).await.unwrap_err(),
        user.tenant().option_sets().list().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Forbidden);
    }
    // Who has no role has no profile of their own either.
    let nobody = server.sign_in(MEMBER).await;
    assert_eq!(nobody.tenant().profiles().get(theirs.id).await.unwrap_err().kind(), ErrorKind::Forbidden);
    // It ends with the membership.
    admin.tenant().members().remove(own).await.unwrap();
    let error = admin.tenant().profiles().get(made.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

async fn what_is_in_use_is_not_deleted(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let (schemas, sets) = (admin.tenant().schemas(), admin.tenant().option_sets());
    assert_eq!(schemas.put(&sailor()).await.unwrap_err().code(), "unknown_option_set");
    set_up(&admin).await;
    let made = admin.tenant().profiles().create(member(&admin, USER).await, &draft(json!({}))).await.unwrap();
    admin.tenant().profiles().delete(made.id).await.unwrap();
    for error in
        [sets.delete(&key("ranks")).await.unwrap_err(), schemas.delete(&key("sailor")).await.unwrap_err()]
    {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "in_use"));
    }
    let mut other = sailor();
    other.key = key("other");
    schemas.put(&other).await.unwrap();
    schemas.delete(&other.key).await.unwrap();
    assert_eq!(schemas.delete(&other.key).await.unwrap_err().kind(), ErrorKind::NotFound);
    // Without the field that names it, the set is free.
    let mut plain = sailor();
    plain.fields.truncate(1);
    schemas.put(&plain).await.unwrap();
    sets.delete(&key("ranks")).await.unwrap();
    plain.fields.push(plain.fields[0].clone());
    assert_eq!(schemas.put(&plain).await.unwrap_err().problems()[0].field, "fields[1].key");
}

async fn another_tenants_profiles_and_schemas_are_not_found(world: World) {
    let server = Server::start(world).await;
    let (admin, stranger) = (server.sign_in(ADMIN).await, server.sign_in(STRANGER).await);
    set_up(&admin).await;
    let user = member(&admin, USER).await;
    let made = admin.tenant().profiles().create(user, &draft(json!({}))).await.unwrap();
    let (profiles, schemas) = (stranger.tenant().profiles(), stranger.tenant().schemas());
    for error in [
        profiles.get(made.id).await.unwrap_err(),
        profiles.update(made.id, &status("published")).await.unwrap_err(),
        profiles.delete(made.id).await.unwrap_err(),
        profiles.create(user, &draft(json!({}))).await.unwrap_err(),
        schemas.get(&key("sailor")).await.unwrap_err(),
        stranger.tenant().option_sets().delete(&key("ranks")).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert_eq!(profiles.list(user).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(schemas.list().await.unwrap(), []);
}
