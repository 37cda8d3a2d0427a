//! `/api/v1/user/second-factor`, `/api/v1/user/step-up` and `/api/v1/public/auth/second-factor`. What holds a secret has
//! no `Debug` that shows it.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The second factor of the person who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SecondFactorResponse {
    /// Since when it is in force; `null` where there is none.
    pub enabled_at: Option<Timestamp>,
    /// How many recovery codes are left.
    pub recovery_codes_left: i64,
}

/// What goes into an authenticator; shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EnrolmentResponse {
    /// An `otpauth:` address, to be shown as a QR code.
    pub uri: String,
    /// The secret in base 32, to be typed in.
    pub secret: String,
}

/// The code that an authenticator shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ConfirmSecondFactor {
    /// Six digits.
    pub code: String,
}

/// Recovery codes, each good for one login without the authenticator; shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RecoveryCodesResponse {
    /// The codes.
    pub recovery_codes: Vec<String>,
}

/// Finishes a login.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecondFactorLogin {
    /// The challenge that the login answered.
    pub challenge: String,
    /// The six digits that the authenticator shows, or a recovery code.
    pub code: String,
    /// For a browser, as in [`LoginRequest`](super::auth::LoginRequest).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cookies: bool,
}

/// Proves again who the person is: the code where there is a second factor, else the password. What is given has to be
/// right.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StepUpRequest {
    /// The password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The six digits that the authenticator shows, or a recovery code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// How long the person counts as one who has just proven who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct StepUpResponse {
    /// Until when dangerous permissions may be used.
    pub fresh_until: Timestamp,
}

macro_rules! secret {
    ($($name:ident)*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        })*
    };
}

secret! { EnrolmentResponse ConfirmSecondFactor RecoveryCodesResponse SecondFactorLogin StepUpRequest }
