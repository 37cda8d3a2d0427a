//! What a tenant has bought, changed by the staff of the platform.

use crate::plans::key;
use crate::server::{ADMIN, BOTH, CONNECTIONS, MEMBER, STAFF, STRANGER, Server, USER, create, named, send};
use mono_client::Client;
use mono_core::api::entitlements::EntitlementsResponse;
use mono_core::api::subscriptions::CreateOverride;
use mono_core::id::{AccountId, OverrideId, TenantId};
use mono_core::subscription::{
    Allowance, Change, OverrideChange, Source, Subscription, SubscriptionState, SubscriptionStatus, Usage,
};
use mono_core::time::{Clock, Timestamp};
use mono_core::{Error, ErrorKind};
use mono_storage::testkit::World;
use reqwest::Method;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

mono_storage::conformance!(
    a_smaller_plan_takes_nothing_away_and_lets_nothing_grow,
    a_preview_changes_nothing,
    trial_and_grace_end_by_the_clock,
    a_paused_subscription_gives_nothing,
    an_exception_for_one_account_says_why,
    an_account_of_another_tenant_is_not_found,
    wrong_input_is_refused,
);

fn accounts(answer: &EntitlementsResponse) -> &Usage {
    answer.limits.iter().find(|usage| usage.decision.limit == "accounts").unwrap()
}

async fn use_of(client: &Client) -> (u64, Allowance, bool) {
    let answer = client.tenant().entitlements().await.unwrap();
    let decision = &accounts(&answer).decision;
    (decision.current, decision.maximum, decision.allowed)
}

fn to_plan(name: &str) -> Change {
    Change::Plan(key(name))
}

async fn a_smaller_plan_takes_nothing_away_and_lets_nothing_grow(world: World) {
    let server = Server::start(world).await;
    let (staff, admin) = (server.sign_in(STAFF).await, server.sign_in(ADMIN).await);
    let (tenant, subscriptions) = (server.world.harbour.id, staff.platform().subscriptions());
    subscriptions.change(tenant, &to_plan("unlimited")).await.unwrap();
    let mut made = Vec::new();
    for i in 0..7 {
        made.push(create(&admin, &format!("Account {i}")).await.id);
    }
    let changed = subscriptions.change(tenant, &to_plan("starter")).await.unwrap();
    let below: Vec<_> = changed.preview.below_use().collect();
    assert_eq!(below.len(), 1);
    assert_eq!((below[0].limit.as_str(), below[0].used, below[0].after), ("accounts", 7, Allowance::UpTo(5)));
    assert_eq!(subscriptions.get(tenant).await.unwrap(), changed.subscription);
    // Nothing is gone, nothing can be added, until there is room again.
    assert_eq!(use_of(&admin).await, (7, Allowance::UpTo(5), false));
    for id in &made {
        admin.tenant().accounts().get(*id).await.unwrap();
    }
    for (left, id) in [6, 5, 4].into_iter().zip(&made) {
        let error = admin.tenant().accounts().create(&named("More")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert_eq!(error.details().unwrap()["current"], left + 1);
        admin.tenant().accounts().delete(*id).await.unwrap();
    }
    create(&admin, "Room").await;
    assert_eq!(use_of(&admin).await, (5, Allowance::UpTo(5), false));
}

async fn a_preview_changes_nothing(world: World) {
    let server = Server::start(world).await;
    let (staff, admin) = (server.sign_in(STAFF).await, server.sign_in(ADMIN).await);
    let (tenant, subscriptions) = (server.world.harbour.id, staff.platform().subscriptions());
    create(&admin, "One").await;
    let before = (subscriptions.get(tenant).await.unwrap(), use_of(&admin).await);
    let preview = subscriptions.preview(tenant, &to_plan("unlimited")).await.unwrap();
    let accounts = preview.limits.iter().find(|change| change.limit.as_str() == "accounts").unwrap();
    assert_eq!((accounts.before, accounts.after), (Allowance::UpTo(5), Allowance::Unlimited));
    assert_eq!((accounts.used, accounts.below_use), (1, false));
    assert_eq!((subscriptions.get(tenant).await.unwrap(), use_of(&admin).await), before);
    // And the change says what its preview said.
    assert_eq!(subscriptions.change(tenant, &to_plan("unlimited")).await.unwrap().preview, preview);
}

/// A clock that is moved by hand.
pub(crate) struct MovedClock(pub(crate) Mutex<Timestamp>);

impl MovedClock {
    pub(crate) fn go_to(&self, server: &Server, moment: Timestamp) {
        *self.0.lock().unwrap() = moment;
        // The few seconds for which rights are kept are those of the machine.
        server.app.authenticator.forget();
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

async fn trial_and_grace_end_by_the_clock(world: World) {
    let clock = Arc::new(MovedClock(Mutex::new(at("2026-01-01T00:00:00Z"))));
    let server = Server::start_over(world, CONNECTIONS, |database| database.with_clock(clock.clone())).await;
    let tenant = server.world.harbour.id;
    let subscription = Subscription {
        state: SubscriptionState::Trialing { ends_at: at("2026-01-15T00:00:00Z") },
        grace_days: 7,
        ..Subscription::new(key("starter"))
    };
    let staff = server.sign_in(STAFF).await;
    staff.platform().subscriptions().set(tenant, &subscription).await.unwrap();
    for (moment, status, most) in [
        ("2026-01-14T23:59:59.999999Z", SubscriptionStatus::Trialing, 5),
        ("2026-01-15T00:00:00Z", SubscriptionStatus::PastDue, 5),
        ("2026-01-21T23:59:59.999999Z", SubscriptionStatus::PastDue, 5),
        ("2026-01-22T00:00:00Z", SubscriptionStatus::Canceled, 0),
    ] {
        clock.go_to(&server, at(moment));
        let admin = server.sign_in(ADMIN).await;
        let answer = admin.tenant().entitlements().await.unwrap();
        assert_eq!((answer.status, accounts(&answer).decision.maximum), (status, Allowance::UpTo(most)));
        let made = admin.tenant().accounts().create(&named(&format!("At {}", moment.len()))).await;
        if most == 0 {
            assert_eq!(made.unwrap_err().kind(), ErrorKind::LimitExceeded);
        } else {
            admin.tenant().accounts().delete(made.unwrap().id).await.unwrap();
        }
    }
    // Paid after all: it goes on.
    let staff = server.sign_in(STAFF).await;
    let paid = Change::State(SubscriptionState::Active);
    let preview = staff.platform().subscriptions().change(tenant, &paid).await.unwrap().preview;
    assert!(preview.limits.iter().any(|change| change.after == Allowance::UpTo(5)));
    create(&server.sign_in(ADMIN).await, "Paid").await;
}

async fn a_paused_subscription_gives_nothing(world: World) {
    let server = Server::start(world).await;
    let (staff, admin) = (server.sign_in(STAFF).await, server.sign_in(ADMIN).await);
    let tenant = server.world.harbour.id;
    let paused = SubscriptionState::Paused { from: server.database().now(), until: None };
    staff.platform().subscriptions().change(tenant, &Change::State(paused)).await.unwrap();
    let answer = admin.tenant().entitlements().await.unwrap();
    assert_eq!(answer.status, SubscriptionStatus::Paused);
    assert_eq!(accounts(&answer).source, Source::NotInForce);
    let error = admin.tenant().accounts().create(&named("New")).await.unwrap_err();
    assert_eq!((error.kind(), &error.details().unwrap()["maximum"]), (ErrorKind::LimitExceeded, &json!(0)));
    // The neighbour goes on.
    create(&server.sign_in(STRANGER).await, "Theirs").await;
}

fn exception(account: Option<AccountId>, limit: &str, reason: &str) -> CreateOverride {
    CreateOverride {
        account,
        change: OverrideChange::Limit { limit: key(limit), maximum: Allowance::UpTo(99) },
        from: None,
        until: None,
        reason: reason.into(),
    }
}

async fn teams_of(client: &Client, account: AccountId) -> (Allowance, Source) {
    let answer = client.tenant().accounts().entitlements(account).await.unwrap();
    let usage = answer.limits.into_iter().find(|usage| usage.decision.limit == "teams").unwrap();
    (usage.decision.maximum, usage.source)
}

async fn an_exception_for_one_account_says_why(world: World) {
    let server = Server::start(world).await;
    let (staff, admin) = (server.sign_in(STAFF).await, server.sign_in(ADMIN).await);
    let (tenant, subscriptions) = (server.world.harbour.id, staff.platform().subscriptions());
    let (one, other) = (create(&admin, "One").await.id, create(&admin, "Other").await.id);
    let plain = (Allowance::UpTo(5), Source::Plan(key("starter")));
    let stored = subscriptions.add_override(tenant, &exception(Some(one), "teams", "the trade fair")).await;
    let stored = stored.unwrap();
    assert_eq!(subscriptions.overrides(tenant).await.unwrap(), std::slice::from_ref(&stored));
    let agreed = (Allowance::UpTo(99), Source::Override("the trade fair".into()));
    assert_eq!(teams_of(&admin, one).await, agreed);
    assert_eq!(teams_of(&admin, other).await, plain);
    let whole = admin.tenant().entitlements().await.unwrap();
    let teams = whole.limits.into_iter().find(|usage| usage.decision.limit == "teams").unwrap();
    assert_eq!((teams.decision.maximum, teams.source), plain);
    // What is agreed with one tenant is not taken back through another.
    let error = subscriptions.remove_override(server.world.lagoon.id, stored.id).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    subscriptions.remove_override(tenant, stored.id).await.unwrap();
    assert_eq!(teams_of(&admin, one).await, plain);
    assert_eq!(
        subscriptions.remove_override(tenant, stored.id).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
}

async fn an_account_of_another_tenant_is_not_found(world: World) {
    let server = Server::start(world).await;
    let mine = create(&server.sign_in(ADMIN).await, "Mine").await.id;
    let stranger = server.sign_in(STRANGER).await;
    let gone = create(&stranger, "Gone").await.id;
    stranger.tenant().accounts().delete(gone).await.unwrap();
    let told = async |id: AccountId| {
        let error = stranger.tenant().accounts().entitlements(id).await.unwrap_err();
        (error.kind(), error.code().to_owned(), error.message().to_owned())
    };
    let absent = told(server.database().new_id()).await;
    assert_eq!(absent.0, ErrorKind::NotFound);
    for id in [mine, gone] {
        assert_eq!(told(id).await, absent);
    }
    // Of one's own tenant it is a matter of rights.
    for (email, may) in [(MEMBER, false), (USER, false), (BOTH, false), (ADMIN, true)] {
        let client = server.sign_in(email).await;
        let client = if email == BOTH { client.with_tenant(server.world.lagoon.id) } else { client };
        let answer = client.tenant().accounts().entitlements(mine).await;
        let kind = if email == BOTH { ErrorKind::NotFound } else { ErrorKind::Forbidden };
        assert_eq!(answer.map_err(|error| error.kind()).err(), (!may).then_some(kind), "{email}");
    }
    let error = server.client().tenant().accounts().entitlements(mine).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    // An exception for a foreign account is none.
    let staff = server.sign_in(STAFF).await;
    let foreign = exception(Some(mine), "teams", "by mistake");
    let error = staff.platform().subscriptions().add_override(server.world.lagoon.id, &foreign).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
}

async fn wrong_input_is_refused(world: World) {
    let server = Server::start(world).await;
    let staff = server.sign_in(STAFF).await;
    let (tenant, nowhere) = (server.world.harbour.id, server.database().new_id::<TenantId>());
    let subscriptions = staff.platform().subscriptions();
    let refused = |result: Result<(), Error>| {
        let error = result.unwrap_err();
        (error.kind(), error.code().to_owned())
    };
    let invalid = |code: &str| (ErrorKind::Validation, code.to_owned());
    let plan = to_plan("gold");
    assert_eq!(refused(subscriptions.change(tenant, &plan).await.map(drop)), invalid("unknown_plan"));
    assert_eq!(refused(subscriptions.preview(tenant, &plan).await.map(drop)), invalid("unknown_plan"));
    let add_on = Change::AddOn { add_on: key("gold"), quantity: 1 };
    assert_eq!(refused(subscriptions.change(tenant, &add_on).await.map(drop)), invalid("unknown_add_on"));
    let error = subscriptions.add_override(tenant, &exception(None, "bananas", " ")).await.unwrap_err();
    let codes: Vec<_> = error.problems().into_iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["unknown_limit", "empty"]);
    for reason in ["x".repeat(1001), "a\0b".into()] {
        let error = subscriptions.add_override(tenant, &exception(None, "teams", &reason)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Validation);
    }
    let missing = |result: Result<(), Error>| assert_eq!(result.unwrap_err().kind(), ErrorKind::NotFound);
    missing(subscriptions.get(nowhere).await.map(drop));
    missing(subscriptions.set(nowhere, &Subscription::new(key("starter"))).await.map(drop));
    missing(subscriptions.change(nowhere, &to_plan("starter")).await.map(drop));
    missing(subscriptions.preview(nowhere, &to_plan("starter")).await.map(drop));
    missing(subscriptions.overrides(nowhere).await.map(drop));
    missing(subscriptions.add_override(nowhere, &exception(None, "teams", "why")).await.map(drop));
    missing(subscriptions.remove_override(nowhere, server.database().new_id()).await);

    let token = server.token(STAFF).await;
    let own = format!("/api/v1/platform/tenants/{tenant}");
    let id: OverrideId = server.database().new_id();
    for (method, path, body, reason) in [
        (Method::PUT, format!("{own}/subscription"), json!({"plan": "starter"}), "invalid_field"),
        (
            Method::PUT,
            format!("{own}/subscription"),
            json!({"plan": "starter", "state": {"state": "active"}, "addons": []}),
            "invalid_field",
        ),
        (Method::POST, format!("{own}/subscription/changes"), json!({}), "invalid_field"),
        (Method::POST, format!("{own}/subscription/changes"), json!({"plan": "A"}), "invalid_field"),
        (Method::POST, format!("{own}/subscription/changes"), json!({"price": 0}), "invalid_field"),
        (Method::POST, format!("{own}/entitlement-overrides"), json!({"reason": "x"}), "invalid_field"),
        (Method::DELETE, format!("{own}/entitlement-overrides/{id}x"), Value::Null, "invalid_id"),
        (Method::GET, "/api/v1/platform/tenants/x/subscription".into(), Value::Null, "invalid_id"),
    ] {
        let request = server.request(method.clone(), &path).bearer_auth(&token);
        let request = if body.is_null() { request } else { request.json(&body) };
        assert_eq!(send(request).await.failure(), (400, reason.to_owned()), "{method} {path} {body}");
    }
    // Nothing of it was kept.
    assert_eq!(subscriptions.get(tenant).await.unwrap(), Subscription::new(key("starter")));
    assert!(subscriptions.overrides(tenant).await.unwrap().is_empty());
}
