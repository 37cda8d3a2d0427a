//! JSON in which no object has a field twice. serde takes the last of two: whoever has looked at the first has checked
//! something else than what is stored.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Reads JSON of any form in which no object has a field twice.
#[cfg(feature = "api")]
pub(crate) fn json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    Distinct.deserialize(deserializer)
}

/// Reads a JSON object in which no object has a field twice.
pub(crate) fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    match Distinct.deserialize(deserializer)? {
        Value::Object(map) => Ok(map),
        _ => Err(D::Error::custom("it is no JSON object")),
    }
}

struct Distinct;

impl<'de> DeserializeSeed<'de> for Distinct {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Distinct {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(A::Error::custom("an object has a field twice"));
            }
            // With such a field serde_json would later read something else than stands here.
            if name.starts_with("$serde_json::private::") {
                return Err(A::Error::custom("the name of a field is reserved"));
            }
            let value = fields.next_value_seed(Self)?;
            map.insert(name, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_sent() {
        let read = |text: &str| Distinct.deserialize(&mut serde_json::Deserializer::from_str(text));
        for text in [
            "null",
            "true",
            r#"{"a":[1,-1,1.5,18446744073709551615,"x\n",{"b":null},[]],"b":{"a":{"a":{}}}}"#,
            r#"[{"a":1},{"a":1}]"#,
        ] {
            assert_eq!(read(text).unwrap(), serde_json::from_str::<Value>(text).unwrap(), "{text}");
        }
        for text in [r#"{"a":1,"a":1}"#, r#"{"b":[{"a":1,"c":2,"a":3}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(read(text).unwrap_err().to_string().contains("a field twice"), "{text}");
        }
        assert!(read(r#"{"a":[{"$serde_json::private::RawValue":"[]"}]}"#).is_err());
        let deep = "[".repeat(200);
        assert!(read(&deep).is_err());
    }
}
