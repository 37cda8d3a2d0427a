//! The client signs in with cookies, as a page of the server does.

use crate::client_sessions::Counted;
use crate::mailbox::MAGIC_LINK;
use crate::second_factors::code;
use crate::server::{ADMIN, BOTH, MEMBER, Server, USER, builder, create, credentials};
use futures_util::future::join_all;
use mono_client::Client;
use mono_core::ErrorKind;
use mono_core::api::accounts::ListAccounts;
use mono_core::api::auth::CookieLoginAnswer;
use mono_core::api::emails::RequestMail;
use mono_core::api::magic_links::ConfirmMagicLink;
use mono_core::api::second_factor::SecondFactorLogin;
use mono_storage::testkit::World;

mono_storage::conformance!(
    who_signs_in_with_cookies_reads_and_writes,
    ended_cookies_are_renewed_once_for_any_number_of_calls,
    a_tenant_is_chosen_and_kept_with_cookies,
    without_cookies_nobody_goes_on,
    a_second_factor_is_shown_for_cookies,
    a_link_signs_in_with_cookies,
);

async fn sign_in(counted: &Counted, email: &str) -> Client {
    let client = builder(counted.front).build().unwrap();
    let login = client.auth().cookies().begin(&credentials(email)).await.unwrap();
    assert!(matches!(login, CookieLoginAnswer::SignedIn(login) if !login.csrf_token.is_empty()));
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

async fn a_second_factor_is_shown_for_cookies(world: World) {
    let server = Server::start(world).await;
    let factor = server.sign_in(MEMBER).await;
    let secret = factor.user().second_factor().enrol().await.unwrap().secret;
    factor.user().second_factor().confirm(&code(&server, &secret, 0)).await.unwrap();
    let client = server.client();
    let cookies = client.auth().cookies();
    let begun = cookies.begin(&credentials(MEMBER)).await.unwrap();
    let CookieLoginAnswer::SecondFactor(asked) = begun else { panic!("the second factor was not asked for") };
    assert!(!client.auth().is_signed_in().await.unwrap());
    let shown = |code| SecondFactorLogin { challenge: asked.challenge.clone(), code, cookies: false };
    let error = cookies.second_factor(&shown("000000".into())).await.unwrap_err();
    assert_eq!((error.code(), client.auth().is_signed_in().await.unwrap()), ("invalid_code", false));
    let login = cookies.second_factor(&shown(code(&server, &secret, 1))).await.unwrap();
    assert!(matches!(login, CookieLoginAnswer::SignedIn(login) if !login.csrf_token.is_empty()));
    assert_eq!(client.user().profile().await.unwrap().email.as_str(), MEMBER);
    // A write, and a token of the refresh cookie.
    client.user().sessions().revoke_others().await.unwrap();
    cookies.resume().await.unwrap();
}

async fn a_link_signs_in_with_cookies(world: World) {
    let server = Server::start(world).await;
    let client = server.client();
    client.auth().request_magic_link(&RequestMail { email: USER.into() }).await.unwrap();
    let confirm = ConfirmMagicLink::new(&server.token_in(MAGIC_LINK, USER).await);
    let login = client.auth().cookies().magic_link(&confirm).await.unwrap();
    assert!(matches!(login, CookieLoginAnswer::SignedIn(_)));
    assert_eq!(client.user().profile().await.unwrap().email.as_str(), USER);
    assert_eq!(client.auth().refresh().await.unwrap_err().code(), "no_refresh_token", "it is in a cookie");
    let used = client.auth().cookies().magic_link(&confirm).await.unwrap_err();
    assert_eq!(used.code(), "invalid_single_use_token");
    client.user().profile().await.expect("a failed login changes nothing");
}
