//! Members: which person works in the tenant, with which roles.

use crate::db::{FromRow, Row, TenantTx};
use crate::sql;
use mono_core::id::{AssignmentId, MemberId, UserId};
use mono_core::model::user::{Member, MemberScope};
use mono_core::permission::{Permission, Scope};
use mono_core::{Error, permission};

const ADD: Permission = permission!("tenant.members.invite");
const ASSIGN: Permission = permission!("tenant.roles.assign");
pub(super) const REQUIRED: &[Permission] = &[ADD, ASSIGN];

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
    /// Makes a person a member.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.members.invite`; `Conflict` where the person is a member or does not exist.
    pub async fn add(self, user: UserId) -> Result<Member, Error> {
        let tx = self.tx;
        tx.authorize(ADD, &Scope::tenant(tx.tenant()))?;
        let (id, now) = (tx.new_id::<MemberId>(), tx.now());
        sql!(
            tx,
            "INSERT INTO members (tenant_id, id, user_id, status, created_at) VALUES ($1, $2, $3, 'active', $4)
             RETURNING tenant_id, id, user_id, status",
            id,
            user,
            now
        )
        .one()
        .await
    }

    /// Gives a member a role in the whole tenant or in one account.
    ///
    /// # Errors
    /// `Forbidden` without `tenant.roles.assign` there, or unless the program itself asks;
    /// `Conflict` where member, role or account do not exist.
    pub async fn assign(self, member: MemberId, role: &str, scope: MemberScope) -> Result<(), Error> {
        let tx = self.tx;
        let (at, account) = match scope {
            MemberScope::Tenant => (Scope::tenant(tx.tenant()), None),
            MemberScope::Account(account) => (Scope::account(tx.tenant(), account), Some(account)),
        };
        tx.authorize(ASSIGN, &at)?;
        tx.caller().require_system()?;
        let (id, now) = (tx.new_id::<AssignmentId>(), tx.now());
        sql!(
            tx,
            "INSERT INTO assignments (tenant_id, id, member_id, role_key, account_id, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            id,
            member,
            role,
            account,
            now
        )
        .execute()
        .await?;
        Ok(())
    }
}
