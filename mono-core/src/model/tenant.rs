//! A tenant: an organisation that uses the platform.

use super::word_enum;
use crate::error::{Error, Problem};
use crate::id::{MemberId, TenantId};
use crate::model::user::UserStatus;
use crate::page::{Cursor, Placed};
use crate::subscription::{Currency, Key};
use crate::text::{Domain, Locale, Name, Slug, TimeZone};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

word_enum! {
    /// Whether a tenant may work.
    TenantStatus, "status" {
        /// Works.
        Active = "active",
        /// Refused everywhere, with its data kept.
        Suspended = "suspended",
        /// Closed for good, kept until it is purged.
        Archived = "archived",
    }
}

/// An organisation that uses the platform. Everything it owns carries its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its short name, unique on the platform.
    pub slug: Slug,
    /// Its name.
    pub name: Name,
    /// A domain of its own, unique on the platform.
    pub domain: Option<Domain>,
    /// Whether it may work.
    pub status: TenantStatus,
    /// The currency of its amounts.
    pub currency: Currency,
    /// The time zone of its days.
    pub time_zone: TimeZone,
    /// The language of what has no other.
    pub default_locale: Locale,
    /// The languages that it offers, the default one among them.
    pub supported_locales: Vec<Locale>,
    /// What an application keeps about it.
    pub settings: Document,
    /// Its colours, logos and the like.
    pub branding: Document,
    /// Counts the changes, from 1; a write that names an older version is a conflict.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Placed for Tenant {
    fn place(&self) -> Cursor {
        Cursor { created_at: self.created_at, id: self.id.uuid() }
    }
}

/// A tenant as somebody who belongs to it sees it when they choose where to work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// The tenant.
    pub tenant_id: TenantId,
    /// Its short name.
    pub slug: Slug,
    /// Its name.
    pub name: Name,
    /// Whether the tenant may work.
    pub tenant_status: TenantStatus,
    /// The membership.
    pub member_id: MemberId,
    /// Whether the membership may be used.
    pub status: UserStatus,
}

/// A JSON object whose fields belong to an application.
///
/// ```
/// use mono_core::model::tenant::Document;
/// let document = Document::parse("settings", serde_json::json!({"fiscalYear": 4}))?;
/// assert_eq!(document.get("fiscalYear"), Some(&4.into()));
/// assert!(Document::parse("settings", serde_json::json!([])).is_err());
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Document(#[serde(deserialize_with = "crate::distinct::object")] Map<String, Value>);

impl Document {
    /// The most bytes that a document has as JSON text.
    pub const MAX_BYTES: usize = 32 * 1024;
    /// The most levels that a document has, itself included. JSON is read down to 128 levels, and a document stands
    /// some levels deep in the audit log and in a history.
    pub const MAX_DEPTH: usize = 64;

    /// Checks a document; `field` is the name that a problem is told with. What is stored is not checked again: a database
    /// may give `1e16` back as `10000000000000000`, which is longer.
    ///
    /// # Errors
    /// `Validation` for what is no object, larger than 32 KiB, deeper than 64 levels, or holds a NUL character, which no
    /// database keeps.
    pub fn parse(field: &str, value: Value) -> Result<Self, Error> {
        let Value::Object(map) = value else {
            return Err(Error::invalid(field, "invalid_type", format!("the {field} are a JSON object")));
        };
        if serde_json::to_string(&map).map_or(usize::MAX, |text| text.len()) > Self::MAX_BYTES {
            return Err(Error::invalid(field, "too_long", format!("the {field} have at most 32 KiB")));
        }
        if map.values().any(|value| !fits(value, Self::MAX_DEPTH - 1)) {
            let message = format!("the {field} are at most {} levels deep", Self::MAX_DEPTH);
            return Err(Error::invalid(field, "too_deep", message));
        }
        if map.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)) {
            let message = format!("the {field} hold a control character that cannot be stored");
            return Err(Error::invalid(field, "control_character", message));
        }
        Ok(Self(map))
    }

    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    /// The fields.
    pub const fn fields(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// Whether a value has at most so many levels.
fn fits(value: &Value, levels: usize) -> bool {
    let below = levels.checked_sub(1);
    match value {
        Value::Array(items) => below.is_some_and(|below| items.iter().all(|item| fits(item, below))),
        Value::Object(map) => below.is_some_and(|below| map.values().all(|item| fits(item, below))),
        _ => true,
    }
}

fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        _ => false,
    }
}

/// What is needed to make a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTenant {
    /// Its short name, unique on the platform.
    pub slug: Slug,
    /// Its name.
    pub name: Name,
    /// All else that is not as it is by default; its `version`, `name` and `slug` do not matter.
    pub change: TenantChange,
    /// The template that it starts from; without one it has no plan yet.
    pub template: Option<Key>,
}

/// A change of a tenant; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantChange {
    /// The version that the change is based on; `None` changes whatever is there.
    pub version: Option<i64>,
    /// A new name.
    pub name: Option<Name>,
    /// A new short name; for the platform alone.
    pub slug: Option<Slug>,
    /// A new domain, or `Some(None)` for none. For the platform alone, which knows whose a domain is.
    pub domain: Option<Option<Domain>>,
    /// Another currency.
    pub currency: Option<Currency>,
    /// Another time zone.
    pub time_zone: Option<TimeZone>,
    /// Another default language.
    pub default_locale: Option<Locale>,
    /// Other languages.
    pub supported_locales: Option<Vec<Locale>>,
    /// Other settings, in place of all that there are.
    pub settings: Option<Document>,
    /// Another branding, in place of all that there is.
    pub branding: Option<Document>,
}

impl TenantChange {
    /// The tenant after the change.
    ///
    /// # Errors
    /// `Validation` where the default language is not among the supported ones.
    pub fn apply(self, tenant: &Tenant) -> Result<Tenant, Error> {
        let old = tenant.clone();
        let new = Tenant {
            name: self.name.unwrap_or(old.name),
            slug: self.slug.unwrap_or(old.slug),
            domain: self.domain.unwrap_or(old.domain),
            currency: self.currency.unwrap_or(old.currency),
            time_zone: self.time_zone.unwrap_or(old.time_zone),
            default_locale: self.default_locale.unwrap_or(old.default_locale),
            supported_locales: self.supported_locales.unwrap_or(old.supported_locales),
            settings: self.settings.unwrap_or(old.settings),
            branding: self.branding.unwrap_or(old.branding),
            ..old
        };
        if !new.supported_locales.contains(&new.default_locale) {
            let message =
                format!("the default locale {} is not among the supported ones", new.default_locale);
            let problem = Problem::new("defaultLocale", "not_supported", message);
            return Err(Error::validation(vec![problem]));
        }
        Ok(new)
    }
}

/// Which tenants of a list are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TenantFilter {
    /// Text that name or slug contain, without regard to case.
    pub search: Option<String>,
    /// Only tenants of this status.
    pub status: Option<TenantStatus>,
    /// The order of the list.
    pub sort: TenantSort,
}

word_enum! {
    /// The order of a list of tenants.
    #[derive(Default)]
    TenantSort, "sort" {
        /// By name, then by age.
        Name = "name",
        /// Newest first.
        #[default]
        Newest = "-createdAt",
        /// Oldest first.
        Oldest = "createdAt",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_at_most_64_levels_deep() {
        let deep = |levels: usize| {
            let inner = (2..=levels).fold(Value::from(1), |inner, _| Value::Array(vec![inner]));
            Document::parse("settings", serde_json::json!({ "a": inner }))
                .map_err(|error| error.code().to_owned())
        };
        assert!(deep(64).is_ok());
        assert_eq!(deep(65).unwrap_err(), "too_deep");
    }
}
