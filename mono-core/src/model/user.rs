//! A user: one person on the platform, known by one e-mail address.

use super::word_enum;
use crate::id::{AssignmentId, UserId};
use crate::text::{Email, Name};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

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

/// A role that a person has on the whole platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct PlatformAssignment {
    /// Which assignment it is.
    pub id: AssignmentId,
    /// The person.
    pub user_id: UserId,
    /// The person's address.
    pub email: Email,
    /// Whether the person may sign in.
    pub status: UserStatus,
    /// The key of the role.
    pub role: String,
    /// From when on it holds; from ever where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Timestamp>,
    /// From when on it holds no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Timestamp>,
}
