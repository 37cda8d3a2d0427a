//! The access token, shared between clones of a client.

use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Arc, PoisonError, RwLock};

/// A place for one token. Clones are the same place. It has no `Debug`, so that nothing can print the token.
#[derive(Clone, Default)]
pub(crate) struct Token(Arc<RwLock<Option<SecretString>>>);

impl Token {
    pub(crate) fn new(token: String) -> Self {
        Self(Arc::new(RwLock::new(Some(token.into()))))
    }

    /// Keeps a token in place of what was there.
    pub(crate) fn set(&self, token: String) {
        // Nothing can panic while the lock is held, so a poisoned one is as good as any.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(token.into());
    }

    /// Adds the `Authorization` header, if there is a token.
    pub(crate) fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }
}
