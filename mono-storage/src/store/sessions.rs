//! Sessions: the truth about who is signed in.

use crate::bus::Tag;
use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::id::{SessionId, TenantId, UserId};
use mono_core::model::auth_policy::SignInMethod;
use mono_core::model::session::Session;
use mono_core::time::Timestamp;
use std::time::Duration;

macro_rules! columns {
    () => {
        "id, user_id, chosen_tenant_id, generation, rotated_at, created_at, last_used_at, authenticated_at,
         second_factor_at, method, impersonator_id, expires_at, revoked_at, ip_address, user_agent"
    };
}

impl FromRow for Session {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            user_id: row.get("user_id")?,
            chosen_tenant_id: row.get_optional("chosen_tenant_id")?,
            generation: row.get("generation")?,
            rotated_at: row.get_optional("rotated_at")?,
            created_at: row.get("created_at")?,
            last_used_at: row.get("last_used_at")?,
            authenticated_at: row.get("authenticated_at")?,
            second_factor_at: row.get_optional("second_factor_at")?,
            method: row.parse("method")?,
            impersonator_id: row.get_optional("impersonator_id")?,
            expires_at: row.get("expires_at")?,
            revoked_at: row.get_optional("revoked_at")?,
            ip_address: row.get_optional("ip_address")?,
            user_agent: row.get_optional("user_agent")?,
        })
    }
}

/// How long staff act as somebody, at most: an hour. Such a session is never refreshed.
pub const IMPERSONATION_LIFETIME: Duration = Duration::from_hours(1);

/// A session that begins: somebody has just proven who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Who signed in.
    pub user: UserId,
    /// The tenant that the person works in.
    pub tenant: Option<TenantId>,
    /// How the person signed in.
    pub method: SignInMethod,
    /// Whether a second factor was given too.
    pub second_factor: bool,
    /// Support staff who act as the person, and why.
    pub impersonation: Option<(UserId, String)>,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
}

impl NewSession {
    /// A session after a password.
    pub const fn new(user: UserId, expires_at: Timestamp) -> Self {
        Self {
            user,
            tenant: None,
            method: SignInMethod::Password,
            second_factor: false,
            impersonation: None,
            expires_at,
        }
    }
}

/// The sessions of the platform. Only authentication itself reaches them.
pub struct Sessions<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The sessions of the platform.
    pub const fn sessions(&mut self) -> Sessions<'_> {
        Sessions { tx: self }
    }
}

impl Sessions<'_> {
    /// Opens a session for a person who has proven who they are.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn open(self, new: NewSession) -> Result<Session, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let (id, now) = (tx.new_id::<SessionId>(), tx.now());
        let (address, agent) = device(tx);
        let (impersonator, reason) = new.impersonation.unzip();
        platform_sql!(
            tx,
            concat!(
                "INSERT INTO sessions (id, user_id, chosen_tenant_id, created_at, last_used_at, authenticated_at,
                     second_factor_at, impersonator_id, impersonation_reason, expires_at, ip_address, user_agent,
                     method)
                 VALUES ($1, $2, $3, $4, $4, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING ",
                columns!()
            ),
            id,
            new.user,
            new.tenant,
            now,
            new.second_factor.then_some(now),
            impersonator,
            reason,
            new.expires_at,
            address,
            agent,
            new.method.as_str()
        )
        .one()
        .await
    }

    /// The session with this id.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn find(self, id: SessionId) -> Result<Option<Session>, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, concat!("SELECT ", columns!(), " FROM sessions WHERE id = $1"), id)
            .optional()
            .await
    }

    /// The sessions of a person that hold, the one used last first.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn live(self, user: UserId) -> Result<Vec<Session>, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        platform_sql!(
            tx,
            concat!(
                "SELECT ",
                columns!(),
                " FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2
                 ORDER BY last_used_at DESC, id DESC"
            ),
            user,
            now
        )
        .all()
        .await
    }

    /// Goes from one generation to the next, if the session holds and no other has done so: of any number who rotate at
    /// once, one gets the session.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn rotate(self, id: SessionId, generation: i64) -> Result<Option<Session>, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let (address, agent) = device(tx);
        platform_sql!(
            tx,
            concat!(
                "UPDATE sessions SET generation = generation + 1, rotated_at = $3, last_used_at = $3, ip_address = $4,
                     user_agent = $5
                 WHERE id = $1 AND generation = $2 AND revoked_at IS NULL AND expires_at > $3 RETURNING ",
                columns!()
            ),
            id,
            generation,
            now,
            address,
            agent
        )
        .optional()
        .await
    }

    /// Chooses the tenant that the person works in.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn choose_tenant(self, id: SessionId, tenant: TenantId) -> Result<(), Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "UPDATE sessions SET chosen_tenant_id = $2 WHERE id = $1", id, tenant)
            .execute()
            .await
            .map(drop)
    }

    /// Notes that the person has just proven again who they are.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn prove(self, id: SessionId, second_factor: bool) -> Result<(), Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let proven = platform_sql!(
            tx,
            "UPDATE sessions SET authenticated_at = $2, second_factor_at = COALESCE($3, second_factor_at)
             WHERE id = $1 RETURNING user_id",
            id,
            now,
            second_factor.then_some(now)
        );
        for row in proven.rows().await? {
            tx.touch(Tag::user(row.get("user_id")?));
        }
        Ok(())
    }

    /// Ends one session of a user, and those in which they act as somebody else; gives whether it held.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn revoke(self, user: UserId, id: SessionId) -> Result<bool, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        tx.touch(Tag::user(user));
        let ended = platform_sql!(
            tx,
            "UPDATE sessions SET revoked_at = $3
             WHERE user_id = $1 AND id = $2 AND revoked_at IS NULL AND expires_at > $3",
            user,
            id,
            now
        );
        let held = ended.execute().await? > 0;
        if held {
            revoke_acting(tx, user).await?;
        }
        Ok(held)
    }

    /// Ends every session of a user but one, and gives how many; also those in which they act as somebody else.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn revoke_others(self, user: UserId, kept: Option<SessionId>) -> Result<u64, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        tx.touch(Tag::user(user));
        let own = platform_sql!(
            tx,
            "UPDATE sessions SET revoked_at = $3
             WHERE user_id = $1 AND id IS DISTINCT FROM $2 AND revoked_at IS NULL AND expires_at > $3",
            user,
            kept,
            now
        );
        let own = own.execute().await?;
        Ok(own + revoke_acting(tx, user).await?)
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn revoke_all(self, user: UserId) -> Result<u64, Error> {
        self.revoke_others(user, None).await
    }

    /// Removes the sessions that ended before this moment.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn remove_ended(self, before: Timestamp) -> Result<u64, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "DELETE FROM sessions WHERE expires_at < $1", before).execute().await
    }
}

/// Ends the sessions in which a user acts as somebody else. By itself, so that it has an index: such a session lasts an
/// hour at most.
async fn revoke_acting(tx: &mut PlatformTx, user: UserId) -> Result<u64, Error> {
    let now = tx.now();
    let acting = platform_sql!(
        tx,
        "UPDATE sessions SET revoked_at = $2
         WHERE expires_at > $2 AND expires_at <= $3 AND impersonator_id = $1 AND revoked_at IS NULL",
        user,
        now,
        now + IMPERSONATION_LIFETIME
    );
    acting.execute().await
}

/// Where the request comes from, for the person who looks at the list of their sessions.
fn device(tx: &PlatformTx) -> (Option<String>, Option<String>) {
    let request = tx.caller().request();
    (request.ip_address.map(|address| address.to_string()), request.user_agent.clone())
}
