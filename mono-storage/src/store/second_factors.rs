//! Second factors: the authenticator of a person, whose secret is sealed before it comes here.

use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::id::UserId;
use mono_core::time::Timestamp;

/// The authenticator of a person. Has no `Debug`: it holds a secret, sealed as it is.
pub struct SecondFactor {
    /// The sealed secret.
    pub secret: String,
    /// Since when it is in force; before, it waits for a first code.
    pub confirmed_at: Option<Timestamp>,
}

impl FromRow for SecondFactor {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { secret: row.get("secret")?, confirmed_at: row.get_optional("confirmed_at")? })
    }
}

/// The second factors of the platform. Only authentication itself reaches them.
pub struct SecondFactors<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The second factors of the platform.
    pub const fn second_factors(&mut self) -> SecondFactors<'_> {
        SecondFactors { tx: self }
    }
}

impl SecondFactors<'_> {
    /// The authenticator of a person, in force or not.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn find(self, user: UserId) -> Result<Option<SecondFactor>, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "SELECT secret, confirmed_at FROM user_totp WHERE user_id = $1", user)
            .optional()
            .await
    }

    /// Keeps a secret that waits for its first code, in place of another one that waited; says whether it was kept. One
    /// that is in force stays.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn begin(self, user: UserId, secret: &str) -> Result<bool, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let kept = platform_sql!(
            tx,
            "INSERT INTO user_totp (user_id, secret, created_at, last_step) VALUES ($1, $2, $3, 0)
             ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at
             WHERE user_totp.confirmed_at IS NULL",
            user,
            secret,
            now
        );
        Ok(kept.execute().await? > 0)
    }

    /// Puts a secret in force with the step of its first code; says whether it was the one that waited.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn confirm(self, user: UserId, secret: &str, step: i64) -> Result<bool, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let confirmed = platform_sql!(
            tx,
            "UPDATE user_totp SET confirmed_at = $4, last_step = $3
             WHERE user_id = $1 AND secret = $2 AND confirmed_at IS NULL",
            user,
            secret,
            step,
            now
        );
        Ok(confirmed.execute().await? > 0)
    }

    /// Accepts the code of a step, if no code of it or of a later one was: of any number who show it at once, one gets
    /// through.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn accept(self, user: UserId, secret: &str, step: i64) -> Result<bool, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let accepted = platform_sql!(
            tx,
            "UPDATE user_totp SET last_step = $3
             WHERE user_id = $1 AND secret = $2 AND confirmed_at IS NOT NULL AND last_step < $3",
            user,
            secret,
            step
        );
        Ok(accepted.execute().await? > 0)
    }

    /// Removes the authenticator of a person; says whether one was in force.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn remove(self, user: UserId) -> Result<bool, Error> {
        self.tx.caller().require_system()?;
        let removed = platform_sql!(
            self.tx,
            "DELETE FROM user_totp WHERE user_id = $1 AND confirmed_at IS NOT NULL",
            user
        );
        Ok(removed.execute().await? > 0)
    }
}
