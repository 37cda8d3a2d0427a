//! Things that are JSON objects and nothing else.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Reads a thing from a JSON object. serde also takes a list for the fields in their order: nobody means that, and a new
/// field would change what it says.
///
/// # Errors
/// What the thing itself refuses, and everything that is no object.
///
/// ```
/// #[derive(Debug, serde::Deserialize)]
/// struct Change {
///     #[expect(dead_code)]
///     name: String,
/// }
/// let read = |text| mono_core::api::object::object::<_, Change>(&mut serde_json::Deserializer::from_str(text));
/// assert!(read(r#"{"name": "Harbour"}"#).is_ok());
/// assert!(read(r#"["Harbour"]"#).is_err());
/// ```
pub fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    deserializer.deserialize_map(Object(PhantomData))
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(fields))
    }
}
