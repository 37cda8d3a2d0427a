//! Running a transaction once more where the database undid it because of another one.

use super::error::TRANSACTION_CONFLICT;
use crate::system::SystemRandom;
use mono_core::Error;
use mono_core::id::Random;
use std::time::Duration;

/// How often a transaction is tried at most.
const ATTEMPTS: u32 = 5;
/// The wait after the first conflict is at most this long, and twice as long after each further one.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// Runs an attempt, from the beginning of a transaction to its commit, and runs it once more where the database undid it
/// because of another: a deadlock, or a conflict of two that write the same. After five attempts the answer is the
/// `Unavailable` with code `transaction_conflict` of the last one.
///
/// Nothing has happened twice: such a conflict says that the transaction left nothing behind. A connection that breaks
/// at the commit does not say that, and is not tried again. What an attempt does outside of its transaction, such as
/// sending a mail, it would do once more: put that into the outbox.
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
    for number in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.code() == TRANSACTION_CONFLICT => {
                tracing::debug!(number, "a transaction met another one and is run once more");
                tokio::time::sleep(jitter(FIRST_WAIT * 2_u32.pow(number - 1))).await;
            }
            result => return result,
        }
    }
    attempt().await
}

/// A part of the wait by chance: two that met would meet again after equal waits.
fn jitter(wait: Duration) -> Duration {
    let mut byte = [0_u8; 1];
    SystemRandom.fill(&mut byte);
    let [part] = byte;
    wait.mul_f64(f64::from(part) / 255.0)
}
