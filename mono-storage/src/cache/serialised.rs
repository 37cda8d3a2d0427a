//! Values as they are sent.

use super::Bytes;
use mono_core::Error;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// Tells two texts apart: half of their SHA-256. Nobody can make a text that has the digest of another one.
pub type Digest = [u8; DIGEST_LENGTH];

const DIGEST_LENGTH: usize = 16;

/// The digest of a text.
pub fn digest(text: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest.iter_mut().zip(Sha256::digest(text)).for_each(|(byte, hashed)| *byte = hashed);
    digest
}

/// JSON as it is sent, and its digest, which is made once and kept with it: who has it already need not be sent it again.
#[derive(Debug, Clone)]
pub struct Serialised(Bytes);

impl Serialised {
    /// Serialises a value.
    ///
    /// # Errors
    /// `Internal` where it is no JSON.
    pub fn new(value: &impl Serialize) -> Result<Self, Error> {
        let mut bytes = Digest::default().to_vec();
        serde_json::to_writer(&mut bytes, value).map_err(Error::internal)?;
        if let Some((place, json)) = bytes.split_first_chunk_mut() {
            *place = digest(json);
        }
        Ok(Self(bytes.into()))
    }

    /// What was put into a cache.
    pub const fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// As a cache keeps it: the digest, then the JSON.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The JSON.
    pub fn json(&self) -> &[u8] {
        self.0.get(DIGEST_LENGTH..).unwrap_or_default()
    }

    /// Its digest.
    pub fn digest(&self) -> Digest {
        self.0.first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_out_of_a_cache_as_it_went_in() {
        let value = Serialised::new(&["one"]).unwrap();
        let kept = Serialised::from_bytes(value.clone().into_bytes());
        assert_eq!((kept.json(), kept.digest()), (br#"["one"]"#.as_slice(), digest(br#"["one"]"#)));
        assert_ne!(kept.digest(), Serialised::new(&["two"]).unwrap().digest());
        assert_ne!(kept.digest(), Digest::default());
    }
}
