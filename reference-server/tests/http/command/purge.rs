//! `mono purge`, and the server that does it by itself.

use super::program::{Serving, mono, postgres, run};
use mono_core::caller::{Caller, SystemReason};
use mono_storage::db::{Database, DatabaseOptions};
use mono_storage::platform_sql;
use std::path::Path;

const PASSWORD: &str = "a right horse, 4 the Battery";

fn purge(folder: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> (bool, String) {
    let mut command = mono(folder);
    command.envs(environment.iter().copied()).arg("purge").args(arguments);
    let output = run(command);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

/// Lets years pass over a deleted account of the harbour, and over the archived tenant `lagoon` where it is one.
async fn let_years_pass(options: &DatabaseOptions, archive: bool) {
    let database = Database::connect(options).await.unwrap();
    let mut tx = database.platform(&Caller::system(SystemReason::Seed)).write().await.unwrap();
    let long_ago = database.now() - std::time::Duration::from_hours(24 * 31);
    let deleted = platform_sql!(
        tx,
        "UPDATE accounts SET deleted_at = $1 WHERE id IN
             (SELECT a.id FROM accounts a JOIN tenants t ON t.id = a.tenant_id
              WHERE t.slug = 'harbour' AND a.deleted_at IS NULL ORDER BY a.id LIMIT 1)",
        long_ago
    );
    assert_eq!(deleted.execute().await.unwrap(), 1);
    if archive {
        let archived = platform_sql!(
            tx,
            "UPDATE tenants SET status = 'archived', updated_at = $1 WHERE slug = 'lagoon'",
            long_ago
        );
        assert_eq!(archived.execute().await.unwrap(), 1);
    }
    tx.commit().await.unwrap();
    database.close().await;
}

async fn purges(options: &DatabaseOptions, environment: &[(&str, &str)], owner: &[(&str, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let serve = || {
        let mut serve = mono(folder);
        serve.envs(environment.iter().copied()).env("MONO_DEMO_PASSWORD", PASSWORD);
        Serving::start(&mut serve, true)
    };
    serve().stop();
    let options = if environment.is_empty() {
        &DatabaseOptions::parse(&format!("sqlite:{}", folder.join("mono.db").display())).unwrap()
    } else {
        options
    };
    let_years_pass(options, false).await;
    let never = [environment, &[("MONO_PURGE_AFTER_DAYS", "0")]].concat();
    let later = [environment, &[("MONO_PURGE_AFTER_DAYS", "32")]].concat();
    for (environment, arguments, told) in [
        (&*never, &[][..], "Nothing is purged"),
        (&*later, &[], "0 things that were deleted more than 32 days ago were removed"),
        (environment, &["--dry-run"], "harbour: 1 accounts would be removed"),
        (environment, &[], "harbour: 1 accounts were removed"),
        (environment, &[], "0 things that were deleted more than 30 days ago were removed"),
    ] {
        let (content, said) = purge(folder, environment, arguments);
        assert!(content && said.contains(told), "{arguments:?}: {said}");
    }

    // The server does so by itself.
    let_years_pass(options, true).await;
    let mut server = serve();
    server.wait_for_log("what was deleted long ago is purged");
    server.stop();
    let (_, said) = purge(folder, environment, &["--dry-run"]);
    assert!(said.contains("0 things"), "{said}");

    let with_owner = [environment, owner].concat();
    for (arguments, told) in [
        (&["--tenant", "lagoon"][..], "--confirm"),
        (&["--tenant", "lagoon", "--confirm", "harbour"], "say --confirm lagoon"),
        (&["--tenant", "harbour", "--confirm", "harbour"], "archive it first"),
        (&["--tenant", "nowhere", "--confirm", "nowhere"], "there is no tenant nowhere"),
    ] {
        let (content, said) = purge(folder, &with_owner, arguments);
        assert!(!content && said.contains(told), "{arguments:?}: {said}");
    }
    let remove = ["--tenant", "lagoon", "--confirm", "lagoon"];
    if !owner.is_empty() {
        let (content, said) = purge(folder, environment, &remove);
        assert!(!content && said.contains("needs the owner's login"), "{said}");
    }
    let (content, said) = purge(folder, &with_owner, &remove);
    assert!(content && said.contains("The tenant lagoon was removed for good."), "{said}");
    assert!(said.contains("rows of audit_log were removed"), "{said}");
    // The server serves what is left.
    serve().stop();
    let mut verify = mono(folder);
    verify.envs(environment.iter().copied()).args(["audit", "verify"]);
    let output = run(verify);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !said.contains("lagoon"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_long_ago_is_purged() {
    let unused = DatabaseOptions::parse("sqlite:unused.db").unwrap();
    purges(&unused, &[], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_deleted_long_ago_is_purged_on_postgresql() {
    let Some(test) = postgres().await else { return };
    let owner = test.owner_url.as_deref().unwrap();
    let url = [("MONO_DATABASE_URL", test.url.as_str())];
    purges(&test.options, &url, &[("MONO_DATABASE_OWNER_URL", owner)]).await;
}
