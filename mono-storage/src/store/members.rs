//! Members: which person works in the tenant.

use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::audit::Action;
use mono_core::id::{MemberId, UserId};
use mono_core::model::user::Member;
use mono_core::permission::{Permission, Scope};
use mono_core::{Error, permission};

const ADD: Permission = permission!("tenant.members.invite");
pub(super) const REQUIRED: &[Permission] = &[ADD];

/// The limit that each member takes one of.
pub(super) const LIMIT: &str = "members";

impl FromRow for Member {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            tenant_id: row.get("tenant_id")?,
            id: row.get("id")?,
            user_id: row.get("user_id")?,
            status: row.parse("status")?,
        })
    }
}

/// The members of a tenant.
pub struct Members<'t> {
    tx: &'t mut TenantTx,
}

impl TenantTx {
    /// The members of the tenant.
    pub const fn members(&mut self) -> Members<'_> {
        Members { tx: self }
    }
}

impl Members<'_> {
    /// Makes a person a member and takes one of the plan's `members`.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.invite`; `Conflict` where the person is a member or does not exist;
    /// `LimitExceeded` where the plan's members are used up.
    pub async fn add(self, user: UserId) -> Result<Member, Error> {
        let tx = self.tx;
        tx.authorize(ADD, &Scope::tenant(tx.tenant())).await?;
        let (id, now) = (tx.new_id::<MemberId>(), tx.now());
        let member: Member = sql!(
            tx,
            "INSERT INTO members (tenant_id, id, user_id, status, created_at) VALUES ($1, $2, $3, 'active', $4)
             RETURNING tenant_id, id, user_id, status",
            id,
            user,
            now
        )
        .one()
        .await?;
        tx.audit_change(Action::Create, "member", id, None, Some(&member)).await?;
        tx.reserve(LIMIT, 1).await?;
        Ok(member)
    }
}
