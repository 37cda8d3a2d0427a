//! A profile: what a member shows of themselves, in the fields of a schema of the tenant.

use super::tenant::Document;
use super::word_enum;
use crate::id::{MemberId, ProfileId, TenantId};
use crate::page::{Cursor, Placed};
use crate::subscription::Key;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

word_enum! {
    /// Whether a profile is shown.
    ProfileStatus, "status" {
        /// Being written; fields that are required may be missing.
        Draft = "draft",
        /// Shown, with every field that is required.
        Published = "published",
    }
}

/// What a member shows of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its id.
    pub id: ProfileId,
    /// Whose it is.
    pub member_id: MemberId,
    /// The schema that its data obey.
    pub kind: Key,
    /// Its fields.
    pub data: Document,
    /// Whether it is shown.
    pub status: ProfileStatus,
    /// Counts the changes, from 1; a write that names an older version is a conflict.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Placed for Profile {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.created_at, id: self.id.uuid() }
    }
}

/// Which profiles of a list are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileFilter {
    /// Only those of this member.
    pub member: Option<MemberId>,
    /// Only those of this schema.
    pub kind: Option<Key>,
    /// Only profiles of this status.
    pub status: Option<ProfileStatus>,
    /// The order of the list.
    pub sort: ProfileSort,
}

word_enum! {
    /// The order of a list of profiles.
    #[derive(Default)]
    ProfileSort, "sort" {
        /// Newest first.
        #[default]
        Newest = "-createdAt",
        /// Oldest first.
        Oldest = "createdAt",
    }
}

/// A change of a profile; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// The version that the change is based on; `None` changes whatever is there.
    pub version: Option<i64>,
    /// Other data, in place of all that there are.
    pub data: Option<Document>,
    /// Publishes it, or takes it back.
    pub status: Option<ProfileStatus>,
}
