//! One hash for the tables of the engine, computable at compile time.
//!
//! It only finds the place to look: every table compares the whole key afterwards, so two keys with one hash are
//! never taken for each other.

use std::hash::{BuildHasherDefault, Hasher};

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const FACTOR: u64 = 0xD6E8_FEB8_6659_FD93;

const fn mix(state: u64, word: u64) -> u64 {
    let mixed = (state ^ word).wrapping_mul(FACTOR);
    mixed ^ (mixed >> 32)
}

/// The hash of some bytes, eight at a time.
pub(crate) const fn bytes(mut rest: &[u8]) -> u64 {
    let mut state = mix(SEED, rest.len() as u64);
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        state = mix(state, u64::from_le_bytes(*word));
        rest = tail;
    }
    let mut word = 0_u64;
    while let Some((byte, tail)) = rest.split_first() {
        word = (word << 8) | *byte as u64;
        rest = tail;
    }
    mix(state, word)
}

/// The hash above as a hasher of the standard maps. Deterministic, unlike the standard one; its keys (roles, tenants)
/// are made by the server and not chosen by a visitor.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Fixed(u64);

impl Hasher for Fixed {
    fn write(&mut self, data: &[u8]) {
        self.0 = mix(self.0, bytes(data));
    }

    fn write_u8(&mut self, value: u8) {
        self.0 = mix(self.0, u64::from(value));
    }

    fn write_usize(&mut self, value: usize) {
        self.0 = mix(self.0, value as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map with the fixed hash.
pub(crate) type Map<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Fixed>>;
