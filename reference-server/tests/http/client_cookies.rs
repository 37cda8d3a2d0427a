//! The client signs in with cookies, as a page of the server does.

use crate::client_sessions::Counted;
use crate::server::{ADMIN, BOTH, MEMBER, builder, create, credentials};
use futures_util::future::join_all;
use mono_client::{Client, CookieLogin};
use mono_core::ErrorKind;
use mono_core::api::accounts::ListAccounts;
use mono_storage::testkit::World;

mono_storage::conformance!(
    who_signs_in_with_cookies_reads_and_writes,
    ended_cookies_are_renewed_once_for_any_number_of_calls,
    a_tenant_is_chosen_and_kept_with_cookies,
    without_cookies_nobody_goes_on,
);

async fn sign_in(counted: &Counted, email: &str) -> Client {
    let client = builder(counted.front).build().unwrap();
    let login = client.auth().cookies().begin(&credentials(email)).await.unwrap();
    assert!(matches!(login, CookieLogin::SignedIn(login) if !login.csrf_token.is_empty()));
    client
}

async fn who_signs_in_with_cookies_reads_and_writes(world: World) {
    let counted = Counted::start(world).await;
    let client = sign_in(&counted, ADMIN).await;
    let account = create(&client, "Bakery").await;
    client.tenant().accounts().delete(account.id).await.unwrap();
    assert!(client.auth().is_signed_in().await.unwrap());
    let member = sign_in(&counted, MEMBER).await;
    let refused = member.tenant().accounts().delete(account.id).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    client.auth().logout().await.unwrap();
    assert_eq!(client.tenant().get().await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!(client.auth().cookies().resume().await.unwrap_err().code(), "missing_credentials");
    member.user().tenants().await.unwrap();
}

async fn ended_cookies_are_renewed_once_for_any_number_of_calls(world: World) {
    let counted = Counted::start(world).await;
    let client = sign_in(&counted, ADMIN).await;
    counted.an_hour_later();
    let (wanted, accounts) = (ListAccounts::default(), client.tenant().accounts());
    for answer in join_all((0..50).map(|_| accounts.list(&wanted))).await {
        answer.unwrap();
    }
    assert_eq!(counted.refreshes(), 1);
    create(&client, "Bakery").await;
    let before = client.auth().cookies().resume().await.unwrap();
    let after = client.auth().cookies().resume().await.unwrap();
    assert_eq!(before.session_id, after.session_id);
    assert_eq!(counted.refreshes(), 3);
    // A token is not to be had: it is in the cookie alone.
    assert_eq!(client.auth().refresh().await.unwrap_err().code(), "no_refresh_token");
}

async fn a_tenant_is_chosen_and_kept_with_cookies(world: World) {
    let counted = Counted::start(world).await;
    let client = sign_in(&counted, BOTH).await;
    let lagoon = counted.server.world.lagoon.id;
    let chosen = client.auth().cookies().choose_tenant(lagoon).await.unwrap();
    assert_eq!(chosen.tenant_id, Some(lagoon));
    assert_eq!(client.tenant().get().await.unwrap().slug.as_str(), "lagoon");
    counted.an_hour_later();
    assert_eq!(client.tenant().get().await.unwrap().slug.as_str(), "lagoon");
    assert_eq!(counted.refreshes(), 1);
}

async fn without_cookies_nobody_goes_on(world: World) {
    let counted = Counted::start(world).await;
    let client = builder(counted.front).build().unwrap();
    assert_eq!(client.auth().cookies().resume().await.unwrap_err().code(), "missing_credentials");
    let mut wrong = credentials(ADMIN);
    "not the password".clone_into(&mut wrong.password);
    let refused = client.auth().cookies().begin(&wrong).await.unwrap_err();
    assert_eq!(refused.code(), "invalid_credentials");
    assert!(!client.auth().is_signed_in().await.unwrap());
}
