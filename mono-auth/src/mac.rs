//! Keyed hashes (HMAC-SHA-256, RFC 2104) of what the installation says to itself.

use crate::key_ring::{KeyRing, Purpose};
use hmac::{Hmac, KeyInit, Mac};
use mono_core::Error;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// The length of a keyed hash in bytes.
pub(crate) const BYTES: usize = 32;

/// A key that signs for one purpose.
pub(crate) struct MacKey {
    id: String,
    key: SecretSlice<u8>,
}

impl MacKey {
    pub(crate) fn new(keys: &KeyRing, purpose: Purpose) -> Result<Self, Error> {
        Ok(Self { id: keys.key_id(purpose), key: keys.derive(purpose)? })
    }

    /// The name of the key: purpose and version.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<[u8; BYTES], Error> {
        Ok(self.begin(message)?.finalize().into_bytes().into())
    }

    /// Compares in constant time.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        self.begin(message).is_ok_and(|mac| mac.verify_slice(signature).is_ok())
    }

    fn begin(&self, message: &[u8]) -> Result<Hmac<Sha256>, Error> {
        let mac = Hmac::<Sha256>::new_from_slice(self.key.expose_secret()).map_err(Error::internal)?;
        Ok(mac.chain_update(message))
    }
}
