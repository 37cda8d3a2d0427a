//! Secrets that are made, sent once, and stored as a hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use mono_core::id::Random;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

/// 256 random bits: nobody guesses them, so a plain hash of them is enough at rest.
const BYTES: usize = 32;

/// A new secret, as a mail or an answer carries it.
pub(crate) fn generate(random: &dyn Random) -> SecretString {
    let mut bytes = [0_u8; BYTES];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes).into()
}

/// The hash of a text (SHA-256), as the database keeps it.
pub(crate) fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(text))
}
