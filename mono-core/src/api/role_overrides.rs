//! `/api/v1/tenant/role-overrides`

use crate::error::{Error, Problem};
use crate::permission::{Override, OverrideKind, Pattern};
use serde::{Deserialize, Serialize};

/// `PUT …/{role}/{kind}`: changes a role of the platform within the tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PutRoleOverride {
    /// The patterns that are added, taken away, or put in place of the role's own; at most 500.
    #[cfg_attr(feature = "openapi", schemars(with = "Vec<Pattern>", length(max = Override::MOST_PATTERNS)))]
    pub patterns: Vec<String>,
}

impl PutRoleOverride {
    /// Checks every pattern.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    ///
    /// ```
    /// use mono_core::api::role_overrides::PutRoleOverride;
    /// let two = PutRoleOverride { patterns: vec!["tenant.acc*".into(), "tenant.*".into(), "".into()] };
    /// let problems = two.parse().unwrap_err().problems();
    /// assert_eq!(problems.iter().map(|problem| &*problem.field).collect::<Vec<_>>(), ["patterns[0]", "patterns[2]"]);
    /// ```
    pub fn parse(self) -> Result<Vec<Pattern>, Error> {
        let (mut patterns, mut problems) = (Vec::new(), Vec::new());
        for (i, text) in self.patterns.iter().enumerate() {
            match Pattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => problems.extend(
                    error
                        .problems()
                        .into_iter()
                        .map(|found| Problem { field: format!("patterns[{i}]"), ..found }),
                ),
            }
        }
        if problems.is_empty() { Ok(patterns) } else { Err(Error::validation(problems)) }
    }
}

/// What a tenant changes in a role of the platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct RoleOverride {
    /// The key of the role.
    pub role: String,
    /// What the patterns do.
    pub kind: OverrideKind,
    /// The patterns.
    pub patterns: Vec<String>,
}

impl From<Override> for RoleOverride {
    fn from(stored: Override) -> Self {
        let Override { role, kind, patterns, tenant: _ } = stored;
        Self { role, kind, patterns }
    }
}
