//! What is dangerous asks who it is once more.

use crate::second_factors::{ANA, answer, code, enrol, failure};
use crate::{PASSWORD, caller, person, timed};
use mono_auth::StepUp;
use mono_core::caller::RequestContext;
use mono_core::error::ErrorKind;
use mono_core::permission;
use mono_core::permission::Scope;
use mono_core::time::Clock;
use mono_storage::testkit::World;
use secrecy::ExposeSecret;

mono_storage::conformance!(
    dangerous_permissions_ask_for_fresh_authentication,
    where_there_is_a_second_factor_the_password_alone_is_not_fresh,
    nothing_dangerous_is_done_in_the_name_of_somebody_else,
);

async fn dangerous_permissions_ask_for_fresh_authentication(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "tenant_admin").await;
    let session = answer(&authenticator, ANA).await.signed_in().unwrap();
    let whole = Scope::tenant(world.harbour.id);
    let (delete, create) = (permission!("tenant.accounts.delete"), permission!("tenant.accounts.create"));
    let ana = caller(&authenticator, &session).await.unwrap();
    ana.authorize(delete, &whole, clock.now()).expect("who has just signed in is fresh");
    clock.go_on(8 * 60);
    let refreshed = session.refresh_token.as_ref().unwrap().expose_secret();
    let session = authenticator.refresh(refreshed, RequestContext::default()).await.unwrap();
    clock.go_on(7 * 60);
    let ana = caller(&authenticator, &session).await.unwrap();
    let refused = ana.authorize(delete, &whole, clock.now()).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "step_up_required"));
    assert_eq!(refused.details().unwrap()["permission"], "tenant.accounts.delete");
    ana.authorize(create, &whole, clock.now()).expect("what is not dangerous goes on");
    let foreign = ana.authorize(delete, &Scope::tenant(world.lagoon.id), clock.now()).unwrap_err();
    assert_ne!(foreign.code(), "step_up_required", "nobody is asked to prove who they are for nothing");
    assert_eq!(failure(authenticator.enrol_second_factor(&ana).await).1, "step_up_required");

    let wrong = StepUp { password: Some("wrong".into()), code: None };
    assert_eq!(failure(authenticator.step_up(&ana, wrong).await).1, "wrong_password");
    assert_eq!(failure(authenticator.step_up(&ana, StepUp::default()).await).0, ErrorKind::Validation);
    let right = StepUp { password: Some(PASSWORD.into()), code: None };
    let until = authenticator.step_up(&ana, right).await.unwrap();
    assert_eq!(until, clock.now() + chrono::TimeDelta::minutes(15));
    let ana = caller(&authenticator, &session).await.unwrap();
    ana.authorize(delete, &whole, clock.now()).expect("at once");
    ana.authorize(delete, &whole, until).expect_err("and no longer");

    for _ in 0..5 {
        let wrong = StepUp { password: Some("wrong".into()), code: None };
        let _ = authenticator.step_up(&ana, wrong).await;
    }
    let right = StepUp { password: Some(PASSWORD.into()), code: None };
    assert_eq!(failure(authenticator.step_up(&ana, right).await).0, ErrorKind::RateLimited);
}

async fn where_there_is_a_second_factor_the_password_alone_is_not_fresh(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "tenant_admin").await;
    let session = answer(&authenticator, ANA).await.signed_in().unwrap();
    let other = answer(&authenticator, ANA).await.signed_in().unwrap();
    let ana = caller(&authenticator, &session).await.unwrap();
    let (secret, _) = enrol(&authenticator, &ana, clock.now()).await;
    let (delete, whole) = (permission!("tenant.accounts.delete"), Scope::tenant(world.harbour.id));
    let ana = caller(&authenticator, &session).await.unwrap();
    ana.authorize(delete, &whole, clock.now()).expect("who has just confirmed a code is fresh");
    let ana = caller(&authenticator, &other).await.unwrap();
    assert_eq!(ana.authorize(delete, &whole, clock.now()).unwrap_err().code(), "step_up_required");
    let alone = StepUp { password: Some(PASSWORD.into()), code: None };
    assert_eq!(failure(authenticator.step_up(&ana, alone).await).0, ErrorKind::Validation);
    clock.go_on(30);
    let shown = code(&secret, clock.now());
    authenticator.step_up(&ana, StepUp { password: None, code: Some(shown.clone()) }).await.unwrap();
    let again = StepUp { password: None, code: Some(shown) };
    assert_eq!(failure(authenticator.step_up(&ana, again).await).1, "invalid_code", "a code works once");
    let ana = caller(&authenticator, &other).await.unwrap();
    ana.authorize(delete, &whole, clock.now()).unwrap();
}

async fn nothing_dangerous_is_done_in_the_name_of_somebody_else(world: World) {
    let (authenticator, clock) = timed(&world);
    person(&world, &authenticator, ANA, "tenant_admin").await;
    let (acting, staff) = crate::impersonation::acting(&world, &authenticator, ANA).await;
    let as_ana = caller(&authenticator, &acting).await.unwrap();
    let (delete, whole) = (permission!("tenant.accounts.delete"), Scope::tenant(world.harbour.id));
    let refused = as_ana.authorize(delete, &whole, clock.now()).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "impersonated"));
    let given = || StepUp { password: Some(PASSWORD.into()), code: None };
    assert_eq!(failure(authenticator.step_up(&as_ana, given()).await).1, "impersonated");
    assert_eq!(failure(authenticator.enrol_second_factor(&as_ana).await).1, "impersonated");
    assert_eq!(acting.impersonator_id, Some(staff), "the login says so too");
}
