//! Passwords: Argon2id (RFC 9106), off the async threads and never more at once than there are cores.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use mono_core::Error;
use mono_core::id::Random;
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization;

/// The longest password that is looked at, in bytes: hashing megabytes is an attack, not a login.
pub(crate) const MAX_BYTES: usize = 1024;

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    // 19 MiB and 2 passes: the first choice of the OWASP password storage guide for Argon2id.
    argon2: Argon2<'static>,
    places: Arc<Semaphore>,
    /// Checked where there is no user, so that the answer takes as long as for a wrong password.
    dummy: Arc<str>,
}

impl Passwords {
    /// Prepares hashing, with the randomness for the one hash that is checked for unknown users.
    ///
    /// # Errors
    /// `Internal` where hashing does not work on this machine.
    pub fn new(random: &dyn Random) -> Result<Self, Error> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let dummy = hash(&argon2, b"a password that nobody has", &salt(random))?;
        Ok(Self { argon2, places: Arc::new(Semaphore::new(cores)), dummy: dummy.into() })
    }

    /// Hashes a password into the PHC form that is stored.
    ///
    /// # Errors
    /// `Validation` for a password of more than 1024 bytes; `Unavailable` while the program stops.
    pub async fn hash(&self, password: SecretString, random: &dyn Random) -> Result<String, Error> {
        if password.expose_secret().len() > MAX_BYTES {
            return Err(Error::invalid("password", "too_long", "the password has at most 1024 bytes"));
        }
        let salt = salt(random);
        let argon2 = self.argon2.clone();
        self.run(move || hash(&argon2, composed(&password).expose_secret().as_bytes(), &salt)).await?
    }

    /// Whether the password is the one that was hashed. Without a hash it works as hard and says no.
    ///
    /// # Errors
    /// `Unavailable` while the program stops.
    pub async fn verify(&self, password: SecretString, stored: Option<String>) -> Result<bool, Error> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.dummy.to_string());
        let fits = password.expose_secret().len() <= MAX_BYTES;
        let argon2 = self.argon2.clone();
        let verified = self
            .run(move || {
                let Ok(stored) = PasswordHash::new(&stored) else { return false };
                if !bounded(&stored) {
                    return false;
                }
                let given = if fits { password } else { SecretString::default() };
                let composed = composed(&given);
                let verify = |password: &SecretString| {
                    argon2.verify_password(password.expose_secret().as_bytes(), &stored).is_ok()
                };
                // A hash that an application brought along may be of the password just as it was typed.
                verify(&composed) || (composed.expose_secret() != given.expose_secret() && verify(&given))
            })
            .await?;
        Ok(verified && known && fits)
    }

    /// Whether a stored hash is weaker than one that is made today.
    pub(crate) fn is_outdated(&self, stored: &str) -> bool {
        let Ok(stored) = PasswordHash::new(stored) else { return false };
        let today = self.argon2.params();
        let params = Params::try_from(&stored);
        stored.algorithm.as_str() != "argon2id"
            || stored.version != Some(Version::V0x13.into())
            || params.is_ok_and(|params| params.m_cost() < today.m_cost() || params.t_cost() < today.t_cost())
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(Error::unavailable)?;
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        })
        .await
        .map_err(Error::unavailable)
    }
}

/// A password in Unicode's composed form (NFC): two keyboards write one letter in two ways.
pub(crate) fn composed(password: &SecretString) -> SecretString {
    password.expose_secret().nfc().collect::<String>().into()
}

fn salt(random: &dyn Random) -> [u8; 16] {
    let mut salt = [0_u8; 16];
    random.fill(&mut salt);
    salt
}

fn hash(argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> Result<String, Error> {
    let params = argon2.params().clone();
    argon2
        .hash_password_customized(password, salt, Some("argon2id"), Some(0x13), params)
        .map(|hash| hash.to_string())
        .map_err(|error| Error::internal(error.to_string()))
}

/// Whether the costs of a stored hash are within reason: a row that somebody planted must not eat the machine.
fn bounded(stored: &PasswordHash) -> bool {
    Params::try_from(stored).is_ok_and(|params| params.m_cost() <= 256 * 1024 && params.t_cost() <= 16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mono_storage::system::SystemRandom;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let passwords = Passwords::new(&SystemRandom).unwrap();
        let hash = passwords.hash("correct horse".into(), &SystemRandom).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify("correct horse".into(), Some(hash.clone())).await.unwrap());
        for wrong in ["correct horse ", "", "Correct horse"] {
            assert!(!passwords.verify(wrong.into(), Some(hash.clone())).await.unwrap());
        }
        let other = passwords.hash("correct horse".into(), &SystemRandom).await.unwrap();
        assert_ne!(hash, other, "each hash has its own salt");
    }

    #[tokio::test]
    async fn two_ways_to_write_a_letter_are_one_password() {
        let passwords = Passwords::new(&SystemRandom).unwrap();
        let (composed, split) = ("sch\u{f6}n", "scho\u{308}n");
        let stored = passwords.hash(split.into(), &SystemRandom).await.unwrap();
        assert!(passwords.verify(composed.into(), Some(stored.clone())).await.unwrap());
        assert!(passwords.verify(split.into(), Some(stored)).await.unwrap());
        let brought = hash(&passwords.argon2, split.as_bytes(), &salt(&SystemRandom)).unwrap();
        assert!(passwords.verify(split.into(), Some(brought.clone())).await.unwrap());
        assert!(!passwords.verify(composed.into(), Some(brought)).await.unwrap());
    }

    #[tokio::test]
    async fn nobody_and_nonsense_are_refused() {
        let passwords = Passwords::new(&SystemRandom).unwrap();
        assert!(!passwords.verify("a password that nobody has".into(), None).await.unwrap());
        let greedy =
            "$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b5dWRWJTmaaJObG";
        for stored in ["", "plain", greedy] {
            assert!(!passwords.verify("x".into(), Some(stored.into())).await.unwrap());
        }
        assert!(passwords.hash("x".repeat(1025).into(), &SystemRandom).await.is_err());
    }
}
