//! `/api/v1/public/auth/sign-up`

use crate::id::UserId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Makes a person with the token of a mail.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConfirmSignUp {
    /// The token of the link.
    pub token: String,
    /// The person's name.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::text::Name"))]
    pub name: String,
    /// The password to have.
    pub password: String,
}

impl fmt::Debug for ConfirmSignUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfirmSignUp").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A person who has signed up, and signs in next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SignedUp {
    /// The person.
    pub user_id: UserId,
}
