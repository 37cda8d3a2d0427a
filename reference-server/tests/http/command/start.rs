//! The first start, the second, and the banner.

use super::program::{Serving, mono, postgres, run};
use mono_client::Client;
use mono_core::api::auth::LoginRequest;
use mono_core::api::tenants::ListTenants;
use mono_core::seed::Seed;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// Runs the example of the banner in a shell, as a reader would paste it.
fn example(banner: &str) -> Value {
    let script = banner.split_once("Try it:").unwrap().1;
    let output = run_shell(script);
    serde_json::from_str(&output).unwrap_or_else(|error| panic!("{error}: {output}\n{script}"))
}

fn run_shell(script: &str) -> String {
    let output = Command::new("sh").args(["-euc", script]).env("NO_PROXY", "*").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn names(answer: &Value) -> Vec<&str> {
    let items = answer["data"]["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items.iter().map(|item| item["name"].as_str().unwrap()).collect()
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_start_keeps_everything_private_and_the_banner_works() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("deep/data");
    // The loosest mask: privacy is the program's own doing.
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\"", env!("CARGO_BIN_EXE_mono")]);
    command.envs(mono(&folder).get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let server = Serving::start(&mut command, true);
    assert!(server.banner.contains("(SQLite, version "), "{}", server.banner);
    assert_eq!(names(&example(&server.banner)), ["South Quay", "North Quay"]);

    assert_eq!(mode(&folder), 0o700);
    let files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    for line in ["platform_admin", "tenant_admin", "account_owner", " user "] {
        assert!(server.banner.contains(line), "{line} in {}", server.banner);
    }
    assert_eq!(server.stop().0, Some(0));
}

#[test]
fn the_second_start_finds_what_the_first_one_kept() {
    let folder = tempfile::tempdir().unwrap();
    let first = Serving::start(&mut mono(folder.path()), true);
    let login = first.banner.split_once("Try it:").unwrap().1.to_owned();
    let token = run_shell(&format!("{}\nprintf %s \"$TOKEN\"", login.rsplit_once("  curl").unwrap().0));
    let create = format!(
        "curl -s http://{}/api/v1/tenant/accounts -H 'Authorization: Bearer {token}' \
         -H 'Content-Type: application/json' -d '{{\"name\":\"Kept\"}}'",
        first.address()
    );
    assert!(run_shell(&create).contains("\"success\":true"));
    let password = first.password().to_owned();
    assert_eq!(first.stop().0, Some(0));

    let second = Serving::start(&mut mono(folder.path()), true);
    assert_eq!(second.password(), password);
    assert_eq!(names(&example(&second.banner)), ["Kept", "South Quay", "North Quay"]);
    let list = format!(
        "curl -s http://{}/api/v1/tenant/accounts -H 'Authorization: Bearer {token}'",
        second.address()
    );
    assert!(run_shell(&list).contains("Kept"), "a token outlives a restart");
    assert_eq!(second.stop().0, Some(0));
}

#[test]
fn a_demo_password_of_ones_own_may_hold_anything() {
    let folder = tempfile::tempdir().unwrap();
    let password = r#"it's "so" \ $HOME `id` %s ü"#;
    let server = Serving::start(mono(folder.path()).env("MONO_DEMO_PASSWORD", password), true);
    assert_eq!(server.password(), password);
    assert_eq!(names(&example(&server.banner)), ["South Quay", "North Quay"]);
}

#[test]
fn a_demo_password_of_nothing_is_refused() {
    for password in ["", "short", "two\nlines of it", &"x".repeat(2000)] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = mono(folder.path());
        command.env("MONO_DEMO_PASSWORD", password);
        let output = run(command);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{told}");
        assert!(told.contains("the demo password has"), "{told}");
        assert!(!folder.path().join("demo-password").exists(), "the next start may give another");
    }
}

#[test]
fn no_demo_is_made_where_none_is_wanted() {
    for (name, value) in [("MONO_NO_DEMO", "1"), ("MONO_NO_DEMO", "true"), ("MONO_LISTEN", "0.0.0.0:0")] {
        let folder = tempfile::tempdir().unwrap();
        let server = Serving::start(mono(folder.path()).env(name, value), false);
        assert!(!folder.path().join("demo-password").exists(), "{name}={value}");
        let (code, said) = server.stop();
        assert_eq!(code, Some(0));
        assert!(!said.contains("Demo logins"), "{said}");
    }
    for value in ["0", "false", ""] {
        let folder = tempfile::tempdir().unwrap();
        let server = Serving::start(mono(folder.path()).env("MONO_NO_DEMO", value), true);
        assert!(!server.password().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_on_postgresql_with_logins_of_its_own() {
    let Some(database) = postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    for owner in [database.owner_url.as_deref(), None] {
        let mut command = mono(folder.path());
        command.env("MONO_DATABASE_URL", &database.url);
        if let Some(owner) = owner {
            command.env("MONO_DATABASE_OWNER_URL", owner);
        }
        let server = Serving::start(&mut command, true);
        assert!(server.banner.contains("(PostgreSQL, version "), "{}", server.banner);
        assert_eq!(names(&example(&server.banner)), ["South Quay", "North Quay"]);
        assert_eq!(server.stop().0, Some(0), "the second start needs no owner");
    }
    assert!(!folder.path().join("mono.db").exists());
}

#[tokio::test]
async fn three_servers_that_start_at_once_make_one_demo() {
    let Some(database) = postgres().await else { return };
    let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let password = "Demo-of-three-1";
    let start = |folder: &tempfile::TempDir| {
        let mut command = mono(folder.path());
        command.env("MONO_DATABASE_URL", &database.url).env("MONO_DEMO_PASSWORD", password);
        // They share the key, as servers on one database do.
        command.env("MONO_MASTER_KEY", "8f1c27e09b5ad3460c7e915fb2684ad33de5709c18f6b24a7d0395ce61af82b4");
        std::thread::spawn(move || Serving::start(&mut command, false))
    };
    let starting = folders.each_ref().map(start);
    for server in starting.map(|thread| thread.join().unwrap()) {
        let client = Client::builder(format!("http://{}", server.address())).build().unwrap();
        client.auth().login(&LoginRequest::new("ada@platform.example", password)).await.unwrap();
        let tenants = client.platform().tenants().list(&ListTenants::default()).await.unwrap();
        let mut names: Vec<_> = tenants.items.iter().map(|tenant| tenant.slug.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["harbour", "lagoon"]);
        assert_eq!(client.platform().assignments().list().await.unwrap().len(), 1);
    }
}

#[test]
fn a_second_server_on_an_embedded_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = Serving::start(&mut mono(folder.path()), true);
    let second = run(mono(folder.path()));
    let told = String::from_utf8(second.stderr).unwrap();
    assert_eq!((second.status.code(), told.lines().count()), (Some(1), 1), "{told}");
    assert!(told.contains("another server works in the folder"), "{told}");
    // Everything else works beside a server.
    let (seed, copy) = (folder.path().join("seed.json"), folder.path().join("copy"));
    std::fs::write(&seed, Seed::STARTER).unwrap();
    let (seed, copy) = (seed.to_str().unwrap(), copy.to_str().unwrap());
    let commands = [
        &["doctor"][..],
        &["audit", "verify"],
        &["mails", "list"],
        &["seed", seed],
        &["backup", "--to", copy],
    ];
    for arguments in commands {
        let mut command = mono(folder.path());
        command.args(arguments);
        let output = run(command);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    first.signal("KILL");
    first.wait();
    let third = Serving::start(&mut mono(folder.path()), true);
    assert_eq!(third.stop().0, Some(0));
}
