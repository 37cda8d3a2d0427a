//! How many bytes a compiled principal takes: `cargo bench -p benches --bench permission_bytes`.
//!
//! A program of its own, for it links a counting allocator, which would slow down whatever is timed beside it.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use mono_core::id::{AccountId, TenantId};
use mono_core::permission::{Assignment, Principal, Scope};
use mono_core::seed::Seed;
use std::process::exit;

const PRINCIPALS: usize = 100_000;

/// Where each of the principals has a role.
type Places<'a> = &'a dyn Fn(usize) -> [Scope; 3];

fn main() {
    let Ok(seed) = Seed::parse(include_str!("../examples/talent-agency/catalogue.json")) else { exit(1) };
    let tenant = |number: usize| TenantId::from_u128(number as u128 + 1);
    let account = |number: usize, which| Scope::account(tenant(number), AccountId::from_u128(which));
    let worlds: [(&str, Places<'_>); 3] = [
        ("a tenant and two of its accounts", &|n| [Scope::tenant(tenant(n)), account(n, 1), account(n, 2)]),
        ("three accounts of a tenant", &|n| [account(n, 1), account(n, 2), account(n, 3)]),
        ("three tenants", &|n| [n, n + 1, n + 2].map(|n| Scope::tenant(tenant(n)))),
    ];
    for (name, scopes) in worlds {
        let facts = |number| Principal {
            assignments: scopes(number).map(|scope| Assignment::new("account_manager", scope)).to_vec(),
            ..Principal::default()
        };
        let facts: Vec<_> = (0..PRINCIPALS).map(facts).collect();
        let mut sets = Vec::new();
        let counted = allocation_counter::measure(|| {
            sets.reserve_exact(facts.len());
            sets.extend(facts.iter().map(|facts| seed.engine.compile(facts)));
        });
        let bytes = usize::try_from(counted.bytes_current).unwrap_or_default() / sets.len().max(1);
        println!("{name}: {bytes} bytes a principal, of {PRINCIPALS}");
    }
}
