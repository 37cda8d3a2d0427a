//! A session: somebody signed in. It is the truth that an access token is checked against.

use crate::id::{SessionId, TenantId, UserId};
use crate::model::auth_policy::SignInMethod;
use crate::time::Timestamp;

/// A person who signed in, until the session ends or is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, which the access token carries.
    pub id: SessionId,
    /// Who signed in.
    pub user_id: UserId,
    /// The tenant that the person works in.
    pub chosen_tenant_id: Option<TenantId>,
    /// How often its refresh token was rotated, from 1.
    pub generation: i64,
    /// When it was rotated last.
    pub rotated_at: Option<Timestamp>,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it was rotated or used to sign in last.
    pub last_used_at: Timestamp,
    /// When the person last proved who they are.
    pub authenticated_at: Timestamp,
    /// When a second factor was last given, if ever.
    pub second_factor_at: Option<Timestamp>,
    /// How the person signed in.
    pub method: SignInMethod,
    /// Support staff who act as the person.
    pub impersonator_id: Option<UserId>,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The address that the person signed in from, or refreshed from last.
    pub ip_address: Option<String>,
    /// What the device called itself.
    pub user_agent: Option<String>,
}

impl Session {
    /// Whether the session holds at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}
