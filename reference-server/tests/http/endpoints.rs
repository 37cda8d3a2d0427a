//! Every route, called by everybody: who gets what is written down in `golden/endpoints.txt`, and a change of it is
//! reviewed as a diff.

mod table;

use crate::openapi::{document, operation, operations};
use crate::server::{ADMIN, Answer, MEMBER, STAFF, STRANGER, Server, USER, create, key_ring, send};
use chrono::TimeDelta;
use mono_auth::{TokenAlgorithm, Tokens};
use mono_client::Client;
use mono_core::api::api_keys::CreateApiKey;
use mono_core::api::assignments::{AssignPlatformRole, AssignRole};
use mono_core::api::guardrails::CreateGuardrail;
use mono_core::api::invitations::CreateInvitation;
use mono_core::api::members::ListMembers;
use mono_core::api::profiles::CreateProfile;
use mono_core::api::subscriptions::CreateOverride;
use mono_core::api::teams::CreateTeam;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{MemberId, UserId};
use mono_core::permission::Scope;
use mono_core::subscription::{Allowance, Key, OverrideChange};
use mono_core::text::Email;
use mono_storage::store::NewSession;
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
pub(crate) use table::routes;

mono_storage::conformance!(everybody_calls_every_route);

/// Stands for an API key of the tenant's admin that may read whatever the admin may read.
const READING_KEY: &str = "reading key";

/// Stands for an access token of the tenant's admin that is an hour old.
const EXPIRED: &str = "expired token";

/// An admin of the tenant whom the platform has suspended.
const SUSPENDED: &str = "suspended@harbour.example";

/// An admin of the tenant whose membership is suspended.
const MEMBERSHIP_SUSPENDED: &str = "former@harbour.example";

/// The callers, from who may least to who may most. The last one's calls take effect.
const CALLERS: &[(&str, &str)] = &[
    ("nobody", ""),
    ("garbage token", "garbage"),
    ("expired token", EXPIRED),
    ("suspended", SUSPENDED),
    ("suspended member", MEMBERSHIP_SUSPENDED),
    ("member, no role", MEMBER),
    ("member, role user", USER),
    ("stranger's admin", STRANGER),
    ("platform staff", STAFF),
    ("key of the admin", READING_KEY),
    ("tenant admin", ADMIN),
];

/// What is different for a tenant than its plan says.
fn exception() -> CreateOverride {
    CreateOverride {
        account: None,
        change: OverrideChange::Limit { limit: Key::parse("teams").unwrap(), maximum: Allowance::UpTo(9) },
        from: None,
        until: None,
        reason: "the first".into(),
    }
}

async fn everybody_calls_every_route(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let Things { there, gone, reading_key } = things(&server, &admin).await;
    let suspended = suspended(&server, &admin).await;
    let document = document();
    let (mut text, mut untrue, mut compared) = (String::new(), Vec::new(), BTreeSet::new());
    for (number, (caller, credential)) in CALLERS.iter().enumerate() {
        let token = match *credential {
            READING_KEY => reading_key.clone(),
            EXPIRED => expired_token(&server).await,
            SUSPENDED => suspended[0].clone(),
            MEMBERSHIP_SUSPENDED => suspended[1].clone(),
            email if email.contains('@') => server.token(email).await,
            other => other.into(),
        };
        for (method, path, body) in routes() {
            // Who restores needs something deleted; the admin, who comes last, deletes what was there.
            let first: &[_] = if path.ends_with("restore") && *credential != ADMIN { &gone } else { &[] };
            let fill = |text: &str| {
                let text = text.replace("{caller}", &format!("caller{number}"));
                first.iter().chain(&there).fold(text, |text, (name, id)| text.replace(name, id))
            };
            let address = fill(&path);
            let request = || {
                let mut request = server.request(method.clone(), &address);
                if !token.is_empty() {
                    request = request.bearer_auth(&token);
                }
                if !body.is_null() {
                    request =
                        request.header("content-type", "application/json").body(fill(&body.to_string()));
                }
                request
            };
            let (_, operation) = operation(&document, &method, &address);
            // What is about to succeed is tried before with a version that nothing has.
            let is_tried = [ADMIN, STAFF].contains(credential) && takes(operation, "X-Tenant-ID");
            let tried = if is_tried && method != Method::GET {
                Some(send(request().header("if-match", "\"999\"")).await)
            } else {
                None
            };
            let answer = send(request()).await;
            let call = format!("{caller}: {method} {path}");
            if let Some(tried) = tried.filter(|_| answer.status < 400) {
                let is_compared = tried.status == 409 && tried.failure().1 == "stale_version";
                if is_compared != takes(operation, "If-Match") {
                    untrue.push(format!("{call}: If-Match: {}", tried.body));
                }
                compared.extend(is_compared.then(|| operation["operationId"].to_string()));
            }
            untrue.extend(told(operation, &answer, *credential == MEMBER, &call));
            let outcome = outcome(&answer, &path);
            writeln!(text, "{caller:<18} {:<6} {path:<70} {outcome}", method.as_str()).unwrap();
        }
        text.push('\n');
    }
    assert!(untrue.is_empty(), "the document is wrong:\n{}", untrue.join("\n"));
    let offering = operations(&document).into_iter().filter(|(_, _, operation)| takes(operation, "If-Match"));
    let offering = offering.map(|(_, _, operation)| operation["operationId"].to_string());
    assert_eq!(offering.collect::<BTreeSet<_>>(), compared, "who takes If-Match has compared it once");
    compare("endpoints.txt", text.trim_end());
}

/// What became of a call, as the golden file has it.
fn outcome(answer: &Answer, path: &str) -> String {
    if answer.status >= 400 {
        let (status, reason) = answer.failure();
        return format!("{status} {} {reason}", answer.json()["error"].as_str().unwrap());
    }
    if !path.ends_with("/bulk") {
        return answer.status.to_string();
    }
    // What becomes of an item is in the answer for it.
    let result = &answer.json()["data"]["results"][0];
    let reason = result["details"]["reason"].as_str().unwrap_or_default();
    format!("{}: {} {reason}", answer.status, result["status"]).trim_end().to_owned()
}

/// Whether an operation has a parameter.
fn takes(operation: &Value, name: &str) -> bool {
    operation["parameters"].as_array().unwrap().iter().any(|parameter| parameter["name"] == name)
}

/// What the calls are about, and who calls with a key.
struct Things {
    /// The names under which the table has them, with the ids.
    there: Vec<(&'static str, String)>,
    /// The same for who restores and needs something deleted.
    gone: Vec<(&'static str, String)>,
    reading_key: String,
}

async fn things(server: &Server, admin: &Client) -> Things {
    let account = create(admin, "There").await.id;
    let deleted = create(admin, "Gone").await.id;
    admin.tenant().accounts().delete(deleted).await.unwrap();
    let (tenant, staff) = (server.world.harbour.id, server.sign_in(STAFF).await);
    let exception = staff.platform().subscriptions().add_override(tenant, &exception()).await.unwrap().id;
    let crew = CreateTeam { name: "Crew".into() };
    let team = admin.tenant().teams().create(account, &crew).await.unwrap().id;
    server.add_person("second@harbour.example", &[(tenant, None)]).await;
    let members = admin.tenant().members().list(&ListMembers::default()).await.unwrap().items;
    let member = members.iter().find(|member| member.email.as_str() == "second@harbour.example").unwrap().id;
    let schema = serde_json::from_value(json!({"key": "plain", "name": "Plain", "fields": []})).unwrap();
    admin.tenant().schemas().put(&schema).await.unwrap();
    let plain = CreateProfile { kind: "plain".into(), data: json!({}) };
    let profile = admin.tenant().profiles().create(member, &plain).await.unwrap().id;
    let wanted = |scopes: &[&str]| CreateApiKey {
        name: "Key".into(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..Default::default()
    };
    let key = admin.tenant().api_keys().create(&wanted(&[])).await.unwrap().api_key.id;
    let reading = ["tenant.*.read", "account.*.read", "user.*.read"];
    let reading = admin.tenant().api_keys().create(&wanted(&reading)).await.unwrap().key;
    let asked = CreateInvitation { email: "invited@new.example".into(), roles: Vec::new() };
    let invitation = admin.tenant().invitations().create(&asked).await.unwrap().id;
    let (user, _) = server.world.member(&server.world.harbour, "unable@harbour.example").await;
    let rights = rights(admin, &staff, member, user, Scope::account(tenant, account)).await;
    let gone = CreateTeam { name: "Gone".into() };
    let deleted_team = admin.tenant().teams().create(account, &gone).await.unwrap().id;
    admin.tenant().teams().delete(deleted_team).await.unwrap();
    let deleted_profile = admin.tenant().profiles().create(member, &plain).await.unwrap().id;
    admin.tenant().profiles().delete(deleted_profile).await.unwrap();
    let gone = vec![
        ("{id}", deleted.to_string()),
        ("{team}", deleted_team.to_string()),
        ("{profile}", deleted_profile.to_string()),
    ];
    let there = [
        ("{id}", account.to_string()),
        ("{tenant}", tenant.to_string()),
        ("{member}", member.to_string()),
        ("{profile}", profile.to_string()),
        ("{key}", key.to_string()),
        ("{user}", user.to_string()),
        ("{team}", team.to_string()),
        ("{override_id}", exception.to_string()),
        ("{invitation}", invitation.to_string()),
    ];
    Things { there: there.into_iter().chain(rights).collect(), gone, reading_key: reading }
}

/// What was given before, to be taken: the names under which the table has it, with the ids.
async fn rights(
    admin: &Client,
    staff: &Client,
    member: MemberId,
    user: UserId,
    place: Scope,
) -> [(&'static str, String); 4] {
    let role = AssignRole { role: "user".into(), account_id: place.account_id(), ..Default::default() };
    let role = admin.tenant().assignments().assign(member, &role).await.unwrap().id;
    let grant = serde_json::from_value(json!({"pattern": "tenant.accounts.read", "effect": "deny"})).unwrap();
    let grant = admin.tenant().grants().give(member, &grant).await.unwrap().id;
    let pattern = "tenant.extra.delete".into();
    let guardrail = CreateGuardrail { pattern, scope: Some(place), ..Default::default() };
    let guardrail = admin.tenant().guardrails().forbid(&guardrail).await.unwrap().id;
    let staff_role =
        AssignPlatformRole { user_id: user, role: "account_owner".into(), starts_at: None, ends_at: None };
    let staff_role = staff.platform().assignments().assign(&staff_role).await.unwrap().id;
    [
        ("{assignment}", role.to_string()),
        ("{grant}", grant.to_string()),
        ("{guardrail}", guardrail.to_string()),
        ("{staff_role}", staff_role.to_string()),
    ]
}

/// The tokens of people who were admins when they signed in, and are suspended since.
async fn suspended(server: &Server, admin: &Client) -> [String; 2] {
    let (tenant, role) = (server.world.harbour.id, Some("tenant_admin"));
    for email in [SUSPENDED, MEMBERSHIP_SUSPENDED] {
        server.add_person(email, &[(tenant, role)]).await;
    }
    let tokens = [server.token(SUSPENDED).await, server.token(MEMBERSHIP_SUSPENDED).await];
    server.suspend_person(SUSPENDED).await;
    let search = ListMembers { search: Some(MEMBERSHIP_SUSPENDED.into()), ..Default::default() };
    let found = admin.tenant().members().list(&search).await.unwrap().items;
    admin.tenant().members().suspend(found[0].id).await.unwrap();
    server.app.authenticator.forget();
    tokens
}

/// A token of the admin that was good an hour ago.
async fn expired_token(server: &Server) -> String {
    let system = Caller::system(SystemReason::Authentication);
    let mut tx = server.database().platform(&system).write().await.unwrap();
    let admin = tx.users().credentials(&Email::parse(ADMIN).unwrap()).await.unwrap().unwrap().user.id;
    let hour = TimeDelta::hours(1);
    let now = server.database().now();
    let session = tx.sessions().open(NewSession::new(admin, now + hour)).await.unwrap().id;
    tx.commit().await.unwrap();
    let tokens = Tokens::new(&key_ring(), TokenAlgorithm::default()).unwrap();
    tokens.issue(admin, session, Some(server.world.harbour.id), now - hour).unwrap().0
}

/// What the document tells of an operation is true of this answer: its status, and the permission for lack of which a
/// caller is refused. Who has no rights at all is refused for one, wherever the document asks for one.
fn told(operation: &Value, answer: &Answer, has_no_rights: bool, call: &str) -> Option<String> {
    let status = answer.status.to_string();
    if !operation["responses"][&status].is_object() {
        return Some(format!("{call}: {status} is not in the document"));
    }
    let (is_tagged, has_tag) = (operation["responses"]["304"].is_object(), !answer.header("etag").is_empty());
    if answer.status == 200 && is_tagged != has_tag {
        return Some(format!("{call}: whether it has an ETag is not in the document: {:?}", answer.headers));
    }
    // A bulk request says it of each item.
    let failure = match answer.status {
        204 => Value::Null,
        403 => answer.json(),
        _ if call.ends_with("/bulk") => answer.json()["data"]["results"][0].clone(),
        _ => Value::Null,
    };
    let needed = operation["x-permission"].as_array().unwrap();
    let names = |entry: &Value, name: &str| entry.as_str().unwrap().split(" | ").any(|other| other == name);
    match failure["details"]["permission"].as_str() {
        Some(missing) if !needed.iter().any(|entry| names(entry, missing)) => {
            Some(format!("{call}: {missing} is not in the document, {needed:?} is"))
        }
        None if has_no_rights && !needed.is_empty() => {
            Some(format!("{call}: not refused for {needed:?}: {}", answer.body))
        }
        _ => None,
    }
}

/// Compares with a golden file, or writes it where `UPDATE_GOLDEN` is set.
fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{text}\n")).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text,
        golden.trim_end(),
        "who may do what has changed; if that is wanted, run the test with UPDATE_GOLDEN=1 and review the diff"
    );
}
