//! The readers of what strangers show: access tokens, refresh tokens, API keys. In `mono-auth`, after
//! `cargo install cargo-fuzz`:
//!
//! ```sh
//! RUSTC_BOOTSTRAP=1 cargo fuzz run credentials -- -max_total_time=240 -max_len=9000
//! ```
//!
//! `RUSTC_BOOTSTRAP` lets the stable compiler do what fuzzing needs; with a nightly one it is not needed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mono_auth::{ApiKeyTexts, KeyEnvironment, KeyRing, RefreshTokens, TokenAlgorithm, Tokens};
use mono_core::time::Timestamp;
use std::sync::LazyLock;

struct Readers {
    tokens: Tokens,
    refresh_tokens: RefreshTokens,
    api_keys: ApiKeyTexts,
}

static READERS: LazyLock<Readers> = LazyLock::new(|| {
    let ring = KeyRing::of_versions([(1, (0..32).collect()), (2, (1..33).collect())]).expect("a key ring");
    Readers {
        tokens: Tokens::new(&ring, TokenAlgorithm::EdDsa).expect("keys"),
        refresh_tokens: RefreshTokens::new(&ring).expect("keys"),
        api_keys: ApiKeyTexts::new(&ring, KeyEnvironment::Live).expect("keys"),
    }
});

fuzz_target!(|text: &str| {
    let now = Timestamp::from_timestamp(1_800_000_000, 0).expect("a moment");
    // Nobody but who has the key makes one that is read.
    assert!(READERS.tokens.read(text, now).is_err());
    assert!(READERS.refresh_tokens.read(text).is_err());
    // Anybody makes one that is well formed: it has one spelling.
    if READERS.api_keys.parse(text).is_some() {
        assert!(text.len() == 100 && text.is_ascii());
    }
});
