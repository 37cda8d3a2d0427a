//! Templates over HTTP: they are defined, and tenants start from them.

use crate::server::{ADMIN, STAFF, Server, send};
use mono_core::ErrorKind;
use mono_core::api::members::ListMembers;
use mono_core::api::profiles::{CreateProfile, UpdateProfile};
use mono_core::api::tenants::{CreateTenant, ListTenants};
use mono_core::model::template::Template;
use mono_core::subscription::Key;
use mono_storage::testkit::World;
use serde_json::json;

mono_storage::conformance!(
    a_template_reads_back_until_it_is_deleted,
    a_tenant_starts_from_a_template,
    a_tenant_that_is_refused_is_not_there,
);

fn brewery() -> Template {
    serde_json::from_value(json!({
        "key": "brewery", "name": "Brewery", "plan": "unlimited",
        "option_sets": [{"key": "hops", "name": "Hops", "options": [{"value": "saaz", "label": "Saaz"}]}],
        "schemas": [{"key": "brewer", "name": "Brewer", "fields": [
            {"key": "favourite", "label": "Favourite", "type": {"option": {"set": "hops"}}, "required": true}]}],
        "roles": [{"key": "taster", "name": "Taster", "allow": ["tenant.members.read"], "parents": ["user"]}]
    }))
    .unwrap()
}

async fn a_template_reads_back_until_it_is_deleted(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    let templates = staff.platform().templates();
    assert_eq!(templates.put(&brewery()).await.unwrap(), brewery());
    let keys: Vec<_> = templates.list().await.unwrap().into_iter().map(|item| item.key.to_string()).collect();
    assert_eq!(keys, ["brewery", "organisation"]);
    assert_eq!(templates.get(&brewery().key).await.unwrap(), brewery());
    let mut wrong = brewery();
    wrong.option_sets.clear();
    wrong.roles[0].allow.push("tenant.beer.drink".into());
    let problems = templates.put(&wrong).await.unwrap_err().problems();
    let codes: Vec<_> =
        problems.iter().map(|problem| (problem.field.as_str(), problem.code.as_str())).collect();
    assert!(codes.contains(&("templates.brewery.schemas[0].fields", "unknown_option_set")), "{codes:?}");
    let token = server.token(STAFF).await;
    let body = json!({"key": "brewery", "name": "Brewery", "plan": "starter", "colour": "red"});
    let request = server.request(reqwest::Method::PUT, "/api/v1/platform/templates/brewery");
    let answer = send(request.bearer_auth(token).json(&body)).await;
    assert!(answer.json()["message"].as_str().unwrap().contains("colour"));
    templates.delete(&brewery().key).await.unwrap();
    assert_eq!(templates.get(&brewery().key).await.unwrap_err().kind(), ErrorKind::NotFound);
    let admin = server.sign_in(ADMIN).await;
    assert_eq!(admin.platform().templates().list().await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(admin.platform().templates().put(&brewery()).await.unwrap_err().kind(), ErrorKind::Forbidden);
}

async fn a_tenant_starts_from_a_template(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    staff.platform().templates().put(&brewery()).await.unwrap();
    let new =
        CreateTenant { name: "Old Brewery".into(), template: Some("brewery".into()), ..Default::default() };
    let tenant = staff.platform().tenants().create(&new).await.unwrap().id;
    let bought = staff.platform().subscriptions().get(tenant).await.unwrap();
    assert_eq!(bought.plan, brewery().plan);

    // Its people work with it at once.
    server.add_person("boss@brewery.example", &[(tenant, Some("tenant_admin"))]).await;
    server.add_person("taster@brewery.example", &[(tenant, Some("taster"))]).await;
    let boss = server.sign_in("boss@brewery.example").await;
    assert_eq!(boss.tenant().schemas().list().await.unwrap(), brewery().schemas);
    assert_eq!(boss.tenant().option_sets().list().await.unwrap(), brewery().option_sets);
    let taster = server.sign_in("taster@brewery.example").await;
    let member = taster.tenant().members().list(&ListMembers::default()).await.unwrap().items[0].id;
    assert_eq!(taster.tenant().schemas().list().await.unwrap_err().kind(), ErrorKind::Forbidden);
    let profile = CreateProfile { kind: "brewer".into(), data: json!({"favourite": "saaz"}) };
    let profile = boss.tenant().profiles().create(member, &profile).await.unwrap();
    let wrong = UpdateProfile { data: Some(json!({"favourite": "cascade"})), ..Default::default() };
    let error = boss.tenant().profiles().update(profile.id, &wrong).await.unwrap_err();
    assert_eq!(error.problems()[0].field, "data.favourite");
    let history = boss.tenant().schemas();
    assert_eq!(
        history.history(&Key::parse("brewer").unwrap()).version(1).await.unwrap().snapshot,
        brewery().schemas[0]
    );
}

async fn a_tenant_that_is_refused_is_not_there(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    let tenants = staff.platform().tenants();
    let before = tenants.list(&ListTenants::default()).await.unwrap().pagination.total;
    for (template, code) in [("bakery", "unknown_template"), ("No key", "invalid_key")] {
        let new =
            CreateTenant { name: "North".into(), template: Some(template.into()), ..Default::default() };
        let problems = tenants.create(&new).await.unwrap_err().problems();
        assert_eq!((problems[0].field.as_str(), problems[0].code.as_str()), ("template", code));
    }
    assert_eq!(tenants.list(&ListTenants::default()).await.unwrap().pagination.total, before);
}
