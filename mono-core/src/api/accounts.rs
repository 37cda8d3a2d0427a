//! `/api/v1/tenant/accounts`

use super::{Problems, not_null, present, search_text, slice_of};
use crate::error::Error;
use crate::model::account::{AccountChange, AccountFilter, AccountStatus, AccountType, NewAccount};
use crate::page::{PageRequest, SliceRequest};
use crate::text::{Email, Name, Slug};
use serde::{Deserialize, Serialize};

/// `POST`: makes an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreateAccount {
    /// Its name.
    #[cfg_attr(feature = "openapi", schemars(with = "Name"))]
    pub name: String,
    /// Its short name; left out, it is made from the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Slug>"))]
    pub slug: Option<String>,
    /// `individual`, `agency` or `business` (the default).
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<AccountType>"))]
    pub account_type: Option<String>,
    /// Where to write to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Email>"))]
    pub email: Option<String>,
}

impl CreateAccount {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    ///
    /// ```
    /// use mono_core::api::accounts::CreateAccount;
    /// let bad = CreateAccount { name: " ".into(), email: Some("nobody".into()), ..Default::default() };
    /// assert_eq!(bad.parse().unwrap_err().problems().len(), 2);
    /// ```
    pub fn parse(self) -> Result<NewAccount, Error> {
        let mut problems = Problems::default();
        let name = problems.take(Name::parse(&self.name));
        let slug = match (&self.slug, &name) {
            (Some(slug), _) => problems.take(Slug::parse(slug)),
            (None, Some(name)) => problems.take(Slug::suggest(name.as_str())),
            (None, None) => None,
        };
        let account_type = self.account_type.map_or(Ok(AccountType::Business), |text| text.parse());
        let account_type = problems.take(account_type);
        let email = problems.take(self.email.map(|text| Email::parse(&text)).transpose());
        match (name, slug, account_type, email) {
            (Some(name), Some(slug), Some(account_type), Some(email)) => {
                Ok(NewAccount { name, slug, account_type, email })
            }
            _ => Err(problems.into_error()),
        }
    }
}

/// `PATCH`: changes an account; what is left out stays as it is (RFC 7396).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UpdateAccount {
    /// The version that the change is based on; a stale one is a conflict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// A new name.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Name>"))]
    pub name: Option<String>,
    /// A new short name.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Slug>"))]
    pub slug: Option<String>,
    /// `individual`, `agency` or `business`.
    #[serde(
        rename = "type",
        default,
        deserialize_with = "not_null",
        skip_serializing_if = "Option::is_none"
    )]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<AccountType>"))]
    pub account_type: Option<String>,
    /// `active`, `suspended` or `archived`.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<AccountStatus>"))]
    pub status: Option<String>,
    /// A new address; `null` removes it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("x-nullable" = true)))]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Email>"))]
    pub email: Option<Option<String>>,
}

impl UpdateAccount {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<AccountChange, Error> {
        let mut problems = Problems::default();
        let change = AccountChange {
            version: self.version,
            name: self.name.and_then(|text| problems.take(Name::parse(&text))),
            slug: self.slug.and_then(|text| problems.take(Slug::parse(&text))),
            account_type: self.account_type.and_then(|text| problems.take(text.parse::<AccountType>())),
            status: self.status.and_then(|text| problems.take(text.parse::<AccountStatus>())),
            email: match self.email {
                Some(Some(text)) => problems.take(Email::parse(&text)).map(Some),
                Some(None) => Some(None),
                None => None,
            },
        };
        if problems.is_empty() { Ok(change) } else { Err(problems.into_error()) }
    }
}

/// The query of `GET`: which page, which accounts, which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListAccounts {
    /// The number of the page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_PAGE)))]
    pub page: Option<u32>,
    /// How many accounts a page holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// Text that name or e-mail address contain, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("maxLength" = super::MAX_SEARCH, "pattern" = crate::text::pattern::NO_CONTROL)))]
    pub search: Option<String>,
    /// `active`, `suspended` or `archived`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<AccountStatus>"))]
    pub status: Option<String>,
    /// `name`, `createdAt`, or `-createdAt` (newest first, the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::account::AccountSort>"))]
    pub sort: Option<String>,
}

impl ListAccounts {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(PageRequest, AccountFilter), Error> {
        let mut problems = Problems::default();
        let page = problems.take(PageRequest::parse(self.page, self.limit));
        let filter = AccountFilter {
            search: self.search.and_then(|text| problems.take(search_text(text))),
            status: self.status.and_then(|text| problems.take(text.parse())),
            sort: self.sort.and_then(|text| problems.take(text.parse())).unwrap_or_default(),
        };
        match page {
            Some(page) if problems.is_empty() => Ok((page, filter)),
            _ => Err(problems.into_error()),
        }
    }
}

/// The query of `GET …/by-cursor`: from where, which accounts. They come newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScrollAccounts {
    /// The cursor that the slice before gave as `next`; left out, the list begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::page::CURSOR_PATTERN)))]
    pub cursor: Option<String>,
    /// How many accounts a slice holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// Text that name or e-mail address contain, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("maxLength" = super::MAX_SEARCH, "pattern" = crate::text::pattern::NO_CONTROL)))]
    pub search: Option<String>,
    /// `active`, `suspended` or `archived`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<AccountStatus>"))]
    pub status: Option<String>,
}

impl ScrollAccounts {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(SliceRequest, AccountFilter), Error> {
        let list = ListAccounts { search: self.search, status: self.status, ..Default::default() };
        slice_of(self.cursor.as_deref(), self.limit, list.parse())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_nobody_may_set_are_refused() {
        for body in [
            r#"{"name":"A","tenantId":"00000000-0000-7000-8000-000000000000"}"#,
            r#"{"name":"A","id":"x"}"#,
            r#"{"name":"A","name":"B"}"#,
            r#"{"name":["A"]}"#,
            r"{}",
        ] {
            assert!(serde_json::from_str::<CreateAccount>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn null_removes_and_absence_keeps() {
        let parse = |body| serde_json::from_str::<UpdateAccount>(body).unwrap().parse().unwrap().email;
        assert_eq!(parse(r#"{"email":null}"#), Some(None));
        assert_eq!(parse(r"{}"), None);
        assert!(matches!(parse(r#"{"email":"a@b.co"}"#), Some(Some(_))));
        for field in ["name", "slug", "type", "status"] {
            assert!(
                serde_json::from_str::<UpdateAccount>(&format!(r#"{{"{field}":null}}"#)).is_err(),
                "{field}"
            );
        }
    }

    #[test]
    fn a_list_names_everything_wrong() {
        let query = ListAccounts {
            page: Some(0),
            status: Some("x".into()),
            sort: Some("y".into()),
            search: Some("\0".into()),
            ..Default::default()
        };
        assert_eq!(query.parse().unwrap_err().problems().len(), 4);
    }
}
