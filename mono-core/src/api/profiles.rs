//! `/api/v1/tenant/members/{id}/profiles` and `/api/v1/tenant/profiles`

use super::{Problems, distinct_json, not_null, slice_of};
use crate::error::Error;
use crate::id::MemberId;
use crate::model::profile::{ProfileChange, ProfileFilter};
use crate::model::tenant::Document;
use crate::page::{PageRequest, SliceRequest};
use crate::subscription::Key;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST`: makes a draft.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateProfile {
    /// The schema that its data obey.
    #[cfg_attr(feature = "openapi", schemars(with = "Key"))]
    pub kind: String,
    /// Its fields: a JSON object.
    #[serde(deserialize_with = "crate::distinct::json")]
    #[cfg_attr(feature = "openapi", schemars(with = "Document"))]
    pub data: Value,
}

impl CreateProfile {
    /// Checks the form of both; the schema checks the fields.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(Key, Document), Error> {
        let mut problems = Problems::default();
        let kind = problems.take(Key::parse(&self.kind));
        let data = problems.take(Document::parse("data", self.data));
        kind.zip(data).ok_or_else(|| problems.into_error())
    }
}

/// `POST …/bulk`: makes a draft of a member.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreateProfileOf {
    /// The member.
    #[cfg_attr(feature = "openapi", schemars(with = "MemberId"))]
    pub member_id: String,
    /// The schema that its data obey.
    #[cfg_attr(feature = "openapi", schemars(with = "Key"))]
    pub kind: String,
    /// Its fields: a JSON object.
    #[serde(deserialize_with = "crate::distinct::json")]
    #[cfg_attr(feature = "openapi", schemars(with = "Document"))]
    pub data: Value,
}

impl CreateProfileOf {
    /// Checks the form of all; the schema checks the fields.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(MemberId, Key, Document), Error> {
        let mut problems = Problems::default();
        let member = problems.take(self.member_id.parse());
        let profile = problems.take(CreateProfile { kind: self.kind, data: self.data }.parse());
        match (member, profile) {
            (Some(member), Some((kind, data))) => Ok((member, kind, data)),
            _ => Err(problems.into_error()),
        }
    }
}

/// `PATCH`: changes a profile; what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateProfile {
    /// The version that the change is based on; a stale one is a conflict. The header `If-Match` says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Other fields, in place of all that there are.
    #[serde(default, deserialize_with = "distinct_json", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Document>"))]
    pub data: Option<Value>,
    /// `draft` or `published`.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::profile::ProfileStatus>"))]
    pub status: Option<String>,
}

impl UpdateProfile {
    /// Checks the form of every field; the schema checks the data.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<ProfileChange, Error> {
        let mut problems = Problems::default();
        let change = ProfileChange {
            version: self.version,
            data: self.data.and_then(|value| problems.take(Document::parse("data", value))),
            status: self.status.and_then(|text| problems.take(text.parse())),
        };
        if problems.is_empty() { Ok(change) } else { Err(problems.into_error()) }
    }
}

/// The query of `GET /api/v1/tenant/profiles`: which page, which profiles, which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListProfiles {
    /// The number of the page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_PAGE)))]
    pub page: Option<u32>,
    /// How many profiles a page holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// Only those of this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<MemberId>"))]
    pub member_id: Option<String>,
    /// Only those of this schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Key>"))]
    pub kind: Option<String>,
    /// `draft` or `published`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::profile::ProfileStatus>"))]
    pub status: Option<String>,
    /// `createdAt`, or `-createdAt` (newest first, the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::profile::ProfileSort>"))]
    pub sort: Option<String>,
}

impl ListProfiles {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(PageRequest, ProfileFilter), Error> {
        let mut problems = Problems::default();
        let page = problems.take(PageRequest::parse(self.page, self.limit));
        let filter = ProfileFilter {
            member: self.member_id.and_then(|text| problems.take(text.parse())),
            kind: self.kind.and_then(|text| problems.take(Key::parse(&text))),
            status: self.status.and_then(|text| problems.take(text.parse())),
            sort: self.sort.and_then(|text| problems.take(text.parse())).unwrap_or_default(),
        };
        match page {
            Some(page) if problems.is_empty() => Ok((page, filter)),
            _ => Err(problems.into_error()),
        }
    }
}

/// The query of `GET …/by-cursor`: from where, which profiles. They come newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScrollProfiles {
    /// The cursor that the slice before gave as `next`; left out, the list begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::page::CURSOR_PATTERN)))]
    pub cursor: Option<String>,
    /// How many profiles a slice holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// Only those of this member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<MemberId>"))]
    pub member_id: Option<String>,
    /// Only those of this schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Key>"))]
    pub kind: Option<String>,
    /// `draft` or `published`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::profile::ProfileStatus>"))]
    pub status: Option<String>,
}

impl ScrollProfiles {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(SliceRequest, ProfileFilter), Error> {
        let list = ListProfiles {
            member_id: self.member_id,
            kind: self.kind,
            status: self.status,
            ..Default::default()
        };
        slice_of(self.cursor.as_deref(), self.limit, list.parse())
    }
}
