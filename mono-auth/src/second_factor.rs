//! The second factor: codes of an authenticator (TOTP, RFC 6238), and recovery codes for the day it is lost.

use crate::key_ring::{KeyRing, Purpose};
use crate::secret;
use mono_core::Error;
use mono_core::id::{Random, UserId};
use mono_core::time::Timestamp;
use secrecy::SecretString;
use totp_rs::{Algorithm, Builder, Totp};

/// How many bytes a secret has: those of SHA-1, as RFC 4226 asks.
const SECRET_BYTES: usize = 20;
/// How many recovery codes a person has.
pub(crate) const RECOVERY_CODES: usize = 10;
/// How many letters a recovery code has: 80 random bits, so that a plain hash of it is enough at rest.
const RECOVERY_LETTERS: usize = 16;
/// The letters of recovery codes: none that is taken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What a person typed as their second factor.
pub(crate) enum Shown {
    /// The code of an authenticator.
    Code(String),
    /// The hash of a recovery code.
    RecoveryCode(String),
}

impl Shown {
    /// Reads either; spaces, hyphens and case do not matter. `None` for what is neither.
    pub(crate) fn parse(user: UserId, text: &str) -> Option<Self> {
        let letters: String =
            text.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect();
        if letters.len() == 6 && letters.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Self::Code(letters));
        }
        let letters = letters.to_ascii_lowercase();
        let is_code =
            letters.len() == RECOVERY_LETTERS && letters.bytes().all(|byte| LETTERS.contains(&byte));
        is_code.then(|| Self::RecoveryCode(recovery_hash(user, &letters)))
    }
}

/// Makes recovery codes, each with the hash that is kept of it.
pub(crate) fn recovery_codes(user: UserId, random: &dyn Random) -> Vec<(SecretString, String)> {
    let mut bytes = [0_u8; RECOVERY_CODES * RECOVERY_LETTERS];
    random.fill(&mut bytes);
    let codes = bytes.chunks(RECOVERY_LETTERS).map(|bytes| {
        // 256 is a multiple of 32: each letter is as likely as any other.
        let letters = bytes.iter().map(|byte| LETTERS.get(usize::from(byte % 32)).copied().unwrap_or(b'a'));
        let letters: String = letters.map(char::from).collect();
        let groups: Vec<&str> =
            (0..RECOVERY_LETTERS).step_by(4).filter_map(|at| letters.get(at..at + 4)).collect();
        (groups.join("-").into(), recovery_hash(user, &letters))
    });
    codes.collect()
}

fn recovery_hash(user: UserId, letters: &str) -> String {
    secret::hash(&format!("recovery_code|{user}|{letters}"))
}

/// Seals and opens the secrets of authenticators, and checks their codes.
pub(crate) struct Authenticators {
    keys: KeyRing,
    issuer: String,
}

impl Authenticators {
    pub(crate) fn new(keys: KeyRing, issuer: String) -> Self {
        Self { keys, issuer }
    }

    /// The same under another name in the lists that authenticators show.
    pub(crate) fn named(&self, issuer: String) -> Self {
        Self { keys: self.keys.clone(), issuer }
    }

    /// A new secret, sealed for the database, and what the person's authenticator reads.
    pub(crate) fn generate(
        &self,
        user: UserId,
        account: &str,
        random: &dyn Random,
    ) -> Result<(String, Totp), Error> {
        let mut secret = [0_u8; SECRET_BYTES];
        random.fill(&mut secret);
        let sealed = self.keys.seal(Purpose::SecondFactor, &context(user), &secret, random)?;
        Ok((sealed, self.totp(secret.to_vec(), account)?))
    }

    /// The step whose code this is: the present one, or one beside it, for clocks that are not quite right.
    pub(crate) fn step(
        &self,
        user: UserId,
        sealed: &str,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<i64>, Error> {
        let secret = self.keys.open(Purpose::SecondFactor, &context(user), sealed)?;
        let now = u64::try_from(now.timestamp()).map_err(Error::internal)?;
        let step = self.totp(secret, "")?.check(code, now);
        step.map(i64::try_from).transpose().map_err(Error::internal)
    }

    /// SHA-1, six digits, thirty seconds: what every authenticator understands.
    fn totp(&self, secret: Vec<u8>, account: &str) -> Result<Totp, Error> {
        let builder = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_skew(1)
            .with_step_duration(30)
            .with_secret(secret)
            // A colon ends the name of the issuer.
            .with_account_name(account.replace(':', " "))
            .with_issuer(Some(self.issuer.replace(':', " ")));
        builder.build().map_err(|error| Error::internal(error.to_string()))
    }
}

/// Where a sealed secret stands: moved to another person it cannot be read.
fn context(user: UserId) -> String {
    format!("user_totp|{user}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mono_storage::system::SystemRandom;
    use secrecy::ExposeSecret;

    fn authenticators() -> Authenticators {
        Authenticators::new(KeyRing::new((0..32).collect()).unwrap(), "mono".to_owned())
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let user = UserId::from_u128(7);
        let authenticators = authenticators();
        let secret = b"12345678901234567890";
        let sealed =
            authenticators.keys.seal(Purpose::SecondFactor, &context(user), secret, &SystemRandom).unwrap();
        // Appendix B, the last six of the eight digits there.
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (2_000_000_000, "279037")]
        {
            let at = |seconds| Timestamp::from_timestamp(seconds, 0).unwrap();
            let step = |seconds| authenticators.step(user, &sealed, code, at(seconds)).unwrap();
            assert_eq!(step(seconds), Some(seconds / 30), "{code}");
            assert_eq!(step(seconds + 30), Some(seconds / 30), "{code} a step later");
            assert_eq!(step(seconds + 90), None, "{code} three steps later");
        }
        let other = UserId::from_u128(8);
        assert!(authenticators.step(other, &sealed, "287082", Timestamp::UNIX_EPOCH).is_err());
    }

    #[test]
    fn the_address_for_an_authenticator_says_whose_it_is() {
        let (_, totp) = authenticators().generate(UserId::from_u128(7), "ana@x.io", &SystemRandom).unwrap();
        let address = totp.to_url().unwrap();
        assert!(address.starts_with("otpauth://totp/mono:ana%40x.io?secret="), "{address}");
        assert!(address.ends_with("&issuer=mono"), "{address}");
    }

    #[test]
    fn recovery_codes_read_back_however_they_are_typed() {
        let user = UserId::from_u128(7);
        let codes = recovery_codes(user, &SystemRandom);
        assert_eq!(codes.len(), RECOVERY_CODES);
        for (code, hash) in &codes {
            let code = code.expose_secret();
            assert_eq!(code.len(), 19);
            for typed in [code.to_owned(), code.to_uppercase(), code.replace('-', ""), code.replace('-', " ")]
            {
                assert!(
                    matches!(Shown::parse(user, &typed), Some(Shown::RecoveryCode(read)) if read == *hash)
                );
            }
            assert!(
                matches!(Shown::parse(UserId::from_u128(8), code), Some(Shown::RecoveryCode(read)) if read != *hash)
            );
        }
    }

    #[test]
    fn what_is_neither_code_is_nothing() {
        let user = UserId::from_u128(7);
        for text in [
            "",
            "12345",
            "1234567",
            "12345a",
            "١٢٣٤٥٦",
            "abcd-efgh-ijkm-npq0",
            "abcd",
            &"2".repeat(1_000_000),
        ] {
            assert!(Shown::parse(user, text).is_none());
        }
        assert!(matches!(Shown::parse(user, "123 456"), Some(Shown::Code(code)) if code == "123456"));
    }
}
