//! How long the permission engine takes to answer: `cargo bench --package benches`.
#![allow(missing_docs, reason = "criterion writes the entry points")]

use criterion::{Criterion, criterion_group, criterion_main};
use mono_core::id::{AccountId, TenantId};
use mono_core::permission;
use mono_core::permission::{Assignment, Engine, Permission, PermissionId, PermissionSet, Principal, Scope};
use mono_core::seed::Seed;
use mono_core::time::Timestamp;
use std::hint::black_box;
use std::process::exit;

const NAME: &str = "account.talents.update";
const CONSTANT: Permission = permission!("account.talents.update");
const REFUSED: &str = "account.talents.delete";
const TENANT: TenantId = TenantId::from_u128(1);
const OWN: AccountId = AccountId::from_u128(2);
const OTHER: AccountId = AccountId::from_u128(3);
const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// The catalogue of the talent agency and a person with three roles in it: one in the tenant, two in accounts.
struct World {
    engine: Engine,
    facts: Principal,
    set: PermissionSet,
    prepared: PermissionId,
    /// Where the person may work on talents, and where not.
    own: Scope,
    other: Scope,
}

impl World {
    fn new() -> Option<Self> {
        let seed = Seed::parse(include_str!("../examples/talent-agency/catalogue.json")).ok()?;
        let engine = seed.engine;
        let (own, other) = (Scope::account(TENANT, OWN), Scope::account(TENANT, OTHER));
        let facts = Principal {
            assignments: vec![
                Assignment::new("basic_user", Scope::tenant(TENANT)),
                Assignment::new("account_manager", own),
                Assignment::new("professional", other),
            ],
            ..Principal::default()
        };
        let set = engine.compile(&facts);
        let prepared = engine.resolve(CONSTANT)?;
        // A bench of a wrong answer would measure nothing.
        let right =
            set.check(NAME, &own, NOW) && !set.check(NAME, &other, NOW) && !set.check(REFUSED, &own, NOW);
        right.then_some(Self { engine, facts, set, prepared, own, other })
    }
}

fn permission_check(criterion: &mut Criterion) {
    let Some(world) = World::new() else { exit(1) };
    let World { engine, facts, set, prepared, own, other } = &world;
    let mut group = criterion.benchmark_group("check");
    group.bench_function("handle, allowed", |bencher| {
        bencher.iter(|| black_box(set).check(black_box(*prepared), black_box(own), black_box(NOW)));
    });
    group.bench_function("handle, refused", |bencher| {
        bencher.iter(|| black_box(set).check(black_box(*prepared), black_box(other), black_box(NOW)));
    });
    group.bench_function("constant", |bencher| {
        bencher.iter(|| black_box(set).check(black_box(CONSTANT), black_box(own), black_box(NOW)));
    });
    group.bench_function("text", |bencher| {
        bencher.iter(|| black_box(set).check(black_box(NAME), black_box(own), black_box(NOW)));
    });
    group.finish();

    let mut group = criterion.benchmark_group("explain");
    group.bench_function("allowed", |bencher| {
        bencher.iter(|| black_box(set).explain(black_box(NAME), black_box(own), black_box(NOW)));
    });
    group.bench_function("refused", |bencher| {
        bencher.iter(|| black_box(set).explain(black_box(REFUSED), black_box(own), black_box(NOW)));
    });
    group.finish();

    criterion.bench_function("compile", |bencher| {
        bencher.iter(|| black_box(engine).compile(black_box(facts)));
    });
}

criterion_group!(benches, permission_check);
criterion_main!(benches);
