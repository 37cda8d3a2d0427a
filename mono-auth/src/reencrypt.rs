//! Puts what older versions of the master key have sealed in a seal of the newest.

use crate::key_ring::KeyRing;
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::Uuid;
use mono_storage::db::Database;
use mono_storage::store::{SealedColumn, SealedValue};

/// How many rows are sealed again in one transaction.
const BATCH: i64 = 200;

/// What was sealed again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reencrypted {
    /// How many secrets have a new seal.
    pub sealed: u64,
    /// Where a secret stands that no version opens, as `table|key`: it stays as it is.
    pub unreadable: Vec<String>,
}

impl KeyRing {
    /// Seals everything with the newest version that an older one has sealed, in every [`SealedColumn`]. It may be stopped
    /// at any moment and begun again: what has its new seal keeps it. Others may work meanwhile; a secret that somebody
    /// changes or takes away at the same moment is left to them.
    ///
    /// # Errors
    /// What the database refuses. What was sealed before that stays so.
    pub async fn reencrypt(&self, database: &Database) -> Result<Reencrypted, Error> {
        let mut done = Reencrypted::default();
        for column in SealedColumn::ALL {
            let mut after = Uuid::nil();
            while let Some(last) = self.reencrypt_batch(database, *column, after, &mut done).await? {
                after = last;
            }
        }
        Ok(done)
    }

    /// Seals the next rows of a column again; gives the last one, or `None` after all of them.
    async fn reencrypt_batch(
        &self,
        database: &Database,
        column: SealedColumn,
        after: Uuid,
        done: &mut Reencrypted,
    ) -> Result<Option<Uuid>, Error> {
        let system = Caller::system(SystemReason::Keys);
        let mut tx = database.platform(&system).write().await?;
        let (mut last, mut sealed_again) = (None, 0);
        for value in tx.sealed(column).not_of(self.newest(), after, BATCH).await? {
            let SealedValue { row, sealed } = &value;
            last = Some(*row);
            match self.open(column, *row, sealed) {
                Ok(secret) => {
                    let sealed = self.seal(column, *row, &secret, tx.random())?;
                    sealed_again += u64::from(tx.sealed(column).replace(value, sealed).await?);
                }
                Err(_) => done.unreadable.push(format!("{}|{row}", column.table())),
            }
        }
        tx.commit().await?;
        done.sealed += sealed_again;
        Ok(last)
    }
}
