//! The text of API keys: `mono_live_<id>_<secret>_<checksum>`.
//!
//! The name in front lets scanners of source code find a key that was left there; the checksum tells them, and us, a key
//! from something that only looks like one, without asking the database.

use crate::key_ring::{KeyRing, Purpose};
use crate::mac::MacKey;
use crate::secret::{from_hex, to_hex};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mono_core::Error;
use mono_core::id::{ApiKeyId, Random, Uuid};
use mono_storage::store::KeyCredential;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use std::fmt;

/// What every key begins with.
const BRAND: &str = "mono";
/// 192 random bits: nobody guesses them.
const SECRET_BYTES: usize = 24;
/// CRC-32 as in ISO 3309: for typing mistakes, not against attackers.
const CHECKSUM: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);

/// Which installation a key is for; it stands in the key, so that one for trying out is seen to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeyEnvironment {
    /// The installation that matters.
    #[default]
    Live,
    /// One for trying out.
    Test,
}

impl KeyEnvironment {
    /// The word in the key.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl std::str::FromStr for KeyEnvironment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err(Error::invalid("environment", "unknown_value", "the environment is live or test")),
        }
    }
}

impl fmt::Display for KeyEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Makes and reads the texts of API keys.
pub struct ApiKeyTexts {
    environment: KeyEnvironment,
    key: MacKey,
}

/// A key that somebody shows, in its parts. Has no `Debug`.
pub struct ShownKey {
    /// Which key it says it is.
    pub id: ApiKeyId,
    secret: SecretSlice<u8>,
}

impl ShownKey {
    /// What is hashed: a secret is good for its own key only.
    fn message(&self) -> Vec<u8> {
        [self.id.uuid().as_bytes(), self.secret.expose_secret()].concat()
    }
}

/// Whether a credential says that it is an API key.
pub(crate) fn looks_like_one(credential: &str) -> bool {
    credential.strip_prefix(BRAND).is_some_and(|rest| rest.starts_with('_'))
}

impl ApiKeyTexts {
    /// Derives the keys that hash secrets from the ring.
    ///
    /// # Errors
    /// `Internal` where a key cannot be derived.
    pub fn new(keys: &KeyRing, environment: KeyEnvironment) -> Result<Self, Error> {
        Ok(Self { environment, key: MacKey::new(keys, Purpose::ApiKey)? })
    }

    /// Makes the text of a key, and what is stored of it.
    pub(crate) fn generate(
        &self,
        id: ApiKeyId,
        random: &dyn Random,
    ) -> Result<(SecretString, KeyCredential), Error> {
        let mut secret = [0_u8; SECRET_BYTES];
        random.fill(&mut secret);
        let prefix = format!("{BRAND}_{}_{}", self.environment, id.uuid().simple());
        let text = format!("{prefix}_{}", to_hex(&secret));
        let text = format!("{text}_{:08x}", CHECKSUM.checksum(text.as_bytes()));
        let shown = ShownKey { id, secret: secret.to_vec().into() };
        Ok((text.into(), KeyCredential { id, prefix, hash: self.hash(&shown)? }))
    }

    /// Reads a text: five parts, each of its length and in small letters, with the right checksum. `None` is not worth a
    /// question to the database.
    pub fn parse(&self, text: &str) -> Option<ShownKey> {
        let (body, checksum) = text.rsplit_once('_')?;
        let rest = body.strip_prefix(BRAND)?.strip_prefix('_')?;
        let rest = rest.strip_prefix(self.environment.as_str())?.strip_prefix('_')?;
        let (id, secret) = rest.split_once('_')?;
        let checksum: [u8; 4] = from_hex(checksum)?;
        let id: [u8; 16] = from_hex(id)?;
        let secret: [u8; SECRET_BYTES] = from_hex(secret)?;
        if u32::from_be_bytes(checksum) != CHECKSUM.checksum(body.as_bytes()) {
            return None;
        }
        Some(ShownKey { id: ApiKeyId::from(Uuid::from_bytes(id)), secret: secret.to_vec().into() })
    }

    /// What the database keeps of a secret: the name of the key that hashed it, and the hash.
    pub(crate) fn hash(&self, shown: &ShownKey) -> Result<String, Error> {
        let hash = self.key.sign(&shown.message())?;
        Ok(format!("{}:{}", self.key.id(), URL_SAFE_NO_PAD.encode(hash)))
    }

    /// Whether this is the secret that was hashed; in constant time, and as long where there is no such key.
    pub(crate) fn verify(&self, shown: &ShownKey, stored: Option<&str>) -> bool {
        let nobody = format!("{}:", self.key.id());
        let stored = stored.unwrap_or(&nobody);
        let Some((id, hash)) = stored.split_once(':') else { return false };
        let hash = URL_SAFE_NO_PAD.decode(hash).unwrap_or_default();
        self.key.verify_by(id, &shown.message(), &hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mono_storage::system::SystemRandom;

    fn ring() -> KeyRing {
        KeyRing::new((0..32).collect()).unwrap()
    }

    fn texts() -> ApiKeyTexts {
        ApiKeyTexts::new(&ring(), KeyEnvironment::Live).unwrap()
    }

    #[test]
    fn a_key_reads_back_and_only_its_own_secret_fits() {
        let id = ApiKeyId::from_u128(7);
        let (text, stored) = texts().generate(id, &SystemRandom).unwrap();
        let text = text.expose_secret();
        assert_eq!(text.len(), 100);
        assert!(text.starts_with(&format!("{}_", stored.prefix)));
        let shown = texts().parse(text).unwrap();
        assert_eq!(shown.id, id);
        assert!(texts().verify(&shown, Some(&stored.hash)));
        assert!(!texts().verify(&shown, None));
        let (other, _) = texts().generate(id, &SystemRandom).unwrap();
        assert!(!texts().verify(&texts().parse(other.expose_secret()).unwrap(), Some(&stored.hash)));
        // The secret of one key under the name of another.
        let stolen = ShownKey { id: ApiKeyId::from_u128(8), secret: shown.secret };
        assert!(!texts().verify(&stolen, Some(&stored.hash)));
    }

    #[test]
    fn every_changed_bit_and_every_other_form_is_seen_without_the_database() {
        let (text, _) = texts().generate(ApiKeyId::from_u128(7), &SystemRandom).unwrap();
        let text = text.expose_secret();
        for i in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.to_owned().into_bytes();
                bytes[i] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(texts().parse(&changed).is_none(), "{changed}");
            }
        }
        let long = "a".repeat(5_000_000);
        for nonsense in [
            "",
            "_",
            "mono",
            "mono_live___",
            "mono_live_0_0_0",
            &text.to_uppercase(),
            &format!("{text} "),
            &format!(" {text}"),
            &format!("{text}_"),
            &text.replace('_', "-"),
            &text[..99],
            &long,
            &format!("mono_live_{long}_00000000"),
        ] {
            assert!(texts().parse(nonsense).is_none());
        }
    }

    #[test]
    fn a_key_for_trying_out_is_none_for_the_installation_that_matters() {
        let test = ApiKeyTexts::new(&ring(), KeyEnvironment::Test).unwrap();
        let (text, _) = test.generate(ApiKeyId::from_u128(7), &SystemRandom).unwrap();
        assert!(text.expose_secret().starts_with("mono_test_"));
        assert!(test.parse(text.expose_secret()).is_some());
        assert!(texts().parse(text.expose_secret()).is_none());
    }

    #[test]
    fn an_older_root_key_verifies_until_it_is_removed() {
        let (text, stored) = texts().generate(ApiKeyId::from_u128(7), &SystemRandom).unwrap();
        let two: Vec<u8> = (1..33).collect();
        let rotated = KeyRing::of_versions([(1, (0..32).collect()), (2, two.clone())]).unwrap();
        let rotated = ApiKeyTexts::new(&rotated, KeyEnvironment::Live).unwrap();
        let shown = rotated.parse(text.expose_secret()).unwrap();
        assert!(rotated.verify(&shown, Some(&stored.hash)));
        let again = rotated.hash(&shown).unwrap();
        assert!(again.starts_with("api_key.2:") && rotated.verify(&shown, Some(&again)));
        let removed = KeyRing::of_versions([(2, two)]).unwrap();
        let removed = ApiKeyTexts::new(&removed, KeyEnvironment::Live).unwrap();
        assert!(!removed.verify(&shown, Some(&stored.hash)) && removed.verify(&shown, Some(&again)));
    }
}
