#![doc = include_str!("../README.md")]
uniffi::setup_scaffolding!();
