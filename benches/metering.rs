//! How long a metered count takes: `cargo bench -p benches --bench metering`.
#![allow(missing_docs, reason = "criterion writes the entry points")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::TenantId;
use mono_core::seed::Seed;
use mono_core::text::{Name, Slug};
use mono_storage::testkit::{Backend, TestDatabase};
use std::process::exit;
use std::time::Instant;
use tokio::runtime::Runtime;

/// A database in a temporary folder, with tenants to count for.
async fn world(tenants: u32) -> Result<(TestDatabase, Vec<Caller>), Error> {
    let test = TestDatabase::create(Backend::Sqlite).await.ok_or_else(|| Error::internal("no database"))?;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = test.database.platform(&system).write().await?;
    tx.catalogue().save(&Seed::parse(Seed::STARTER).map_err(Error::validation)?).await?;
    let mut made: Vec<TenantId> = Vec::new();
    for number in 0..tenants {
        let name = format!("tenant-{number}");
        made.push(tx.tenants().create(&Slug::parse(&name)?, &Name::parse(&name)?).await?.id);
    }
    tx.commit().await?;
    let callers = made.into_iter().map(|tenant| Caller::system_in(SystemReason::Metering, tenant));
    Ok((test, callers.collect()))
}

fn metering(criterion: &mut Criterion) {
    let Ok(runtime) = Runtime::new() else { exit(1) };
    let mut group = criterion.benchmark_group("count");
    group.throughput(Throughput::Elements(1));
    for (tenants, tasks) in [(1, 1), (1, 2), (1000, 1), (1000, 2)] {
        let Ok((test, callers)) = runtime.block_on(world(tenants)) else { exit(1) };
        let name = format!("{tenants} tenants, {tasks} threads");
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.to_async(&runtime).iter_custom(|times| {
                let (database, callers) = (test.database.clone(), callers.clone());
                async move {
                    let begun = Instant::now();
                    let mut workers = tokio::task::JoinSet::new();
                    for _ in 0..tasks {
                        let (database, callers) = (database.clone(), callers.clone());
                        let share = times / tasks;
                        workers.spawn(async move {
                            for caller in (0..share).zip(callers.iter().cycle()).map(|(_, caller)| caller) {
                                let _ = database.count(caller, None, "api_calls", 1).await;
                            }
                        });
                    }
                    workers.join_all().await;
                    begun.elapsed()
                }
            });
        });
        if runtime.block_on(test.database.flush_usage()).is_err() {
            exit(1);
        }
    }
    group.finish();
}

criterion_group!(benches, metering);
criterion_main!(benches);
