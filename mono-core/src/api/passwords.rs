//! `/api/v1/public/auth/password-reset`, `/api/v1/public/auth/set-password` and `/api/v1/user/password`

use serde::{Deserialize, Serialize};
use std::fmt;

/// Sets a password with the token of a mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConfirmPassword {
    /// The token of the link.
    pub token: String,
    /// The password to have from now on.
    pub password: String,
}

impl fmt::Debug for ConfirmPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfirmPassword").finish_non_exhaustive()
    }
}

/// Gives the caller another password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChangePassword {
    /// The password until now.
    pub current_password: String,
    /// The password from now on.
    pub new_password: String,
}

impl fmt::Debug for ChangePassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangePassword").finish_non_exhaustive()
    }
}
