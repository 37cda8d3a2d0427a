//! `ETag` and `If-None-Match`: who has an answer already is not sent it again, and who has read something can change it.

use crate::server::{ACCOUNTS, ADMIN, Answer, BOTH, STAFF, Server, create, send};
use axum::Router;
use axum::routing::get;
use mono_core::api::api_keys::CreateApiKey;
use mono_core::api::members::ListMembers;
use mono_core::api::profiles::CreateProfile;
use mono_core::api::teams::CreateTeam;
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::{Value, json};

mono_storage::conformance!(
    what_was_read_is_changed_with_its_tag,
    who_has_a_list_is_not_sent_it_again,
    what_changes_beside_its_version_has_another_tag,
    one_tenant_is_not_taken_for_another,
    a_head_is_answered_like_a_get,
    secrets_and_refusals_have_no_tag,
    the_routes_of_an_application_have_tags_too,
);

const OWN: &str = "/api/v1/tenant";

/// Who calls: a server, and an access token.
struct Caller<'s>(&'s Server, String);

impl Caller<'_> {
    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut request = self.0.request(method, path).bearer_auth(&self.1);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(if body.is_null() { request } else { request.json(body) }).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], &Value::Null).await
    }

    async fn get_unless(&self, path: &str, tags: &str) -> Answer {
        self.send(Method::GET, path, &[("if-none-match", tags)], &Value::Null).await
    }

    /// Reads something that is there; it has a tag, and is not sent again to who has it.
    async fn read(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let tag = answer.header("etag").to_owned();
        let again = self.get_unless(path, &tag).await;
        assert_eq!(
            (again.status, again.header("etag"), again.body.as_str()),
            (304, tag.as_str(), ""),
            "{path}"
        );
        for name in ["content-type", "content-length", "transfer-encoding"] {
            assert_eq!(again.header(name), "", "{path}: there is no body to speak of in {name}");
        }
        for answer in [answer, again] {
            assert_eq!(answer.header("cache-control"), "private, no-cache", "{path}");
            let depends = "accept-encoding, authorization, cookie, x-api-key, x-tenant-id";
            assert_eq!(answer.header("vary"), depends, "{path}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        }
        tag
    }
}

async fn what_was_read_is_changed_with_its_tag(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let harbour = server.world.harbour.id;
    server.add_person("second@harbour.example", &[(harbour, None)]).await;
    let wanted = ListMembers { search: Some("second@".into()), ..Default::default() };
    let member = client.tenant().members().list(&wanted).await.unwrap().items[0].id;
    let account = create(&client, "One").await.id;
    let crew = CreateTeam { name: "Crew".into() };
    let team = client.tenant().teams().create(account, &crew).await.unwrap().id;
    let schema = |name: &str| json!({"key": "sailor", "name": name, "fields": []});
    let set = |name: &str| json!({"key": "ranks", "name": name, "options": []});
    client.tenant().schemas().put(&serde_json::from_value(schema("Sailor")).unwrap()).await.unwrap();
    client.tenant().option_sets().put(&serde_json::from_value(set("Ranks")).unwrap()).await.unwrap();
    let new = CreateProfile { kind: "sailor".into(), data: json!({}) };
    let profile = client.tenant().profiles().create(member, &new).await.unwrap().id;
    let wanted = CreateApiKey { name: "Key".into(), ..Default::default() };
    let key = client.tenant().api_keys().create(&wanted).await.unwrap().api_key.id;
    let admin = Caller(&server, server.token(ADMIN).await);
    let staff = Caller(&server, server.token(STAFF).await);
    let other = json!({"name": "Other"});
    let (patch, post, put) = (Method::PATCH, Method::POST, Method::PUT);
    // What is read, and how it is changed.
    let things = [
        (&admin, format!("{ACCOUNTS}/{account}"), &patch, "", other.clone(), 1),
        (&admin, format!("{OWN}/teams/{team}"), &patch, "", other.clone(), 1),
        (&admin, format!("{OWN}/profiles/{profile}"), &patch, "", json!({"status": "published"}), 1),
        (&admin, format!("{OWN}/members/{member}"), &post, "/suspend", Value::Null, 1),
        (&admin, format!("{OWN}/api-keys/{key}"), &patch, "", other.clone(), 1),
        (&admin, format!("{OWN}/schemas/sailor"), &put, "", schema("Seafarer"), 1),
        (&admin, format!("{OWN}/option-sets/ranks"), &put, "", set("Grades"), 1),
        (&admin, format!("{OWN}/auth-policy"), &patch, "", json!({"sessionHours": 23}), 0),
        (&admin, OWN.to_owned(), &patch, "", other.clone(), 1),
        (&staff, format!("/api/v1/platform/tenants/{harbour}"), &patch, "", json!({"slug": "port"}), 2),
    ];
    for (who, path, method, below, body, version) in things {
        let tag = who.read(&path).await;
        assert!(tag.starts_with(&format!("\"{version}.")), "{path}: {tag}");
        let change = format!("{path}{below}");
        let changed = who.send(method.clone(), &change, &[("if-match", &tag)], &body).await;
        assert_eq!(changed.status, 200, "{change}: {changed:?}");
        // The tag is the old one now: it is sent anew, and is not changed with it.
        let answer = who.get_unless(&path, &tag).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.header("etag").starts_with(&format!("\"{}.", version + 1)), "{path}: {answer:?}");
        let late = who.send(method.clone(), &change, &[("if-match", &tag)], &body).await;
        assert_eq!(late.failure(), (409, "stale_version".to_owned()), "{change}");
    }
    // The tag of a list is no version.
    let list = admin.read(ACCOUNTS).await;
    let path = format!("{ACCOUNTS}/{account}");
    let refused = admin.send(patch, &path, &[("if-match", &list)], &other).await;
    assert_eq!(refused.failure(), (400, "invalid_version".to_owned()));
}

async fn who_has_a_list_is_not_sent_it_again(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    create(&client, "One").await;
    let admin = Caller(&server, server.token(ADMIN).await);
    let empty = admin.get(&format!("{ACCOUNTS}?search=nothing")).await;
    // From the cache, from the database, and what there is but once.
    let lists = [
        ACCOUNTS.to_owned(),
        format!("{ACCOUNTS}?search=e"),
        format!("{ACCOUNTS}/by-cursor"),
        format!("{OWN}/entitlements"),
        format!("{OWN}/audit"),
    ];
    let mut seen = Vec::new();
    for path in &lists {
        let tag = admin.read(path).await;
        assert!(tag.starts_with("W/\""), "{path}: {tag}");
        let among_others = format!("\"x\", {tag}, \"y\"");
        assert_eq!(admin.get_unless(path, &among_others).await.status, 304, "{path}");
        assert_eq!(admin.get_unless(path, "*").await.status, 304, "{path}");
        for other in [empty.header("etag"), "\"x\"", "x", ""] {
            assert_eq!(admin.get_unless(path, other).await.status, 200, "{path} unless {other}");
        }
        seen.push(tag);
    }
    create(&client, "The new one").await;
    for (path, tag) in lists.iter().zip(seen) {
        let answer = admin.get_unless(path, &tag).await;
        assert_eq!(answer.status, 200, "{path} is another one now");
        assert_ne!(answer.header("etag"), tag, "{path}");
    }
    // Compressed or not, it is one list.
    let tag = admin.read(ACCOUNTS).await;
    let packed = server.get(ACCOUNTS).bearer_auth(&admin.1).header("accept-encoding", "gzip");
    let packed = packed.send().await.unwrap();
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert_eq!(packed.headers()["etag"], tag.as_str());
    let gzip = [("accept-encoding", "gzip"), ("if-none-match", tag.as_str())];
    assert_eq!(admin.send(Method::GET, ACCOUNTS, &gzip, &Value::Null).await.status, 304);
}

async fn what_changes_beside_its_version_has_another_tag(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    let wanted = CreateApiKey {
        name: "Key".into(),
        scopes: vec!["tenant.accounts.read".into()],
        ..Default::default()
    };
    let made = client.tenant().api_keys().create(&wanted).await.unwrap();
    let admin = Caller(&server, server.token(ADMIN).await);
    let path = format!("{OWN}/api-keys/{}", made.api_key.id);
    let tag = admin.read(&path).await;
    assert_eq!(send(server.get(ACCOUNTS).bearer_auth(&made.key)).await.status, 200);
    let answer = admin.get_unless(&path, &tag).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()["data"]["lastUsedAt"].is_string(), "{answer:?}");
    let used = answer.header("etag");
    assert!(used != tag && used.starts_with("\"1."), "{tag} {used}");
    // Nobody has changed it: it is changed with either.
    let body = json!({"name": "Other"});
    assert_eq!(admin.send(Method::PATCH, &path, &[("if-match", &tag)], &body).await.status, 200);
}

async fn one_tenant_is_not_taken_for_another(world: World) {
    let server = Server::start(world).await;
    let both = Caller(&server, server.token(BOTH).await);
    let (harbour, lagoon) = (server.world.harbour.id.to_string(), server.world.lagoon.id.to_string());
    // At one address, and each in its first version.
    for path in [OWN.to_owned(), format!("{OWN}/members")] {
        let own = both.send(Method::GET, &path, &[("x-tenant-id", &harbour)], &Value::Null).await;
        let headers = [("x-tenant-id", lagoon.as_str()), ("if-none-match", own.header("etag"))];
        let other = both.send(Method::GET, &path, &headers, &Value::Null).await;
        assert_eq!((own.status, other.status), (200, 200), "{path}");
        assert_ne!(own.body, other.body, "{path}");
    }
}

async fn a_head_is_answered_like_a_get(world: World) {
    let server = Server::start(world).await;
    let admin = Caller(&server, server.token(ADMIN).await);
    for path in [ACCOUNTS, OWN] {
        let got = admin.get(path).await;
        let head = admin.send(Method::HEAD, path, &[], &Value::Null).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for name in ["etag", "cache-control", "vary", "content-type", "content-length"] {
            assert_eq!(head.header(name), got.header(name), "{path}: {name}");
        }
        let unless = [("if-none-match", got.header("etag"))];
        let head = admin.send(Method::HEAD, path, &unless, &Value::Null).await;
        assert_eq!((head.status, head.header("etag")), (304, got.header("etag")), "{path}");
    }
}

async fn secrets_and_refusals_have_no_tag(world: World) {
    let server = Server::start(world).await;
    let account = create(&server.sign_in(ADMIN).await, "One").await;
    let admin = Caller(&server, server.token(ADMIN).await);
    for path in [
        "/api/v1/user/permissions/snapshot",
        "/api/v1/user/sessions",
        "/api/v1/user/second-factor",
        "/api/v1/tenant/audit/export?format=csv",
        "/nowhere",
        &format!("{ACCOUNTS}/01980000-0000-7000-8000-000000000000"),
        &format!("{ACCOUNTS}?page=0"),
    ] {
        let answer = admin.get_unless(path, "*").await;
        assert_ne!(answer.status, 304, "{path}");
        assert_eq!((answer.header("etag"), answer.header("cache-control")), ("", "no-store"), "{path}");
    }
    let nobody = send(server.get(ACCOUNTS).header("if-none-match", "*")).await;
    assert_eq!((nobody.status, nobody.header("cache-control")), (401, "no-store"));
    // A change is not asked whether it is known.
    let (path, body) = (format!("{ACCOUNTS}/{}", account.id), json!({"name": "Two"}));
    let changed = admin.send(Method::PATCH, &path, &[("if-none-match", "*")], &body).await;
    assert_eq!((changed.status, changed.header("etag")), (200, ""));
    assert_eq!(changed.header("cache-control"), "no-store");
}

async fn the_routes_of_an_application_have_tags_too(world: World) {
    const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
    let own = Router::new()
        .route("/json", get(async || (JSON, "{}")))
        .route("/public", get(async || ([("cache-control", "public, max-age=60")], JSON, "[]")))
        .route("/tagged", get(async || ([("etag", "\"mine\"")], "a picture")))
        .route("/large", get(async move || (JSON, " ".repeat(1024 * 1024 + 1))))
        .route("/text", get(async || "text"));
    let server = Server::start_beside(world, own).await;
    let told = async |path: &str, tag: &str| {
        let answer = send(server.get(path).header("if-none-match", tag)).await;
        let header = |name| answer.header(name).to_owned();
        (answer.status, header("etag"), header("cache-control"), answer.body.len())
    };
    let (status, tag, cache, _) = told("/json", "\"x\"").await;
    assert_eq!((status, cache.as_str()), (200, "private, no-cache"));
    assert_eq!(told("/json", &tag).await.0, 304);
    let (_, tag, cache, _) = told("/public", "\"x\"").await;
    assert_eq!((told("/public", &tag).await.0, cache.as_str()), (304, "public, max-age=60"));
    assert_eq!(told("/tagged", "\"mine\"").await, (304, "\"mine\"".into(), "private, no-cache".into(), 0));
    let large = told("/large", "*").await;
    assert_eq!(large, (200, String::new(), "no-store".into(), 1024 * 1024 + 1));
    assert_eq!(told("/text", "*").await, (200, String::new(), "no-store".into(), 4));
}
