//! Ids, as the languages know them.

use crate::error::MonoError;
use mono_core::Error;
use mono_core::id::Uuid;

// What is wrong with a text is a `MonoError`, which the function that was called raises.
uniffi::custom_type!(Uuid, String, {
    remote,
    lower: |id| id.to_string(),
    try_lift: |text| {
        // One spelling only, the hyphenated one: the parser would also take braces and URNs.
        let id = if text.len() == 36 { Uuid::try_parse(&text).ok() } else { None };
        Ok(id.ok_or_else(|| MonoError::from(Error::invalid("id", "invalid_id", "an id is a UUID")))?)
    },
});
