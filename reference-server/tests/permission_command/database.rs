//! People, roles and tenants of a database.

use super::{STARTER, Said, mono, permission};
use mono_core::caller::{Caller, SystemReason};
use mono_core::model::tenant::TenantStatus;
use mono_core::permission::{Explanation, OverrideKind, Pattern, Role};
use mono_core::text::Slug;
use mono_storage::db::{Database, DatabaseOptions};
use mono_storage::sql;
use serde_json::{Value, json};
use std::path::Path;
use tempfile::TempDir;

/// A data folder with the demo in it.
fn demo() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = mono(&["seed", STARTER, "--data-directory", data.to_str().unwrap()], "");
    assert_eq!(said.code, 0, "{said:?}");
    folder
}

/// Asks about a person of the demo.
fn ask(folder: &TempDir, arguments: &[&str]) -> Said {
    let data = folder.path().join("data");
    permission(&[arguments, &["--data-directory", data.to_str().unwrap()]].concat())
}

#[test]
fn people_of_the_database_get_what_a_request_would_get() {
    let folder = demo();
    let check = |user: &str, tenant: &str, name: &str| {
        let said = ask(&folder, &["check", "--user", user, "--tenant", tenant, "--permission", name]);
        (said.out.trim_end().to_owned(), said.code)
    };
    let refused = |code: &str| (format!("refused: {code}"), 3);
    let (tom, uma, create) = ("tom@harbour.example", "uma@harbour.example", "tenant.accounts.create");
    assert_eq!(check(tom, "harbour", create), ("allowed".to_owned(), 0));
    assert_eq!(check("TOM@Harbour.example", "harbour", create).1, 0, "the case of an address is no matter");
    assert_eq!(check(uma, "harbour", create), refused("no_grant"));
    assert_eq!(check(tom, "lagoon", create), refused("not_a_member"));
    assert_eq!(check("olga@harbour.example", "harbour", "account.teams.create"), refused("no_assignment"));
    assert_eq!(check("ada@platform.example", "lagoon", create), ("allowed".to_owned(), 0));

    let said = ask(&folder, &["explain", "--user", uma, "--tenant", "harbour", "--permission", create]);
    assert_eq!(said.code, 3);
    assert!(said.out.contains("\nwould give   platform_admin, tenant_admin\n"), "{said:?}");
    let said =
        ask(&folder, &["explain", "--json", "--user", tom, "--tenant", "lagoon", "--permission", create]);
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (said.code, &answer["reason"], &answer["permission"]),
        (3, &json!("not_a_member"), &json!(create))
    );
    let ada = ["--user", "ada@platform.example", "--permission", "platform.tenants.read"];
    assert_eq!(ask(&folder, &[&["check"], &ada[..], &["--scope", "platform"]].concat()).code, 0);
    let said = ask(&folder, &[&["explain", "--json"], &ada[..], &["--tenant", "harbour"]].concat());
    assert!(serde_json::from_str::<Explanation>(&said.out).unwrap().audited);

    for (user, tenant, expected) in [
        ("nobody@harbour.example", "harbour", "mono: user: nobody has the address nobody@harbour.example\n"),
        (tom, "atlantis", "mono: tenant: there is no tenant atlantis\n"),
    ] {
        let said = ask(&folder, &["check", "--user", user, "--tenant", tenant, "--permission", create]);
        assert_eq!((said.code, &*said.out, &*said.err), (1, "", expected));
    }
    for (user, tenant) in [("tom", "harbour"), (tom, "Har bour"), (tom, "")] {
        assert_eq!(
            ask(&folder, &["check", "--user", user, "--tenant", tenant, "--permission", create]).code,
            2
        );
    }
}

#[test]
fn the_stored_catalogue_has_a_matrix_and_no_faults() {
    let folder = demo();
    let said = ask(&folder, &["matrix"]);
    let row = said.out.lines().find(|line| line.starts_with("account.teams.create ")).unwrap();
    let marks: Vec<&str> = row.split('|').skip(1).map(str::trim).collect();
    assert_eq!(
        marks,
        ["x", "x", "+", "."],
        "account_owner, platform_admin, tenant_admin, user: {}",
        said.out
    );
    let said = ask(&folder, &["lint"]);
    assert_eq!((said.code, &*said.out), (0, ""));
}

/// The database of the demo, opened beside the program.
async fn database(folder: &TempDir) -> Database {
    let file = folder.path().join("data/mono.db");
    let options = DatabaseOptions::parse(&format!("sqlite:{}", file.display())).unwrap();
    Database::connect(&options).await.unwrap()
}

#[tokio::test]
async fn the_matrix_of_a_stored_tenant_has_its_own_roles_and_its_changes() {
    let folder = demo();
    let database = database(&folder).await;
    let system = Caller::system(SystemReason::Seed);
    let slug = Slug::parse("harbour").unwrap();
    let mut tx = database.platform(&system).read().await.unwrap();
    let harbour = tx.tenants().find_by_slug(&slug).await.unwrap().unwrap().id;
    drop(tx);
    let caller = Caller::system_in(SystemReason::Seed, harbour);
    let mut tx = database.tenant(&caller).write().await.unwrap();
    let porter = Role::new("porter").allow(["account.teams.read"]).inherit(["user"]);
    tx.roles().create(porter).await.unwrap();
    let taken = [Pattern::parse("account.teams.create").unwrap()];
    tx.roles().set_override("account_owner", OverrideKind::Restrict, &taken).await.unwrap();
    tx.commit().await.unwrap();
    database.close().await;

    let marks = |said: &Said, name: &str| -> Vec<String> {
        let row = said.out.lines().find(|line| line.split(' ').next() == Some(name)).unwrap();
        row.split('|').skip(1).map(|mark| mark.trim().to_owned()).collect()
    };
    let said = ask(&folder, &["matrix", "--tenant", "harbour"]);
    assert_eq!((said.code, &*said.err), (0, ""), "{said:?}");
    assert_eq!(
        said.out.lines().next().unwrap().split('|').skip(1).map(str::trim).collect::<Vec<_>>(),
        ["account_owner", "platform_admin", "tenant_admin", "user", "porter"]
    );
    assert_eq!(marks(&said, "account.teams.create"), [".", "x", ".", ".", "."]);
    assert_eq!(marks(&said, "account.teams.read"), ["x", "x", "+", ".", "x"]);
    assert_eq!(ask(&folder, &["matrix", "--tenant", &harbour.to_string()]).out, said.out);

    let everywhere = ask(&folder, &["matrix"]);
    assert_eq!(marks(&everywhere, "account.teams.create"), ["x", "x", "+", "."]);
    let lagoon = ask(&folder, &["matrix", "--tenant", "lagoon"]);
    assert_eq!((lagoon.code, &lagoon.out), (0, &everywhere.out));
    assert!(lagoon.err.contains("the tenant lagoon changes no role"), "{lagoon:?}");
    let said = ask(&folder, &["matrix", "--tenant", "atlantis"]);
    assert_eq!((said.code, &*said.out, &*said.err), (1, "", "mono: tenant: there is no tenant atlantis\n"));
}

#[tokio::test]
async fn lint_looks_at_the_roles_of_each_stored_tenant() {
    let folder = demo();
    let database = database(&folder).await;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).read().await.unwrap();
    let (mut harbour, mut lagoon) = (None, None);
    for (slug, id) in [("harbour", &mut harbour), ("lagoon", &mut lagoon)] {
        let tenant = tx.tenants().find_by_slug(&Slug::parse(slug).unwrap()).await.unwrap();
        *id = Some(tenant.unwrap().id);
    }
    drop(tx);
    let caller = Caller::system_in(SystemReason::Seed, harbour.unwrap());
    let mut tx = database.tenant(&caller).write().await.unwrap();
    tx.roles().create(Role::new("boss").allow(["tenant.manage"]).inherit(["user"])).await.unwrap();
    tx.roles().create(Role::new("porter").allow(["account.teams.read"])).await.unwrap();
    tx.commit().await.unwrap();
    // As left from another catalogue.
    let caller = Caller::system_in(SystemReason::Seed, lagoon.unwrap());
    let mut tx = database.tenant(&caller).write().await.unwrap();
    tx.roles().create(Role::new("skipper").allow(["account.teams.read"])).await.unwrap();
    let taken = [Pattern::parse("account.teams.create").unwrap()];
    tx.roles().set_override("account_owner", OverrideKind::Restrict, &taken).await.unwrap();
    let gone = json!({"key": "skipper", "allow": ["tenant.boats.sail"], "parents": ["captain"]});
    sql!(tx, "UPDATE tenant_roles SET definition = $2 WHERE tenant_id = $1 AND key = 'skipper'", gone)
        .execute()
        .await
        .unwrap();
    sql!(tx, "UPDATE role_overrides SET role_key = 'sailor' WHERE tenant_id = $1").execute().await.unwrap();
    tx.commit().await.unwrap();
    database.close().await;
    let said = ask(&folder, &["lint"]);
    assert_eq!(said.code, 3, "{said:?}");
    let found = |line: &str| {
        let (place, rest) = line.split_once(": ").unwrap();
        format!("{place} {}", rest.rsplit_once(" [").unwrap().1.trim_end_matches(']'))
    };
    let expected = [
        "tenants[harbour].roles[0] broader_than_parents",
        "tenants[lagoon].roles[0].parents[0] unknown_role",
        "tenants[lagoon].overrides[0].role unknown_role",
        "tenants[lagoon].roles[0].allow[0] unknown_permission",
        "tenants[lagoon].roles[0] empty_role",
    ];
    assert_eq!(said.out.lines().map(found).collect::<Vec<_>>(), expected, "{}", said.out);
}

#[tokio::test]
async fn a_suspended_tenant_refuses_its_people() {
    let folder = demo();
    let database = database(&folder).await;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).write().await.unwrap();
    let harbour = tx.tenants().find_by_slug(&Slug::parse("harbour").unwrap()).await.unwrap().unwrap();
    tx.tenants().set_status(harbour.id, TenantStatus::Suspended).await.unwrap();
    tx.commit().await.unwrap();
    database.close().await;
    let tom = ["--user", "tom@harbour.example", "--tenant", "harbour", "--permission", "tenant.manage"];
    let said = ask(&folder, &[&["check"], &tom[..]].concat());
    assert_eq!((said.code, &*said.out), (3, "refused: tenant_suspended\n"));
}

#[test]
fn asking_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let tom =
        ["check", "--user", "tom@harbour.example", "--tenant", "harbour", "--permission", "tenant.manage"];
    let said = ask(&folder, &tom);
    assert_eq!(said.code, 1);
    assert!(said.err.starts_with("mono: cannot open the database (SQLite)"), "{said:?}");
    assert!(!data.exists());
    std::fs::create_dir(&data).unwrap();
    assert_eq!(ask(&folder, &tom).code, 1);
    assert_eq!(names(&data), [""; 0]);

    let folder = demo();
    let data = folder.path().join("data");
    std::fs::remove_file(data.join("root.key")).unwrap();
    let before = names(&data);
    assert_eq!(ask(&folder, &tom).code, 0, "no key is needed");
    assert_eq!(names(&data), before);
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
