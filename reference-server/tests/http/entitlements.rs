//! What a tenant has bought, and what it uses.

use crate::server::{ADMIN, STRANGER, Server, USER, create};
use mono_core::ErrorKind;
use mono_core::subscription::{Allowance, SubscriptionStatus};
use mono_storage::testkit::World;

mono_storage::conformance!(use_is_shown_as_it_is_counted, who_may_not_see_the_bill_does_not_see_it);

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
