//! Many things in one request: each is done or refused as it would have been alone.

use crate::server::{ACCOUNTS, ADMIN, Answer, LONER, MEMBER, STRANGER, Server, create, named, send};
use mono_core::api::accounts::{ListAccounts, UpdateAccount};
use mono_core::api::bulk::BulkChange;
use mono_core::api::invitations::{CreateInvitation, ListInvitations};
use mono_core::api::members::ListMembers;
use mono_core::api::profiles::{CreateProfileOf, UpdateProfile};
use mono_core::api::teams::{CreateTeamIn, UpdateTeam};
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::AccountId;
use mono_core::permission::Scope;
use mono_core::{Error, ErrorKind};
use mono_storage::store::NewAssignment;
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::{Value, json};

mono_storage::conformance!(
    of_a_hundred_as_many_are_made_as_there_are_places,
    two_requests_at_once_share_the_places,
    each_item_has_the_answer_that_it_would_have_had_alone,
    changes_follow_one_another,
    more_than_a_hundred_are_refused_as_a_whole,
    each_item_needs_its_own_right,
    teams_and_profiles_come_in_numbers_too,
    many_things_are_one_call,
    a_list_is_not_taken_for_the_fields_of_a_thing,
    people_are_invited_in_numbers_too,
);

fn codes<T>(results: &[Result<T, Error>]) -> Vec<&str> {
    results.iter().map(|result| result.as_ref().err().map_or("", Error::code)).collect()
}

async fn of_a_hundred_as_many_are_made_as_there_are_places(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let wanted: Vec<_> = (0..100).map(|number| named(&format!("Account {number}"))).collect();
    let results = client.tenant().accounts().create_many(&wanted).await.unwrap();
    assert_eq!(results.len(), 100);
    let (made, refused) = results.split_at(5);
    for (number, account) in made.iter().enumerate() {
        let account = account.as_ref().unwrap();
        assert_eq!(account.name.as_str(), format!("Account {number}"));
        assert_eq!(server.audited(account.id).await.len(), 1);
    }
    for result in refused {
        let error = result.as_ref().unwrap_err();
        assert_eq!(
            (error.kind(), &error.details().unwrap()["current"]),
            (ErrorKind::LimitExceeded, &json!(5))
        );
    }
    let page = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    assert_eq!((page.pagination.total, server.used(server.world.harbour.id).await), (5, 5));
}

async fn two_requests_at_once_share_the_places(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let of = |who: &str| (0..20).map(|number| named(&format!("{who} {number}"))).collect::<Vec<_>>();
    let (one, two) = (of("One"), of("Two"));
    let accounts = client.tenant();
    let accounts = accounts.accounts();
    let (one, two) = tokio::join!(accounts.create_many(&one), accounts.create_many(&two));
    let all: Vec<_> = one.unwrap().into_iter().chain(two.unwrap()).collect();
    assert_eq!(all.iter().filter(|result| result.is_ok()).count(), 5);
    let page = accounts.list(&ListAccounts::default()).await.unwrap();
    assert_eq!((page.pagination.total, server.used(server.world.harbour.id).await), (5, 5));
}

/// Sends items that the typed client would not send.
async fn bulk(server: &Server, email: &str, method: Method, path: &str, items: Value) -> Answer {
    let token = server.token(email).await;
    let request = server.request(method, &format!("{path}/bulk")).bearer_auth(token);
    send(request.json(&json!({ "items": items }))).await
}

async fn each_item_has_the_answer_that_it_would_have_had_alone(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    create(&client, "Taken").await;
    let items = [
        json!({"name": "Good", "type": "agency"}),
        json!({"name": "Taken"}),
        json!({"name": " ", "email": "nobody"}),
        json!({"name": "Curious", "owner": "me"}),
        json!({"name": 7}),
        json!([]),
        json!("Text"),
        Value::Null,
        json!({"name": "Good"}),
        json!({"name": "Last"}),
    ];
    let answer = bulk(&server, ADMIN, Method::POST, ACCOUNTS, items.clone().into()).await;
    assert_eq!(answer.status, 200);
    let results = answer.json()["data"]["results"].as_array().unwrap().clone();
    let statuses: Vec<_> = results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 409, 400, 400, 400, 400, 400, 400, 409, 201]);
    assert_eq!(results[0]["data"]["type"], "agency");
    let token = server.token(ADMIN).await;
    for (item, result) in items.iter().zip(&results).filter(|(_, result)| result["status"] != 201) {
        let mut alone = send(server.post(ACCOUNTS).bearer_auth(&token).json(item)).await.json();
        alone["status"] = result["status"].clone();
        alone.as_object_mut().unwrap().remove("success");
        assert_eq!(&alone, result, "{item}");
    }
    assert_eq!(server.used(server.world.harbour.id).await, 3, "what was refused left nothing behind");
}

async fn changes_follow_one_another(world: World) {
    let server = Server::start(world).await;
    let (client, stranger) = (server.sign_in(ADMIN).await, server.sign_in(STRANGER).await);
    let (one, gone) = (create(&client, "One").await, create(&client, "Gone").await);
    let foreign = create(&stranger, "Foreign").await;
    client.tenant().accounts().delete(gone.id).await.unwrap();
    let name = |id: &dyn std::fmt::Display, name: &str, version| {
        BulkChange::new(id, UpdateAccount { name: Some(name.into()), version, ..Default::default() })
    };
    let results = client
        .tenant()
        .accounts()
        .update_many(&[
            name(&one.id, "First", Some(1)),
            name(&one.id, "Stale", Some(1)),
            name(&one.id, "Second", None),
            name(&foreign.id, "Mine", None),
            name(&gone.id, "Back", None),
            name(&AccountId::from_u128(7), "Nobody's", None),
            name(&"{7}", "No id", None),
        ])
        .await
        .unwrap();
    let not_found = "not_found";
    assert_eq!(codes(&results), ["", "stale_version", "", not_found, not_found, not_found, "invalid_id"]);
    assert_eq!(results[1].as_ref().unwrap_err().details().unwrap()["currentVersion"], 2);
    let account = client.tenant().accounts().get(one.id).await.unwrap();
    assert_eq!((account.name.as_str(), account.version), ("Second", 3));
    assert_eq!(server.audited(one.id).await.len(), 3);
    assert_eq!(stranger.tenant().accounts().get(foreign.id).await.unwrap(), foreign);
    assert!(server.audited(foreign.id).await.iter().all(|(tenant, _)| *tenant == foreign.tenant_id));
}

async fn more_than_a_hundred_are_refused_as_a_whole(world: World) {
    let server = Server::start(world).await;
    let items: Vec<_> = (0..101).map(|number| json!({"name": format!("Account {number}")})).collect();
    let answer = bulk(&server, ADMIN, Method::POST, ACCOUNTS, items.into()).await;
    assert_eq!(answer.failure(), (400, "too_many".into()));
    assert_eq!(server.used(server.world.harbour.id).await, 0);
    for items in [json!({}), Value::Null, json!("x")] {
        let answer = bulk(&server, ADMIN, Method::POST, ACCOUNTS, items).await;
        assert_eq!(answer.failure(), (400, "invalid_field".into()));
    }
    let answer = bulk(&server, ADMIN, Method::POST, ACCOUNTS, json!([])).await;
    assert_eq!((answer.status, &answer.json()["data"]["results"]), (200, &json!([])));
}

async fn each_item_needs_its_own_right(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let (own, other) = (create(&admin, "Own").await.id, create(&admin, "Other").await.id);
    let harbour = server.world.harbour.id;
    let user = server.add_person("owner@harbour.example", &[(harbour, None)]).await;
    let wanted = ListMembers { search: Some("owner@".into()), ..Default::default() };
    let member = admin.tenant().members().list(&wanted).await.unwrap().items[0].id;
    let system = Caller::system_in(SystemReason::Seed, harbour);
    let mut tx = server.database().tenant(&system).write().await.unwrap();
    let new = NewAssignment::new(member, "account_owner", Scope::account(harbour, own));
    tx.assignments().assign(new).await.unwrap();
    tx.commit().await.unwrap();
    assert_ne!(user.uuid(), member.uuid());

    let owner = server.sign_in("owner@harbour.example").await;
    let team =
        |account: AccountId, name: &str| CreateTeamIn { account_id: account.to_string(), name: name.into() };
    let wanted = [team(own, "Crew"), team(other, "Crew"), team(AccountId::from_u128(7), "Crew")];
    let results = owner.tenant().teams().create_many(&wanted).await.unwrap();
    let kinds: Vec<_> = results.iter().map(|result| result.as_ref().err().map(Error::kind)).collect();
    assert_eq!(kinds, [None, Some(ErrorKind::Forbidden), Some(ErrorKind::NotFound)]);
    for (email, status) in [(MEMBER, 403), (STRANGER, 201)] {
        let answer = bulk(&server, email, Method::POST, ACCOUNTS, json!([{"name": "Theirs"}])).await;
        assert_eq!(answer.json()["data"]["results"][0]["status"], status, "{answer:?}");
    }
    let answer = bulk(&server, LONER, Method::POST, ACCOUNTS, json!([{"name": "Theirs"}])).await;
    assert!(answer.status == 400 || answer.json()["data"]["results"][0]["status"] == 400, "{answer:?}");
    let answer = send(server.post("/api/v1/tenant/accounts/bulk").json(&json!({"items": []}))).await;
    assert_eq!(answer.failure(), (401, "missing_credentials".into()));
    assert_eq!(server.used(harbour).await, 2);
}

async fn teams_and_profiles_come_in_numbers_too(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let account = create(&client, "One").await.id.to_string();
    let team = |name: &str| CreateTeamIn { account_id: account.clone(), name: name.into() };
    let teams = client.tenant();
    let teams = teams.teams();
    let made = teams.create_many(&[team("A"), team(" a"), team("B")]).await.unwrap();
    assert_eq!(codes(&made), ["", "name_taken", ""]);
    let rename = |name: &str| UpdateTeam { name: Some(name.into()), version: Some(1) };
    let (a, b) = (made[0].as_ref().unwrap().id, made[2].as_ref().unwrap().id);
    let changes =
        [BulkChange::new(b, rename("A")), BulkChange::new(a, rename("C")), BulkChange::new(b, rename("A"))];
    assert_eq!(codes(&teams.update_many(&changes).await.unwrap()), ["name_taken", "", ""]);

    let schema = json!({"key": "sailor", "name": "Sailor", "fields": [
        {"key": "bio", "label": "Bio", "type": {"text": {"max_length": 5}}}]});
    client.tenant().schemas().put(&serde_json::from_value(schema).unwrap()).await.unwrap();
    let members = client.tenant().members().list(&ListMembers::default()).await.unwrap().items;
    let mut wanted: Vec<_> = members
        .iter()
        .map(|member| CreateProfileOf {
            member_id: member.id.to_string(),
            kind: "sailor".into(),
            data: json!({"bio": "salt"}),
        })
        .collect();
    wanted[1].data = json!({"bio": "pepper"});
    let profiles = client.tenant();
    let profiles = profiles.profiles();
    let made = profiles.create_many(&wanted).await.unwrap();
    assert_eq!(made.iter().filter(|result| result.is_ok()).count(), members.len() - 1);
    assert_eq!(made[1].as_ref().unwrap_err().problems()[0].field, "data.bio");
    let publish = UpdateProfile { status: Some("published".into()), ..Default::default() };
    let changes: Vec<_> =
        made.iter().flatten().map(|profile| BulkChange::new(profile.id, publish.clone())).collect();
    let published = profiles.update_many(&changes).await.unwrap();
    assert!(published.iter().all(|profile| profile.as_ref().is_ok_and(|profile| profile.version == 2)));
}

async fn many_things_are_one_call(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let calls = async || {
        let answer = client.tenant().entitlements().await.unwrap();
        answer.limits.into_iter().find(|usage| usage.decision.limit == "api_calls").unwrap().decision.current
    };
    assert_eq!(calls().await, 0);
    client.tenant().accounts().create_many(&[named("One"), named("Two"), named("One")]).await.unwrap();
    assert_eq!(calls().await, 1);
}

async fn a_list_is_not_taken_for_the_fields_of_a_thing(world: World) {
    let server = Server::start(world).await;
    let account = create(&server.sign_in(ADMIN).await, "One").await;
    let id = account.id.to_string();
    let changes = json!([
        {"id": id, "change": [null, "x"]},
        [id, {"name": "Two"}],
        {"id": id, "change": null},
        {"id": id, "change": {"name": "Three"}},
    ]);
    let answer = bulk(&server, ADMIN, Method::PATCH, ACCOUNTS, changes).await;
    let results = answer.json()["data"]["results"].clone();
    let statuses: Vec<_> =
        results.as_array().unwrap().iter().map(|result| result["status"].clone()).collect();
    assert_eq!(statuses, [400, 400, 400, 200]);
    assert_eq!(
        (&results[0]["details"]["reason"], &results[3]["data"]["version"]),
        (&json!("invalid_field"), &json!(2))
    );
    let request = server.post(&format!("{ACCOUNTS}/bulk")).bearer_auth(server.token(ADMIN).await);
    assert_eq!(
        send(request.json(&json!([[{"name": "Four"}]]))).await.failure(),
        (400, "invalid_field".into())
    );
    assert_eq!(server.used(server.world.harbour.id).await, 1);
}

async fn people_are_invited_in_numbers_too(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let invite = |email: &str| CreateInvitation { email: email.into(), roles: Vec::new() };
    let wanted = [
        invite("a@new.example"),
        invite("A@new.example"),
        invite(MEMBER),
        invite("x"),
        invite("b@new.example"),
    ];
    let results = admin.tenant().invitations().create_many(&wanted).await.unwrap();
    assert_eq!(codes(&results), ["", "already_invited", "already_member", "invalid_email", ""]);
    let waiting = admin.tenant().invitations().list(&ListInvitations::default()).await.unwrap();
    assert_eq!(waiting.pagination.total, 2);
    let results =
        server.sign_in(MEMBER).await.tenant().invitations().create_many(&wanted[..1]).await.unwrap();
    assert_eq!(results[0].as_ref().unwrap_err().kind(), ErrorKind::Forbidden);
}
