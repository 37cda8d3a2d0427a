//! JSON, as the languages write it.

use crate::error::{MonoError, Result};
use mono_core::Error;
use serde::de::DeserializeOwned;

/// Reads a text; the field is named where it does not fit.
pub(crate) fn json<T: DeserializeOwned>(field: &str, text: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|error| MonoError::from(Error::invalid(field, "invalid_json", error.to_string())))
}
