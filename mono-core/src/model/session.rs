//! A session: somebody signed in. It is the truth that an access token is checked against.

use crate::id::{SessionId, UserId};
use crate::time::Timestamp;

/// A person who signed in, until the session ends or is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, which the access token carries.
    pub id: SessionId,
    /// Who signed in.
    pub user_id: UserId,
    /// When it ends, whatever happens.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Session {
    /// Whether the session holds at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}
