//! The permission engine beside others, over the same roles, members and questions:
//! `cargo bench -p benches --features peers --bench permission_peers`.
//!
//! Every subject first has to answer all questions rightly, then it is timed on the first of them in turn, over and
//! over. What an engine needs for a question (its texts, its request, its input) is made beforehand.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

mod casbin;
mod cedar;
mod mono;
mod rego;
mod world;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion};
use std::error::Error;
use std::hint::black_box;
use std::time::Duration;
use world::{Question, World};

/// What the set-up and the comparison of answers give back.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let world = World::new(1_000, 10_000, 20).ok_or("no world")?;
    if world.patterns().len() != 60 || world.names.len() != 360 {
        return Err("the world is not the one that is described".into());
    }
    let allowed = world.questions.iter().filter(|question| question.allowed).count();
    println!("{allowed} of {} questions are to be allowed", world.questions.len());
    println!("{}", casbin::trap(&world));
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    mono::run(&mut criterion.benchmark_group("mono"), &world)?;
    casbin::run(&mut criterion.benchmark_group("casbin"), &world)?;
    cedar::run(&mut criterion.benchmark_group("cedar"), &world)?;
    rego::run(&mut criterion.benchmark_group("regorus"), &world)?;
    drop(world);
    let world = World::new(10_000, 100_000, 200).ok_or("no world")?;
    mono::run_large(&mut criterion.benchmark_group("mono, ten times the world"), &world)?;
    criterion.final_summary();
    Ok(())
}

type Group<'a> = BenchmarkGroup<'a, WallTime>;

/// Compares the answers of a subject with the right ones, then times it. There is one row for each question.
fn subject<Row>(
    group: &mut Group<'_>,
    name: &str,
    questions: &[Question],
    rows: &[Row],
    mut ask: impl FnMut(&Row) -> bool,
) -> Outcome {
    let wrong = questions.iter().zip(rows).filter(|(question, row)| ask(row) != question.allowed).count();
    if wrong > 0 || rows.len() != questions.len() {
        return Err(format!("{name}: {wrong} wrong answers in {} of {}", rows.len(), questions.len()).into());
    }
    time(group, name, rows, ask);
    Ok(())
}

/// How many rows are timed: enough that nothing is answered from one line of a cache.
const TIMED: usize = 1024;

/// Times some work on one row after the other.
fn time<Row, T>(group: &mut Group<'_>, name: &str, rows: &[Row], mut work: impl FnMut(&Row) -> T) {
    let mut rows = rows.iter().take(TIMED).cycle();
    group.bench_function(name, |bencher| bencher.iter(|| rows.next().map(|row| work(black_box(row)))));
}
