//! Signing up.

use super::{Flows, STRONG, USED_UP, anywhere, code};
use mono_core::ErrorKind;
use mono_core::model::mail::MailKind;
use mono_storage::testkit::World;

mono_storage::conformance!(nobody_signs_up_unless_everybody_may, who_signs_up_is_a_person_without_a_tenant);

const EVA: &str = "eva@new.example";

async fn nobody_signs_up_unless_everybody_may(world: World) {
    let flows = Flows::new(world);
    let refused = flows.authenticator.request_sign_up(EVA, anywhere()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Forbidden, "sign_up_off"));
    let open = flows.authenticator.clone().with_sign_up(true);
    open.request_sign_up(EVA, anywhere()).await.unwrap();
    assert!(flows.mails().await.is_empty(), "it was closed before the mail was sent");
    assert_eq!(code(flows.authenticator.sign_up("x", "Eva", STRONG.into(), anywhere()).await), "sign_up_off");
}

async fn who_signs_up_is_a_person_without_a_tenant(world: World) {
    let mut flows = Flows::new(world);
    flows.authenticator = flows.authenticator.clone().with_sign_up(true);
    let ask = async || flows.authenticator.request_sign_up(EVA, anywhere()).await.unwrap();
    ask().await;
    let first = flows.token(MailKind::SignUp, EVA).await;
    ask().await;
    let second = flows.token(MailKind::SignUp, EVA).await;
    let sign_up = async |token: &str, name: &str, password: &str| {
        flows.authenticator.sign_up(token, name, password.into(), anywhere()).await
    };
    assert_eq!(code(sign_up(&first, "Eva", STRONG).await), USED_UP, "of two mails the later one counts");
    assert_eq!(sign_up(&second, " ", STRONG).await.unwrap_err().kind(), ErrorKind::Validation);
    assert_eq!(sign_up(&second, "Eva", "short").await.unwrap_err().kind(), ErrorKind::Validation);
    let user = sign_up(&second, "Eva", STRONG).await.unwrap();
    assert_eq!(code(sign_up(&second, "Eva", STRONG).await), USED_UP);
    let signed_in = flows.sign_in(EVA, STRONG).await.unwrap();
    assert_eq!((signed_in.user_id, signed_in.tenant_id), (user, None));
    let profile = flows.authenticator.profile(&flows.caller(&signed_in).await.unwrap()).await.unwrap();
    assert!(profile.email_verified_at.is_some());
    // Who is there already is helped in another way, and whoever asks is told nothing.
    ask().await;
    flows.token(MailKind::ResetPassword, EVA).await;
}
