//! `/api/v1/tenant/audit`

use super::{Problems, slice_of};
use crate::audit::{Action, AuditFilter};
use crate::error::Error;
use crate::model::word_enum;
use crate::page::{PageRequest, SliceRequest};
use crate::time::{Datelike, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The query of `GET`: which page of which entries, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListAudit {
    /// The number of the page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_PAGE)))]
    pub page: Option<u32>,
    /// How many entries a page holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// The kind of thing: `account`, `assignment` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::text::pattern::NO_CONTROL)))]
    pub entity: Option<String>,
    /// The id of the thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Uuid>"))]
    pub entity_id: Option<String>,
    /// Who did it: `user:` and an id, or `system:` and a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::text::pattern::NO_CONTROL)))]
    pub actor: Option<String>,
    /// What was done: `create`, `update`, `permission_denied` …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Action>"))]
    pub action: Option<String>,
    /// Not before this moment, in RFC 3339: `2026-11-01T00:00:00Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Timestamp>"))]
    pub from: Option<String>,
    /// Before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Timestamp>"))]
    pub until: Option<String>,
}

impl ListAudit {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    ///
    /// ```
    /// use mono_core::api::audit::ListAudit;
    /// let bad = ListAudit { page: Some(0), action: Some("x".into()), from: Some("today".into()), ..Default::default() };
    /// assert_eq!(bad.parse().unwrap_err().problems().len(), 3);
    /// ```
    pub fn parse(self) -> Result<(PageRequest, AuditFilter), Error> {
        let mut problems = Problems::default();
        let page = problems.take(PageRequest::parse(self.page, self.limit));
        let filter = AuditFilter {
            entity: self.entity,
            entity_id: self.entity_id.and_then(|text| problems.take(id(&text))),
            actor: self.actor,
            action: self.action.and_then(|text| problems.take(text.parse::<Action>())),
            from: self.from.and_then(|text| problems.take(moment("from", &text))),
            until: self.until.and_then(|text| problems.take(moment("until", &text))),
        };
        let text = filter.entity.iter().chain(&filter.actor);
        if text.into_iter().any(|text| text.contains(char::is_control)) {
            let problem: Result<(), _> =
                Err(Error::invalid("query", "control_character", "the query holds a control character"));
            problems.take(problem);
        }
        match page {
            Some(page) if problems.is_empty() => Ok((page, filter)),
            _ => Err(problems.into_error()),
        }
    }
}

/// The query of `GET …/by-cursor`: from where, which entries. They come newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScrollAudit {
    /// The cursor that the slice before gave as `next`; left out, the list begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::page::CURSOR_PATTERN)))]
    pub cursor: Option<String>,
    /// How many entries a slice holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::text::pattern::NO_CONTROL)))]
    pub entity: Option<String>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Uuid>"))]
    pub entity_id: Option<String>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::text::pattern::NO_CONTROL)))]
    pub actor: Option<String>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Action>"))]
    pub action: Option<String>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Timestamp>"))]
    pub from: Option<String>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Timestamp>"))]
    pub until: Option<String>,
}

impl ScrollAudit {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(SliceRequest, AuditFilter), Error> {
        let list = ListAudit {
            entity: self.entity,
            entity_id: self.entity_id,
            actor: self.actor,
            action: self.action,
            from: self.from,
            until: self.until,
            ..Default::default()
        };
        slice_of(self.cursor.as_deref(), self.limit, list.parse())
    }
}

word_enum! {
    /// The form of an export.
    ExportFormat, "format" {
        /// A table for spreadsheets (RFC 4180).
        Csv = "csv",
        /// One JSON object in each line.
        Jsonl = "jsonl",
    }
}

/// The query of `GET …/export`: which entries, oldest first, in which form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExportAudit {
    /// `csv` or `jsonl`.
    pub format: ExportFormat,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::text::pattern::NO_CONTROL)))]
    pub entity: Option<String>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Uuid>"))]
    pub entity_id: Option<String>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::text::pattern::NO_CONTROL)))]
    pub actor: Option<String>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Action>"))]
    pub action: Option<String>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Timestamp>"))]
    pub from: Option<String>,
    /// As in [`ListAudit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Timestamp>"))]
    pub until: Option<String>,
}

impl ExportAudit {
    /// Every entry, in this form.
    pub const fn all(format: ExportFormat) -> Self {
        Self { format, entity: None, entity_id: None, actor: None, action: None, from: None, until: None }
    }

    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(ExportFormat, AuditFilter), Error> {
        let Self { format, entity, entity_id, actor, action, from, until } = self;
        let list = ListAudit { entity, entity_id, actor, action, from, until, page: None, limit: None };
        Ok((format, list.parse()?.1))
    }
}

fn id(text: &str) -> Result<Uuid, Error> {
    let id = if text.len() == 36 { Uuid::try_parse(text).ok() } else { None };
    id.ok_or_else(|| Error::invalid("entityId", "invalid_id", "the id of an entity is a UUID"))
}

/// A moment of the years 0 to 9999: RFC 3339 knows no others, and neither does every database.
fn moment(field: &'static str, text: &str) -> Result<Timestamp, Error> {
    text.parse().ok().filter(|moment: &Timestamp| (0..=9999).contains(&moment.year())).ok_or_else(|| {
        Error::invalid(field, "invalid_time", "a moment is written as in RFC 3339: 2026-11-01T00:00:00Z")
    })
}
