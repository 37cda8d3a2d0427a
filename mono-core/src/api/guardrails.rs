//! `/api/v1/tenant/guardrails`

use crate::id::GrantId;
use crate::permission::{Guardrail, Scope};
use serde::{Deserialize, Serialize};

/// `POST`: forbids a pattern to everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateGuardrail {
    /// The pattern: `tenant.accounts.delete`.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::permission::Pattern"))]
    pub pattern: String,
    /// Where it is forbidden, with everything below; left out, in the whole tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// Why, in at most 500 characters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[cfg_attr(feature = "openapi", schemars(length(max = Guardrail::MAX_REASON), extend("pattern" = crate::text::pattern::NO_CONTROL)))]
    pub reason: String,
}

/// A pattern that is forbidden to everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct SetGuardrail {
    /// Which guardrail it is.
    pub id: GrantId,
    /// The pattern.
    pub pattern: String,
    /// Where it is forbidden, with everything below.
    pub scope: Scope,
    /// Why.
    pub reason: String,
}

impl From<(GrantId, Guardrail)> for SetGuardrail {
    fn from((id, guardrail): (GrantId, Guardrail)) -> Self {
        let Guardrail { pattern, scope, reason } = guardrail;
        Self { id, pattern, scope, reason }
    }
}
