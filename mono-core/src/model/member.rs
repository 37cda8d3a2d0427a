//! A member: one person's membership in a tenant.

use super::user::UserStatus;
use super::word_enum;
use crate::id::{MemberId, TenantId, UserId};
use crate::page::{Cursor, Placed};
use crate::text::{Email, Name};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A person's membership in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The membership's id.
    pub id: MemberId,
    /// The person.
    pub user_id: UserId,
    /// The person's name.
    pub name: Name,
    /// The person's address.
    pub email: Email,
    /// Whether the membership may be used.
    pub status: UserStatus,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When the person became a member.
    pub created_at: Timestamp,
    /// When the membership was last changed.
    pub updated_at: Timestamp,
}

impl Placed for Member {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.created_at, id: self.id.uuid() }
    }
}

/// Which members of a list are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemberFilter {
    /// Text that name or e-mail address contain, without regard to case.
    pub search: Option<String>,
    /// Only members of this status.
    pub status: Option<UserStatus>,
    /// The order of the list.
    pub sort: MemberSort,
}

word_enum! {
    /// The order of a list of members.
    #[derive(Default)]
    MemberSort, "sort" {
        /// By name, then by age.
        #[default]
        Name = "name",
        /// Newest first.
        Newest = "-createdAt",
        /// Oldest first.
        Oldest = "createdAt",
    }
}
