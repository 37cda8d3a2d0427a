//! Single-use tokens: every secret that works once, whatever it opens.

use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::id::{SingleUseTokenId, UserId};
use mono_core::text::Email;
use mono_core::time::Timestamp;
use serde_json::Value;

/// What a single-use token is for. A token for one purpose never passes as one for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenPurpose {
    /// Sets the first password of a person who has none.
    SetPassword,
    /// Sets another password.
    ResetPassword,
    /// Proves that a person reads an address.
    VerifyEmail,
    /// Moves a person to another address.
    ChangeEmail,
    /// Signs a person in.
    MagicLink,
    /// Makes a person a member of a tenant.
    Invitation,
    /// Makes a person who signed up.
    SignUp,
    /// Remembers, between password and second factor, whose password was right.
    SecondFactor,
    /// Stands in for a second factor that was lost.
    RecoveryCode,
}

impl TokenPurpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SetPassword => "set_password",
            Self::ResetPassword => "reset_password",
            Self::VerifyEmail => "verify_email",
            Self::ChangeEmail => "change_email",
            Self::MagicLink => "magic_link",
            Self::Invitation => "invitation",
            Self::SignUp => "sign_up",
            Self::SecondFactor => "second_factor",
            Self::RecoveryCode => "recovery_code",
        }
    }
}

/// A token to be. The secret itself stays with whoever made it; only its hash is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewToken {
    /// What it is for.
    pub purpose: TokenPurpose,
    /// SHA-256 of the secret, or a keyed hash where the secret is short.
    pub hash: String,
    /// The person that it belongs to, where there is one already.
    pub user: Option<UserId>,
    /// What is to be known when it is used.
    pub data: Value,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A token that is there.
#[derive(Debug, Clone, PartialEq)]
pub struct SingleUseToken {
    /// Its id.
    pub id: SingleUseTokenId,
    /// The person that it belongs to.
    pub user_id: Option<UserId>,
    /// What is to be known when it is used.
    pub data: Value,
}

impl FromRow for SingleUseToken {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { id: row.get("id")?, user_id: row.get_optional("user_id")?, data: row.get("data")? })
    }
}

/// The single-use tokens of the platform. Only authentication itself reaches them.
pub struct SingleUseTokens<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The single-use tokens of the platform.
    pub const fn single_use_tokens(&mut self) -> SingleUseTokens<'_> {
        SingleUseTokens { tx: self }
    }
}

impl SingleUseTokens<'_> {
    /// Stores a token.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn create(self, new: NewToken) -> Result<SingleUseTokenId, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let (id, now) = (tx.new_id::<SingleUseTokenId>(), tx.now());
        platform_sql!(
            tx,
            "INSERT INTO single_use_tokens (id, purpose, hash, user_id, data, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            id,
            new.purpose.as_str(),
            new.hash,
            new.user,
            new.data,
            now,
            new.expires_at
        )
        .execute()
        .await?;
        Ok(id)
    }

    /// The token with this hash, if it can still be used.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn find(self, purpose: TokenPurpose, hash: &str) -> Result<Option<SingleUseToken>, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        platform_sql!(
            tx,
            "SELECT id, user_id, data FROM single_use_tokens
             WHERE purpose = $1 AND hash = $2 AND consumed_at IS NULL AND expires_at > $3",
            purpose.as_str(),
            hash,
            now
        )
        .optional()
        .await
    }

    /// Uses a token up. Of any number who use it at once, one gets it; and if the transaction does not commit, it has
    /// not been used.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn consume(self, purpose: TokenPurpose, hash: &str) -> Result<Option<SingleUseToken>, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        platform_sql!(
            tx,
            "UPDATE single_use_tokens SET consumed_at = $3
             WHERE purpose = $1 AND hash = $2 AND consumed_at IS NULL AND expires_at > $3
             RETURNING id, user_id, data",
            purpose.as_str(),
            hash,
            now
        )
        .optional()
        .await
    }

    /// How many of a person's tokens can still be used.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn count(self, purpose: TokenPurpose, user: UserId) -> Result<i64, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let count = platform_sql!(
            tx,
            "SELECT count(*) AS total FROM single_use_tokens
             WHERE user_id = $1 AND purpose = $2 AND consumed_at IS NULL AND expires_at > $3",
            user,
            purpose.as_str(),
            now
        );
        count.row().await?.get("total")
    }

    /// Removes a person's tokens for a purpose: what was sent before works no more.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn revoke(self, purpose: TokenPurpose, user: UserId) -> Result<u64, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(
            self.tx,
            "DELETE FROM single_use_tokens WHERE user_id = $1 AND purpose = $2 AND consumed_at IS NULL",
            user,
            purpose.as_str()
        )
        .execute()
        .await
    }

    /// Removes the tokens for a purpose that an address was sent before it was anybody's.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn revoke_of_address(self, purpose: TokenPurpose, email: &Email) -> Result<u64, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(
            self.tx,
            "DELETE FROM single_use_tokens WHERE user_id IS NULL AND purpose = $1 AND consumed_at IS NULL
             AND CAST(data ->> 'email' AS TEXT) = $2",
            purpose.as_str(),
            email
        )
        .execute()
        .await
    }

    /// Removes one token that was not used.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn revoke_one(self, id: SingleUseTokenId) -> Result<u64, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "DELETE FROM single_use_tokens WHERE id = $1 AND consumed_at IS NULL", id)
            .execute()
            .await
    }

    /// Removes the tokens that ended before this moment.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn remove_ended(self, before: Timestamp) -> Result<u64, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "DELETE FROM single_use_tokens WHERE expires_at < $1", before).execute().await
    }
}
