//! Authentication without HTTP: a program signs a person in, asks what they may do, and signs them out.

use mono_auth::{Authenticator, SignIn};
use mono_core::caller::RequestContext;
use mono_core::permission::Scope;
use mono_core::time::Timestamp;
use mono_core::{Error, permission};
use secrecy::ExposeSecret;

/// Signs in, and says whether the person may make accounts.
///
/// # Errors
/// What is wrong with the credentials.
pub async fn may_create_accounts(
    authenticator: &Authenticator,
    email: &str,
    password: &str,
    now: Timestamp,
) -> Result<bool, Error> {
    let request = RequestContext::default();
    let signed_in =
        authenticator.sign_in(SignIn::new(email, password), request.clone()).await?.signed_in()?;
    let caller = authenticator.authenticate(&signed_in.access_token, None, request.clone()).await?;
    let whole_tenant = Scope::tenant(caller.tenant()?);
    let create = permission!("tenant.accounts.create");
    let allowed = caller.authorize(create, &whole_tenant, now).is_ok();
    if let Some(token) = signed_in.refresh_token {
        authenticator.sign_out(token.expose_secret(), request).await?;
    }
    Ok(allowed)
}
