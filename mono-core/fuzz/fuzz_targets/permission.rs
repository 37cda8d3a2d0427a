//! The parsers of names, patterns, scopes and policy files, and the table of what they read. In `mono-core`, after
//! `cargo install cargo-fuzz`:
//!
//! ```sh
//! mkdir -p fuzz/corpus/permission && cp ../examples/policies/*.json fuzz/corpus/permission/
//! RUSTC_BOOTSTRAP=1 cargo fuzz run permission -- -max_total_time=240 -max_len=8192
//! ```
//!
//! `RUSTC_BOOTSTRAP` lets the stable compiler do what fuzzing needs; with a nightly one it is not needed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mono_core::permission::{Name, Pattern, Policy, ResourceKind, Scope};

fuzz_target!(|text: &str| {
    let pattern = Pattern::parse(text);
    if let Ok(name) = Name::parse(text) {
        assert_eq!(name.as_str(), text);
        assert!(pattern.as_ref().is_ok_and(|pattern| pattern.covers_name(&name)));
    }
    if let Ok(pattern) = pattern {
        assert!(pattern.covers_pattern(&pattern) && pattern.overlaps(&pattern));
    }
    if let Ok(scope) = text.parse::<Scope>() {
        assert_eq!(scope.to_string().parse::<Scope>().ok(), Some(scope));
    }
    let _ = ResourceKind::parse(text);
    if let Ok(loaded) = Policy::load(text) {
        let _ = loaded.engine.matrix(None);
    }
});
