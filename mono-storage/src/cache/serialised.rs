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
pub struct Serialised(Place);

/// Where the digest and the JSON lie.
#[derive(Debug, Clone)]
enum Place {
    Own(Vec<u8>),
    Cached(Bytes),
}

impl Serialised {
    /// Serialises a value.
    ///
    /// # Errors
    /// `Internal` where it is no JSON.
    pub fn new(value: &impl Serialize) -> Result<Self, Error> {
        Self::encode(value).map(|bytes| Self(Place::Own(bytes)))
    }

    /// What a cache keeps of a value: the digest, then the JSON.
    ///
    /// # Errors
    /// `Internal` where it is no JSON.
    pub fn encode(value: &impl Serialize) -> Result<Vec<u8>, Error> {
        let mut bytes = Digest::default().to_vec();
        serde_json::to_writer(&mut bytes, value).map_err(Error::internal)?;
        if let Some((place, json)) = bytes.split_first_chunk_mut() {
            *place = digest(json);
        }
        Ok(bytes)
    }

    /// What was [encoded](Self::encode) for a cache.
    pub const fn from_bytes(bytes: Bytes) -> Self {
        Self(Place::Cached(bytes))
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Place::Own(bytes) => bytes,
            Place::Cached(bytes) => bytes,
        }
    }

    /// The JSON.
    pub fn json(&self) -> &[u8] {
        self.bytes().get(DIGEST_LENGTH..).unwrap_or_default()
    }

    /// Its digest.
    pub fn digest(&self) -> Digest {
        self.bytes().first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::Bus;
    use crate::cache::{Cache, Space};
    use std::time::Duration;

    static PAGES: Space = Space {
        name: "pages",
        schema: 1,
        fresh: Duration::from_mins(5),
        stale: Duration::ZERO,
        negative: Duration::ZERO,
    };

    #[tokio::test]
    async fn a_value_comes_out_of_a_cache_as_it_went_in() {
        let (cache, value) = (Cache::new(&Bus::in_memory(), 1 << 20), Serialised::new(&["one"]).unwrap());
        let load = || async { Serialised::encode(&["one"]).map(Some) };
        let kept =
            cache.platform().get(&PAGES, "1", &[], load).await.unwrap().map(Serialised::from_bytes).unwrap();
        for value in [kept, value] {
            assert_eq!((value.json(), value.digest()), (br#"["one"]"#.as_slice(), digest(br#"["one"]"#)));
            assert_ne!(value.digest(), Serialised::new(&["two"]).unwrap().digest());
            assert_ne!(value.digest(), Digest::default());
        }
    }
}
