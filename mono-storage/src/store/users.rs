//! Users, above the tenants.

use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::audit::Action;
use mono_core::id::{Id, MemberId, TenantId, UserId};
use mono_core::model::user::{User, UserStatus};
use mono_core::permission;
use mono_core::permission::Permission;
use mono_core::text::{Email, Name};
use serde_json::json;

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
            email_verified_at: row.get_optional("email_verified_at")?,
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
             VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id, email, name, status, email_verified_at",
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
            "SELECT id, email, name, status, email_verified_at, password_hash FROM users WHERE email_norm = $1",
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
        platform_sql!(
            self.tx,
            "SELECT id, email, name, status, email_verified_at FROM users WHERE id = $1",
            id
        )
        .optional()
        .await
    }

    /// The user with this id, with what proves the person.
    ///
    /// # Errors
    /// `Forbidden` without `platform.users.read`.
    pub async fn credentials_of(self, id: UserId) -> Result<Option<Credentials>, Error> {
        self.tx.authorize(READ)?;
        platform_sql!(
            self.tx,
            "SELECT id, email, name, status, email_verified_at, password_hash FROM users WHERE id = $1",
            id
        )
        .optional()
        .await
    }

    /// The user with this id, with what proves the person, who stays as they are until the transaction ends: what is
    /// opened for them is there before a change of the password closes everything.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn hold(self, id: UserId) -> Result<Option<Credentials>, Error> {
        self.tx.caller().require_system()?;
        macro_rules! select {
            ($lock:literal) => {
                concat!(
                    "SELECT id, email, name, status, email_verified_at, password_hash FROM users WHERE id = $1",
                    $lock
                )
            };
        }
        platform_sql!(self.tx, pg: select!(" FOR SHARE"), lite: select!(""), id).optional().await
    }

    /// Gives a person another password, whatever it was.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks; `NotFound` where there is no such person.
    pub async fn set_password(self, id: UserId, hash: &str) -> Result<User, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let user: Option<User> = platform_sql!(
            tx,
            "UPDATE users SET password_hash = $2, updated_at = $3 WHERE id = $1
             RETURNING id, email, name, status, email_verified_at",
            id,
            hash,
            now
        )
        .optional()
        .await?;
        let user = user.ok_or_else(|| Error::not_found(UserId::ENTITY))?;
        tx.audit(Action::Update, "user", Some(id.uuid()), json!([{ "field": "password" }])).await?;
        Ok(user)
    }

    /// Gives a person another password, where it is still the one whose hash was compared; says whether it was.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn replace_password(self, id: UserId, old: Option<&str>, new: &str) -> Result<bool, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let replaced = platform_sql!(
            tx,
            "UPDATE users SET password_hash = $3, updated_at = $4
             WHERE id = $1 AND password_hash IS NOT DISTINCT FROM $2 AND status = 'active'",
            id,
            old,
            new,
            now
        );
        if replaced.execute().await? == 0 {
            return Ok(false);
        }
        tx.audit(Action::Update, "user", Some(id.uuid()), json!([{ "field": "password" }])).await?;
        Ok(true)
    }

    /// Notes that the person reads their address.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn verify_email(self, id: UserId) -> Result<(), Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let verified = platform_sql!(
            tx,
            "UPDATE users SET email_verified_at = $2, updated_at = $2 WHERE id = $1 AND email_verified_at IS NULL",
            id,
            now
        );
        if verified.execute().await? > 0 {
            let changes = json!([{ "field": "emailVerifiedAt", "new": now }]);
            tx.audit(Action::Update, "user", Some(id.uuid()), changes).await?;
        }
        Ok(())
    }

    /// Moves a person to another address that they read, with the copies of it in every tenant that they belong to.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks; `Conflict` where the address is taken; `NotFound` where there is no
    /// such person.
    pub async fn change_email(self, id: UserId, email: &Email) -> Result<User, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let user: Option<User> = platform_sql!(
            tx,
            "UPDATE users SET email = $2, email_norm = $3, email_verified_at = $4, updated_at = $4 WHERE id = $1
             RETURNING id, email, name, status, email_verified_at",
            id,
            email,
            email.folded(),
            now
        )
        .optional()
        .await?;
        let user = user.ok_or_else(|| Error::not_found(UserId::ENTITY))?;
        let changes = json!([{ "field": "email" }]);
        tx.audit(Action::Update, "user", Some(id.uuid()), changes.clone()).await?;
        let members = platform_sql!(
            tx,
            "UPDATE members SET email = $2, email_norm = $3, version = version + 1, updated_at = $4 WHERE user_id = $1
             RETURNING tenant_id, id",
            id,
            email,
            email.folded(),
            now
        );
        for row in members.rows().await? {
            let (tenant, member): (TenantId, MemberId) = (row.get("tenant_id")?, row.get("id")?);
            tx.audit_in(tenant, Action::Update, "member", member.uuid(), changes.clone());
        }
        Ok(user)
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
