//! Users, above the tenants.

use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::audit::Action;
use mono_core::id::UserId;
use mono_core::model::user::{User, UserStatus};
use mono_core::permission;
use mono_core::permission::Permission;
use mono_core::text::{Email, Name};

const CREATE: Permission = permission!("platform.users.create");
const READ: Permission = permission!("platform.users.read");
pub(super) const REQUIRED: &[Permission] = &[CREATE, READ];

/// What is needed to make a user.
pub struct NewUser {
    /// The person's address, unique on the platform.
    pub email: Email,
    /// The person's name.
    pub name: Name,
    /// The hash of the password in PHC form, or none: the person then sets one by mail.
    pub password_hash: Option<String>,
}

/// A user with what proves the person. Has no `Debug`: a hash does not belong in a log.
pub struct Credentials {
    /// The user.
    pub user: User,
    /// The hash of the password in PHC form.
    pub password_hash: Option<String>,
}

impl FromRow for User {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            email: row.get("email")?,
            name: row.get("name")?,
            status: row.parse("status")?,
        })
    }
}

impl FromRow for Credentials {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self { user: User::from_row(row)?, password_hash: row.get_optional("password_hash")? })
    }
}

/// The users of the platform.
pub struct Users<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The users of the platform.
    pub const fn users(&mut self) -> Users<'_> {
        Users { tx: self }
    }
}

impl Users<'_> {
    /// Makes a user.
    ///
    /// # Errors
    /// `Forbidden` without `platform.users.create`, `Conflict` where the address is taken.
    pub async fn create(self, new: NewUser) -> Result<User, Error> {
        let tx = self.tx;
        tx.authorize(CREATE)?;
        let (id, now) = (tx.new_id::<UserId>(), tx.now());
        let user: User = platform_sql!(
            tx,
            "INSERT INTO users (id, email, email_norm, name, password_hash, status, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id, email, name, status",
            id,
            &new.email,
            new.email.folded(),
            &new.name,
            new.password_hash,
            UserStatus::Active.as_str(),
            now
        )
        .one()
        .await?;
        tx.audit_user(Action::Create, Some(id)).await?;
        Ok(user)
    }

    /// The user with this address, with what proves the person.
    ///
    /// # Errors
    /// `Forbidden` without `platform.users.read`.
    pub async fn credentials(self, email: &Email) -> Result<Option<Credentials>, Error> {
        self.tx.authorize(READ)?;
        platform_sql!(
            self.tx,
            "SELECT id, email, name, status, password_hash FROM users WHERE email_norm = $1",
            email.folded()
        )
        .optional()
        .await
    }

    /// The user with this id.
    ///
    /// # Errors
    /// `Forbidden` without `platform.users.read`.
    pub async fn find(self, id: UserId) -> Result<Option<User>, Error> {
        self.tx.authorize(READ)?;
        platform_sql!(self.tx, "SELECT id, email, name, status FROM users WHERE id = $1", id).optional().await
    }

    /// Keeps a stronger hash of the password that a person has just signed in with, unless they have another by now.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn rehash(self, id: UserId, old: &str, new: &str) -> Result<(), Error> {
        self.tx.caller().require_system()?;
        platform_sql!(
            self.tx,
            "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
            id,
            old,
            new
        )
        .execute()
        .await
        .map(drop)
    }

    /// Whether there is any user at all.
    ///
    /// # Errors
    /// `Forbidden` without `platform.users.read`.
    pub async fn any(self) -> Result<bool, Error> {
        self.tx.authorize(READ)?;
        Ok(!platform_sql!(self.tx, "SELECT id FROM users LIMIT 1").rows().await?.is_empty())
    }
}
