//! Refresh tokens: a session and its generation, signed. They are derived and stored nowhere: who reads the database
//! finds none, and an answer that was lost on its way can be given again.

use crate::key_ring::{KeyRing, Purpose};
use crate::mac::{BYTES, MacKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mono_core::id::{SessionId, Uuid};
use mono_core::{Error, ErrorKind};
use secrecy::SecretString;

/// The length of what is signed, in bytes: the id of a session and a number.
const MESSAGE_BYTES: usize = 24;
/// A token longer than this is refused before it is decoded.
const MAX_BYTES: usize = 256;

/// Makes and reads refresh tokens.
pub struct RefreshTokens {
    key: MacKey,
}

impl RefreshTokens {
    /// Derives the keys of refresh tokens from the ring.
    ///
    /// # Errors
    /// `Internal` where a key cannot be derived.
    pub fn new(keys: &KeyRing) -> Result<Self, Error> {
        Ok(Self { key: MacKey::new(keys, Purpose::Refresh)? })
    }

    /// The token of a session in one of its generations.
    ///
    /// # Errors
    /// `Internal` never in practice: the key has the length that the hash asks for.
    pub fn issue(&self, session: SessionId, generation: i64) -> Result<SecretString, Error> {
        let message = [session.uuid().as_bytes().as_slice(), &generation.to_be_bytes()].concat();
        let bytes = [message.as_slice(), &self.key.sign(&message)?].concat();
        Ok(format!("{}.{}", self.key.id(), URL_SAFE_NO_PAD.encode(bytes)).into())
    }

    /// The session that a token speaks of, and in which generation it was given.
    ///
    /// # Errors
    /// `Unauthorized` with code `invalid_refresh_token`.
    pub fn read(&self, token: &str) -> Result<(SessionId, i64), Error> {
        self.parse(token).ok_or_else(|| {
            Error::new(ErrorKind::Unauthorized, "invalid_refresh_token", "the refresh token is not valid")
        })
    }

    fn parse(&self, token: &str) -> Option<(SessionId, i64)> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (key_id, text) = token.rsplit_once('.')?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (message, signature) = bytes.split_at_checked(MESSAGE_BYTES)?;
        if signature.len() != BYTES || !self.key.verify_by(key_id, message, signature) {
            return None;
        }
        let (session, generation) = message.split_at_checked(16)?;
        let session = SessionId::from(Uuid::from_slice(session).ok()?);
        Some((session, i64::from_be_bytes(generation.try_into().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn tokens() -> RefreshTokens {
        RefreshTokens::new(&KeyRing::new((0..32).collect()).unwrap()).unwrap()
    }

    #[test]
    fn a_token_reads_back_and_no_bit_of_it_can_change() {
        let session = SessionId::from_u128(7);
        let token = tokens().issue(session, 3).unwrap();
        let token = token.expose_secret();
        assert_eq!(tokens().read(token).unwrap(), (session, 3));
        for i in 0..token.len() {
            for bit in 0..7 {
                let mut bytes = token.to_owned().into_bytes();
                bytes[i] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(tokens().read(&changed).is_err(), "byte {i} bit {bit}");
            }
        }
    }

    #[test]
    fn tokens_of_an_older_key_are_read_until_it_is_removed() {
        let (one, two): (Vec<u8>, Vec<u8>) = ((0..32).collect(), (1..33).collect());
        let token = tokens().issue(SessionId::from_u128(7), 3).unwrap();
        let ring = KeyRing::of_versions([(1, one), (2, two.clone())]).unwrap();
        let rotated = RefreshTokens::new(&ring).unwrap();
        assert!(rotated.read(token.expose_secret()).is_ok());
        assert!(rotated.issue(SessionId::from_u128(7), 3).unwrap().expose_secret().starts_with("refresh.2."));
        let removed = RefreshTokens::new(&KeyRing::of_versions([(2, two)]).unwrap()).unwrap();
        assert!(removed.read(token.expose_secret()).is_err());
    }

    #[test]
    fn nonsense_and_tokens_of_other_installations_are_refused() {
        let other = RefreshTokens::new(&KeyRing::new((1..33).collect()).unwrap()).unwrap();
        let foreign = other.issue(SessionId::from_u128(7), 1).unwrap();
        let long = "a".repeat(5_000_000);
        for token in ["", ".", "refresh.1.", "refresh.1.AAAA", foreign.expose_secret(), &long] {
            let error = tokens().read(token).unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "invalid_refresh_token"));
        }
    }
}
