//! Where the calls of the client run: on threads of Rust, not on those of the language.
//!
//! A language that awaits a call drives it otherwise itself, by a function of this library that it calls. Ruby keeps its
//! global lock meanwhile, and what it calls wakes others who await the same refresh, which is Ruby code that may let go of
//! the lock and let another thread in: with a lock of Rust held. Both then wait for each other for ever.

use crate::error::Result;
use mono_core::{Error, ErrorKind};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{mem, process, thread};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::timeout;

/// There is not much to do beside waiting.
const THREADS: usize = 2;

/// How long [`shutdown`] waits for a store or listener that does not return.
const PATIENCE: Duration = Duration::from_secs(5);

enum Threads {
    /// No call was made yet.
    Unborn,
    Alive {
        runtime: Runtime,
        /// Tells every call that is under way to end; closed when all have.
        over: watch::Sender<bool>,
        /// A child that was forked has a copy of this, and none of the threads.
        process: u32,
    },
    /// [`shutdown`] was called.
    Over,
}

static RUNTIME: Mutex<Threads> = Mutex::new(Threads::Unborn);

/// What ends the threads; locked for as long as somebody waits for it.
static ENDING: Mutex<Option<thread::JoinHandle<()>>> = Mutex::new(None);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a call; dropped, it is given up.
pub(crate) async fn run<T: Send + 'static>(
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match Running(spawn(call)?).await {
        Ok(outcome) => outcome,
        Err(given_up) if given_up.is_cancelled() => Err(shut_down().into()),
        Err(panicked) => Err(Error::internal(panicked).into()),
    }
}

fn spawn<T: Send + 'static>(
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<JoinHandle<Result<T>>> {
    let mut threads = lock(&RUNTIME);
    if let Threads::Unborn = *threads {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(THREADS).thread_name("mono").enable_all();
        let runtime = builder.build().map_err(Error::internal)?;
        *threads = Threads::Alive { runtime, over: watch::Sender::new(false), process: process::id() };
    }
    match &*threads {
        Threads::Alive { runtime, over, process } if *process == process::id() => {
            let mut over = over.subscribe();
            Ok(runtime.spawn(async move {
                tokio::select! {
                    _ = over.wait_for(|over| *over) => Err(shut_down().into()),
                    outcome = call => outcome,
                }
            }))
        }
        Threads::Alive { .. } => Err(forked().into()),
        Threads::Unborn | Threads::Over => Err(shut_down().into()),
    }
}

fn forked() -> Error {
    let message = "the process was forked after its first call: its child makes no calls";
    Error::new(ErrorKind::Unavailable, "forked", message)
}

fn shut_down() -> Error {
    Error::new(ErrorKind::Unavailable, "shut_down", "the library was shut down: it makes no more calls")
}

/// Ends what is under way, and the threads of the library, for good: every call of a client fails from then on with
/// `Unavailable` and code `shut_down`. It waits until no thread of the library can call a store or listener any more, up to
/// five seconds where one of those does not return; called from within one, it does not wait. Checks without a server go on.
///
/// It is for a language that is taken down while threads of others still call it: the Python package calls it at exit.
#[uniffi::export]
pub fn shutdown() {
    let mut threads = lock(&RUNTIME);
    match mem::replace(&mut *threads, Threads::Over) {
        // Their threads are the parent's: nobody would ever end a wait for them.
        Threads::Alive { runtime, process, .. } if process != process::id() => mem::forget(runtime),
        Threads::Alive { runtime, over, .. } => {
            *lock(&ENDING) = Some(thread::spawn(move || end(runtime, &over)));
        }
        Threads::Unborn | Threads::Over => {}
    }
    // What ends may come back for another call.
    drop(threads);
    let is_within = Handle::try_current().is_ok();
    if !is_within && let Some(ending) = lock(&ENDING).take() {
        // It says nothing.
        let _ = ending.join();
    }
}

/// The calls first: one that goes on while its timers are taken away would panic.
fn end(runtime: Runtime, over: &watch::Sender<bool>) {
    over.send_replace(true);
    let ended = runtime.block_on(async { timeout(PATIENCE, over.closed()).await });
    if ended.is_ok() {
        runtime.shutdown_timeout(PATIENCE);
    } else {
        runtime.shutdown_background();
    }
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
