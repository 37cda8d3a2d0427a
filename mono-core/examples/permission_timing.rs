//! Shows what checks and compilations cost here: `cargo run --release -p mono-core --example permission_timing`.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "an example for the terminal")]

use mono_core::id::{AccountId, TenantId};
use mono_core::permission::{Assignment, Override, OverrideKind, Pattern, Principal, RolePack, Scope};
use std::hint::black_box;
use std::time::Instant;

fn time<T>(what: &str, mut work: impl FnMut() -> T) {
    let rounds = 200_000_u32;
    let mut best = f64::MAX;
    for _ in 0..15 {
        let start = Instant::now();
        for _ in 0..rounds {
            black_box(work());
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds));
    }
    println!("{what:<52} {best:>8.1} ns");
}

fn each<T>(what: &str, questions: &[T], ask: impl Fn(&T) -> bool) {
    let mut best = f64::MAX;
    for _ in 0..2_000 {
        let start = Instant::now();
        black_box(black_box(questions).iter().filter(|question| ask(question)).count());
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{what:<52} {:>8.1} ns", best * 1e9 / f64::from(u32::try_from(questions.len()).unwrap()));
}

fn main() {
    let base = RolePack::Chain.policy().unwrap().in_force().unwrap().engine;
    let (tenant, account) = (TenantId::from_u128(0x1234_5678), AccountId::from_u128(0x8765_4321));
    let tenants = (1000..1100_u128).map(|i| {
        let tenant = TenantId::from_u128(i);
        let change = Override {
            role: "user".into(),
            tenant,
            kind: OverrideKind::Extend,
            patterns: vec!["account.manage".into()],
        };
        base.tenant_rules(tenant, vec![], &[change])
    });
    let layered = base.with_tenants(tenants);
    let place = Scope::account(tenant, account);
    let facts = Principal {
        assignments: vec![
            Assignment::new("user", Scope::tenant(tenant)),
            Assignment::new("account_owner", place),
            Assignment::new("account_owner", Scope::account(tenant, AccountId::from_u128(5))),
        ],
        ..Principal::default()
    };
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    let handle = mono_core::permission!("account.members.invite");
    let pattern = Pattern::parse("account.members.*").unwrap();
    for (name, engine) in [("no tenant rules", &base), ("rules of 100 tenants", &layered)] {
        println!("-- {name}");
        let set = engine.compile(&facts);
        assert!(set.check(handle, &place, now));
        let id = engine.resolve(handle).unwrap();
        // A row of different questions, so that the measurement adds little of its own.
        let places = [place, Scope::tenant(tenant), Scope::account(tenant, AccountId::from_u128(5))];
        let names: Vec<_> = engine.catalogue().permissions.iter().map(|entry| entry.name.clone()).collect();
        let rows: Vec<_> = places.iter().cycle().zip(names.iter().cycle()).take(999).collect();
        let prepared: Vec<_> =
            rows.iter().map(|(at, name)| (**at, engine.resolve(name.as_str()).unwrap())).collect();
        each("check, prepared, three assignments", &prepared, |(at, id)| set.check(*id, at, now));
        each("check, constant, three assignments", &prepared, |(at, _)| set.check(handle, at, now));
        each("check, text, three assignments", &rows, |(at, name)| set.check(name.as_str(), at, now));
        let many = Principal {
            assignments: (1..=500)
                .map(|i| Assignment::new("account_owner", Scope::account(tenant, AccountId::from_u128(i))))
                .collect(),
            ..Principal::default()
        };
        let large = engine.compile(&many);
        let last = Scope::account(tenant, AccountId::from_u128(500));
        time("check, prepared, 500 assignments", || {
            large.check(black_box(id), black_box(&last), black_box(now))
        });
        time("compile, three assignments", || engine.compile(black_box(&facts)));
        time("scopes_for", || set.scopes_for(black_box(id), now));
        time("covers", || set.covers(black_box(&pattern), &place, None, now));
        println!("{:<52} {:>8} bytes", "size of a set, three assignments", set.size_in_bytes());
    }
}
