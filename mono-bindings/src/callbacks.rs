//! What the languages implement, and the client calls.

use crate::error::{MonoError, Result};
use crate::runtime::foreign;
use mono_client::BoxFuture;

/// Keeps who is signed in where it outlives the program: a keychain, a file, a database. Without one a client keeps the
/// tokens in its memory alone.
///
/// What is kept is one text, which is a secret. It is written anew at each refresh, so that two programs with the same
/// store stay signed in together, as one person: who signs in writes over who was there before. A store may be called from
/// several threads at once, and whoever awaits a call waits for it: it should answer soon. What it raises comes back from the
/// call that asked: a `MonoError` as it is, anything else as `Internal` with code `callback_failed` and the language's words
/// in the details, so do not put the text that is kept into them.
#[uniffi::export(callback_interface)]
pub trait TokenStore: Send + Sync {
    /// The text that was saved last, or none. Asked before the first call, and before each refresh.
    ///
    /// # Errors
    /// Where the store cannot be read; the call that asked fails.
    fn load(&self) -> Result<Option<String>>;

    /// Keeps a text in place of the one before.
    ///
    /// # Errors
    /// Where the store cannot be written. A sign-in fails, and nobody is signed in; a refresh goes on with what is in memory.
    fn save(&self, session: String) -> Result<()>;

    /// Forgets the text: the person has signed out, or the session is over. Clearing an empty store is no error.
    ///
    /// # Errors
    /// Where the store cannot be written.
    fn clear(&self) -> Result<()>;
}

/// Is told how far a long call has come.
#[uniffi::export(callback_interface)]
pub trait ProgressListener: Send + Sync {
    /// So many of so many are there. The total is as it was at the beginning.
    ///
    /// # Errors
    /// What is raised here ends the call, which fails with it: a `MonoError` as it is, anything else as `Internal` with
    /// code `callback_failed`.
    fn on_progress(&self, done: u64, total: u64) -> Result<()>;
}

/// A store of another language, as the client knows stores.
pub(crate) struct Store(pub(crate) Box<dyn TokenStore>);

impl mono_client::TokenStore for Store {
    fn load(&self) -> BoxFuture<'_, mono_core::Result<Option<String>>> {
        Box::pin(async { Ok(foreign(|| self.0.load())?) })
    }

    fn save<'a>(&'a self, session: &'a str) -> BoxFuture<'a, mono_core::Result<()>> {
        Box::pin(async { Ok(foreign(|| self.0.save(session.to_owned()))?) })
    }

    fn clear(&self) -> BoxFuture<'_, mono_core::Result<()>> {
        Box::pin(async { Ok(foreign(|| self.0.clear())?) })
    }
}

// Without this, what a language raises beside `MonoError` would be a panic.
impl From<uniffi::UnexpectedUniFFICallbackError> for MonoError {
    fn from(raised: uniffi::UnexpectedUniFFICallbackError) -> Self {
        let details = serde_json::json!({ "raised": raised.reason }).to_string();
        let text = "a function that was given to mono has failed".to_owned();
        Self::Internal { code: "callback_failed".into(), text, details: Some(details), request_id: None }
    }
}
