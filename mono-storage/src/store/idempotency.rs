//! Requests that are done once, however often they come: their answers are kept in the transaction of what they did.

use super::versions::id_of_key;
use crate::db::{FromRow, PlatformTx, Row, TenantTx};
use crate::{platform_sql, sql};
use mono_core::caller::Caller;
use mono_core::idempotency::{
    IDEMPOTENCY_KEY_IN_FLIGHT, IDEMPOTENCY_NOT_SUPPORTED, IdempotencyKey, KeptAnswer,
};
use mono_core::time::Timestamp;
use mono_core::{Error, ErrorKind};
use serde_json::json;
use uuid::Uuid;

/// An answer and the request that it was given to.
struct Kept {
    fingerprint: String,
    answer: KeptAnswer,
}

impl FromRow for Kept {
    fn from_row(row: &Row) -> Result<Self, Error> {
        let status = u16::try_from(row.get::<i64>("status")?).map_err(Error::internal)?;
        let answer = KeptAnswer { status, body: row.get("body")? };
        Ok(Self { fingerprint: row.get("fingerprint")?, answer })
    }
}

impl Kept {
    fn refuse(self, key: &IdempotencyKey) -> Error {
        key.refuse(&self.fingerprint, self.answer)
    }
}

/// Refuses a key where no answer is kept: nobody may believe that they are safe from doing it twice.
///
/// # Errors
/// `Validation` with code `idempotency_not_supported` where the caller has one.
pub fn refuse_idempotency_key(caller: &Caller) -> Result<(), Error> {
    if caller.idempotency_key().is_none() {
        return Ok(());
    }
    let message = "this is not done under an idempotency key: its answer is not kept";
    Err(Error::invalid("Idempotency-Key", IDEMPOTENCY_NOT_SUPPORTED, message))
}

/// Whose key it is, and the lock of who uses it.
fn claim_of(caller: &Caller, place: &str) -> Option<(IdempotencyKey, String, Uuid)> {
    let key = caller.idempotency_key()?.clone();
    let actor = caller.actor().to_string();
    let lock = id_of_key("idempotency_key", &format!("{place} {actor} {}", key.key()));
    Some((key, actor, lock))
}

/// Who waited for another request with the same key for longer than one waits for a lock.
fn in_flight(error: Error) -> Error {
    if error.code() != "lock_timeout" {
        return error;
    }
    let message = "a request with this idempotency key is still being done; try again in a moment";
    let details = json!({ "retryAfterSeconds": 1 });
    Error::new(ErrorKind::Conflict, IDEMPOTENCY_KEY_IN_FLIGHT, message).with_details(details)
}

/// The same for both kinds of transaction; what they keep stands in two tables.
macro_rules! done_once {
    ($tx:ident, $sql:ident, $place:expr, $find:literal, $keep:literal) => {
        impl $tx {
            /// Waits for another request with the same key, and refuses where one was done.
            pub(crate) async fn claim_idempotency_key(&mut self) -> Result<(), Error> {
                let place: String = $place(self);
                let Some((key, actor, lock)) = claim_of(self.caller(), &place) else { return Ok(()) };
                self.lock(lock).await.map_err(in_flight)?;
                let kept = $sql!(self, $find, actor, key.key()).optional::<Kept>().await?;
                kept.map_or(Ok(()), |kept| Err(kept.refuse(&key)))
            }

            /// Keeps what is answered.
            pub(crate) async fn keep_answer(&mut self, status: u16, body: &str) -> Result<(), Error> {
                let Some(key) = self.caller().idempotency_key().cloned() else { return Ok(()) };
                let (actor, status, now) = (self.caller().actor().to_string(), i64::from(status), self.now());
                let kept = $sql!(self, $keep, actor, key.key(), key.fingerprint(), status, body, now);
                kept.execute().await.map(drop)
            }
        }
    };
}

done_once!(
    TenantTx,
    sql,
    |tx: &Self| tx.tenant().to_string(),
    "SELECT fingerprint, status, body FROM idempotency_keys WHERE tenant_id = $1 AND actor = $2 AND key = $3",
    "INSERT INTO idempotency_keys (tenant_id, actor, key, fingerprint, status, body, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7)"
);
done_once!(
    PlatformTx,
    platform_sql,
    |_: &Self| "platform".to_owned(),
    "SELECT fingerprint, status, body FROM platform_idempotency_keys WHERE actor = $1 AND key = $2",
    "INSERT INTO platform_idempotency_keys (actor, key, fingerprint, status, body, created_at)
     VALUES ($1, $2, $3, $4, $5, $6)"
);

impl PlatformTx {
    /// Forgets the answers that were kept before this moment.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn forget_answers(&mut self, before: Timestamp) -> Result<u64, Error> {
        self.caller().require_system()?;
        let tenants = platform_sql!(self, "DELETE FROM idempotency_keys WHERE created_at < $1", before);
        let tenants = tenants.execute().await?;
        let platform =
            platform_sql!(self, "DELETE FROM platform_idempotency_keys WHERE created_at < $1", before);
        Ok(tenants + platform.execute().await?)
    }
}
