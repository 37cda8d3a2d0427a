//! What members are given and forbidden directly, what is forbidden to everybody, and what a tenant changes in roles of
//! the platform.

use crate::server::{ADMIN, MEMBER, STRANGER, Server, USER, create, send};
use mono_client::Client;
use mono_core::api::assignments::AssignRole;
use mono_core::api::grants::CreateGrant;
use mono_core::api::guardrails::CreateGuardrail;
use mono_core::api::members::ListMembers;
use mono_core::api::role_overrides::PutRoleOverride;
use mono_core::id::{AccountId, MemberId};
use mono_core::permission::{Effect, OverrideKind, Role, Scope};
use mono_core::{ErrorKind, Result};
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::json;

mono_storage::conformance!(
    a_grant_holds_until_it_is_taken_back,
    a_deny_beats_the_role,
    a_guardrail_binds_everybody_until_it_is_lifted,
    an_override_changes_a_role_in_its_tenant_only,
    nobody_passes_on_what_they_lack,
    another_tenant_reaches_none_of_it,
    what_is_no_pattern_is_refused,
    a_grant_sent_again_is_given_once,
);

fn allow(pattern: &str) -> CreateGrant {
    CreateGrant {
        pattern: pattern.into(),
        effect: Effect::Allow,
        scope: None,
        starts_at: None,
        ends_at: None,
    }
}

fn deny(pattern: &str) -> CreateGrant {
    CreateGrant { effect: Effect::Deny, ..allow(pattern) }
}

fn forbid(pattern: &str) -> CreateGuardrail {
    CreateGuardrail { pattern: pattern.into(), ..Default::default() }
}

fn patterns(texts: &[&str]) -> PutRoleOverride {
    PutRoleOverride { patterns: texts.iter().map(|text| (*text).to_owned()).collect() }
}

async fn member(client: &Client, email: &str) -> MemberId {
    let wanted = ListMembers { search: Some(email.into()), ..Default::default() };
    client.tenant().members().list(&wanted).await.unwrap().items[0].id
}

async fn reads(client: &Client, account: AccountId) -> Result<()> {
    client.tenant().accounts().get(account).await.map(|_| ())
}

/// The code of a refusal.
fn code(result: Result<impl Sized>) -> (ErrorKind, String) {
    let error = result.err().expect("this is refused");
    (error.kind(), error.code().to_owned())
}

async fn a_grant_holds_until_it_is_taken_back(world: World) {
    let server = Server::start(world).await;
    let (admin, clerk) = (server.sign_in(ADMIN).await, server.sign_in(MEMBER).await);
    let (one, two) = (create(&admin, "One").await.id, create(&admin, "Two").await.id);
    let (grants, clerk_member) = (admin.tenant().grants(), member(&admin, MEMBER).await);
    let scope = Scope::account(server.world.harbour.id, one);
    let in_one = CreateGrant { scope: Some(scope), ..allow("tenant.accounts.read") };
    let given = grants.give(clerk_member, &in_one).await.unwrap();
    assert_eq!((given.scope, given.effect, &*given.pattern), (scope, Effect::Allow, "tenant.accounts.read"));
    assert!(given.granted_by.is_some());
    assert_eq!(grants.list(clerk_member).await.unwrap(), std::slice::from_ref(&given));
    reads(&clerk, one).await.unwrap();
    assert_eq!(reads(&clerk, two).await.unwrap_err().kind(), ErrorKind::Forbidden);
    grants.revoke(given.id).await.unwrap();
    assert_eq!(reads(&clerk, one).await.unwrap_err().kind(), ErrorKind::Forbidden);
    assert_eq!(grants.revoke(given.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(grants.list(clerk_member).await.unwrap(), []);

    // What has not begun gives nothing, and what ends before it begins is refused.
    let now = server.database().now();
    let (soon, later) = (now + chrono::TimeDelta::hours(1), now + chrono::TimeDelta::hours(2));
    let span = CreateGrant { starts_at: Some(soon), ends_at: Some(later), ..allow("tenant.accounts.read") };
    let given = grants.give(clerk_member, &span).await.unwrap();
    assert_eq!((given.starts_at, given.ends_at), (Some(soon), Some(later)));
    assert_eq!(reads(&clerk, one).await.unwrap_err().kind(), ErrorKind::Forbidden);
    let backwards = CreateGrant { starts_at: Some(later), ends_at: Some(soon), ..span };
    assert_eq!(grants.give(clerk_member, &backwards).await.unwrap_err().code(), "out_of_range");
}

async fn a_deny_beats_the_role(world: World) {
    let server = Server::start(world).await;
    let (admin, user) = (server.sign_in(ADMIN).await, server.sign_in(USER).await);
    let account = create(&admin, "One").await.id;
    let user_member = member(&admin, USER).await;
    let role = AssignRole { role: "tenant_admin".into(), ..Default::default() };
    admin.tenant().assignments().assign(user_member, &role).await.unwrap();
    reads(&user, account).await.unwrap();
    let given = admin.tenant().grants().give(user_member, &deny("tenant.accounts.*")).await.unwrap();
    assert_eq!(reads(&user, account).await.unwrap_err().kind(), ErrorKind::Forbidden);
    // Who is forbidden something takes the deny off nobody, and least of all off themselves.
    let refused = user.tenant().grants().revoke(given.id).await;
    assert_eq!(code(refused), (ErrorKind::Forbidden, "not_held".into()));
    admin.tenant().grants().revoke(given.id).await.unwrap();
    reads(&user, account).await.unwrap();
}

async fn a_guardrail_binds_everybody_until_it_is_lifted(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let (one, two) = (create(&admin, "One").await.id, create(&admin, "Two").await.id);
    let guardrails = admin.tenant().guardrails();
    let scope = Scope::account(server.world.harbour.id, one);
    let wanted = CreateGuardrail {
        scope: Some(scope),
        reason: "kept for the auditors".into(),
        ..forbid("tenant.accounts.delete")
    };
    let set = guardrails.forbid(&wanted).await.unwrap();
    assert_eq!((set.scope, &*set.reason), (scope, "kept for the auditors"));
    assert_eq!(guardrails.list().await.unwrap(), std::slice::from_ref(&set));
    let refused = admin.tenant().accounts().delete(one).await;
    assert_eq!(code(refused), (ErrorKind::Forbidden, "denied".into()));
    admin.tenant().accounts().delete(two).await.unwrap();
    guardrails.lift(set.id).await.unwrap();
    admin.tenant().accounts().delete(one).await.unwrap();
    assert_eq!(guardrails.list().await.unwrap(), []);
    assert_eq!(guardrails.lift(set.id).await.unwrap_err().kind(), ErrorKind::NotFound);

    let refused = guardrails.forbid(&forbid("tenant.roles.*")).await;
    assert_eq!(code(refused), (ErrorKind::Validation, "locks_everybody_out".into()));
    let long = CreateGuardrail { reason: "x".repeat(501), ..forbid("tenant.accounts.delete") };
    assert_eq!(code(guardrails.forbid(&long).await), (ErrorKind::Validation, "too_long".into()));
    let nul = CreateGuardrail { reason: "a\0b".into(), ..long };
    assert_eq!(code(guardrails.forbid(&nul).await), (ErrorKind::Validation, "control_character".into()));
}

async fn an_override_changes_a_role_in_its_tenant_only(world: World) {
    let server = Server::start(world).await;
    let (admin, user) = (server.sign_in(ADMIN).await, server.sign_in(USER).await);
    let account = create(&admin, "One").await.id;
    let overrides = admin.tenant().role_overrides();
    assert_eq!(reads(&user, account).await.unwrap_err().kind(), ErrorKind::Forbidden);
    let set =
        overrides.put("user", OverrideKind::Extend, &patterns(&["tenant.accounts.read"])).await.unwrap();
    assert_eq!((&*set.role, set.kind), ("user", OverrideKind::Extend));
    assert_eq!(overrides.list().await.unwrap(), std::slice::from_ref(&set));
    reads(&user, account).await.unwrap();
    let stranger = server.sign_in(STRANGER).await;
    assert_eq!(stranger.tenant().role_overrides().list().await.unwrap(), []);

    // Another one of the same kind stands in its place, and what it took goes back with it.
    let other = patterns(&["tenant.teams.read"]);
    overrides.put("user", OverrideKind::Extend, &other).await.unwrap();
    assert_eq!(overrides.list().await.unwrap()[0].patterns, other.patterns);
    assert_eq!(reads(&user, account).await.unwrap_err().kind(), ErrorKind::Forbidden);
    overrides.delete("user", OverrideKind::Extend).await.unwrap();
    let gone = overrides.delete("user", OverrideKind::Extend).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::NotFound);

    let unknown = overrides.put("no_such_role", OverrideKind::Extend, &other).await;
    assert_eq!(code(unknown), (ErrorKind::Validation, "unknown_role".into()));
    let outside = overrides.put("user", OverrideKind::Extend, &patterns(&["platform.*"])).await;
    assert_eq!(code(outside), (ErrorKind::Validation, "outside_tenant".into()));
    let many = patterns(&["tenant.accounts.read"; 501]);
    let many = overrides.put("user", OverrideKind::Extend, &many).await;
    assert_eq!(code(many), (ErrorKind::Validation, "too_long".into()));
    let kind = server.request(Method::PUT, "/api/v1/tenant/role-overrides/user/forbid");
    let kind = kind.bearer_auth(server.token(ADMIN).await).json(&json!({"patterns": []}));
    assert_eq!(send(kind).await.failure(), (400, "unknown_value".into()));
}

async fn nobody_passes_on_what_they_lack(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let giver = Role::new("giver").allow(["tenant.roles.*", "tenant.members.read"]);
    admin.tenant().roles().create(&giver).await.unwrap();
    let (clerk_member, admin_member) = (member(&admin, MEMBER).await, member(&admin, ADMIN).await);
    let role = AssignRole { role: "giver".into(), ..Default::default() };
    admin.tenant().assignments().assign(clerk_member, &role).await.unwrap();
    let clerk = server.sign_in(MEMBER).await;
    let not_held = (ErrorKind::Forbidden, "not_held".to_owned());
    let (grants, guardrails) = (clerk.tenant().grants(), clerk.tenant().guardrails());
    for pattern in ["tenant.accounts.read", "tenant.*", "*", "tenant.*.read"] {
        assert_eq!(code(grants.give(clerk_member, &allow(pattern)).await), not_held, "{pattern}");
        assert_eq!(code(guardrails.forbid(&forbid(pattern)).await), not_held, "{pattern}");
    }
    // What they have themselves they forbid nobody who has more.
    assert_eq!(code(grants.give(admin_member, &deny("tenant.members.read")).await), not_held);
    let overrides = clerk.tenant().role_overrides();
    let refused = overrides.put("user", OverrideKind::Extend, &patterns(&["tenant.accounts.read"])).await;
    assert_eq!(code(refused), not_held);
    let refused =
        overrides.put("tenant_admin", OverrideKind::Restrict, &patterns(&["tenant.members.read"])).await;
    assert_eq!(code(refused), not_held);
    let set = guardrails.forbid(&forbid("tenant.members.read")).await.unwrap();
    guardrails.lift(set.id).await.unwrap();
    grants.give(clerk_member, &allow("tenant.members.read")).await.unwrap();
}

async fn another_tenant_reaches_none_of_it(world: World) {
    let server = Server::start(world).await;
    let (admin, stranger) = (server.sign_in(ADMIN).await, server.sign_in(STRANGER).await);
    let (clerk_member, there) = (member(&admin, MEMBER).await, Scope::tenant(server.world.harbour.id));
    let given = admin.tenant().grants().give(clerk_member, &allow("tenant.accounts.read")).await.unwrap();
    let set = admin.tenant().guardrails().forbid(&forbid("tenant.accounts.delete")).await.unwrap();
    let theirs = stranger.tenant();
    assert_eq!(theirs.grants().list(clerk_member).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(theirs.assignments().list(clerk_member).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(theirs.grants().revoke(given.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let refused = theirs.grants().give(clerk_member, &allow("tenant.accounts.read")).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    let refused = CreateGrant { scope: Some(there), ..allow("tenant.accounts.read") };
    let refused = theirs.grants().give(clerk_member, &refused).await;
    assert_eq!(code(refused), (ErrorKind::Validation, "outside_tenant".into()));
    assert_eq!(theirs.guardrails().list().await.unwrap(), []);
    assert_eq!(theirs.guardrails().lift(set.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    let refused = CreateGuardrail { scope: Some(there), ..forbid("tenant.accounts.read") };
    let refused = theirs.guardrails().forbid(&refused).await;
    assert_eq!(code(refused), (ErrorKind::Validation, "outside_tenant".into()));
    assert_eq!(admin.tenant().grants().list(clerk_member).await.unwrap(), [given]);
    assert_eq!(admin.tenant().guardrails().list().await.unwrap(), [set]);
}

async fn what_is_no_pattern_is_refused(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let clerk_member = member(&admin, MEMBER).await;
    let invalid = (ErrorKind::Validation, "invalid_pattern".to_owned());
    for text in
        ["", "tenant.acc*", "tenant..read", "Tenant.accounts.read", "*.accounts.read", "tenant.a\0.read"]
    {
        assert_eq!(code(admin.tenant().grants().give(clerk_member, &allow(text)).await), invalid, "{text:?}");
        assert_eq!(code(admin.tenant().guardrails().forbid(&forbid(text)).await), invalid, "{text:?}");
        let put =
            admin.tenant().role_overrides().put("user", OverrideKind::Restrict, &patterns(&[text])).await;
        let error = put.unwrap_err();
        assert_eq!(
            (error.code(), &*error.problems()[0].field),
            ("invalid_pattern", "patterns[0]"),
            "{text:?}"
        );
    }
}

async fn a_grant_sent_again_is_given_once(world: World) {
    let server = Server::start(world).await;
    let admin = server.sign_in(ADMIN).await;
    let clerk_member = member(&admin, MEMBER).await;
    let again = admin.with_idempotency_key("once");
    let first = again.tenant().grants().give(clerk_member, &allow("tenant.accounts.read")).await.unwrap();
    let second = again.tenant().grants().give(clerk_member, &allow("tenant.accounts.read")).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(admin.tenant().grants().list(clerk_member).await.unwrap(), [first]);
}
