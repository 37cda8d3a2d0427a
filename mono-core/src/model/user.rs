//! A user: one person on the platform, known by one e-mail address.

use super::word_enum;
use crate::id::UserId;
use crate::text::{Email, Name};
use crate::time::Timestamp;

word_enum! {
    /// Whether a user, or a membership, may be used.
    UserStatus, "status" {
        /// May sign in.
        Active = "active",
        /// Refused, with everything kept.
        Suspended = "suspended",
    }
}

/// One person on the platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The person's id.
    pub id: UserId,
    /// The person's address.
    pub email: Email,
    /// The person's name.
    pub name: Name,
    /// Whether the person may sign in.
    pub status: UserStatus,
    /// When the person last showed that they read the address; never, where this is empty.
    pub email_verified_at: Option<Timestamp>,
}
