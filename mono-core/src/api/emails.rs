//! Mails that are asked for and what their links confirm: `/api/v1/public/auth/verify-email`,
//! `/api/v1/public/auth/change-email` and `/api/v1/user/email`

use serde::{Deserialize, Serialize};
use std::fmt;

/// Asks for a mail to an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RequestMail {
    /// The address.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::text::Email"))]
    pub email: String,
}

/// The one answer (202) to who asks for a mail: it does not tell whether one is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct MailRequested {
    /// For people.
    pub message: String,
}

impl Default for MailRequested {
    fn default() -> Self {
        Self { message: "if this address may have it, a mail is on its way".to_owned() }
    }
}

/// Confirms something with the token of a mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConfirmToken {
    /// The token of the link.
    pub token: String,
}

impl fmt::Debug for ConfirmToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfirmToken").finish_non_exhaustive()
    }
}

/// Asks to move the caller to another address.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChangeEmail {
    /// The new address.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::text::Email"))]
    pub email: String,
    /// The caller's password; needed unless they have just proven who they are (`POST /api/v1/user/step-up`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl fmt::Debug for ChangeEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeEmail").field("email", &self.email).finish_non_exhaustive()
    }
}
