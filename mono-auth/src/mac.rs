//! Keyed hashes (HMAC-SHA-256, RFC 2104) of what the installation says to itself.

use crate::key_ring::{KeyRing, Purpose};
use hmac::{Hmac, KeyInit, Mac};
use mono_core::Error;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// The length of a keyed hash in bytes.
pub(crate) const BYTES: usize = 32;

/// The keys for one purpose: the newest signs, all verify.
pub(crate) struct MacKey {
    newest: NamedKey,
    older: Vec<NamedKey>,
}

/// A key and its name: purpose and version.
type NamedKey = (String, SecretSlice<u8>);

impl MacKey {
    pub(crate) fn new(keys: &KeyRing, purpose: Purpose) -> Result<Self, Error> {
        let mut all = keys.derive_all(purpose)?.into_iter();
        let newest = all.next().ok_or_else(|| Error::internal("a key ring has a key"))?;
        Ok(Self { newest, older: all.collect() })
    }

    /// The name of the key that signs.
    pub(crate) fn id(&self) -> &str {
        &self.newest.0
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; BYTES], Error> {
        Ok(begin(&self.newest, message)?.finalize().into_bytes().into())
    }

    /// Whether any of the keys signed this. Compares in constant time.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.all().any(|key| verify(key, message, signature))
    }

    /// Whether the key of this name signed this. Compares in constant time.
    pub(crate) fn verify_by(&self, id: &str, message: &[u8], signature: &[u8]) -> bool {
        self.all().find(|(name, _)| name == id).is_some_and(|key| verify(key, message, signature))
    }

    fn all(&self) -> impl Iterator<Item = &NamedKey> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}

fn verify(key: &NamedKey, message: &[u8], signature: &[u8]) -> bool {
    begin(key, message).is_ok_and(|mac| mac.verify_slice(signature).is_ok())
}

fn begin((_, key): &NamedKey, message: &[u8]) -> Result<Hmac<Sha256>, Error> {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose_secret()).map_err(Error::internal)?;
    Ok(mac.chain_update(message))
}
