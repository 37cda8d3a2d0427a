//! `mono seed`

use super::program::{Serving, mono, postgres, run};
use mono_core::caller::{Caller, SystemReason};
use mono_storage::db::{Database, DatabaseOptions};
use mono_storage::store::Definitions;
use std::path::{Path, PathBuf};
use std::process::Output;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/talent-agency/catalogue.json")
}

async fn definitions(url: &str) -> Definitions {
    let database = Database::connect(&DatabaseOptions::parse(url).unwrap()).await.unwrap();
    let system = Caller::system(SystemReason::Seed);
    let definitions = database.platform(&system).read().await.unwrap().catalogue().load().await.unwrap();
    database.close().await;
    definitions
}

fn seed(folder: &Path, url: &str, file: &Path) -> Output {
    let mut command = mono(folder);
    command.env("MONO_DATABASE_URL", url).arg("seed").arg(file);
    run(command)
}

async fn check_example(folder: &Path, url: &str) {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let output = seed(folder, url, &example());
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(told.starts_with("talent-agency 1: ") && told.lines().count() == 1, "{told}");
        seen.push((told, definitions(url).await));
    }
    assert_eq!(seen[0], seen[1], "loading it twice changes nothing");
    let catalogue = &seen[0].1;
    assert!(catalogue.permissions.len() > 100 && catalogue.plans.plans.len() > 2, "it is really there");
    // The starter, which the demo uses, is still whole beside it.
    let server = Serving::start(mono(folder).env("MONO_DATABASE_URL", url), true);
    assert_eq!(server.stop().0, Some(0));
}

fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("mono.db").display())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_loads_and_loading_it_twice_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    check_example(folder.path(), &sqlite(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_loads_on_postgresql() {
    let Some(database) = postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    check_example(folder.path(), &database.url).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_lists_every_problem_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(folder.path());
    assert!(seed(folder.path(), &url, &example()).status.success());
    let before = definitions(&url).await;

    let broken = folder.path().join("broken.json");
    let text = std::fs::read_to_string(example()).unwrap();
    let text = text
        .replacen("\"version\": 1,", "\"version\": \"one\",", 1)
        .replacen("tenant.manage\"", "Tenant.Manage!\"", 1)
        .replacen("\"price\"", "\"prize\"", 1);
    std::fs::write(&broken, text).unwrap();
    let output = seed(folder.path(), &url, &broken);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let problems: Vec<&str> = told.lines().skip(1).collect();
    assert!(told.starts_with("mono: ") && problems.len() >= 3, "{told}");
    for problem in &problems {
        assert!(problem.starts_with("  line ") && problem.contains(": "), "{problem}");
    }
    for word in ["version", "Tenant.Manage!", "prize"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(output.stdout.is_empty());
    assert_eq!(definitions(&url).await, before);
}

#[test]
fn a_file_that_cannot_be_read_makes_no_database() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("data");
    let (empty, bytes) = (parent.path().join("empty.json"), parent.path().join("bytes.json"));
    std::fs::write(&empty, "").unwrap();
    std::fs::write(&bytes, b"\xff\xfe\0").unwrap();
    for file in [&parent.path().join("absent.json"), parent.path(), &empty, &bytes] {
        let mut command = mono(&folder);
        command.arg("seed").arg(file);
        let output = run(command);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), told.is_empty()), (Some(1), false), "{}", file.display());
        assert!(!folder.exists(), "{told}");
    }
}
