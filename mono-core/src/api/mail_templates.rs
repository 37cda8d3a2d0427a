//! `/api/v1/tenant/mail-templates`

use crate::error::Error;
use crate::model::mail::{MailKind, MailTemplate};
use crate::text::Locale;
use serde::{Deserialize, Serialize};

/// `PUT` and `POST …/preview`: the sources of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PutMailTemplate {
    /// The subject.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = MailTemplate::MAX_SUBJECT)))]
    pub subject: String,
    /// The HTML part, in MJML.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = MailTemplate::MAX_HTML)))]
    pub html: String,
    /// The plain part.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = MailTemplate::MAX_PLAIN)))]
    pub plain: String,
}

impl PutMailTemplate {
    /// The template of a kind in a language, if it is whole.
    ///
    /// # Errors
    /// `Validation` that names each part that is empty, too long, or holds what cannot be stored.
    pub fn parse(self, kind: MailKind, locale: Locale) -> Result<MailTemplate, Error> {
        let Self { subject, html, plain } = self;
        let template = MailTemplate { kind, locale, subject, html, plain };
        template.require_whole()?;
        Ok(template)
    }
}

/// A template that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MailTemplateView {
    /// The template.
    #[serde(flatten)]
    pub template: MailTemplate,
    /// Whether it is the built-in one, because the tenant has none of its own.
    pub built_in: bool,
}

/// `POST …/preview`: a mail as it would arrive, with made-up names and a link that opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct MailPreview {
    /// The subject.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The plain part.
    pub plain: String,
}
