use super::program::{Serving, mono, postgres, run};
use mono_storage::db::{Database, DatabaseOptions};
use mono_storage::platform_sql;
use std::path::Path;
use std::process::Command;

/// What the command said, and whether it was content.
fn audit(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> (bool, String) {
    let mut command = program(folder, environment);
    command.arg("audit").args(arguments);
    let output = run(command);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn program(folder: &Path, environment: &[(&str, &str)]) -> Command {
    let mut command = mono(folder);
    command.envs(environment.iter().copied());
    command
}

/// The end of a tenant's log, as it was printed.
fn end(said: &str) -> &str {
    said.split_once("end ").unwrap().1.lines().next().unwrap()
}

/// A demo that was served, and looked at from outside.
fn whole(folder: &Path, environment: &[(&str, &str)]) -> String {
    let mut serve = program(folder, environment);
    Serving::start(serve.env("MONO_DEMO_PASSWORD", "a right horse, 4 the Battery"), true).stop();
    let (content, said) = audit(folder, environment, &["verify"]);
    assert!(content, "{said}");
    assert!(said.contains("the platform: whole"), "{said}");
    let (content, said) = audit(folder, environment, &["verify", "--tenant", "harbour"]);
    assert!(content && said.starts_with("harbour: whole"), "{said}");
    let noted = end(&said).to_owned();
    let (content, said) = audit(folder, environment, &["verify", "--tenant", "harbour", "--end", &noted]);
    assert!(content && said.contains("is the one that was noted"), "{said}");
    let (content, said) = audit(folder, environment, &["verify", "--tenant", "harbour", "--end", "1:x"]);
    assert!(!content && said.contains("BROKEN, entry 1 is not"), "{said}");
    // Without the key of the folder nothing verifies.
    let other = tempfile::tempdir().unwrap();
    let file = format!("sqlite:{}", folder.join("mono.db").display());
    let mut elsewhere = vec![("MONO_DATABASE_URL", file.as_str())];
    elsewhere.extend_from_slice(environment);
    let (content, said) = audit(other.path(), &elsewhere, &["verify"]);
    assert!(!content && said.contains("there is no root key"), "{said}");
    noted
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_is_verified_and_pruned() {
    let folder = tempfile::tempdir().unwrap();
    whole(folder.path(), &[]);
    for (arguments, told) in [
        (&["prune", "--before", "2020-01-01"][..], "harbour: 0 entries were removed"),
        (&["prune", "--before", "2999-01-01"], "only what has passed"),
        (&["verify", "--tenant", "nowhere"], "there is no tenant nowhere"),
        (&["verify", "--tenant", "harbour", "--end", "x"], "a number, a colon and a hash"),
    ] {
        let (_, said) = audit(folder.path(), &[], arguments);
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    let options =
        DatabaseOptions::parse(&format!("sqlite:{}", folder.path().join("mono.db").display())).unwrap();
    let database = Database::connect(&options).await.unwrap();
    let system = mono_core::caller::Caller::system(mono_core::caller::SystemReason::Seed);
    let mut tx = database.platform(&system).write().await.unwrap();
    let forge = platform_sql!(
        tx,
        "UPDATE audit_log SET actor = 'user:x' WHERE sequence = 2
         AND tenant_id = (SELECT id FROM tenants WHERE slug = 'harbour')"
    );
    assert_eq!(forge.execute().await.unwrap(), 1);
    tx.commit().await.unwrap();
    database.close().await;
    let (content, said) = audit(folder.path(), &[], &["verify"]);
    assert!(!content && said.contains("harbour: BROKEN at entry 2 ("), "{said}");
    assert!(said.contains("): changed"), "{said}");
    let (content, said) = audit(folder.path(), &[], &["prune", "--before", "2020-01-01"]);
    assert!(!content && said.contains("not whole, so nothing is removed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_is_verified_and_pruned_on_postgresql() {
    let Some(test) = postgres().await else { return };
    let folder = tempfile::tempdir().unwrap();
    whole(folder.path(), &[("MONO_DATABASE_URL", &test.url)]);
    let url = [("MONO_DATABASE_URL", test.url.as_str())];
    let (content, said) = audit(folder.path(), &url, &["prune", "--before", "2020-01-01"]);
    assert!(!content && said.contains("needs the owner's login"), "{said}");
    let with_owner = [url[0], ("MONO_DATABASE_OWNER_URL", test.owner_url.as_deref().unwrap())];
    let (content, said) = audit(folder.path(), &with_owner, &["prune", "--before", "2020-01-01"]);
    assert!(content && said.contains("harbour: 0 entries were removed"), "{said}");
}
