//! A store of tokens in memory, which fails or hangs where it is told to.

use mono_client::{BoxFuture, TokenStore};
use mono_core::{Error, ErrorKind, Result};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Memory {
    text: Mutex<Option<String>>,
    pub(crate) load_fails: AtomicBool,
    pub(crate) save_fails: AtomicBool,
    pub(crate) save_hangs: AtomicBool,
    /// Told when a save hangs.
    pub(crate) hangs: Notify,
}

impl Memory {
    /// The text that is kept; empty where there is none.
    pub(crate) fn text(&self) -> String {
        self.text.lock().unwrap().clone().unwrap_or_default()
    }
}

/// As a server would refuse who asks, for a store may lie behind one.
fn locked(fails: &AtomicBool) -> Result<()> {
    if fails.load(Ordering::SeqCst) {
        return Err(Error::new(ErrorKind::Unauthorized, "keychain_locked", "the keychain is locked"));
    }
    Ok(())
}

impl TokenStore for Memory {
    fn load(&self) -> BoxFuture<'_, Result<Option<String>>> {
        Box::pin(async { locked(&self.load_fails).map(|()| self.text.lock().unwrap().clone()) })
    }

    fn save<'a>(&'a self, session: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            if self.save_hangs.load(Ordering::SeqCst) {
                self.hangs.notify_one();
                std::future::pending::<()>().await;
            }
            locked(&self.save_fails).map(|()| *self.text.lock().unwrap() = Some(session.to_owned()))
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        *self.text.lock().unwrap() = None;
        Box::pin(async { Ok(()) })
    }
}
