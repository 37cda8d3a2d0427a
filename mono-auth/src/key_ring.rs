//! One root key, and from it one key for each purpose, so that one kind of token can never pass as another.

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hkdf::Hkdf;
use mono_core::id::Random;
use mono_core::{Error, ErrorKind};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;

/// What a derived key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signs access tokens.
    Access,
    /// Signs refresh tokens.
    Refresh,
    /// Signs the tokens that protect cookies from other sites.
    Csrf,
    /// Hashes secrets too short to be hashed without a key.
    SingleUse,
    /// Signs snapshots of permissions.
    Snapshot,
    /// Chains the audit log.
    Audit,
    /// Seals the secrets of second factors.
    SecondFactor,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
            Self::Csrf => "csrf",
            Self::SingleUse => "single_use",
            Self::Snapshot => "snapshot",
            Self::Audit => "audit",
            Self::SecondFactor => "second_factor",
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

    /// Encrypts a secret for the database (AES-256-GCM, NIST SP 800-38D). `context` says where it stands, such as
    /// `user_totp|<user id>`: moved to another row it can no longer be read.
    ///
    /// ```
    /// use mono_auth::{KeyRing, Purpose};
    /// use mono_storage::system::SystemRandom;
    /// let keys = KeyRing::new((0..32).collect())?;
    /// let sealed = keys.seal(Purpose::SecondFactor, "user_totp|7", b"a secret", &SystemRandom)?;
    /// assert_eq!(keys.open(Purpose::SecondFactor, "user_totp|7", &sealed)?, b"a secret");
    /// assert!(keys.open(Purpose::SecondFactor, "user_totp|8", &sealed).is_err());
    /// # Ok::<(), mono_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Internal` where the key cannot be derived.
    pub fn seal(
        &self,
        purpose: Purpose,
        context: &str,
        secret: &[u8],
        random: &dyn Random,
    ) -> Result<String, Error> {
        let mut nonce = [0_u8; NONCE_BYTES];
        random.fill(&mut nonce);
        let payload = Payload { msg: secret, aad: context.as_bytes() };
        let sealed = self.cipher(purpose)?.encrypt(&nonce.into(), payload).map_err(|_| unreadable())?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(format!("{VERSION}.{}", STANDARD_NO_PAD.encode(bytes)))
    }

    /// Decrypts what [`seal`](Self::seal) made for the same purpose and context.
    ///
    /// # Errors
    /// `Internal` with code `sealed_unreadable` where it was sealed with another key, for another place, or changed.
    pub fn open(&self, purpose: Purpose, context: &str, sealed: &str) -> Result<Vec<u8>, Error> {
        let (version, text) = sealed.split_once('.').ok_or_else(unreadable)?;
        if version != VERSION.to_string() {
            return Err(unreadable());
        }
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| unreadable())?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(unreadable)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| unreadable())?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        self.cipher(purpose)?.decrypt(&nonce.into(), payload).map_err(|_| unreadable())
    }

    fn cipher(&self, purpose: Purpose) -> Result<Aes256Gcm, Error> {
        let key = self.derive(purpose)?;
        Aes256Gcm::new_from_slice(key.expose_secret()).map_err(Error::internal)
    }
}

/// The length of a nonce of AES-GCM.
const NONCE_BYTES: usize = 12;

fn unreadable() -> Error {
    let message = "a stored secret cannot be read: was it sealed with another root key?";
    Error::new(ErrorKind::Internal, "sealed_unreadable", message)
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
    fn what_is_sealed_is_read_only_where_it_was_sealed_and_unchanged() {
        use mono_storage::system::SystemRandom;
        let keys = KeyRing::new((0..32).collect()).unwrap();
        let sealed = keys.seal(Purpose::SecondFactor, "user_totp|7", b"secret", &SystemRandom).unwrap();
        assert_eq!(keys.open(Purpose::SecondFactor, "user_totp|7", &sealed).unwrap(), b"secret");
        assert_ne!(
            sealed,
            keys.seal(Purpose::SecondFactor, "user_totp|7", b"secret", &SystemRandom).unwrap()
        );
        assert!(keys.open(Purpose::SecondFactor, "user_totp|8", &sealed).is_err());
        assert!(keys.open(Purpose::Snapshot, "user_totp|7", &sealed).is_err());
        assert!(
            KeyRing::new((1..33).collect())
                .unwrap()
                .open(Purpose::SecondFactor, "user_totp|7", &sealed)
                .is_err()
        );
        for i in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[i] ^= 1;
            let changed = String::from_utf8(bytes).unwrap();
            assert!(keys.open(Purpose::SecondFactor, "user_totp|7", &changed).is_err(), "{changed}");
        }
        for nonsense in ["", ".", "1.", "1.AAAA", "2.AAAA"] {
            assert!(keys.open(Purpose::SecondFactor, "user_totp|7", nonsense).is_err());
        }
    }

    #[test]
    fn a_derived_key_is_not_the_root() {
        let root: Vec<u8> = (0..32).collect();
        let ring = KeyRing::new(root.clone()).unwrap();
        assert_ne!(ring.derive(Purpose::Access).unwrap().expose_secret(), root.as_slice());
    }
}
