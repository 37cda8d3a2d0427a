//! Invitations: who was asked to become a member of the tenant, and has not answered.

use super::assignments::{ASSIGN, NewAssignment};
use super::granting::Rules;
use super::members::INVITE;
use crate::db::{FromRow, PlatformTx, Row, TenantTx};
use crate::{platform_sql, sql};
use mono_core::Error;
use mono_core::audit::Action;
use mono_core::caller::Actor;
use mono_core::error::ErrorKind;
use mono_core::id::{Id, InvitationId, SingleUseTokenId, TenantId};
use mono_core::model::invitation::{Invitation, NewInvitation};
use mono_core::model::member::Member;
use mono_core::model::user::User;
use mono_core::page::{Page, PageRequest};
use mono_core::permission::Scope;
use std::time::Duration;

/// How the audit log names an invitation.
const ENTITY: &str = "invitation";
/// How long an invitation can be accepted: a week.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

macro_rules! columns {
    () => {
        "tenant_id, id, email, roles, invited_by, created_at, expires_at"
    };
}

impl FromRow for Invitation {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            tenant_id: row.get("tenant_id")?,
            id: row.get("id")?,
            email: row.get("email")?,
            roles: serde_json::from_value(row.get("roles")?).map_err(Error::internal)?,
            invited_by: row.get("invited_by")?,
            created_at: row.get("created_at")?,
            expires_at: row.get("expires_at")?,
        })
    }
}

/// The invitations of a tenant.
pub struct Invitations<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The invitations of the tenant.
    pub const fn invitations(&mut self) -> Invitations<'_> {
        Invitations { tx: self }
    }
}

impl Invitations<'_> {
    /// Writes down that somebody is invited. It takes no place in the plan: accepting it does.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.invite`, for the program itself, and for a role as [`assign`](super::Assignments::assign) refuses it;
    /// `NotFound` for an account that the tenant does not have; `Conflict` with code `already_member` or
    /// `already_invited`.
    pub async fn create(self, new: NewInvitation) -> Result<Invitation, Error> {
        let tx = self.tx;
        let tenant = tx.tenant();
        tx.authorize(INVITE, &Scope::tenant(tenant)).await?;
        let Actor::User { user: invited_by, .. } = tx.caller().actor() else {
            return Err(Error::new(ErrorKind::Forbidden, "people_only", "only a person invites"));
        };
        let rules = tx.rules().await?;
        for given in &new.roles {
            if let Some(account) = given.account_id {
                super::accounts::require(tx, account).await?;
            }
            let scope = given.scope(tenant);
            tx.authorize(ASSIGN, &scope).await?;
            rules.require_known(&given.role)?;
            rules.require_role(&given.role, &scope, None, tx.now())?;
        }
        let folded = new.email.folded();
        let members =
            sql!(tx, "SELECT id FROM members WHERE tenant_id = $1 AND email_norm = $2", folded.clone());
        if !members.rows().await?.is_empty() {
            let message = "this person is a member of the tenant";
            return Err(Error::new(ErrorKind::Conflict, "already_member", message));
        }
        let (id, now) = (tx.new_id::<InvitationId>(), tx.now());
        sql!(
            tx,
            "DELETE FROM invitations WHERE tenant_id = $1 AND email_norm = $2 AND expires_at <= $3",
            folded.clone(),
            now
        )
        .execute()
        .await?;
        let invitation: Invitation = sql!(
            tx,
            concat!(
                "INSERT INTO invitations (tenant_id, id, email, email_norm, roles, invited_by, created_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ",
                columns!()
            ),
            id,
            &new.email,
            folded,
            serde_json::to_value(&new.roles).map_err(Error::internal)?,
            invited_by,
            now,
            now + LIFETIME
        )
        .one()
        .await?;
        tx.audit_change(Action::Create, ENTITY, id, None, Some(&invitation)).await?;
        Ok(invitation)
    }

    /// One page of the invitations that nobody has accepted, newest first.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.invite`.
    pub async fn list(self, page: PageRequest) -> Result<Page<Invitation>, Error> {
        let tx = self.tx;
        tx.authorize(INVITE, &Scope::tenant(tx.tenant())).await?;
        let total: i64 = sql!(tx, "SELECT count(*) AS total FROM invitations WHERE tenant_id = $1")
            .row()
            .await?
            .get("total")?;
        let items = sql!(
            tx,
            concat!(
                "SELECT ",
                columns!(),
                " FROM invitations WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2 OFFSET $3"
            ),
            page.limit(),
            i64::try_from(page.offset()).unwrap_or(i64::MAX)
        )
        .all()
        .await?;
        Ok(Page::new(items, page, u64::try_from(total).unwrap_or_default()))
    }

    /// Lets an invitation be accepted for another week, to be sent again. It stays that of who made it.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.invite`; `NotFound` where there is none, or it was accepted or revoked.
    pub async fn renew(self, id: InvitationId) -> Result<Invitation, Error> {
        let tx = self.tx;
        tx.authorize(INVITE, &Scope::tenant(tx.tenant())).await?;
        let (now, old) = (tx.now(), find(tx, id).await?);
        let invitation: Invitation = sql!(
            tx,
            concat!(
                "UPDATE invitations SET expires_at = $3 WHERE tenant_id = $1 AND id = $2 RETURNING ",
                columns!()
            ),
            id,
            now + LIFETIME
        )
        .optional()
        .await?
        .ok_or_else(not_found)?;
        tx.audit_change(Action::Update, ENTITY, id, Some(&old), Some(&invitation)).await?;
        Ok(invitation)
    }

    /// Takes an invitation back: its link opens nothing any more.
    ///
    /// # Errors
    /// As [`renew`](Self::renew), and `Forbidden` with code `not_held` where the caller could not give what it gives.
    pub async fn revoke(self, id: InvitationId) -> Result<(), Error> {
        let tx = self.tx;
        let tenant = tx.tenant();
        tx.authorize(INVITE, &Scope::tenant(tenant)).await?;
        let rules: Rules = tx.rules().await?;
        let old = find(tx, id).await?;
        for given in &old.roles {
            rules.require_role(&given.role, &given.scope(tenant), None, tx.now())?;
        }
        let gone = sql!(tx, "DELETE FROM invitations WHERE tenant_id = $1 AND id = $2", id).execute().await?;
        if gone == 0 {
            return Err(not_found());
        }
        tx.audit_change(Action::Delete, ENTITY, id, Some(&old), None).await
    }

    /// Makes the person a member, with the roles of the invitation, and takes one of the plan's `members`. The caller
    /// has the rights of who invited, as they are now. `None` where the invitation was accepted, revoked or sent again
    /// meanwhile, or has ended, or is another person's.
    ///
    /// # Errors
    /// `Forbidden` where who invited may do so no more, or holds a role no more, or the role is gone; `NotFound` where an
    /// account is gone; `Conflict` with code `already_member`; `LimitExceeded` where the plan's members are used up.
    pub async fn accept(
        self,
        id: InvitationId,
        token: SingleUseTokenId,
        user: &User,
    ) -> Result<Option<Member>, Error> {
        let tx = self.tx;
        let tenant = tx.tenant();
        // The lock that all who give rights share, before any other: two transactions never wait for each other.
        tx.rules().await?;
        let now = tx.now();
        let invitation: Option<Invitation> = sql!(
            tx,
            concat!(
                "DELETE FROM invitations
                 WHERE tenant_id = $1 AND id = $2 AND token_id = $3 AND email_norm = $4 AND expires_at > $5 RETURNING ",
                columns!()
            ),
            id,
            token,
            user.email.folded(),
            now
        )
        .optional()
        .await?;
        let Some(invitation) = invitation else { return Ok(None) };
        tx.audit_change(Action::Delete, ENTITY, id, Some(&invitation), None).await?;
        let member = tx.members().add(user).await?;
        for given in &invitation.roles {
            if let Some(account) = given.account_id {
                super::accounts::require(tx, account).await?;
            }
            let scope = given.scope(tenant);
            tx.assignments().assign(NewAssignment::new(member.id, given.role.as_str(), scope)).await?;
        }
        Ok(Some(member))
    }
}

async fn find(tx: &mut TenantTx, id: InvitationId) -> Result<Invitation, Error> {
    sql!(tx, concat!("SELECT ", columns!(), " FROM invitations WHERE tenant_id = $1 AND id = $2"), id)
        .optional()
        .await?
        .ok_or_else(not_found)
}

fn not_found() -> Error {
    Error::not_found(InvitationId::ENTITY)
}

/// The invitations of every tenant. Only authentication itself reaches them.
pub struct PlatformInvitations<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The invitations of every tenant.
    pub const fn invitations(&mut self) -> PlatformInvitations<'_> {
        PlatformInvitations { tx: self }
    }
}

impl PlatformInvitations<'_> {
    /// The invitation, if it can still be accepted.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn find(self, tenant: TenantId, id: InvitationId) -> Result<Option<Invitation>, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        platform_sql!(
            tx,
            concat!(
                "SELECT ",
                columns!(),
                " FROM invitations WHERE tenant_id = $1 AND id = $2 AND expires_at > $3"
            ),
            tenant,
            id,
            now
        )
        .optional()
        .await
    }

    /// Writes down which token accepts the invitation, in the place of any before it, and gives that one.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn set_token(
        self,
        tenant: TenantId,
        id: InvitationId,
        token: SingleUseTokenId,
    ) -> Result<Option<SingleUseTokenId>, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let old = platform_sql!(
            tx,
            "SELECT token_id FROM invitations WHERE tenant_id = $1 AND id = $2",
            tenant,
            id
        );
        let old = old.rows().await?.first().map(|row| row.get_optional("token_id")).transpose()?.flatten();
        platform_sql!(
            tx,
            "UPDATE invitations SET token_id = $3 WHERE tenant_id = $1 AND id = $2",
            tenant,
            id,
            token
        )
        .execute()
        .await?;
        Ok(old)
    }
}

/// Whether an invitation that is open brings a role: who makes the role anew would decide what the link gives.
pub(super) async fn brings(tx: &mut TenantTx, role: &str) -> Result<bool, Error> {
    let now = tx.now();
    let open: Vec<Invitation> = sql!(
        tx,
        concat!("SELECT ", columns!(), " FROM invitations WHERE tenant_id = $1 AND expires_at > $2"),
        now
    )
    .all()
    .await?;
    Ok(open.iter().flat_map(|invitation| &invitation.roles).any(|brought| brought.role == role))
}
