//! `/api/v1/tenant/accounts/{id}/teams` and `/api/v1/tenant/teams`

use super::{Problems, not_null, search_text};
use crate::error::Error;
use crate::id::AccountId;
use crate::model::team::TeamChange;
use crate::page::PageRequest;
use crate::text::Name;
use serde::{Deserialize, Serialize};

/// `POST`: forms a team.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateTeam {
    /// Its name, unique in its account.
    #[cfg_attr(feature = "openapi", schemars(with = "Name"))]
    pub name: String,
}

impl CreateTeam {
    /// Checks the name.
    ///
    /// # Errors
    /// `Validation` that says what is wrong with it.
    pub fn parse(self) -> Result<Name, Error> {
        Name::parse(&self.name)
    }
}

/// `POST …/bulk`: forms a team in an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreateTeamIn {
    /// The account.
    #[cfg_attr(feature = "openapi", schemars(with = "AccountId"))]
    pub account_id: String,
    /// Its name, unique in its account.
    #[cfg_attr(feature = "openapi", schemars(with = "Name"))]
    pub name: String,
}

impl CreateTeamIn {
    /// Checks both.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(AccountId, Name), Error> {
        let mut problems = Problems::default();
        let account = problems.take(self.account_id.parse());
        let name = problems.take(Name::parse(&self.name));
        account.zip(name).ok_or_else(|| problems.into_error())
    }
}

/// `PATCH`: changes a team; what is left out stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct UpdateTeam {
    /// The version that the change is based on; a stale one is a conflict. The header `If-Match` says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// A new name.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Name>"))]
    pub name: Option<String>,
}

impl UpdateTeam {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that says what is wrong.
    pub fn parse(self) -> Result<TeamChange, Error> {
        let name = self.name.map(|text| Name::parse(&text)).transpose()?;
        Ok(TeamChange { version: self.version, name })
    }
}

/// The query of `GET`: which page, which teams or members. They come by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ListTeams {
    /// The number of the page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_PAGE)))]
    pub page: Option<u32>,
    /// How many items a page holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// Text that the name contains, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("maxLength" = super::MAX_SEARCH, "pattern" = crate::text::pattern::NO_CONTROL)))]
    pub search: Option<String>,
}

impl ListTeams {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(PageRequest, Option<String>), Error> {
        let mut problems = Problems::default();
        let page = problems.take(PageRequest::parse(self.page, self.limit));
        let search = self.search.and_then(|text| problems.take(search_text(text)));
        match page {
            Some(page) if problems.is_empty() => Ok((page, search)),
            _ => Err(problems.into_error()),
        }
    }
}
