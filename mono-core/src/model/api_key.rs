//! An API key: what a program shows instead of a person's password.

use crate::error::Error;
use crate::id::{AccountId, ApiKeyId, TenantId, UserId};
use crate::text::Name;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is known of an API key. Its secret is not: it is shown once, when the key is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApiKey {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its id, which is part of the key's text.
    pub id: ApiKeyId,
    /// The account that it is bound to; `None` for one of the whole tenant.
    pub account_id: Option<AccountId>,
    /// Whose rights it has, as far as its scopes reach.
    pub owner_id: UserId,
    /// What it is for.
    pub name: Name,
    /// The part of its text that may be seen: enough to find the key that was lost.
    pub prefix: String,
    /// What it may do of what its owner may: `files:read`, or patterns of permissions. None means nothing.
    pub scopes: Vec<String>,
    /// Counts the changes, from 1; a write that names an older version is a conflict.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// From when on it works no more.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// The key that follows it: it was rotated, and works until it expires.
    pub replaced_by: Option<ApiKeyId>,
}

impl ApiKey {
    /// How long a key works where nobody says otherwise: 90 days.
    pub const LIFETIME: Duration = Duration::from_hours(90 * 24);
    /// How long a key works at most: a year and a day.
    pub const LONGEST: Duration = Duration::from_hours(366 * 24);
    /// How long a key that was rotated works on at most: a week.
    pub const LONGEST_OVERLAP: Duration = Duration::from_hours(7 * 24);
    /// How many scopes a key has at most.
    pub const MAX_SCOPES: usize = 100;

    /// Whether it works at this moment, as far as it alone is concerned.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// The end of a key that is made now: the one that is wanted, or [`ApiKey::LIFETIME`] from now.
///
/// # Errors
/// `Validation` where it has passed, or is further away than [`ApiKey::LONGEST`].
pub fn expiry(wanted: Option<Timestamp>, now: Timestamp) -> Result<Timestamp, Error> {
    match wanted {
        None => Ok(now + ApiKey::LIFETIME),
        Some(end) if now < end && end <= now + ApiKey::LONGEST => Ok(end),
        Some(_) => {
            Err(Error::invalid("expiresAt", "out_of_range", "a key ends in the future, within 366 days"))
        }
    }
}

/// A key to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// What it is for.
    pub name: Name,
    /// The account that it is bound to.
    pub account_id: Option<AccountId>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// From when on it works no more; `None` for [`ApiKey::LIFETIME`] from now.
    pub expires_at: Option<Timestamp>,
}

/// A change of a key; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApiKeyChange {
    /// The version that the change is based on; `None` changes whatever is there.
    pub version: Option<i64>,
    /// What it is for.
    pub name: Option<Name>,
    /// What it may do.
    pub scopes: Option<Vec<String>>,
}

/// How a key is followed by another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotation {
    /// How long the old key works on.
    pub overlap: Duration,
    /// From when on the new key works no more; `None` for [`ApiKey::LIFETIME`] from now.
    pub expires_at: Option<Timestamp>,
}
