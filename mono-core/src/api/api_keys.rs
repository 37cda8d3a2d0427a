//! `/api/v1/tenant/api-keys`

use super::{Problems, not_null};
use crate::error::Error;
use crate::id::AccountId;
use crate::model::api_key::{ApiKey, ApiKeyChange, NewApiKey, Rotation};
use crate::page::PageRequest;
use crate::text::Name;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest scope, in bytes: a permission has at most 160.
const MAX_SCOPE: usize = 160;

/// `POST`: makes a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreateApiKey {
    /// What it is for.
    #[cfg_attr(feature = "openapi", schemars(with = "Name"))]
    pub name: String,
    /// What it may do of what its maker may: `files:read`, or patterns of permissions.
    #[cfg_attr(feature = "openapi", schemars(length(max = ApiKey::MAX_SCOPES), inner(length(max = MAX_SCOPE))))]
    pub scopes: Vec<String>,
    /// The account that it is bound to; left out, it is one of the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<AccountId>,
    /// From when on it works no more; left out, in 90 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl CreateApiKey {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<NewApiKey, Error> {
        let mut problems = Problems::default();
        let name = problems.take(Name::parse(&self.name));
        let scopes = problems.take(scopes(self.scopes));
        match (name, scopes) {
            (Some(name), Some(scopes)) => {
                Ok(NewApiKey { name, account_id: self.account_id, scopes, expires_at: self.expires_at })
            }
            _ => Err(problems.into_error()),
        }
    }
}

/// `PATCH`: changes a key; what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateApiKey {
    /// The version that the change is based on; a stale one is a conflict. The header `If-Match` says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// What it is for.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Name>"))]
    pub name: Option<String>,
    /// What it may do.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(length(max = ApiKey::MAX_SCOPES)))]
    pub scopes: Option<Vec<String>>,
}

impl UpdateApiKey {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<ApiKeyChange, Error> {
        let mut problems = Problems::default();
        let change = ApiKeyChange {
            version: self.version,
            name: self.name.and_then(|text| problems.take(Name::parse(&text))),
            scopes: self.scopes.and_then(|list| problems.take(scopes(list))),
        };
        if problems.is_empty() { Ok(change) } else { Err(problems.into_error()) }
    }
}

/// Sorted, each once.
fn scopes(mut list: Vec<String>) -> Result<Vec<String>, Error> {
    if list.len() > ApiKey::MAX_SCOPES || list.iter().any(|scope| scope.len() > MAX_SCOPE) {
        let message = format!("a key has at most {} scopes of at most {MAX_SCOPE} bytes", ApiKey::MAX_SCOPES);
        return Err(Error::invalid("scopes", "too_long", message));
    }
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

/// `POST …/rotate`: makes a key that follows another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RotateApiKey {
    /// How many seconds the old key works on: a day where left out, 0 to end it at once, a week at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(max = ApiKey::LONGEST_OVERLAP.as_secs())))]
    pub overlap_seconds: Option<u64>,
    /// From when on the new key works no more; left out, in 90 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl RotateApiKey {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` where the overlap is longer than a week.
    pub fn parse(self) -> Result<Rotation, Error> {
        let overlap = self.overlap_seconds.map_or(Duration::from_hours(24), Duration::from_secs);
        if overlap > ApiKey::LONGEST_OVERLAP {
            let message = "the old key works on for at most a week: 604800 seconds";
            return Err(Error::invalid("overlapSeconds", "out_of_range", message));
        }
        Ok(Rotation { overlap, expires_at: self.expires_at })
    }
}

/// A key that was just made. The only answer that holds its secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CreatedApiKey {
    /// What is known of it.
    pub api_key: ApiKey,
    /// The whole text of the key. It is shown now and never again.
    pub key: String,
}

/// The query of `GET`: which page, which keys. They come newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListApiKeys {
    /// The number of the page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_PAGE)))]
    pub page: Option<u32>,
    /// How many keys a page holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// The keys of this account only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
}

impl ListApiKeys {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that says what is wrong with the page.
    pub fn parse(self) -> Result<(PageRequest, Option<AccountId>), Error> {
        Ok((PageRequest::parse(self.page, self.limit)?, self.account))
    }
}
