//! What a tenant has bought, and what it uses.

use crate::server::{ADMIN, STRANGER, Server, USER, create};
use mono_core::ErrorKind;
use mono_core::api::accounts::ListAccounts;
use mono_core::api::entitlements::UsageReport;
use mono_core::subscription::{Allowance, SubscriptionStatus};
use mono_storage::db::Database;
use mono_storage::testkit::World;

mono_storage::conformance!(
    use_is_shown_as_it_is_counted,
    who_may_not_see_the_bill_does_not_see_it,
    calls_are_counted_and_end_at_the_maximum,
);

async fn use_is_shown_as_it_is_counted(world: World) {
    let server = Server::start(world).await;
    let client = server.sign_in(ADMIN).await;
    for made in 0..=2_u64 {
        let answer = client.tenant().entitlements().await.unwrap();
        assert_eq!(answer.status, SubscriptionStatus::Active);
        let accounts = answer.limits.iter().find(|usage| usage.decision.limit == "accounts").unwrap();
        let decision = &accounts.decision;
        assert_eq!((decision.current, decision.maximum), (made, Allowance::UpTo(5)));
        assert_eq!(
            (decision.remaining, decision.allowed, decision.unlimited),
            (Allowance::UpTo(5 - made), true, false)
        );
        create(&client, &format!("Account {made}")).await;
    }
    // The other tenant's use is its own.
    let other = server.sign_in(STRANGER).await.tenant().entitlements().await.unwrap();
    let accounts = other.limits.iter().find(|usage| usage.decision.limit == "accounts").unwrap();
    assert_eq!((accounts.decision.current, accounts.decision.unlimited), (0, true));
}

async fn who_may_not_see_the_bill_does_not_see_it(world: World) {
    let server = Server::start(world).await;
    let error = server.sign_in(USER).await.tenant().entitlements().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}

async fn calls_are_counted_and_end_at_the_maximum(world: World) {
    let server = Server::start(world).await;
    let database = server.app.database.clone();
    let client = server.sign_in(ADMIN).await;
    let calls = async || {
        let answer = client.tenant().entitlements().await.unwrap();
        let calls = answer.limits.into_iter().find(|usage| usage.decision.limit == "api_calls").unwrap();
        calls.decision.current
    };
    for made in 0..3 {
        // Asking how much is left costs nothing.
        assert_eq!(calls().await, made);
        client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    }
    // What is refused, or is not found, is no call of the tenant: nobody can use it up for the others.
    let user = server.sign_in(USER).await;
    let missing = server.app.database.new_id();
    for _ in 0..3 {
        let error = user.tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert_eq!(client.tenant().accounts().get(missing).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert_eq!(calls().await, 3);
    // Other nodes of the same tenant have used the rest of the month meanwhile.
    let elsewhere = Database::connect(&server.world.test.options).await.unwrap();
    elsewhere.count(&server.world.harbour.admin, None, "api_calls", 49_996).await.unwrap();
    elsewhere.close().await;
    database.flush_usage().await.unwrap();
    client.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
    let error = client.tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert_eq!(error.details().unwrap()["limit"], "api_calls");
    assert_eq!(calls().await, 50_000);
    // Who lacks the right is told so first.
    let error = user.tenant().accounts().list(&ListAccounts::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    // The neighbour goes on.
    server.sign_in(STRANGER).await.tenant().accounts().list(&ListAccounts::default()).await.unwrap();

    database.flush_usage().await.unwrap();
    let until = database.now().date_naive();
    let report = UsageReport { from: until.pred_opt().unwrap(), until };
    let days = client.tenant().usage(report).await.unwrap();
    assert_eq!(days.iter().map(|day| day.used).sum::<u64>(), 50_000);
    assert!(days.iter().all(|day| day.limit.as_deref() == Some("api_calls")));
    let backwards = UsageReport { from: report.until, until: report.from };
    assert_eq!(client.tenant().usage(backwards).await.unwrap_err().kind(), ErrorKind::Validation);
    let error = server.sign_in(USER).await.tenant().usage(report).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
}
