//! One root key, and from it one key for each purpose, so that one kind of token can never pass as another.

use hkdf::Hkdf;
use mono_core::Error;
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// What a derived key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signs access tokens.
    Access,
    /// Signs snapshots of permissions.
    Snapshot,
    /// Chains the audit log.
    Audit,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Snapshot => "snapshot",
            Self::Audit => "audit",
        }
    }
}

/// The root key of an installation. It never leaves this type; keys for one purpose are derived from it with HKDF
/// (RFC 5869).
pub struct KeyRing {
    root: SecretSlice<u8>,
}

/// The version of the derived keys; it stands in the `kid` of every token.
const VERSION: u32 = 1;

impl KeyRing {
    /// The length of a root key in bytes.
    pub const ROOT_BYTES: usize = 32;

    /// Takes a root key.
    ///
    /// # Errors
    /// `Validation` where it is shorter than 32 bytes or all its bytes are equal: such a key was never random.
    pub fn new(root: Vec<u8>) -> Result<Self, Error> {
        let first = root.first().copied().unwrap_or_default();
        if root.len() < Self::ROOT_BYTES || root.iter().all(|byte| *byte == first) {
            return Err(Error::invalid("root_key", "weak_key", "the root key is at least 32 random bytes"));
        }
        Ok(Self { root: root.into() })
    }

    /// The name under which a token names its key: purpose and version.
    pub fn key_id(&self, purpose: Purpose) -> String {
        format!("{}.{VERSION}", purpose.as_str())
    }

    /// The key for one purpose.
    ///
    /// # Errors
    /// `Internal` never in practice: 32 bytes are within what HKDF gives.
    pub fn derive(&self, purpose: Purpose) -> Result<SecretSlice<u8>, Error> {
        let mut key = vec![0_u8; 32];
        let info = format!("mono/{}", self.key_id(purpose));
        Hkdf::<Sha256>::new(None, self.root.expose_secret())
            .expand(info.as_bytes(), &mut key)
            .map_err(|error| Error::internal(error.to_string()))?;
        Ok(key.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_roots_are_refused() {
        assert!(KeyRing::new(vec![]).is_err());
        assert!(KeyRing::new(vec![7; 32]).is_err());
        assert!(KeyRing::new((0..31).collect()).is_err());
        assert!(KeyRing::new((0..32).collect()).is_ok());
    }

    #[test]
    fn a_derived_key_is_not_the_root() {
        let root: Vec<u8> = (0..32).collect();
        let ring = KeyRing::new(root.clone()).unwrap();
        assert_ne!(ring.derive(Purpose::Access).unwrap().expose_secret(), root.as_slice());
    }
}
