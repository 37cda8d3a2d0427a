//! Reads one item of each list. What is wrong in an item is reported; what is readable of it stays, so that nobody who
//! names it is told that it does not exist.

use super::reader::{Fields, Reader};
use crate::model::template::Template;
use crate::permission::{Name as PermissionName, PermissionEntry, Role};
use crate::subscription::{
    AddOn, Allowance, Currency, Enforcement, Feature, FeatureKind, FeatureSet, Interval, Key, Limit,
    MAX_DESCRIPTION, Plan, Price, Window,
};
use crate::text::Name;
use serde_json::value::RawValue;

/// An item that can be read from an object of the file.
pub(super) trait Item: Sized {
    fn fields<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Self>;

    fn read<'t>(reader: &mut Reader<'t>, path: String, raw: &'t RawValue) -> Option<Self> {
        let mut item = reader.fields(path, raw)?;
        let read = Self::fields(&mut item, reader);
        item.finish(reader);
        read
    }
}

/// Key, name and description, which nearly every item has.
fn heading<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> (Option<Key>, Option<Name>, String) {
    let key: Option<Key> = item.required(reader, "key");
    let name: Option<Name> = item.required(reader, "name");
    // Every key is a name, too.
    let name = name.or_else(|| key.as_ref().and_then(|key| Name::parse(key.as_str()).ok()));
    (key, name, description(item, reader))
}

fn description<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> String {
    let text: String = item.optional(reader, "description").unwrap_or_default();
    if text.chars().count() > MAX_DESCRIPTION {
        let message = format!("a description has at most {MAX_DESCRIPTION} characters");
        reader.report(&item.path("description"), "too_long", message);
    }
    if text.chars().any(char::is_control) {
        reader.report(
            &item.path("description"),
            "control_character",
            "the description holds a control character",
        );
    }
    text
}

impl Item for PermissionEntry {
    fn fields<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Self> {
        let name: Option<PermissionName> = item.required(reader, "name");
        let description = description(item, reader);
        let feature: Option<Key> = item.optional(reader, "feature");
        let dangerous = item.optional(reader, "dangerous").unwrap_or_default();
        let rate_limit = item.optional(reader, "rate_limit").unwrap_or_default();
        let (name, feature) = (name?.as_str().to_owned(), feature.map(String::from));
        Some(Self { name, description, feature, dangerous, rate_limit })
    }
}

impl Item for Role {
    fn fields<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Self> {
        let (key, name, description) = heading(item, reader);
        let allow = item.list(reader, "allow");
        let except = item.list(reader, "except");
        let parents = item.list(reader, "parents");
        let (key, name) = (String::from(key?), String::from(name?));
        Some(Self { key, name, description, allow, except, parents })
    }
}

impl Item for Feature {
    fn fields<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Self> {
        let (key, name, description) = heading(item, reader);
        let kind = item.required(reader, "kind").unwrap_or(FeatureKind::Boolean);
        let permissions = item.list(reader, "permissions");
        let required_limits = item.list(reader, "required_limits");
        let optional_limits = item.list(reader, "optional_limits");
        let depends_on = item.list(reader, "depends_on");
        let conflicts_with = item.list(reader, "conflicts_with");
        let plans = item.list(reader, "plans");
        Some(Self {
            key: key?,
            name: name?,
            description,
            kind,
            permissions,
            required_limits,
            optional_limits,
            depends_on,
            conflicts_with,
            plans,
        })
    }
}

impl Item for FeatureSet {
    fn fields<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Self> {
        let (key, name, description) = heading(item, reader);
        let features = item.list(reader, "features");
        let feature_sets = item.list(reader, "feature_sets");
        Some(Self { key: key?, name: name?, description, features, feature_sets })
    }
}

impl Item for Limit {
    fn fields<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Self> {
        let key: Option<Key> = item.required(reader, "key");
        let name: Option<Name> = item.required(reader, "name");
        let unit: Option<Key> = item.required(reader, "unit");
        let category: Option<Key> = item.required(reader, "category");
        let default = item.required(reader, "default").unwrap_or(Allowance::Unlimited);
        let window = item.required(reader, "window").unwrap_or(Window::Total);
        let enforcement = item.required(reader, "enforcement").unwrap_or(Enforcement::Hard);
        let key = key?;
        let name = name.or_else(|| Name::parse(key.as_str()).ok())?;
        let (unit, category) = (unit.unwrap_or_else(|| key.clone()), category.unwrap_or_else(|| key.clone()));
        Some(Self { key, name, unit, category, default, window, enforcement })
    }
}

impl Item for Price {
    fn fields<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Self> {
        let amount = item.required(reader, "amount");
        let currency = item.required(reader, "currency");
        let interval = item.required(reader, "interval");
        Some(Self { amount: amount?, currency: currency?, interval: interval? })
    }
}

fn price<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Price> {
    let raw = item.required_raw(reader, "price")?;
    Price::read(reader, item.path("price"), raw)
}

/// Stands in for a price that could not be read; XXX is the code for no currency.
fn no_price() -> Option<Price> {
    Some(Price { amount: 0, currency: Currency::parse("XXX").ok()?, interval: Interval::Month })
}

impl Item for Plan {
    fn fields<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Self> {
        let (key, name, description) = heading(item, reader);
        let price = price(item, reader);
        let trial_days = item.optional(reader, "trial_days").unwrap_or_default();
        let grace_days = item.optional(reader, "grace_days").unwrap_or_default();
        let features = item.list(reader, "features");
        let feature_sets = item.list(reader, "feature_sets");
        let limits = item.map(reader, "limits");
        let price = price.or_else(no_price)?;
        Some(Self {
            key: key?,
            name: name?,
            description,
            price,
            trial_days,
            grace_days,
            features,
            feature_sets,
            limits,
        })
    }
}

impl Item for AddOn {
    fn fields<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Self> {
        let (key, name, description) = heading(item, reader);
        let price = price(item, reader);
        let features = item.list(reader, "features");
        let feature_sets = item.list(reader, "feature_sets");
        let limits = item.map(reader, "limits");
        let plans = item.list(reader, "plans");
        let max_quantity = item.optional(reader, "max_quantity");
        let price = price.or_else(no_price)?;
        Some(Self {
            key: key?,
            name: name?,
            description,
            price,
            features,
            feature_sets,
            limits,
            plans,
            max_quantity,
        })
    }
}

impl Item for Template {
    fn fields<'t>(item: &mut Fields<'t>, reader: &mut Reader<'t>) -> Option<Self> {
        let (key, name, description) = heading(item, reader);
        let plan: Option<Key> = item.required(reader, "plan");
        let option_sets = item.list(reader, "option_sets");
        let schemas = item.list(reader, "schemas");
        let roles = item.raw("roles").map(|raw| reader.list(&item.path("roles"), raw, Role::read));
        let roles = roles.unwrap_or_default();
        Some(Self { key: key?, name: name?, description, plan: plan?, option_sets, schemas, roles })
    }
}
