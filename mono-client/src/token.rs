//! The tokens, shared between clones of a client.

use mono_core::api::auth::LoginResponse;
use reqwest::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};
use std::sync::{Arc, PoisonError, RwLock};

/// A place for an access token and the refresh token that follows it. Clones are the same place. It has no `Debug`, so
/// that nothing can print a token.
#[derive(Clone, Default)]
pub(crate) struct Token(Arc<RwLock<Option<Tokens>>>);

struct Tokens {
    access: SecretString,
    refresh: Option<SecretString>,
}

impl Token {
    pub(crate) fn new(access: String) -> Self {
        Self(Arc::new(RwLock::new(Some(Tokens { access: access.into(), refresh: None }))))
    }

    /// Keeps the tokens of an answer in place of what was there. A refresh token that the answer does not replace stays.
    pub(crate) fn set(&self, answer: &LoginResponse) {
        // Nothing can panic while the lock is held, so a poisoned one is as good as any.
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let old = tokens.take().and_then(|tokens| tokens.refresh);
        let refresh = answer.refresh_token.clone().map(SecretString::from).or(old);
        *tokens = Some(Tokens { access: answer.access_token.clone().into(), refresh });
    }

    /// Forgets both tokens.
    pub(crate) fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(crate) fn refresh_token(&self) -> Option<String> {
        let tokens = self.0.read().unwrap_or_else(PoisonError::into_inner);
        tokens.as_ref()?.refresh.as_ref().map(|token| token.expose_secret().to_owned())
    }

    /// Adds the `Authorization` header, if there is a token.
    pub(crate) fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        match &*self.0.read().unwrap_or_else(PoisonError::into_inner) {
            Some(tokens) => request.bearer_auth(tokens.access.expose_secret()),
            None => request,
        }
    }
}
