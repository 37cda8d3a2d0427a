//! What stops the start: one line that says what and why, and exit code 1.

use super::program::{Serving, mono, postgres, run};
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
        ("", "MONO_DATABASE_URL: the database URL starts with sqlite: or postgres:"),
        ("hunter2", "MONO_DATABASE_URL: the database URL starts with"),
        ("mysql://mono:hunter2@127.0.0.1/mono", "MONO_DATABASE_URL: the database URL starts with"),
        ("postgres://[::hunter2", "MONO_DATABASE_URL: the PostgreSQL URL is not valid"),
        (
            "postgres://mono:hunter2@127.0.0.1:hunter2/mono",
            "MONO_DATABASE_URL: the PostgreSQL URL is not valid",
        ),
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
fn every_wrong_setting_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let told = |command: Command| {
        let output = run(command);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let wrong = || {
        let mut command = mono(folder.path());
        command.env("MONO_LISTEN", "nowhere").env("MONO_SESSION_HOURS", "99").env("MONO_LISTN", "x");
        command.env("MONO_SMTP_URL", "smtps://mono:hunter2@mail.example");
        command
    };
    for action in ["serve", "migrate", "config", "doctor"] {
        let mut command = wrong();
        command.arg(action);
        let told = told(command);
        for words in [
            "MONO_LISTEN: invalid socket address syntax",
            "MONO_SESSION_HOURS: ",
            "MONO_LISTN: there is no such setting; did you mean MONO_LISTEN?",
            "MONO_MAIL_FROM: ",
        ] {
            assert!(told.contains(words), "{action}: {words}: {told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn production_does_not_start_with_what_would_let_others_in() {
    let folder = tempfile::tempdir().unwrap();
    // The demo is there already.
    Serving::start(&mut mono(folder.path()), true).stop();
    let mut command = mono(folder.path());
    command.env("MONO_MODE", "production");
    assert!(refused(command).contains("MONO_PUBLIC_URL: in production the public URL is given"));
    let mut command = mono(folder.path());
    command.env("MONO_MODE", "production").env("MONO_PUBLIC_URL", "https://mono.example.com");
    assert!(refused(command).contains("the database holds demo data (ada@platform.example)"));
    let fresh = tempfile::tempdir().unwrap();
    let mut command = mono(fresh.path());
    command.env("MONO_MODE", "production").env("MONO_PUBLIC_URL", "https://mono.example.com");
    let served = Serving::start(&mut command, false);
    assert!(!served.banner.contains("Demo logins"), "{}", served.banner);
    assert_eq!(served.stop().0, Some(0));
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
