//! Every route, with a call that succeeds for who may make it.

use crate::server::{ACCOUNTS, ADMIN, LOGIN, PASSWORD};
use mono_core::id::AccountId;
use mono_core::subscription::ItemKind;
use reqwest::Method;
use serde_json::{Value, json};

/// Where the tenant is that the caller works in.
const OWN: &str = "/api/v1/tenant";

/// Where the mail templates of a tenant are.
const TEMPLATES: &str = "/api/v1/tenant/mail-templates";

/// Where who has shown nothing yet is served.
const AUTH: &str = "/api/v1/public/auth";

/// Where the invitations of a tenant are.
const INVITATIONS: &str = "/api/v1/tenant/invitations";

/// Where the roles of a tenant are.
const ROLES: &str = "/api/v1/tenant/roles";

/// Where it stands what is forbidden to everybody in a tenant.
const GUARDRAILS: &str = "/api/v1/tenant/guardrails";

/// Where the roles on the whole platform are.
const STAFF_ROLES: &str = "/api/v1/platform/assignments";

/// Where the teams of accounts are.
const TEAMS: &str = "/api/v1/tenant/teams";

/// Where the API keys are.
const KEYS: &str = "/api/v1/tenant/api-keys";

/// Where the profiles of members are.
const PROFILES: &str = "/api/v1/tenant/profiles";

/// Where the people of a tenant are.
const MEMBERS: &str = "/api/v1/tenant/members";

/// Where the platform works on a tenant.
const TENANT: &str = "/api/v1/platform/tenants/{tenant}";

/// Method, path and body of a call that succeeds for who may make it. In this order they follow from one another.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn routes() -> Vec<(Method, String, Value)> {
    let none = Value::Null;
    // Everybody asks for another address, so that nobody is throttled because of the others.
    let asking = json!({"email": "{caller}@new.example"});
    let mut routes = vec![
        (Method::GET, "/ping".into(), none.clone()),
        (Method::GET, "/ready".into(), none.clone()),
        (Method::GET, "/health".into(), none.clone()),
        (Method::GET, "/api/v1/openapi.json".into(), none.clone()),
        (Method::GET, "/health/detailed".into(), none.clone()),
        (Method::GET, "/metrics".into(), none.clone()),
        (Method::GET, "/.well-known/jwks.json".into(), none.clone()),
        (Method::POST, LOGIN.into(), json!({"email": ADMIN, "password": PASSWORD})),
        (Method::POST, "/api/v1/public/auth/refresh".into(), json!({"refreshToken": "x"})),
        (Method::POST, "/api/v1/public/auth/logout".into(), json!({"refreshToken": "x"})),
        (
            Method::POST,
            "/api/v1/public/auth/second-factor".into(),
            json!({"challenge": "x", "code": "000000"}),
        ),
        (Method::GET, "/api/v1/user/second-factor".into(), none.clone()),
        (Method::POST, "/api/v1/user/second-factor".into(), none.clone()),
        (Method::POST, "/api/v1/user/second-factor/confirm".into(), json!({"code": "recovery"})),
        (Method::POST, "/api/v1/user/second-factor/recovery-codes".into(), none.clone()),
        (Method::DELETE, "/api/v1/user/second-factor".into(), none.clone()),
        (Method::POST, "/api/v1/user/step-up".into(), json!({"password": PASSWORD})),
        (Method::GET, "/api/v1/tenant/auth-policy".into(), none.clone()),
        (Method::PATCH, "/api/v1/tenant/auth-policy".into(), json!({"sessionHours": 23})),
        (Method::POST, format!("{AUTH}/password-reset"), asking.clone()),
        (Method::POST, format!("{AUTH}/password-reset/confirm"), json!({"token": "x", "password": "x"})),
        (Method::POST, format!("{AUTH}/set-password/confirm"), json!({"token": "x", "password": "x"})),
        (Method::POST, format!("{AUTH}/magic-link"), asking.clone()),
        (Method::POST, format!("{AUTH}/magic-link/confirm"), json!({"token": "x"})),
        (Method::POST, format!("{AUTH}/verify-email"), asking.clone()),
        (Method::POST, format!("{AUTH}/verify-email/confirm"), json!({"token": "x"})),
        (Method::POST, format!("{AUTH}/change-email/confirm"), json!({"token": "x"})),
        (Method::POST, format!("{AUTH}/sign-up"), asking.clone()),
        (
            Method::POST,
            format!("{AUTH}/sign-up/confirm"),
            json!({"token": "x", "name": "x", "password": "x"}),
        ),
        (Method::POST, format!("{AUTH}/invitations/inspect"), json!({"token": "x"})),
        (Method::POST, format!("{AUTH}/invitations/accept"), json!({"token": "x", "password": "x"})),
        (Method::GET, "/api/v1/user".into(), none.clone()),
        (Method::PUT, "/api/v1/user/password".into(), json!({"currentPassword": "x", "newPassword": "y"})),
        (
            Method::POST,
            "/api/v1/user/email".into(),
            json!({"email": "{caller}@new.example", "password": "x"}),
        ),
        (Method::POST, "/api/v1/user/invitations/accept".into(), json!({"token": "x"})),
        (Method::GET, "/api/v1/user/sessions".into(), none.clone()),
        (Method::DELETE, "/api/v1/user/sessions/{id}".into(), none.clone()),
        (Method::POST, "/api/v1/user/sessions/revoke-others".into(), none.clone()),
        (Method::GET, "/api/v1/user/tenants".into(), none.clone()),
        (Method::PUT, "/api/v1/user/tenant".into(), json!({"tenantId": AccountId::from_u128(7)})),
        (Method::GET, "/api/v1/tenant/entitlements".into(), none.clone()),
        (Method::GET, "/api/v1/tenant/usage?from=2026-01-01&until=2026-01-31".into(), none.clone()),
        (Method::GET, "/api/v1/tenant/audit".into(), none.clone()),
        (Method::GET, "/api/v1/tenant/audit/by-cursor".into(), none.clone()),
        (Method::GET, "/api/v1/tenant/audit/export?format=csv".into(), none.clone()),
        (Method::GET, "/api/v1/user/permissions/snapshot".into(), none.clone()),
        (Method::GET, ACCOUNTS.into(), none.clone()),
        (Method::GET, format!("{ACCOUNTS}/by-cursor"), none.clone()),
        (Method::POST, ACCOUNTS.into(), json!({"name": "New"})),
        (Method::POST, format!("{ACCOUNTS}/bulk"), json!({"items": [{"name": "Another"}]})),
        (Method::PATCH, format!("{ACCOUNTS}/bulk"), changes("{id}")),
        (Method::GET, format!("{ACCOUNTS}/{{id}}"), none.clone()),
        (Method::PATCH, format!("{ACCOUNTS}/{{id}}"), json!({"name": "Other"})),
        (Method::GET, format!("{ACCOUNTS}/{{id}}/versions"), none.clone()),
        (Method::GET, format!("{ACCOUNTS}/{{id}}/versions/1"), none.clone()),
        (Method::GET, format!("{ACCOUNTS}/{{id}}/versions/diff?from=1&to=1"), none.clone()),
        (Method::POST, format!("{ACCOUNTS}/{{id}}/versions/1/revert"), none.clone()),
        (Method::DELETE, format!("{ACCOUNTS}/{{id}}"), none.clone()),
        (Method::POST, format!("{ACCOUNTS}/{{id}}/restore"), none.clone()),
        (Method::GET, format!("{ACCOUNTS}/{{id}}/entitlements"), none.clone()),
        (Method::GET, "/api/v1/tenant".into(), none.clone()),
        (Method::PATCH, "/api/v1/tenant".into(), json!({"timeZone": "Europe/Lisbon"})),
        (Method::GET, format!("{OWN}/versions"), none.clone()),
        (Method::GET, format!("{OWN}/versions/1"), none.clone()),
        (Method::GET, format!("{OWN}/versions/diff?from=1&to=1"), none.clone()),
        (Method::POST, format!("{OWN}/versions/1/revert"), none.clone()),
        (Method::GET, INVITATIONS.into(), none.clone()),
        (Method::POST, INVITATIONS.into(), json!({"email": "{caller}@new.example"})),
        (
            Method::POST,
            format!("{INVITATIONS}/bulk"),
            json!({"items": [{"email": "another-{caller}@new.example"}]}),
        ),
        (Method::POST, format!("{INVITATIONS}/{{invitation}}/resend"), none.clone()),
        (Method::DELETE, format!("{INVITATIONS}/{{invitation}}"), none.clone()),
        (Method::GET, MEMBERS.into(), none.clone()),
        (Method::GET, format!("{MEMBERS}/by-cursor"), none.clone()),
        (Method::GET, format!("{MEMBERS}/{{member}}"), none.clone()),
        (Method::GET, format!("{MEMBERS}/{{member}}/versions"), none.clone()),
        (Method::GET, format!("{MEMBERS}/{{member}}/versions/1"), none.clone()),
        (Method::GET, format!("{MEMBERS}/{{member}}/versions/diff?from=1&to=1"), none.clone()),
        (Method::POST, format!("{MEMBERS}/{{member}}/suspend"), none.clone()),
        (Method::POST, format!("{MEMBERS}/{{member}}/reactivate"), none.clone()),
        (Method::GET, format!("{ACCOUNTS}/{{id}}/teams"), none.clone()),
        (Method::POST, format!("{ACCOUNTS}/{{id}}/teams"), json!({"name": "New"})),
        (Method::POST, format!("{TEAMS}/bulk"), json!({"items": [{"accountId": "{id}", "name": "Another"}]})),
        (Method::PATCH, format!("{TEAMS}/bulk"), changes("{team}")),
        (Method::GET, format!("{TEAMS}/{{team}}"), none.clone()),
        (Method::PATCH, format!("{TEAMS}/{{team}}"), json!({"name": "Other"})),
        (Method::GET, format!("{TEAMS}/{{team}}/versions"), none.clone()),
        (Method::GET, format!("{TEAMS}/{{team}}/versions/1"), none.clone()),
        (Method::GET, format!("{TEAMS}/{{team}}/versions/diff?from=1&to=1"), none.clone()),
        (Method::POST, format!("{TEAMS}/{{team}}/versions/1/revert"), none.clone()),
        (Method::PUT, format!("{TEAMS}/{{team}}/members/{{member}}"), none.clone()),
        (Method::GET, format!("{TEAMS}/{{team}}/members"), none.clone()),
        (Method::DELETE, format!("{TEAMS}/{{team}}/members/{{member}}"), none.clone()),
        (Method::DELETE, format!("{TEAMS}/{{team}}"), none.clone()),
        (Method::POST, format!("{TEAMS}/{{team}}/restore"), none.clone()),
        (Method::GET, KEYS.into(), none.clone()),
        (Method::POST, KEYS.into(), json!({"name": "New", "scopes": ["tenant.accounts.read"]})),
        (Method::GET, format!("{KEYS}/{{key}}"), none.clone()),
        (Method::PATCH, format!("{KEYS}/{{key}}"), json!({"name": "Other"})),
        (Method::POST, format!("{KEYS}/{{key}}/rotate"), json!({})),
        (Method::DELETE, format!("{KEYS}/{{key}}"), none.clone()),
        (Method::GET, "/api/v1/tenant/option-sets".into(), none.clone()),
        (
            Method::PUT,
            "/api/v1/tenant/option-sets/extra".into(),
            json!({"key": "extra", "name": "Extra", "options": []}),
        ),
        (Method::GET, "/api/v1/tenant/option-sets/extra".into(), none.clone()),
        (Method::GET, format!("{OWN}/option-sets/extra/versions"), none.clone()),
        (Method::GET, format!("{OWN}/option-sets/extra/versions/1"), none.clone()),
        (Method::GET, format!("{OWN}/option-sets/extra/versions/diff?from=1&to=1"), none.clone()),
        (Method::POST, format!("{OWN}/option-sets/extra/versions/1/revert"), none.clone()),
        (Method::DELETE, "/api/v1/tenant/option-sets/extra".into(), none.clone()),
        (Method::GET, TEMPLATES.into(), none.clone()),
        (Method::PUT, format!("{TEMPLATES}/magic_link/en"), template()),
        (Method::GET, format!("{TEMPLATES}/magic_link/en"), none.clone()),
        (Method::POST, format!("{TEMPLATES}/magic_link/en/preview"), template()),
        (Method::DELETE, format!("{TEMPLATES}/magic_link/en"), none.clone()),
        (Method::GET, ROLES.into(), none.clone()),
        (Method::POST, ROLES.into(), json!({"key": "extra", "allow": ["tenant.accounts.read"]})),
        (Method::PUT, format!("{ROLES}/extra"), json!({"key": "extra", "name": "Extra"})),
        (Method::DELETE, format!("{ROLES}/extra"), none.clone()),
        (Method::GET, format!("{MEMBERS}/{{member}}/assignments"), none.clone()),
        (Method::POST, format!("{MEMBERS}/{{member}}/assignments"), json!({"role": "user"})),
        (Method::DELETE, "/api/v1/tenant/assignments/{assignment}".into(), none.clone()),
        (Method::GET, format!("{MEMBERS}/{{member}}/grants"), none.clone()),
        (
            Method::POST,
            format!("{MEMBERS}/{{member}}/grants"),
            json!({"pattern": "tenant.accounts.read", "effect": "allow"}),
        ),
        (Method::DELETE, "/api/v1/tenant/grants/{grant}".into(), none.clone()),
        (Method::GET, GUARDRAILS.into(), none.clone()),
        (
            Method::POST,
            GUARDRAILS.into(),
            json!({"pattern": "tenant.extra.read", "scope": "tenant:{tenant}/account:{id}"}),
        ),
        (Method::DELETE, format!("{GUARDRAILS}/{{guardrail}}"), none.clone()),
        (Method::GET, format!("{OWN}/role-overrides"), none.clone()),
        (
            Method::PUT,
            format!("{OWN}/role-overrides/user/extend"),
            json!({"patterns": ["tenant.accounts.read"]}),
        ),
        (Method::DELETE, format!("{OWN}/role-overrides/user/extend"), none.clone()),
        (Method::GET, "/api/v1/tenant/schemas".into(), none.clone()),
        (
            Method::PUT,
            "/api/v1/tenant/schemas/extra".into(),
            json!({"key": "extra", "name": "Extra", "fields": []}),
        ),
        (Method::GET, "/api/v1/tenant/schemas/extra".into(), none.clone()),
        (Method::GET, format!("{OWN}/schemas/extra/versions"), none.clone()),
        (Method::GET, format!("{OWN}/schemas/extra/versions/1"), none.clone()),
        (Method::GET, format!("{OWN}/schemas/extra/versions/diff?from=1&to=1"), none.clone()),
        (Method::POST, format!("{OWN}/schemas/extra/versions/1/revert"), none.clone()),
        (Method::DELETE, "/api/v1/tenant/schemas/extra".into(), none.clone()),
        (Method::GET, format!("{MEMBERS}/{{member}}/profiles"), none.clone()),
        (Method::POST, format!("{MEMBERS}/{{member}}/profiles"), json!({"kind": "plain", "data": {}})),
        (Method::GET, PROFILES.into(), none.clone()),
        (Method::GET, format!("{PROFILES}/by-cursor"), none.clone()),
        (
            Method::POST,
            format!("{PROFILES}/bulk"),
            json!({"items": [{"memberId": "{member}", "kind": "plain", "data": {}}]}),
        ),
        (
            Method::PATCH,
            format!("{PROFILES}/bulk"),
            json!({"items": [{"id": "{profile}", "change": {"data": {}}}]}),
        ),
        (Method::GET, format!("{PROFILES}/{{profile}}"), none.clone()),
        (Method::PATCH, format!("{PROFILES}/{{profile}}"), json!({"status": "published"})),
        (Method::GET, format!("{PROFILES}/{{profile}}/versions"), none.clone()),
        (Method::GET, format!("{PROFILES}/{{profile}}/versions/1"), none.clone()),
        (Method::GET, format!("{PROFILES}/{{profile}}/versions/diff?from=1&to=1"), none.clone()),
        (Method::POST, format!("{PROFILES}/{{profile}}/versions/1/revert"), none.clone()),
        (Method::DELETE, format!("{PROFILES}/{{profile}}"), none.clone()),
        (Method::POST, format!("{PROFILES}/{{profile}}/restore"), none.clone()),
        (Method::DELETE, format!("{MEMBERS}/{{member}}"), none.clone()),
    ];
    for kind in ItemKind::ALL {
        let (list, item) = (kind.path(), format!("{}/extra", kind.path()));
        routes.extend([
            (Method::GET, list.into(), none.clone()),
            (Method::PUT, item.clone(), extra(*kind)),
            (Method::GET, item.clone(), none.clone()),
            (Method::DELETE, item, none.clone()),
        ]);
    }
    let (subscription, overrides) =
        (format!("{TENANT}/subscription"), format!("{TENANT}/entitlement-overrides"));
    let plan = json!({"plan": "unlimited"});
    let exception = json!({"change": {"limit": {"limit": "teams", "maximum": 6}}, "reason": "a fair"});
    routes.extend([
        (Method::GET, subscription.clone(), none.clone()),
        (Method::PUT, subscription.clone(), json!({"plan": "starter", "state": {"state": "active"}})),
        (Method::POST, format!("{subscription}/preview"), plan.clone()),
        (Method::POST, format!("{subscription}/changes"), plan),
        (Method::GET, overrides.clone(), none.clone()),
        (Method::POST, overrides.clone(), exception),
        (Method::DELETE, format!("{overrides}/{{override_id}}"), none.clone()),
        (Method::GET, "/api/v1/platform/tenants".into(), none.clone()),
        (Method::GET, "/api/v1/platform/tenants/by-cursor".into(), none.clone()),
        (Method::POST, "/api/v1/platform/tenants".into(), json!({"name": "Another"})),
        (Method::POST, format!("{TENANT}/members/{{member}}/impersonate"), json!({"reason": "ticket 7"})),
        (Method::POST, "/api/v1/platform/users/{user}/set-password".into(), none.clone()),
        (Method::GET, STAFF_ROLES.into(), none.clone()),
        (Method::POST, STAFF_ROLES.into(), json!({"userId": "{user}", "role": "user"})),
        (Method::DELETE, format!("{STAFF_ROLES}/{{staff_role}}"), none.clone()),
        (Method::GET, TENANT.into(), none.clone()),
        (Method::PATCH, TENANT.into(), json!({"currency": "USD"})),
        (Method::GET, format!("{TENANT}/versions"), none.clone()),
        (Method::GET, format!("{TENANT}/versions/1"), none.clone()),
        (Method::GET, format!("{TENANT}/versions/diff?from=1&to=1"), none.clone()),
        (Method::POST, format!("{TENANT}/versions/1/revert"), none.clone()),
        (Method::POST, format!("{TENANT}/suspend"), none.clone()),
        (Method::POST, format!("{TENANT}/archive"), none.clone()),
        (Method::POST, format!("{TENANT}/reactivate"), none),
    ]);
    routes
}

/// Many changes at once: one.
fn changes(id: &str) -> Value {
    json!({"items": [{"id": id, "change": {"name": "Other"}}]})
}

/// An item that nothing needs.
fn extra(kind: ItemKind) -> Value {
    let price = json!({"amount": 100, "currency": "EUR", "interval": "month"});
    match kind {
        ItemKind::Feature => json!({"key": "extra", "name": "Extra", "kind": "boolean"}),
        ItemKind::FeatureSet => json!({"key": "extra", "name": "Extra"}),
        ItemKind::Limit => json!({"key": "extra", "name": "Extra", "unit": "piece", "category": "other",
            "default": 1, "window": "total", "enforcement": "hard"}),
        ItemKind::Template => json!({"key": "extra", "name": "Extra", "plan": "starter"}),
        ItemKind::Plan | ItemKind::AddOn => json!({"key": "extra", "name": "Extra", "price": price}),
    }
}

/// A template that can be filled in.
fn template() -> Value {
    let html = "<mjml><mj-body><mj-section><mj-column><mj-text>{{ link }}</mj-text></mj-column></mj-section></mj-body></mjml>";
    json!({"subject": "Sign in", "html": html, "plain": "{{ link }}"})
}
