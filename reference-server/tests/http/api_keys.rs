//! API keys over HTTP.

use crate::server::{ACCOUNTS, ADMIN, BOTH, STAFF, STRANGER, Server, create, send};
use mono_core::ErrorKind;
use mono_core::api::accounts::ListAccounts;
use mono_core::api::api_keys::{CreateApiKey, ListApiKeys, RotateApiKey, UpdateApiKey};
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::json;

mono_storage::conformance!(
    a_key_is_shown_once_and_opens_what_its_scopes_name,
    one_credential_and_no_cookie,
    the_catalogue_may_limit_keys,
    a_call_with_a_key_counts_once,
);

const KEYS: &str = "/api/v1/tenant/api-keys";

fn wanted(scopes: &[&str]) -> CreateApiKey {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    CreateApiKey { name: "Import".into(), scopes, ..Default::default() }
}

async fn a_key_is_shown_once_and_opens_what_its_scopes_name(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let keys = admin.tenant().api_keys();
    let made = keys.create(&wanted(&["tenant.accounts.*"])).await.unwrap();
    let id = made.api_key.id;
    let client = server.client().with_token(made.key.clone());
    let account = create(&client, "Made by a key").await;
    let error = client.tenant().members().list(&Default::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "key_lacks"));
    assert_eq!(client.user().profile().await.unwrap_err().code(), "people_only");

    // The audit log says which key and whose.
    let log = admin.tenant().audit().list(&Default::default()).await.unwrap().items;
    let entry = log.iter().find(|entry| entry.entity_id == Some(account.id.uuid())).unwrap();
    assert_eq!(entry.actor, format!("api_key:{id} of user:{}", made.api_key.owner_id));
    // Neither list nor log tell the secret.
    let secret = made.key.split('_').nth(3).unwrap();
    let list = send(server.get(KEYS).bearer_auth(server.token(ADMIN).await)).await;
    assert!(list.body.contains(&made.api_key.prefix) && !list.body.contains(secret), "{}", list.body);
    assert!(!serde_json::to_string(&log).unwrap().contains(secret));

    let change = UpdateApiKey { scopes: Some(vec!["tenant.accounts.read".into()]), ..Default::default() };
    let changed = keys.update(id, &change).await.unwrap();
    assert_eq!(changed.version, 2);
    let error = client.tenant().accounts().delete(account.id).await.unwrap_err();
    assert_eq!(error.code(), "key_lacks", "this node heeds it at once");
    let stale = UpdateApiKey { version: Some(1), name: Some("Other".into()), ..Default::default() };
    assert_eq!(keys.update(id, &stale).await.unwrap_err().code(), "stale_version");

    let next =
        keys.rotate(id, &RotateApiKey { overlap_seconds: Some(60), ..Default::default() }).await.unwrap();
    let longer = RotateApiKey { overlap_seconds: Some(604_801), ..Default::default() };
    assert_eq!(keys.rotate(next.api_key.id, &longer).await.err().unwrap().code(), "out_of_range");
    client.tenant().accounts().list(&ListAccounts::default()).await.expect("it works on for a minute");
    keys.revoke(id).await.unwrap();
    let error = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "api_key_revoked"));
    let client = server.client().with_token(next.key);
    client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    assert_eq!(keys.get(id).await.unwrap().replaced_by, Some(next.api_key.id));

    let stranger = server.sign_in(STRANGER).await;
    assert_eq!(stranger.tenant().api_keys().get(id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let listed = stranger.tenant().api_keys().list(&ListApiKeys::default()).await.unwrap();
    assert!(listed.items.is_empty());
    assert_eq!(keys.list(&ListApiKeys::default()).await.unwrap().items.len(), 2);
}

async fn one_credential_and_no_cookie(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(BOTH).await;
    let key = admin.tenant().api_keys().create(&wanted(&["tenant.accounts.*"])).await.unwrap().key;
    let create = || server.post(ACCOUNTS).json(&json!({"name": "Alpha"}));
    let answer = send(create().header("X-API-Key", &key)).await;
    assert_eq!(answer.status, 201, "and no token against forged requests: {answer:?}");
    for (request, reason) in [
        (create().header("X-API-Key", &key).bearer_auth(&key), "invalid_credentials"),
        (create().header("X-API-Key", &key).header("X-API-Key", &key), "invalid_credentials"),
        (create().header("X-API-Key", &key).header("Cookie", "__Host-mono_access=x"), "invalid_credentials"),
        (create().header("Cookie", format!("__Host-mono_access={key}")), "invalid_token"),
        (create().header("X-API-Key", ""), "invalid_api_key"),
        (create().header("X-API-Key", server.token(ADMIN).await), "invalid_api_key"),
        (create().header("X-API-Key", &key[..99]), "invalid_api_key"),
        (create().bearer_auth(key.to_uppercase()), "invalid_token"),
    ] {
        assert_eq!(send(request).await.failure(), (401, reason.to_owned()));
    }
    // A key is of one tenant, though its owner is of two.
    let lagoon = server.world.lagoon.id.to_string();
    let elsewhere = send(create().header("X-API-Key", &key).header("X-Tenant-ID", lagoon)).await;
    assert_eq!(elsewhere.failure(), (403, "not_a_member".to_owned()));
}

async fn the_catalogue_may_limit_keys(world: World) {
    let server = Server::start(world).await;
    let limit = json!({"key": "api_keys", "name": "API keys", "unit": "key", "category": "api", "default": 2,
        "window": "total", "enforcement": "hard"});
    let put = server.request(Method::PUT, "/api/v1/platform/limits/api_keys").json(&limit);
    assert_eq!(send(put.bearer_auth(server.token(STAFF).await)).await.status, 201);
    let admin = server.sign_in(ADMIN).await;
    let keys = admin.tenant().api_keys();
    let first = keys.create(&wanted(&[])).await.unwrap();
    // Eight at once take the one place that is left.
    let tries = (0..8).map(|_| {
        let admin = admin.clone();
        tokio::spawn(async move { admin.tenant().api_keys().create(&wanted(&[])).await.map(drop) })
    });
    let mut made = 0;
    for task in tries.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(()) => made += 1,
            Err(error) => assert_eq!(error.kind(), ErrorKind::LimitExceeded),
        }
    }
    assert_eq!(made, 1);
    // A key that follows another takes no place of its own, and one that ended gives its place back.
    keys.rotate(first.api_key.id, &RotateApiKey::default()).await.unwrap();
    let all = keys.list(&ListApiKeys::default()).await.unwrap().items;
    assert_eq!(all.len(), 3);
    keys.revoke(all[0].id).await.unwrap();
    keys.create(&wanted(&[])).await.unwrap();
}

async fn a_call_with_a_key_counts_once(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let made = admin.tenant().api_keys().create(&wanted(&["tenant.accounts.read"])).await.unwrap();
    let calls = async || {
        let answer = admin.tenant().entitlements().await.unwrap();
        let calls = answer.limits.into_iter().find(|usage| usage.decision.limit == "api_calls").unwrap();
        calls.decision.current
    };
    let before = calls().await;
    let client = server.client().with_token(made.key);
    client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    client.tenant().members().list(&Default::default()).await.unwrap_err();
    assert_eq!(calls().await, before + 2);
}
