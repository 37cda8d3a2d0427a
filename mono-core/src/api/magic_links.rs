//! `/api/v1/public/auth/magic-link`

use serde::{Deserialize, Serialize};
use std::fmt;

/// Signs in with the token of a mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConfirmMagicLink {
    /// The token of the link.
    pub token: String,
    /// The slug of the tenant to work in; left out, the tenant whose domain the server is called by is taken, or the
    /// oldest membership.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// For a browser: the tokens are put into cookies that no script can read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cookies: bool,
}

impl ConfirmMagicLink {
    /// Signs in to the first tenant of the person, with tokens in the answer.
    pub fn new(token: impl Into<String>) -> Self {
        Self { token: token.into(), tenant: None, cookies: false }
    }
}

impl fmt::Debug for ConfirmMagicLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfirmMagicLink").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
