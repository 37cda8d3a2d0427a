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
use std::collections::BTreeMap;

/// What a derived key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Signs access tokens with a secret.
    Access,
    /// Signs access tokens so that others can verify them.
    AccessPublic,
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
    /// Hashes the secrets of API keys.
    ApiKey,
    /// Shows that a root key is the one that a database knows.
    Check,
    /// Seals the secrets of second factors.
    SecondFactor,
}

impl Purpose {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::AccessPublic => "access_public",
            Self::Refresh => "refresh",
            Self::Csrf => "csrf",
            Self::SingleUse => "single_use",
            Self::Snapshot => "snapshot",
            Self::Audit => "audit",
            Self::ApiKey => "api_key",
            Self::Check => "check",
            Self::SecondFactor => "second_factor",
        }
    }
}

/// The root keys of an installation, by version. They never leave this type; keys for one purpose are derived from them
/// with HKDF (RFC 5869). The newest version signs and seals; the older ones verify and open until they are removed.
#[derive(Clone)]
pub struct KeyRing {
    newest: u32,
    roots: BTreeMap<u32, SecretSlice<u8>>,
}

impl KeyRing {
    /// The length of a root key in bytes.
    pub const ROOT_BYTES: usize = 32;

    /// Takes the first root key of an installation.
    ///
    /// # Errors
    /// As [`of_versions`](Self::of_versions).
    pub fn new(root: Vec<u8>) -> Result<Self, Error> {
        Self::of_versions([(1, root)])
    }

    /// Takes root keys with their versions, from 1.
    ///
    /// # Errors
    /// `Validation` where there is none, a version is 0 or stands twice, a key is shorter than 32 bytes, or all its
    /// bytes are equal (such a key was never random), or two versions are the same key.
    pub fn of_versions(roots: impl IntoIterator<Item = (u32, Vec<u8>)>) -> Result<Self, Error> {
        let weak = |message: &str| Err(Error::invalid("root_key", "weak_key", message));
        let mut ring: BTreeMap<u32, SecretSlice<u8>> = BTreeMap::new();
        for (version, root) in roots {
            let first = root.first().copied().unwrap_or_default();
            if root.len() < Self::ROOT_BYTES || root.iter().all(|byte| *byte == first) {
                return weak("the root key is at least 32 random bytes");
            }
            if ring.values().any(|other| other.expose_secret() == root.as_slice()) {
                return weak("each version of the root key is a key of its own");
            }
            if version == 0 || ring.insert(version, root.into()).is_some() {
                return weak("the versions of the root key are numbers from 1, each once");
            }
        }
        match ring.last_key_value() {
            Some((newest, _)) => Ok(Self { newest: *newest, roots: ring }),
            None => weak("there is no root key"),
        }
    }

    /// The version that signs and seals.
    pub const fn newest(&self) -> u32 {
        self.newest
    }

    /// Every version, the newest first.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.roots.keys().rev().copied()
    }

    /// The name under which a token names its key: purpose and version.
    pub fn key_id(&self, purpose: Purpose) -> String {
        key_id(purpose, self.newest)
    }

    /// The key for one purpose that signs and seals.
    ///
    /// # Errors
    /// `Internal` never in practice: 32 bytes are within what HKDF gives.
    pub fn derive(&self, purpose: Purpose) -> Result<SecretSlice<u8>, Error> {
        self.derive_version(purpose, self.newest)
    }

    /// The keys for one purpose with their names, the newest first: all of them verify.
    ///
    /// # Errors
    /// As [`derive`](Self::derive).
    pub fn derive_all(&self, purpose: Purpose) -> Result<Vec<(String, SecretSlice<u8>)>, Error> {
        let versions = self.versions();
        versions
            .map(|version| Ok((key_id(purpose, version), self.derive_version(purpose, version)?)))
            .collect()
    }

    /// For each version, the oldest first, a value that shows which key it is and from which the key cannot be found.
    ///
    /// # Errors
    /// As [`derive`](Self::derive).
    pub fn check_values(&self) -> Result<Vec<(u32, String)>, Error> {
        let value = |version| {
            let key = self.derive_version(Purpose::Check, version)?;
            Ok((version, STANDARD_NO_PAD.encode(key.expose_secret())))
        };
        self.roots.keys().copied().map(value).collect()
    }

    fn derive_version(&self, purpose: Purpose, version: u32) -> Result<SecretSlice<u8>, Error> {
        let root = self.roots.get(&version).ok_or_else(unreadable)?;
        let mut key = vec![0_u8; 32];
        let info = format!("mono/{}", key_id(purpose, version));
        Hkdf::<Sha256>::new(None, root.expose_secret())
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
        let cipher = self.cipher(purpose, self.newest)?;
        let sealed = cipher.encrypt(&nonce.into(), payload).map_err(|_| unreadable())?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(format!("{}.{}", self.newest, STANDARD_NO_PAD.encode(bytes)))
    }

    /// Decrypts what [`seal`](Self::seal) made for the same purpose and context.
    ///
    /// # Errors
    /// `Internal` with code `sealed_unreadable` where it was sealed with another key, for another place, or changed.
    pub fn open(&self, purpose: Purpose, context: &str, sealed: &str) -> Result<Vec<u8>, Error> {
        let (version, text) = sealed.split_once('.').ok_or_else(unreadable)?;
        let version = version.parse().map_err(|_| unreadable())?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(|_| unreadable())?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or_else(unreadable)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| unreadable())?;
        let payload = Payload { msg: sealed, aad: context.as_bytes() };
        self.cipher(purpose, version)?.decrypt(&nonce.into(), payload).map_err(|_| unreadable())
    }

    fn cipher(&self, purpose: Purpose, version: u32) -> Result<Aes256Gcm, Error> {
        let key = self.derive_version(purpose, version)?;
        Aes256Gcm::new_from_slice(key.expose_secret()).map_err(Error::internal)
    }
}

fn key_id(purpose: Purpose, version: u32) -> String {
    format!("{}.{version}", purpose.as_str())
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
    fn an_older_version_opens_what_it_sealed_and_the_newest_seals() {
        use mono_storage::system::SystemRandom;
        let (one, two): (Vec<u8>, Vec<u8>) = ((0..32).collect(), (1..33).collect());
        let old = KeyRing::new(one.clone()).unwrap();
        let ring = KeyRing::of_versions([(1, one.clone()), (2, two.clone())]).unwrap();
        let sealed = old.seal(Purpose::SecondFactor, "x", b"secret", &SystemRandom).unwrap();
        assert_eq!(ring.open(Purpose::SecondFactor, "x", &sealed).unwrap(), b"secret");
        let again = ring.seal(Purpose::SecondFactor, "x", b"secret", &SystemRandom).unwrap();
        assert!(again.starts_with("2."));
        assert!(old.open(Purpose::SecondFactor, "x", &again).is_err());
        let only_new = KeyRing::of_versions([(2, two.clone())]).unwrap();
        assert_eq!(only_new.open(Purpose::SecondFactor, "x", &again).unwrap(), b"secret");
        assert!(only_new.open(Purpose::SecondFactor, "x", &sealed).is_err());
        let names: Vec<_> =
            ring.derive_all(Purpose::Access).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["access.2", "access.1"]);
        assert!(KeyRing::of_versions([(1, one.clone()), (2, one.clone())]).is_err(), "the same key");
        assert!(KeyRing::of_versions([(1, one.clone()), (1, two)]).is_err(), "the same version");
        assert!(KeyRing::of_versions([(0, one)]).is_err());
        assert!(KeyRing::of_versions([]).is_err());
    }

    #[test]
    fn a_derived_key_is_not_the_root() {
        let root: Vec<u8> = (0..32).collect();
        let ring = KeyRing::new(root.clone()).unwrap();
        assert_ne!(ring.derive(Purpose::Access).unwrap().expose_secret(), root.as_slice());
    }
}
