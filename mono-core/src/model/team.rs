//! A team: people of an account who work together. Being in one gives no right by itself.

use crate::id::{AccountId, TeamId, TenantId};
use crate::text::Name;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// People of an account who work together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Team {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its id.
    pub id: TeamId,
    /// The account that it belongs to.
    pub account_id: AccountId,
    /// Its name, unique in its account without regard to case.
    pub name: Name,
    /// Counts the changes, from 1; a write that names an older version is a conflict.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A change of a team; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TeamChange {
    /// The version that the change is based on; `None` changes whatever is there.
    pub version: Option<i64>,
    /// A new name.
    pub name: Option<Name>,
}
