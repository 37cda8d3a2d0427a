//! Where the tokens of a person outlive the program.

use crate::system::BoxFuture;
use mono_core::Result;

/// Keeps who is signed in where it outlives the program: a keychain, a file, the storage of a browser. Without one a client
/// keeps the tokens in its memory alone.
///
/// What is kept is one text, which is a secret. It is written anew at each refresh, so two programs with the same store
/// stay signed in together, as one person: who signs in writes over who was there before. A store may be asked from several
/// tasks at once.
///
/// ```
/// use mono_client::{BoxFuture, Client, TokenStore};
/// use mono_core::{Error, Result};
/// use std::path::PathBuf;
/// use std::sync::Arc;
///
/// /// A file in a folder that nobody else can read.
/// struct File(PathBuf);
///
/// impl TokenStore for File {
///     fn load(&self) -> BoxFuture<'_, Result<Option<String>>> {
///         Box::pin(async { Ok(std::fs::read_to_string(&self.0).ok()) })
///     }
///     fn save<'a>(&'a self, session: &'a str) -> BoxFuture<'a, Result<()>> {
///         Box::pin(async move { std::fs::write(&self.0, session).map_err(Error::internal) })
///     }
///     fn clear(&self) -> BoxFuture<'_, Result<()>> {
///         Box::pin(async { std::fs::write(&self.0, "").map_err(Error::internal) })
///     }
/// }
///
/// let store = Arc::new(File(PathBuf::from("session.json")));
/// let client = Client::builder("http://127.0.0.1:8080").token_store(store).build()?;
/// # Ok::<(), mono_core::Error>(())
/// ```
pub trait TokenStore: Send + Sync {
    /// The text that was saved last; `None`, or an empty one, where there is none. Asked before the first call, and
    /// before each refresh: another program may have refreshed already.
    ///
    /// # Errors
    /// Where the store cannot be read; the call that asked fails with this error.
    fn load(&self) -> BoxFuture<'_, Result<Option<String>>>;

    /// Keeps a text in place of the one before.
    ///
    /// # Errors
    /// Where the store cannot be written. A sign-in fails with this error, and nobody is signed in; a refresh goes on with
    /// what is in memory, and logs it.
    fn save<'a>(&'a self, session: &'a str) -> BoxFuture<'a, Result<()>>;

    /// Forgets the text: the person has signed out, or the session is over. Clearing an empty store is no error.
    ///
    /// # Errors
    /// Where the store cannot be written.
    fn clear(&self) -> BoxFuture<'_, Result<()>>;
}
