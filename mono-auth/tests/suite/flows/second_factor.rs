//! A person is told about their second factor.

use super::Flows;
use crate::PASSWORD;
use crate::second_factors::enrol;
use mono_core::model::mail::MailKind;
use mono_core::time::Clock;
use mono_storage::testkit::World;

mono_storage::conformance!(a_person_is_told_of_each_change_of_their_second_factor);

const ANA: &str = "ana@harbour.example";

async fn a_person_is_told_of_each_change_of_their_second_factor(world: World) {
    let flows = Flows::new(world);
    flows.person(ANA, "user").await;
    let ana = flows.signed_in(ANA, PASSWORD).await;
    flows.authenticator.enrol_second_factor(&ana).await.unwrap();
    flows.authenticator.confirm_second_factor(&ana, "000000").await.unwrap_err();
    assert_eq!(flows.mails().await, [], "nothing is in force yet");
    enrol(&flows.authenticator, &ana, flows.clock.now()).await;
    let told = flows.mails().await;
    assert_eq!((told.len(), told[0].kind, told[0].to.as_str()), (1, MailKind::SecondFactorEnabled, ANA));
    assert_eq!(told[0].token, None);
    flows.authenticator.disable_second_factor(&ana).await.unwrap();
    let told = flows.mails().await;
    assert_eq!((told.len(), told[0].kind, told[0].to.as_str()), (1, MailKind::SecondFactorDisabled, ANA));
    flows.authenticator.disable_second_factor(&ana).await.unwrap_err();
    assert_eq!(flows.mails().await, []);
}
