//! Where the calls of the client run: on threads of Rust, not on those of the language.
//!
//! A language that awaits a call drives it otherwise itself, by a function of this library that it calls. Ruby keeps its
//! global lock meanwhile, and what it calls wakes others who await the same refresh, which is Ruby code that may let go of
//! the lock and let another thread in: with a lock of Rust held. Both then wait for each other for ever.

use crate::error::Result;
use mono_core::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};

/// There is not much to do beside waiting.
const THREADS: usize = 2;

static RUNTIME: LazyLock<io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(THREADS).thread_name("mono").enable_all().build()
});

/// Runs a call; dropped, it is given up.
pub(crate) async fn run<T: Send + 'static>(
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let runtime = RUNTIME.as_ref().map_err(|error| Error::internal(error.to_string()))?;
    Running(runtime.spawn(call)).await.map_err(Error::internal)?
}

/// Calls a function of the language, which may wait for something; the other calls go on.
pub(crate) fn foreign<T>(function: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(function)
}

struct Running<T>(JoinHandle<T>);

impl<T> Future for Running<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
