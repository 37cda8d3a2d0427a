//! What stops the start: one line that says what and why, and exit code 1.

use super::program::{mono, postgres, run};
use std::net::TcpListener;
use std::process::Command;

/// Runs to the end and gives the one line.
fn refused(command: Command) -> String {
    let output = run(command);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("mono: ") && told.lines().count() == 1, "one line: {told}");
    assert!(output.stdout.is_empty(), "no banner");
    assert!(!told.contains("hunter2"), "{told}");
    told
}

#[test]
fn a_wrong_database_url_is_named_and_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    for (url, words) in [
        ("", "database_url: the database URL starts with sqlite: or postgres:"),
        ("hunter2", "database_url: the database URL starts with"),
        ("mysql://mono:hunter2@127.0.0.1/mono", "database_url: the database URL starts with"),
        ("postgres://[::hunter2", "database_url: the PostgreSQL URL is not valid"),
        ("postgres://mono:hunter2@127.0.0.1:hunter2/mono", "database_url: the PostgreSQL URL is not valid"),
        ("sqlite:/absent/folder/mono.db", "cannot reach the database as its owner (SQLite): "),
        ("sqlite:/tmp", "cannot reach the database as its owner (SQLite): "),
    ] {
        let mut command = mono(folder.path());
        command.env("MONO_DATABASE_URL", url);
        let told = refused(command);
        assert!(told.contains(words), "{url}: {told}");
    }
}

#[test]
fn a_database_server_that_is_away_is_told_from_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    // Bound and never listening again: nobody answers at this port.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://mono:hunter2@127.0.0.1:{port}/mono");
    let mut command = mono(folder.path());
    command.env("MONO_DATABASE_URL", &url);
    let told = refused(command);
    assert!(told.contains("cannot reach the database (PostgreSQL): "), "{told}");
    let mut command = mono(folder.path());
    command.env("MONO_DATABASE_URL", &url).env("MONO_DATABASE_OWNER_URL", &url);
    let told = refused(command);
    assert!(told.contains("as its owner (PostgreSQL): "), "{told}");
    assert!(told.contains("refused"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_could_see_every_tenant_is_refused() {
    let Some(database) = postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let owner = database.owner_url.as_deref().unwrap();
    let cases = [
        (owner, Some(&*database.url), "is no superuser"),
        (&*database.url, Some(owner), "is no superuser"),
        (owner, Some(owner), "is no superuser"),
    ];
    for (application, platform, rule) in cases {
        let mut command = mono(folder.path());
        command.env("MONO_DATABASE_URL", application);
        if let Some(platform) = platform {
            command.env("MONO_DATABASE_PLATFORM_URL", platform);
        }
        let output = run(command);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(
            told.starts_with("mono: the database does not keep tenants apart, so mono does not serve"),
            "{told}"
        );
        assert!(told.contains(rule) && told.contains("Connect as the login"), "{told}");
    }
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "x").unwrap();
    for folder in [file.clone(), file.join("below"), "/proc/mono".into()] {
        for argument in ["serve", "migrate"] {
            let mut command = mono(&folder);
            command.arg(argument);
            let told = refused(command);
            let words = format!("data_directory: the data folder {} cannot be used: ", folder.display());
            assert!(told.contains(&words), "{told}");
        }
    }
    assert_eq!(std::fs::read_to_string(file).unwrap(), "x");
}

#[test]
fn a_broken_key_file_is_named_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    write_private(&folder.path().join("root.key"), "hunter2");
    assert!(refused(mono(folder.path())).contains("root.key does not hold a key"));
}

#[test]
fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut command = mono(folder.path());
    command.env("MONO_LISTEN", &address);
    let told = refused(command);
    let words = format!("cannot listen on {address}: ");
    assert!(told.contains(&words) && told.matches("in use").count() == 1, "{told}");
}

/// Writes a file as the server asks for secrets: for its owner only.
fn write_private(path: &std::path::Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}
