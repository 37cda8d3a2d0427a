//! Schemas: which fields the profiles of a tenant have, and the option sets that their fields choose from.

use super::tenant::Document;
use crate::error::{Error, Problem};
use crate::subscription::Key;
use crate::time::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// The most fields of a schema.
const MAX_FIELDS: usize = 100;
/// The most options of a set.
const MAX_OPTIONS: usize = 1000;
/// The most characters of a text that has no bound of its own.
const MAX_TEXT: usize = 10_000;
/// The most characters of a name or label.
const MAX_LABEL: usize = 200;

/// The fields of one kind of profile.
///
/// ```
/// use mono_core::model::schema::Schema;
/// use mono_core::model::tenant::Document;
/// let schema: Schema = serde_json::from_str(
///     r#"{"key": "sailor", "name": "Sailor", "fields": [
///         {"key": "boats", "label": "Boats", "type": {"number": {"minimum": 0}}, "required": true}]}"#,
/// ).unwrap();
/// let data = Document::parse("data", serde_json::json!({"boats": -1}))?;
/// let problems = schema.check(&data, &[], true).unwrap_err().problems();
/// assert_eq!(problems[0].field, "data.boats");
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// The kind of profile.
    pub key: Key,
    /// What people call it.
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::text::pattern::NOT_BLANK), length(min = 1, max = MAX_LABEL)))]
    pub name: String,
    /// Its fields, in the order in which they are shown.
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_FIELDS)))]
    pub fields: Vec<Field>,
}

/// One field of a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The name under which the data have it.
    pub key: Key,
    /// What people call it.
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::text::pattern::NOT_BLANK), length(min = 1, max = MAX_LABEL)))]
    pub label: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub field_type: FieldType,
    /// Whether a profile is published only with it.
    #[serde(default)]
    pub required: bool,
}

/// What a field holds, and within which bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FieldType {
    /// Text.
    Text {
        /// The fewest characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min_length: Option<usize>,
        /// The most characters; 10,000 where nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_length: Option<usize>,
    },
    /// A number.
    Number {
        /// The smallest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minimum: Option<f64>,
        /// The largest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        maximum: Option<f64>,
    },
    /// Yes or no.
    Boolean {},
    /// A day, such as `2026-11-01`.
    Date {
        /// The first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<NaiveDate>,
        /// The last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<NaiveDate>,
    },
    /// One of the options of a set.
    Option {
        /// The set.
        set: Key,
    },
}

/// Options to choose from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OptionSet {
    /// The name by which fields know it.
    pub key: Key,
    /// What people call it.
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::text::pattern::NOT_BLANK), length(min = 1, max = MAX_LABEL)))]
    pub name: String,
    /// The options, in the order in which they are shown.
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_OPTIONS)))]
    pub options: Vec<OptionItem>,
}

/// One option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OptionItem {
    /// What is stored.
    pub value: Key,
    /// What people call it.
    #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::text::pattern::NOT_BLANK), length(min = 1, max = MAX_LABEL)))]
    pub label: String,
    /// What an application keeps about it.
    #[serde(default)]
    pub metadata: Document,
}

fn label(problems: &mut Vec<Problem>, field: String, text: &str) {
    if text.trim().is_empty() || text.chars().count() > MAX_LABEL || text.contains(char::is_control) {
        let message = format!("it has 1 to {MAX_LABEL} characters on one line");
        problems.push(Problem::new(field, "invalid_label", message));
    }
}

fn count(problems: &mut Vec<Problem>, field: &str, count: usize, most: usize) {
    if count > most {
        problems.push(Problem::new(field, "too_long", format!("{field} has {count} of at most {most}")));
    }
}

impl OptionSet {
    /// The most sets of a tenant: they are read with every list.
    pub const MOST: usize = 200;

    /// Refuses a set that is not well formed.
    ///
    /// # Errors
    /// `Validation` with everything that is wrong, each with its place.
    pub fn require_whole(&self) -> Result<(), Error> {
        let mut problems = Vec::new();
        label(&mut problems, "name".to_owned(), &self.name);
        count(&mut problems, "options", self.options.len(), MAX_OPTIONS);
        let mut seen = BTreeSet::new();
        for (i, option) in self.options.iter().enumerate() {
            label(&mut problems, format!("options[{i}].label"), &option.label);
            if !seen.insert(&option.value) {
                let message = format!("the value {} is there twice", option.value);
                problems.push(Problem::new(format!("options[{i}].value"), "duplicate", message));
            }
            let metadata = serde_json::to_value(&option.metadata).unwrap_or_default();
            if let Err(error) = Document::parse("metadata", metadata) {
                problems.extend(
                    error.problems().into_iter().map(|problem| Problem {
                        field: format!("options[{i}].{}", problem.field),
                        ..problem
                    }),
                );
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::validation(problems)) }
    }
}

impl Schema {
    /// The most schemas of a tenant: they are read with every list.
    pub const MOST: usize = 100;

    /// Refuses a schema that is not well formed.
    ///
    /// # Errors
    /// `Validation` with everything that is wrong, each with its place.
    pub fn require_whole(&self) -> Result<(), Error> {
        let mut problems = Vec::new();
        label(&mut problems, "name".to_owned(), &self.name);
        count(&mut problems, "fields", self.fields.len(), MAX_FIELDS);
        let mut seen = BTreeSet::new();
        for (i, field) in self.fields.iter().enumerate() {
            label(&mut problems, format!("fields[{i}].label"), &field.label);
            if !seen.insert(&field.key) {
                let message = format!("the field {} is there twice", field.key);
                problems.push(Problem::new(format!("fields[{i}].key"), "duplicate", message));
            }
            if !field.field_type.has_room() {
                let message = "the lower bound lies above the upper one";
                problems.push(Problem::new(format!("fields[{i}].type"), "out_of_range", message));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::validation(problems)) }
    }

    /// The option sets that the fields name.
    pub fn sets(&self) -> BTreeSet<&Key> {
        let sets = self.fields.iter().filter_map(|field| match &field.field_type {
            FieldType::Option { set } => Some(set),
            _ => None,
        });
        sets.collect()
    }

    /// Checks data against the fields; `complete` asks for those that are required too.
    ///
    /// # Errors
    /// `Validation` with everything that is wrong, each with the name of its field: `data.boats`.
    pub fn check(&self, data: &Document, sets: &[OptionSet], complete: bool) -> Result<(), Error> {
        let mut problems = Vec::new();
        for key in data.fields().keys() {
            if !self.fields.iter().any(|field| field.key.as_str() == key) {
                let name: String = key.chars().filter(|c| !c.is_control()).take(MAX_LABEL).collect();
                let message = format!("a profile of the kind {} has no such field", self.key);
                problems.push(Problem::new(format!("data.{name}"), "unknown_field", message));
            }
        }
        for field in &self.fields {
            let place = format!("data.{}", field.key);
            match data.get(field.key.as_str()) {
                None | Some(Value::Null) if field.required && complete => {
                    problems.push(Problem::new(place, "required", format!("{} is missing", field.key)));
                }
                None | Some(Value::Null) => {}
                Some(value) => {
                    if let Err((code, message)) = field.field_type.check(value, sets) {
                        problems.push(Problem::new(place, code, message));
                    }
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::validation(problems)) }
    }
}

impl FieldType {
    fn has_room(&self) -> bool {
        match self {
            Self::Text { min_length, max_length } => {
                min_length.unwrap_or(0) <= max_length.unwrap_or(MAX_TEXT).min(MAX_TEXT)
            }
            Self::Number { minimum: Some(minimum), maximum: Some(maximum) } => minimum <= maximum,
            Self::Date { from: Some(from), until: Some(until) } => from <= until,
            _ => true,
        }
    }

    fn check(&self, value: &Value, sets: &[OptionSet]) -> Result<(), (&'static str, String)> {
        let wrong_type = |what: &str| ("invalid_type", format!("it is {what}"));
        match self {
            Self::Text { min_length, max_length } => {
                let length = value.as_str().ok_or_else(|| wrong_type("a text"))?.chars().count();
                let (least, most) = (min_length.unwrap_or(0), max_length.unwrap_or(MAX_TEXT).min(MAX_TEXT));
                if (least..=most).contains(&length) {
                    return Ok(());
                }
                Err(("out_of_range", format!("it has {least} to {most} characters")))
            }
            Self::Number { minimum, maximum } => {
                let number = value.as_f64().ok_or_else(|| wrong_type("a number"))?;
                if minimum.is_some_and(|minimum| number < minimum) {
                    return Err(("out_of_range", format!("it is at least {}", minimum.unwrap_or_default())));
                }
                if maximum.is_some_and(|maximum| number > maximum) {
                    return Err(("out_of_range", format!("it is at most {}", maximum.unwrap_or_default())));
                }
                Ok(())
            }
            Self::Boolean {} => value.as_bool().map(drop).ok_or_else(|| wrong_type("true or false")),
            Self::Date { from, until } => {
                let day = value.as_str().filter(|text| text.len() == 10);
                let day = day.and_then(|text| text.parse::<NaiveDate>().ok());
                let day = day.ok_or_else(|| wrong_type("a day such as 2026-11-01"))?;
                if from.is_some_and(|from| day < from) || until.is_some_and(|until| day > until) {
                    return Err(("out_of_range", "the day lies outside of the bounds".to_owned()));
                }
                Ok(())
            }
            Self::Option { set } => {
                let chosen = value.as_str().ok_or_else(|| wrong_type("an option"))?;
                let options = sets.iter().filter(|known| known.key == *set).flat_map(|known| &known.options);
                if options.clone().any(|option| option.value.as_str() == chosen) {
                    return Ok(());
                }
                Err(("unknown_value", format!("it is one of the options of {set}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Schema {
        serde_json::from_value(json!({"key": "sailor", "name": "Sailor", "fields": [
            {"key": "bio", "label": "Bio", "type": {"text": {"min_length": 2, "max_length": 4}}, "required": true},
            {"key": "boats", "label": "Boats", "type": {"number": {"minimum": 0, "maximum": 9}}},
            {"key": "licence", "label": "Licence", "type": {"boolean": {}}},
            {"key": "born", "label": "Born", "type": {"date": {"from": "1900-01-01", "until": "2020-12-31"}}},
            {"key": "rank", "label": "Rank", "type": {"option": {"set": "ranks"}}}]}))
        .unwrap()
    }

    fn ranks() -> OptionSet {
        serde_json::from_value(json!({"key": "ranks", "name": "Ranks",
            "options": [{"value": "mate", "label": "Mate"}]}))
        .unwrap()
    }

    #[test]
    fn each_wrong_value_is_named_with_its_field() {
        let check = |data: Value, complete| {
            let data = Document::parse("data", data).unwrap();
            let problems = schema().check(&data, &[ranks()], complete).err();
            let problems = problems.map(|error| error.problems()).unwrap_or_default();
            problems.into_iter().map(|problem| (problem.field, problem.code)).collect::<Vec<_>>()
        };
        let good =
            json!({"bio": "Ann", "boats": 1.5, "licence": false, "born": "2000-02-29", "rank": "mate"});
        assert_eq!(check(good, true), []);
        assert_eq!(check(json!({}), false), []);
        assert_eq!(check(json!({"bio": null}), true), [("data.bio".into(), "required".into())]);
        for (data, field, code) in [
            (json!({"bio": 1}), "bio", "invalid_type"),
            (json!({"bio": "A"}), "bio", "out_of_range"),
            (json!({"bio": "Annie"}), "bio", "out_of_range"),
            (json!({"boats": "1"}), "boats", "invalid_type"),
            (json!({"boats": -1}), "boats", "out_of_range"),
            (json!({"boats": 10}), "boats", "out_of_range"),
            (json!({"licence": "yes"}), "licence", "invalid_type"),
            (json!({"born": "1.1.2000"}), "born", "invalid_type"),
            (json!({"born": "2001-02-29"}), "born", "invalid_type"),
            (json!({"born": "2021-01-01"}), "born", "out_of_range"),
            (json!({"rank": "captain"}), "rank", "unknown_value"),
            (json!({"rank": {"a": 1}}), "rank", "invalid_type"),
            (json!({"ships": 1}), "ships", "unknown_field"),
        ] {
            assert_eq!(check(data, false), [(format!("data.{field}"), code.to_owned())]);
        }
    }

    #[test]
    fn what_is_wrong_with_a_schema_has_its_place() {
        schema().require_whole().unwrap();
        ranks().require_whole().unwrap();
        let mut broken = schema();
        broken.fields[1].key = broken.fields[0].key.clone();
        broken.fields[0].field_type = FieldType::Text { min_length: Some(9), max_length: Some(1) };
        broken.name = " ".into();
        let problems = broken.require_whole().unwrap_err().problems();
        let places: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(places, ["name", "fields[0].type", "fields[1].key"]);
        let mut twice = ranks();
        twice.options.push(twice.options[0].clone());
        assert_eq!(twice.require_whole().unwrap_err().problems()[0].field, "options[1].value");
    }
}
