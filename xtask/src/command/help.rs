//! `cargo xtask help`.

/// What each command does.
pub(crate) const TEXT: &str = "\
The developer commands of mono.

cargo xtask check              format, clippy, docs, every crate and feature alone, purity of mono-core,
                               mono-client for browsers where the compiler has their target
cargo xtask test               every test of the workspace, on a private PostgreSQL, Redis and Redis Cluster
cargo xtask test -- ARGUMENTS  `cargo test ARGUMENTS` with the same servers, e.g. `-- -p mono-storage accounts`
cargo xtask mutants            take each wall between tenants down in a copy, and see that a test falls with it
cargo xtask services           keep the servers running until Ctrl-C, to run single tests against them
cargo xtask ci                 check, then test: what CI runs
cargo xtask help               this text

Exit codes: 0 success, 1 failure, 2 wrong arguments or a missing program, 128 + n stopped by signal n.";
