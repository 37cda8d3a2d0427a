//! `mono doctor` says what is not whole, and changes nothing.

use super::program::{Serving, mono, postgres, run};
use mono_core::caller::{Caller, SystemReason};
use mono_storage::db::{Database, DatabaseOptions};
use mono_storage::platform_sql;
use mono_storage::testkit::TestDatabase;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Asks, and gives the exit code and what was said.
fn ask(mut command: Command) -> (Option<i32>, String) {
    command.arg("doctor");
    let output = run(command);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// An installation that has run once.
fn installed(folder: &Path, database: Option<&TestDatabase>) {
    let mut command = with(folder, database);
    if let Some(owner) = database.and_then(|database| database.owner_url.as_deref()) {
        command.env("MONO_DATABASE_OWNER_URL", owner);
    }
    assert_eq!(Serving::start(&mut command, true).stop().0, Some(0));
}

fn with(folder: &Path, database: Option<&TestDatabase>) -> Command {
    let mut command = mono(folder);
    if let Some(database) = database {
        command.env("MONO_DATABASE_URL", &database.url);
    }
    command
}

const PARTS: [&str; 6] = ["key file", "database", "migrations", "isolation", "catalogue", "counters"];

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_installation_has_no_findings() {
    for database in [None, postgres().await] {
        let folder = tempfile::tempdir().unwrap();
        installed(folder.path(), database.as_ref());
        let (code, said) = ask(with(folder.path(), database.as_ref()));
        assert_eq!(code, Some(0), "{said}");
        for part in PARTS {
            assert!(said.contains(&format!("ok      {part} ")), "{part}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_that_drift_are_told_and_left() {
    for database in [None, postgres().await] {
        let folder = tempfile::tempdir().unwrap();
        installed(folder.path(), database.as_ref());
        let options = database.as_ref().map_or_else(
            || {
                let file = folder.path().join("mono.db");
                DatabaseOptions::parse(&format!("sqlite:{}", file.display())).unwrap()
            },
            |database| database.options.clone(),
        );
        let opened = Database::connect(&options).await.unwrap();
        let system = Caller::system(SystemReason::Seed);
        let mut tx = opened.platform(&system).write().await.unwrap();
        platform_sql!(tx, "UPDATE usage_counters SET used = used + 3 WHERE limit_key = 'accounts'")
            .execute()
            .await
            .unwrap();
        tx.commit().await.unwrap();
        opened.close().await;
        // Asked twice: the first time mended nothing.
        for _ in 0..2 {
            let (code, said) = ask(with(folder.path(), database.as_ref()));
            assert_eq!(code, Some(1), "{said}");
            assert!(
                said.contains("FAILED  counters: ") && said.contains("`mono recount` mends them"),
                "{said}"
            );
        }
        let mut recount = with(folder.path(), database.as_ref());
        recount.arg("recount");
        assert!(run(recount).status.success());
        assert_eq!(ask(with(folder.path(), database.as_ref())).0, Some(0));
    }
}

#[test]
fn what_is_away_around_the_server_is_told_with_its_remedy() {
    let folder = tempfile::tempdir().unwrap();
    installed(folder.path(), None);
    // Bound and never listening again: nobody answers at this port.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = mono(folder.path());
    command.env("MONO_REDIS_URL", format!("redis://:hunter2@127.0.0.1:{port}"));
    command.env("MONO_SMTP_URL", format!("smtp://mono:hunter2@127.0.0.1:{port}"));
    command.env("MONO_MAIL_FROM", "mono@example.com");
    command.env("MONO_PUBLIC_URL", format!("http://127.0.0.1:{port}"));
    command.env("MONO_SERVICE_HOST", "10.0.0.1");
    let (code, said) = ask(command);
    assert_eq!(code, Some(1), "{said}");
    for words in [
        "FAILED  Redis: does not answer: look whether it runs",
        "FAILED  mail: the SMTP server: ",
        "Look at host, port, user and password in MONO_SMTP_URL",
        "remark  127.0.0.1:",
        "remark  MONO_SERVICE_HOST: there is no such setting",
        "ok      settings go together",
        "ok      disk has ",
        "ok      database SQLite answers",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_around_the_server_is_told() {
    let Some(database) = postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    installed(folder.path(), Some(&database));
    let mut command = with(folder.path(), Some(&database));
    let mut words = vec!["ok      clock agrees with that of the database".to_owned()];
    for (variable, test, found) in [
        ("MONO_REDIS_URL", "MONO_TEST_REDIS_URL", "ok      Redis answers within "),
        ("MONO_SMTP_URL", "MONO_TEST_SMTP_URL", "ok      mail can leave"),
    ] {
        if let Ok(url) = std::env::var(test) {
            command.env(variable, url);
            words.push(found.to_owned());
        }
    }
    command.env("MONO_MAIL_FROM", "mono@example.com");
    // Something listens there; that it is no site nobody asks.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    command.env("MONO_PUBLIC_URL", format!("http://{}", listener.local_addr().unwrap()));
    words.push("ok      public URL leads to something that answers".to_owned());
    let (code, said) = ask(command);
    assert_eq!(code, Some(0), "{said}");
    for words in words {
        assert!(said.contains(&words), "{words}: {said}");
    }
}

#[test]
fn a_key_that_others_may_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    installed(folder.path(), None);
    let key = folder.path().join("root.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, said) = ask(mono(folder.path()));
    assert_eq!(code, Some(1));
    assert!(said.contains("FAILED  key file: ") && said.contains("chmod 600"), "{said}");
    assert!(said.contains("ok      catalogue"), "the rest is asked all the same: {said}");
    std::fs::remove_file(&key).unwrap();
    assert_eq!(ask(mono(folder.path())).0, Some(1));
    assert!(!key.exists(), "a doctor makes no key");
}

#[test]
fn a_database_that_is_not_there_is_told_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = ask(mono(folder.path()));
    assert_eq!(code, Some(1));
    assert!(said.contains("FAILED  database: ") && said.contains("`mono serve` makes one"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_hole_in_the_isolation_is_named_with_its_remedy() {
    let Some(database) = postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    installed(folder.path(), Some(&database));
    database.as_owner("ALTER TABLE accounts DISABLE ROW LEVEL SECURITY").await;
    database.as_owner("CREATE INDEX bad ON members (created_at)").await;
    let (code, said) = ask(with(folder.path(), Some(&database)));
    assert_eq!(code, Some(1));
    for words in [
        "FAILED  isolation: ",
        "accounts breaks the rule that a table with tenant_id has row-level security enabled and forced. ALTER TABLE",
        "bad breaks the rule that every B-tree index of a table with tenant_id starts with tenant_id. Put",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    database.as_owner("DROP INDEX bad; ALTER TABLE accounts ENABLE ROW LEVEL SECURITY").await;
    database.as_owner("DELETE FROM permissions WHERE key = 'tenant.accounts.read'").await;
    let (code, said) = ask(with(folder.path(), Some(&database)));
    assert!(code == Some(1) && said.contains("FAILED  catalogue: "), "{said}");
    assert!(said.contains("tenant.accounts.read"), "{said}");
    database.as_owner("DELETE FROM _mono_migrations WHERE version = 2").await;
    let (code, said) = ask(with(folder.path(), Some(&database)));
    assert!(
        code == Some(1) && said.contains("FAILED  migrations: ") && said.contains("mono migrate"),
        "{said}"
    );
}
