//! `If-Match`: a change of what was changed meanwhile is refused, whatever it is and however it is changed.

use crate::server::{ACCOUNTS, ADMIN, Answer, STAFF, Server, create, named, send};
use mono_core::api::api_keys::CreateApiKey;
use mono_core::api::members::ListMembers;
use mono_core::api::profiles::CreateProfile;
use mono_core::api::teams::CreateTeam;
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::{Value, json};

mono_storage::conformance!(
    every_change_heeds_the_version,
    what_has_no_version_is_not_changed_under_a_condition,
    a_client_changes_what_it_has_seen,
);

const OWN: &str = "/api/v1/tenant";

async fn call(
    server: &Server,
    email: &str,
    (method, path): (Method, &str),
    body: &Value,
    version: &str,
) -> Answer {
    let mut request = server.request(method, path).bearer_auth(server.token(email).await);
    if !body.is_null() {
        request = request.json(body);
    }
    send(request.header("if-match", version)).await
}

async fn every_change_heeds_the_version(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let harbour = server.world.harbour.id;
    server.add_person("second@harbour.example", &[(harbour, None)]).await;
    let wanted = ListMembers { search: Some("second@".into()), ..Default::default() };
    let member = admin.tenant().members().list(&wanted).await.unwrap().items[0].id;
    let account = create(&admin, "One").await.id;
    let parent = create(&admin, "Parent").await.id;
    let team = admin.tenant().teams().create(parent, &CreateTeam { name: "Crew".into() }).await.unwrap().id;
    let schema = |name: &str| json!({"key": "sailor", "name": name, "fields": []});
    let set = |name: &str| json!({"key": "ranks", "name": name, "options": []});
    let plain = json!({"key": "plain", "name": "Plain", "fields": []});
    for item in [&plain, &schema("Sailor")] {
        admin.tenant().schemas().put(&serde_json::from_value(item.clone()).unwrap()).await.unwrap();
    }
    admin.tenant().option_sets().put(&serde_json::from_value(set("Ranks")).unwrap()).await.unwrap();
    let new = CreateProfile { kind: "plain".into(), data: json!({}) };
    let profile = admin.tenant().profiles().create(member, &new).await.unwrap().id;
    let wanted = CreateApiKey { name: "Key".into(), ..Default::default() };
    let key = admin.tenant().api_keys().create(&wanted).await.unwrap().api_key.id;

    let (patch, post, put, delete) = (Method::PATCH, Method::POST, Method::PUT, Method::DELETE);
    let (none, other) = (Value::Null, json!({"name": "Other"}));
    let (one, crew, card) =
        (format!("{ACCOUNTS}/{account}"), format!("{OWN}/teams/{team}"), format!("{OWN}/profiles/{profile}"));
    let (person, secret) = (format!("{OWN}/members/{member}"), format!("{OWN}/api-keys/{key}"));
    let (sailor, ranks) = (format!("{OWN}/schemas/sailor"), format!("{OWN}/option-sets/ranks"));
    let above = format!("/api/v1/platform/tenants/{harbour}");
    // Each changes what the one before has left, whose version stands last.
    let changes = [
        (ADMIN, &patch, one.clone(), other.clone(), 1),
        (ADMIN, &post, format!("{one}/versions/1/revert"), none.clone(), 2),
        (ADMIN, &delete, one.clone(), none.clone(), 3),
        (ADMIN, &post, format!("{one}/restore"), none.clone(), 4),
        (ADMIN, &patch, crew.clone(), other.clone(), 1),
        (ADMIN, &post, format!("{crew}/versions/1/revert"), none.clone(), 2),
        (ADMIN, &put, format!("{crew}/members/{member}"), none.clone(), 3),
        (ADMIN, &delete, format!("{crew}/members/{member}"), none.clone(), 3),
        (ADMIN, &delete, crew.clone(), none.clone(), 3),
        (ADMIN, &post, format!("{crew}/restore"), none.clone(), 4),
        (ADMIN, &patch, card.clone(), json!({"status": "published"}), 1),
        (ADMIN, &post, format!("{card}/versions/1/revert"), none.clone(), 2),
        (ADMIN, &delete, card.clone(), none.clone(), 3),
        (ADMIN, &post, format!("{card}/restore"), none.clone(), 4),
        (ADMIN, &post, format!("{person}/suspend"), none.clone(), 1),
        (ADMIN, &post, format!("{person}/suspend"), none.clone(), 2),
        (ADMIN, &post, format!("{person}/reactivate"), none.clone(), 2),
        (ADMIN, &delete, person, none.clone(), 3),
        (ADMIN, &patch, secret.clone(), other.clone(), 1),
        (ADMIN, &post, format!("{secret}/rotate"), json!({}), 2),
        (ADMIN, &delete, secret, none.clone(), 3),
        (ADMIN, &put, sailor.clone(), schema("Seafarer"), 1),
        (ADMIN, &put, sailor.clone(), schema("Seafarer"), 2),
        (ADMIN, &post, format!("{sailor}/versions/1/revert"), none.clone(), 2),
        (ADMIN, &delete, sailor.clone(), none.clone(), 3),
        (ADMIN, &put, sailor, schema("Sailor"), 4),
        (ADMIN, &put, ranks.clone(), set("Grades"), 1),
        (ADMIN, &delete, ranks, none.clone(), 2),
        (ADMIN, &patch, format!("{OWN}/auth-policy"), json!({"sessionHours": 23}), 0),
        (ADMIN, &patch, OWN.into(), other.clone(), 1),
        (ADMIN, &post, format!("{OWN}/versions/1/revert"), none.clone(), 2),
        (STAFF, &patch, above.clone(), json!({"slug": "port"}), 3),
        (STAFF, &post, format!("{above}/versions/1/revert"), none.clone(), 4),
        (STAFF, &post, format!("{above}/suspend"), none.clone(), 5),
        (STAFF, &post, format!("{above}/archive"), none.clone(), 6),
        (STAFF, &post, format!("{above}/reactivate"), none, 7),
    ];
    for (email, method, path, body, current) in changes {
        let what = format!("{method} {path}");
        for stale in [current - 1, current + 1].into_iter().filter(|stale| *stale >= 0) {
            let place = (method.clone(), path.as_str());
            let answer = call(&server, email, place, &body, &format!("\"{stale}\"")).await;
            assert_eq!(answer.failure(), (409, "stale_version".to_owned()), "{what} at {stale}");
            assert_eq!(answer.json()["details"]["currentVersion"], current, "{what}");
        }
        let place = (method.clone(), path.as_str());
        let answer = call(&server, email, place.clone(), &body, &format!("\"{current}\"")).await;
        assert!(answer.status < 300, "{what} at {current}: {answer:?}");
        for wrong in [format!("{current}"), "\"x\"".into(), format!("\"{current}\", \"0\""), String::new()] {
            let answer = call(&server, email, place.clone(), &body, &wrong).await;
            assert_eq!(answer.failure(), (400, "invalid_version".to_owned()), "{what} at {wrong}");
        }
    }
}

async fn what_has_no_version_is_not_changed_under_a_condition(world: World) {
    let server = Server::start(world).await;
    let answer = call(&server, ADMIN, (Method::POST, ACCOUNTS), &json!({"name": "One"}), "\"1\"").await;
    assert_eq!(answer.failure(), (400, "no_version".to_owned()));
    let many = format!("{ACCOUNTS}/bulk");
    let items = json!({"items": [{"name": "One"}]});
    let answer = call(&server, ADMIN, (Method::POST, &many), &items, "\"1\"").await;
    assert_eq!(answer.failure(), (400, "several_things".to_owned()));
    assert_eq!(server.used(server.world.harbour.id).await, 0, "nothing was made");
    let choice = json!({"tenantId": server.world.harbour.id});
    let answer = call(&server, ADMIN, (Method::PUT, "/api/v1/user/tenant"), &choice, "\"1\"").await;
    assert_eq!(answer.failure(), (400, "no_version".to_owned()));
    // Who reads changes nothing, and "*" asks for what every change asks for.
    assert_eq!(call(&server, ADMIN, (Method::GET, ACCOUNTS), &Value::Null, "\"9\"").await.status, 200);
    let answer = call(&server, ADMIN, (Method::POST, ACCOUNTS), &json!({"name": "One"}), "*").await;
    assert_eq!(answer.status, 201);
}

async fn a_client_changes_what_it_has_seen(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let account = create(&admin, "One").await;
    let change = mono_core::api::accounts::UpdateAccount { name: Some("Two".into()), ..Default::default() };
    admin.at_version(1).tenant().accounts().update(account.id, &change).await.unwrap();
    let late = admin.at_version(1).tenant().accounts().delete(account.id).await.unwrap_err();
    assert_eq!((late.code(), &late.details().unwrap()["currentVersion"]), ("stale_version", &json!(2)));
    // What only reads expects nothing.
    assert_eq!(admin.at_version(1).tenant().accounts().get(account.id).await.unwrap().version, 2);
    admin.at_version(2).tenant().accounts().delete(account.id).await.unwrap();
    assert!(admin.at_version(1).tenant().accounts().create(&named("New")).await.is_err());
    // The number of a schema is in no body: `ETag` says it, and so does the history.
    let schema = serde_json::from_value(json!({"key": "sailor", "name": "Sailor", "fields": []})).unwrap();
    let schemas = admin.tenant().schemas();
    schemas.put(&schema).await.unwrap();
    assert_eq!(schemas.history(&schema.key).latest().await.unwrap(), 1);
    let read = server.get("/api/v1/tenant/schemas/sailor").bearer_auth(server.token(ADMIN).await);
    assert!(send(read).await.header("etag").starts_with("\"1."));
    assert_eq!(
        admin.at_version(2).tenant().schemas().put(&schema).await.unwrap_err().code(),
        "stale_version"
    );
    admin.at_version(1).tenant().schemas().delete(&schema.key).await.unwrap();
}
