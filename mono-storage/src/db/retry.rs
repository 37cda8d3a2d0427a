//! Running a transaction once more where the database undid it because of another one.

use super::error::TRANSACTION_CONFLICT;
use crate::system::SystemRandom;
use mono_core::Error;
use mono_core::id::Random;
use std::cell::Cell;
use std::time::Duration;

tokio::task_local! {
    /// Whether the attempt that runs has committed anything.
    static COMMITTED: Cell<bool>;
}

/// Remembers, for the attempt that runs, that a transaction has taken effect.
pub(super) fn note_commit() {
    // Outside of an attempt nobody asks.
    let _ = COMMITTED.try_with(|committed| committed.set(true));
}

/// How often a transaction is tried at most.
const ATTEMPTS: u32 = 5;
/// The wait after the first conflict is at most this long, and twice as long after each further one.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// Runs an attempt, from the beginning of a transaction to its commit, and runs it once more where the database undid it
/// because of another: a deadlock, or a conflict of two that write the same. After five attempts the answer is the
/// `Unavailable` with code `transaction_conflict` of the last one.
///
/// Nothing has happened twice: such a conflict says that the transaction left nothing behind, and an attempt in which
/// another transaction was committed before is not tried again. Nor is one whose connection breaks at the commit. What an
/// attempt does outside of its transactions, such as sending a mail, it would do once more: put that into the outbox.
///
/// ```
/// use mono_core::{Error, caller::Caller, model::account::{Account, NewAccount}};
/// use mono_storage::db::{Database, retry};
///
/// async fn create(database: &Database, caller: &Caller, new: &NewAccount) -> Result<Account, Error> {
///     retry(|| async {
///         let mut tx = database.tenant(caller).write().await?;
///         let account = tx.accounts().create(new.clone()).await?;
///         tx.commit().await?;
///         Ok(account)
///     })
///     .await
/// }
/// ```
///
/// # Errors
/// What the last attempt failed with.
pub async fn retry<T, F>(attempt: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    retry_where(attempt, |result| matches!(result, Err(error) if error.code() == TRANSACTION_CONFLICT)).await
}

/// As [`retry`], for attempts that tell of a conflict in a way of their own, such as an answer over HTTP.
pub async fn retry_where<T, F>(attempt: impl Fn() -> F, is_conflict: impl Fn(&T) -> bool) -> T
where
    F: Future<Output = T>,
{
    let (mut number, mut wait) = (1, FIRST_WAIT);
    loop {
        let (result, committed) = watch(attempt()).await;
        if committed || number == ATTEMPTS || !is_conflict(&result) {
            return result;
        }
        tracing::debug!(number, "a transaction met another one and is run once more");
        tokio::time::sleep(jitter(wait)).await;
        (number, wait) = (number + 1, wait * 2);
    }
}

/// Runs an attempt, and tells whether it committed anything; an attempt around it is told, too.
async fn watch<F: Future>(attempt: F) -> (F::Output, bool) {
    let work = async {
        let result = attempt.await;
        (result, COMMITTED.with(Cell::get))
    };
    let (result, committed) = COMMITTED.scope(Cell::new(false), work).await;
    if committed {
        note_commit();
    }
    (result, committed)
}

/// A part of the wait by chance: two that met would meet again after equal waits.
fn jitter(wait: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    SystemRandom.fill(&mut byte);
    let [part] = byte;
    wait.mul_f64(f64::from(part) / 255.0)
}
