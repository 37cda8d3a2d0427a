//! `/api/v1/tenant` and `/api/v1/platform/tenants`

use super::{Problems, distinct_json, not_null, present, search_text, slice_of};
use crate::error::{Error, Problem};
use crate::model::tenant::{Document, NewTenant, TenantChange, TenantFilter};
use crate::page::{PageRequest, SliceRequest};
use crate::subscription::{Currency, Key};
use crate::text::{Domain, Locale, Name, Slug, TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The most languages that a tenant offers.
const MAX_LOCALES: usize = 50;

/// What a tenant sets about itself; what is left out stays as it is (RFC 7396, but `settings` and `branding` are put in
/// place as a whole).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct TenantSettings {
    /// A currency such as `EUR`.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Currency>"))]
    pub currency: Option<String>,
    /// A time zone such as `Europe/Lisbon`.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<TimeZone>"))]
    pub time_zone: Option<String>,
    /// The language of what has no other, such as `pt-BR`.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Locale>"))]
    pub default_locale: Option<String>,
    /// The languages that the tenant offers, the default one among them.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Vec<Locale>>", length(min = 1, max = MAX_LOCALES)))]
    pub supported_locales: Option<Vec<String>>,
    /// A JSON object of the application.
    #[serde(default, deserialize_with = "distinct_json", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Document>"))]
    pub settings: Option<Value>,
    /// A JSON object with colours, logos and the like.
    #[serde(default, deserialize_with = "distinct_json", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Document>"))]
    pub branding: Option<Value>,
}

impl TenantSettings {
    fn parse(self, problems: &mut Problems) -> TenantChange {
        TenantChange {
            currency: self.currency.and_then(|text| problems.take(Currency::parse(&text))),
            time_zone: self.time_zone.and_then(|text| problems.take(TimeZone::parse(&text))),
            default_locale: self
                .default_locale
                .and_then(|text| problems.take(locale("defaultLocale", &text))),
            supported_locales: self.supported_locales.and_then(|list| problems.take(locales(&list))),
            settings: self.settings.and_then(|value| problems.take(Document::parse("settings", value))),
            branding: self.branding.and_then(|value| problems.take(Document::parse("branding", value))),
            ..Default::default()
        }
    }
}

fn locale(field: &str, text: &str) -> Result<Locale, Error> {
    renamed(field, Locale::parse(text))
}

/// The same failure, under the name that the field has in the request.
fn renamed<T>(field: &str, parsed: Result<T, Error>) -> Result<T, Error> {
    parsed.map_err(|error| {
        let problems = error.problems();
        let renamed = problems.into_iter().map(|problem| Problem { field: field.to_owned(), ..problem });
        Error::validation(renamed.collect())
    })
}

/// Every language once, in the order given.
fn locales(list: &[String]) -> Result<Vec<Locale>, Error> {
    if !(1..=MAX_LOCALES).contains(&list.len()) {
        let message = format!("there are 1 to {MAX_LOCALES} supported locales");
        return Err(Error::invalid("supportedLocales", "out_of_range", message));
    }
    let mut locales = Vec::with_capacity(list.len());
    for (i, text) in list.iter().enumerate() {
        let locale = locale(&format!("supportedLocales[{i}]"), text)?;
        if !locales.contains(&locale) {
            locales.push(locale);
        }
    }
    Ok(locales)
}

/// `PATCH /api/v1/tenant`: changes the caller's own tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UpdateOwnTenant {
    /// The version that the change is based on; a stale one is a conflict. The header `If-Match` says the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// A new name.
    #[serde(default, deserialize_with = "not_null", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Name>"))]
    pub name: Option<String>,
    /// What the tenant sets about itself.
    #[serde(flatten)]
    pub own: TenantSettings,
}

impl UpdateOwnTenant {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<TenantChange, Error> {
        UpdateTenant { version: self.version, name: self.name, own: self.own, ..Default::default() }.parse()
    }
}

/// `PATCH /api/v1/platform/tenants/{id}`: changes a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UpdateTenant {
    /// The version that the change is based on; a stale one is a conflict. The header `If-Match` says the same.
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
    /// A new domain; `null` removes it.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("x-nullable" = true)))]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Domain>"))]
    pub domain: Option<Option<String>>,
    /// What the tenant sets about itself.
    #[serde(flatten)]
    pub own: TenantSettings,
}

impl UpdateTenant {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    ///
    /// ```
    /// use mono_core::api::tenants::UpdateTenant;
    /// let body = r#"{"domain": "not a domain", "currency": "euro", "defaultLocale": "english"}"#;
    /// let change: UpdateTenant = serde_json::from_str(body).unwrap();
    /// assert_eq!(change.parse().unwrap_err().problems().len(), 3);
    /// ```
    pub fn parse(self) -> Result<TenantChange, Error> {
        let mut problems = Problems::default();
        let change = TenantChange {
            version: self.version,
            name: self.name.and_then(|text| problems.take(Name::parse(&text))),
            slug: self.slug.and_then(|text| problems.take(Slug::parse(&text))),
            domain: match self.domain {
                Some(Some(text)) => problems.take(Domain::parse(&text)).map(Some),
                Some(None) => Some(None),
                None => None,
            },
            ..self.own.parse(&mut problems)
        };
        if problems.is_empty() { Ok(change) } else { Err(problems.into_error()) }
    }
}

/// `POST /api/v1/platform/tenants`: makes a tenant. Without a template it has no plan yet: `PUT …/{id}/subscription`
/// gives it one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreateTenant {
    /// Its name.
    #[cfg_attr(feature = "openapi", schemars(with = "Name"))]
    pub name: String,
    /// Its short name; left out, it is made from the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Slug>"))]
    pub slug: Option<String>,
    /// A domain of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Domain>"))]
    pub domain: Option<String>,
    /// The key of the template that it starts from: with a plan, schemas, option sets and roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<Key>"))]
    pub template: Option<String>,
    /// What the tenant sets about itself.
    #[serde(flatten)]
    pub own: TenantSettings,
}

impl CreateTenant {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<NewTenant, Error> {
        let mut problems = Problems::default();
        let name = problems.take(Name::parse(&self.name));
        let slug = match (&self.slug, &name) {
            (Some(slug), _) => problems.take(Slug::parse(slug)),
            (None, Some(name)) => problems.take(Slug::suggest(name.as_str())),
            (None, None) => None,
        };
        let domain = self.domain.and_then(|text| problems.take(Domain::parse(&text)));
        let template = self.template.and_then(|text| problems.take(renamed("template", Key::parse(&text))));
        let change = TenantChange { domain: domain.map(Some), ..self.own.parse(&mut problems) };
        match (name, slug) {
            (Some(name), Some(slug)) if problems.is_empty() => Ok(NewTenant { slug, name, change, template }),
            _ => Err(problems.into_error()),
        }
    }
}

/// The query of `GET /api/v1/platform/tenants`: which page, which tenants, which order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ListTenants {
    /// The number of the page, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_PAGE)))]
    pub page: Option<u32>,
    /// How many tenants a page holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// Text that name or slug contain, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("maxLength" = super::MAX_SEARCH, "pattern" = crate::text::pattern::NO_CONTROL)))]
    pub search: Option<String>,
    /// `active`, `suspended` or `archived`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::tenant::TenantStatus>"))]
    pub status: Option<String>,
    /// `name`, `createdAt`, or `-createdAt` (newest first, the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::tenant::TenantSort>"))]
    pub sort: Option<String>,
}

impl ListTenants {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(PageRequest, TenantFilter), Error> {
        let mut problems = Problems::default();
        let page = problems.take(PageRequest::parse(self.page, self.limit));
        let filter = TenantFilter {
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

/// The query of `GET …/by-cursor`: from where, which tenants. They come newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScrollTenants {
    /// The cursor that the slice before gave as `next`; left out, the list begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::page::CURSOR_PATTERN)))]
    pub cursor: Option<String>,
    /// How many tenants a slice holds: 20 by default, 100 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = crate::page::MAX_LIMIT)))]
    pub limit: Option<u32>,
    /// Text that name or slug contain, without regard to case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(extend("maxLength" = super::MAX_SEARCH, "pattern" = crate::text::pattern::NO_CONTROL)))]
    pub search: Option<String>,
    /// `active`, `suspended` or `archived`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::model::tenant::TenantStatus>"))]
    pub status: Option<String>,
}

impl ScrollTenants {
    /// Checks every field.
    ///
    /// # Errors
    /// `Validation` that names everything wrong at once.
    pub fn parse(self) -> Result<(SliceRequest, TenantFilter), Error> {
        let list = ListTenants { search: self.search, status: self.status, ..Default::default() };
        slice_of(self.cursor.as_deref(), self.limit, list.parse())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_names_neither_its_slug_nor_its_domain_nor_its_status() {
        for body in [
            r#"{"slug":"other"}"#,
            r#"{"domain":"a.example"}"#,
            r#"{"status":"active"}"#,
            r#"{"currency":null}"#,
            r#"{"supportedLocales":null}"#,
        ] {
            assert!(serde_json::from_str::<UpdateOwnTenant>(body).is_err(), "{body}");
        }
    }

    #[test]
    fn wrong_languages_are_named_with_their_place() {
        let body = r#"{"supportedLocales":["en","english"],"defaultLocale":"x"}"#;
        let change: UpdateOwnTenant = serde_json::from_str(body).unwrap();
        let problems = change.parse().unwrap_err().problems();
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(fields, ["defaultLocale", "supportedLocales[1]"]);
        let body = r#"{"supportedLocales":["en","EN","pt-br"]}"#;
        let change: UpdateOwnTenant = serde_json::from_str(body).unwrap();
        let locales = change.parse().unwrap().supported_locales.unwrap();
        assert_eq!(locales.iter().map(Locale::as_str).collect::<Vec<_>>(), ["en", "pt-BR"]);
    }
}
