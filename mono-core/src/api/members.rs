//! `/api/v1/tenant/members`

use super::{Problems, search_text, slice_of};
use crate::error::Error;
use crate::model::member::MemberFilter;
use crate::page::{PageRequest, SliceRequest};
use serde::{Deserialize, Serialize};

/// The query of `GET`: which page, which members, which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListMembers {
    /// The number of the page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_PAGE)))]
    pub page: Option<u32>,
    /// How many members a page holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// Text that name or e-mail address contain, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("maxLength" = super::MAX_SEARCH, "pattern" = crate::text::pattern::NO_CONTROL)))]
    pub search: Option<String>,
    /// `active` or `suspended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::user::UserStatus>"))]
    pub status: Option<String>,
    /// `name` (the default), `createdAt`, or `-createdAt` (newest first).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::member::MemberSort>"))]
    pub sort: Option<String>,
}

impl ListMembers {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    ///
    /// ```
    /// use mono_core::api::members::ListMembers;
    /// let bad = ListMembers { page: Some(0), status: Some("gone".into()), ..Default::default() };
    /// assert_eq!(bad.parse().unwrap_err().problems().len(), 2);
    /// ```
    pub fn parse(self) -> Result<(PageRequest, MemberFilter), Error> {
        let mut problems = Problems::default();
        let page = problems.take(PageRequest::parse(self.page, self.limit));
        let filter = MemberFilter {
            search: self.search.and_then(|text| problems.take(search_text(text))),
            status: self.status.and_then(|text| problems.take(text.parse())),
            sort: self.sort.and_then(|text| problems.take(text.parse())).unwrap_or_default(),
        };
        match page {
            Some(page) if problems.is_empty() => Ok((page, filter)),
            _ => Err(problems.into_error()),
        }
    }
}

/// The query of `GET …/by-cursor`: from where, which members. They come newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScrollMembers {
    /// The cursor that the slice before gave as `next`; left out, the list begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::page::CURSOR_PATTERN)))]
    pub cursor: Option<String>,
    /// How many members a slice holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// Text that name or e-mail address contain, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("maxLength" = super::MAX_SEARCH, "pattern" = crate::text::pattern::NO_CONTROL)))]
    pub search: Option<String>,
    /// `active` or `suspended`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::user::UserStatus>"))]
    pub status: Option<String>,
}

impl ScrollMembers {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(SliceRequest, MemberFilter), Error> {
        let list = ListMembers { search: self.search, status: self.status, ..Default::default() };
        slice_of(self.cursor.as_deref(), self.limit, list.parse())
    }
}
