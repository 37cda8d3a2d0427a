//! API keys: made for a program, followed by others, and shown by it.

use crate::authenticator::Authenticator;
use mono_core::api::api_keys::CreatedApiKey;
use mono_core::caller::{Caller, RequestContext};
use mono_core::id::{ApiKeyId, TenantId};
use mono_core::model::api_key::{ApiKey, NewApiKey, Rotation};
use mono_core::{Error, ErrorKind};
use mono_storage::store::KeyCredential;
use secrecy::{ExposeSecret, SecretString};

impl Authenticator {
    /// Makes an API key that belongs to the caller. Its text is in the answer and nowhere else.
    ///
    /// # Errors
    /// As [`ApiKeys::create`](mono_storage::store::ApiKeys::create).
    pub async fn create_api_key(&self, caller: &Caller, new: NewApiKey) -> Result<CreatedApiKey, Error> {
        let (text, credential) = self.new_key()?;
        let mut tx = self.inner.database.tenant(caller).write().await?;
        let api_key = tx.api_keys().create(new, credential).await?;
        tx.commit().await?;
        Ok(created(api_key, &text))
    }

    /// Makes an API key that follows another, which works on for a while.
    ///
    /// # Errors
    /// As [`ApiKeys::rotate`](mono_storage::store::ApiKeys::rotate).
    pub async fn rotate_api_key(
        &self,
        caller: &Caller,
        id: ApiKeyId,
        rotation: Rotation,
    ) -> Result<CreatedApiKey, Error> {
        let (text, credential) = self.new_key()?;
        let mut tx = self.inner.database.tenant(caller).write().await?;
        let api_key = tx.api_keys().rotate(id, rotation, credential).await?;
        tx.commit().await?;
        Ok(created(api_key, &text))
    }

    fn new_key(&self) -> Result<(SecretString, KeyCredential), Error> {
        self.inner.api_keys.generate(self.inner.database.new_id(), self.inner.database.random())
    }

    /// Checks an API key and makes the caller that it stands for: its owner, as far as its scopes reach. A `tenant` is
    /// the key's own, or refused.
    ///
    /// # Errors
    /// `Unauthorized` with code `invalid_api_key`, or, for who has the right secret, `api_key_revoked` or
    /// `api_key_expired`; `Forbidden` where the owner or the tenant is suspended, or the owner belongs to the tenant no
    /// more; `RateLimited` after a hundred wrong keys from one network.
    pub async fn authenticate_key(
        &self,
        text: &str,
        tenant: Option<TenantId>,
        request: RequestContext,
    ) -> Result<Caller, Error> {
        self.inner.wrong_keys.admit(text, &request)?;
        let known = match self.inner.api_keys.parse(text) {
            Some(shown) => self.inner.identities.of_key(&self.inner.api_keys, text, &shown).await,
            None => Err(invalid()),
        };
        let known = known.inspect_err(|error| {
            if error.code() == INVALID {
                self.inner.wrong_keys.note_wrong(&request);
            }
        })?;
        self.inner.wrong_keys.note_right(text);
        if known.expires_at <= self.inner.database.now() {
            return Err(expired());
        }
        if tenant.is_some() && tenant != known.identity.tenant {
            let message = "this key belongs to another tenant";
            return Err(Error::new(ErrorKind::Forbidden, "not_a_member", message));
        }
        #[expect(clippy::disallowed_methods, reason = "the key has just been checked")]
        Ok(Caller::mint(known.identity, std::sync::Arc::new(request)))
    }
}

fn created(api_key: ApiKey, text: &SecretString) -> CreatedApiKey {
    CreatedApiKey { api_key, key: text.expose_secret().to_owned() }
}

const INVALID: &str = "invalid_api_key";

/// The one answer to every key that never was.
pub(crate) fn invalid() -> Error {
    Error::new(ErrorKind::Unauthorized, INVALID, "the API key is not valid")
}

pub(crate) fn expired() -> Error {
    Error::new(ErrorKind::Unauthorized, "api_key_expired", "the API key has expired; make another")
}

pub(crate) fn revoked() -> Error {
    Error::new(ErrorKind::Unauthorized, "api_key_revoked", "the API key was revoked; make another")
}
