//! Two tenants with equal names and slugs: nothing crosses from one to the other.

use crate::server::{ACCOUNTS, ADMIN, STRANGER, Server, create, send};
use mono_client::Client;
use mono_core::ErrorKind;
use mono_core::api::accounts::{CreateAccount, ListAccounts, UpdateAccount};
use mono_core::id::AccountId;
use mono_core::model::account::Account;
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::json;

mono_storage::conformance!(
    equal_names_in_two_tenants_stay_apart,
    a_foreign_id_answers_as_one_that_does_not_exist,
    what_one_tenant_does_is_recorded_in_that_tenant,
);

/// An account, and a deleted one, of one tenant. Both tenants have them with the same names.
struct Side {
    client: Client,
    token: String,
    account: Account,
    deleted: Account,
}

async fn side(server: &Server, email: &str) -> Side {
    let client = server.sign_in(email).await;
    let new = CreateAccount {
        name: "Twin".into(),
        slug: Some("twin".into()),
        email: Some("twin@example.com".into()),
        ..Default::default()
    };
    let account = client.tenant().accounts().create(&new).await.unwrap();
    let deleted = create(&client, "Deleted twin").await;
    client.tenant().accounts().delete(deleted.id).await.unwrap();
    Side { token: server.token(email).await, client, account, deleted }
}

async fn equal_names_in_two_tenants_stay_apart(world: World) {
    let server = Server::start(world).await;
    let sides = [side(&server, ADMIN).await, side(&server, STRANGER).await];
    for (own, other) in [(&sides[0], &sides[1]), (&sides[1], &sides[0])] {
        let accounts = own.client.tenant().accounts();
        for search in [None, Some("twin"), Some("twin@example.com"), Some("%"), Some("")] {
            for status in [None, Some("active")] {
                for sort in ["name", "createdAt", "-createdAt"] {
                    let wanted = ListAccounts {
                        search: search.map(Into::into),
                        status: status.map(Into::into),
                        sort: Some(sort.into()),
                        ..Default::default()
                    };
                    let page = accounts.list(&wanted).await.unwrap();
                    let own_only = if search == Some("%") { vec![] } else { vec![own.account.clone()] };
                    assert_eq!(page.items, own_only, "{wanted:?}");
                    assert_eq!(page.pagination.total, own_only.len() as u64, "{wanted:?}");
                }
            }
        }
        let wanted = ListAccounts { search: Some(other.account.id.to_string()), ..Default::default() };
        assert_eq!(accounts.list(&wanted).await.unwrap().pagination.total, 0);

        let away = own.client.with_tenant(other.account.tenant_id);
        let accounts = away.tenant().accounts();
        let id = other.account.id;
        for refused in [
            accounts.list(&ListAccounts::default()).await.map(|_| ()),
            accounts.get(id).await.map(|_| ()),
            accounts.update(id, &UpdateAccount::default()).await.map(|_| ()),
            accounts.delete(id).await,
            accounts.restore(other.deleted.id).await.map(|_| ()),
            accounts.create(&crate::server::named("Intruder")).await.map(|_| ()),
        ] {
            let error = refused.unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, "not_a_member"));
        }
    }
    // After all that both are as they were.
    for side in &sides {
        assert_eq!(side.client.tenant().accounts().get(side.account.id).await.unwrap(), side.account);
        assert_eq!(server.used(side.account.tenant_id).await, 1);
    }
}

async fn a_foreign_id_answers_as_one_that_does_not_exist(world: World) {
    let server = Server::start(world).await;
    let sides = [side(&server, ADMIN).await, side(&server, STRANGER).await];
    let change = json!({"name": "Taken over", "version": 1});
    for (own, other) in [(&sides[0], &sides[1]), (&sides[1], &sides[0])] {
        for (method, suffix, body) in [
            (Method::GET, "", None),
            (Method::PATCH, "", Some(&change)),
            (Method::PATCH, "", Some(&json!({"version": 99}))),
            (Method::PATCH, "", Some(&json!({"slug": "twin"}))),
            (Method::DELETE, "", None),
            (Method::POST, "/restore", None),
        ] {
            let answer = async |id: AccountId| {
                let path = format!("{ACCOUNTS}/{id}{suffix}");
                let mut request = server.request(method.clone(), &path).bearer_auth(&own.token);
                if let Some(body) = body {
                    request = request.json(body);
                }
                let mut answer = send(request).await;
                assert_eq!(answer.failure(), (404, "not_found".into()), "{method} {path}");
                answer.headers.remove("x-request-id");
                answer.headers.remove("date");
                (answer.headers, answer.body)
            };
            let absent = answer(server.database().new_id()).await;
            for id in [other.account.id, other.deleted.id] {
                assert_eq!(answer(id).await, absent, "{method}{suffix}");
            }
        }
    }
    for side in &sides {
        assert_eq!(side.client.tenant().accounts().get(side.account.id).await.unwrap(), side.account);
        assert_eq!(server.audited(side.account.id).await.len(), 1, "who is refused leaves no entry");
    }
}

async fn what_one_tenant_does_is_recorded_in_that_tenant(world: World) {
    let server = Server::start(world).await;
    let sides = [side(&server, ADMIN).await, side(&server, STRANGER).await];
    for side in &sides {
        let (tenant, id) = (side.account.tenant_id, side.account.id);
        let rename = UpdateAccount { name: Some("Renamed".into()), ..Default::default() };
        side.client.tenant().accounts().update(id, &rename).await.unwrap();
        // A change that changes nothing is not recorded.
        side.client.tenant().accounts().update(id, &UpdateAccount::default()).await.unwrap();
        side.client.tenant().accounts().delete(id).await.unwrap();
        let entry = |action: &str| (tenant, action.to_owned());
        assert_eq!(server.audited(id).await, [entry("create"), entry("update"), entry("delete")]);
        assert_eq!(server.audited(side.deleted.id).await, [entry("create"), entry("delete")]);
    }
}
