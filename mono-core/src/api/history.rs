//! `…/{id}/versions`: the versions of a thing

use serde::{Deserialize, Serialize};

/// The query of `GET …/{id}/versions`: which page of the versions, newest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListVersions {
    /// The number of the page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_PAGE)))]
    pub page: Option<u32>,
    /// How many versions a page holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
}

/// The query of `GET …/{id}/versions/diff`: which two versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CompareVersions {
    /// The number of the one version.
    pub from: i64,
    /// The number of the other.
    pub to: i64,
}
