//! `mono permission …` as an operator meets it: the real program, a policy file and a database.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use mono_core::caller::{Caller, SystemReason};
use mono_core::model::tenant::TenantStatus;
use mono_core::permission::{Explanation, OverrideKind, Pattern, Role};
use mono_core::text::Slug;
use mono_storage::db::{Database, DatabaseOptions};
use mono_storage::sql;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const POLICY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/policies/harbour.json");
const STARTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../mono-core/data/starter.json");
const HARBOUR: &str = "tenant:00000000-0000-0000-0000-00000000000a";
const MARINA: &str = "tenant:00000000-0000-0000-0000-00000000000b";
const COMPANY: &str =
    "tenant:00000000-0000-0000-0000-00000000000a/account:00000000-0000-0000-0000-0000000000a1";
const SUSPENDED: &str =
    "tenant:00000000-0000-0000-0000-00000000000a/account:00000000-0000-0000-0000-0000000000a2";

/// What the program said, and its exit code.
#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

/// Runs `mono` with nothing in its environment.
fn mono(arguments: &[&str], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_mono"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not want its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn permission(arguments: &[&str]) -> Said {
    mono(&[&["permission"], arguments].concat(), "")
}

/// Asks the example about one subject: the last digits of its id, or the key of a group.
fn question<'a>(verb: &'a str, subject: &'a str, name: &'a str, scope: &'a str) -> Vec<&'a str> {
    vec![verb, "--policy", POLICY, "--subject", subject, "--permission", name, "--scope", scope]
}

fn member(number: u128) -> String {
    format!("member:{}", uuid::Uuid::from_u128(number))
}

fn example() -> Value {
    serde_json::from_str(&std::fs::read_to_string(POLICY).unwrap()).unwrap()
}

/// The example with a change, in a file of its own.
fn changed(folder: &TempDir, change: impl FnOnce(&mut Value)) -> String {
    let mut policy = example();
    change(&mut policy);
    let file = folder.path().join("policy.json");
    std::fs::write(&file, policy.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

fn push(policy: &mut Value, list: &str, item: Value) {
    policy.pointer_mut(list).unwrap().as_array_mut().unwrap().push(item);
}

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
fn a_check_says_allowed_or_the_code_of_the_refusal() {
    let cases = [
        (member(2), "tenant.manage", HARBOUR, "allowed"),
        (member(2), "account.boats.update", COMPANY, "allowed"),
        (member(3), "tenant.members.invite", HARBOUR, "allowed"),
        (member(4), "tenant.members.invite", MARINA, "refused: no_grant"),
        (member(4), "tenant.invoices.create", MARINA, "refused: removed_by_override"),
        (member(3), "tenant.berths.read", MARINA, "refused: no_assignment"),
        (member(5), "account.boats.read", COMPANY, "allowed"),
        (member(5), "account.boats.update", COMPANY, "refused: denied"),
        (member(2), "tenant.invoices.delete", HARBOUR, "refused: denied"),
        (member(6), "account.boats.read", SUSPENDED, "refused: suspended"),
        (member(2), "tenant.reports.export", HARBOUR, "refused: feature_missing"),
        (member(2), "tenant.no.such", HARBOUR, "refused: unknown_permission"),
        (member(99), "tenant.manage", HARBOUR, "refused: no_assignment"),
        (member(7).replace("member", "api_key"), "tenant.berths.read", HARBOUR, "allowed"),
        (member(1).replace("member", "user"), "tenant.manage", MARINA, "allowed"),
    ];
    for (subject, name, scope, expected) in cases {
        let said = permission(&question("check", &subject, name, scope));
        let code = if expected == "allowed" { 0 } else { 3 };
        assert_eq!((said.out.trim_end(), said.code), (expected, code), "{subject} {name} {scope}: {said:?}");
        assert_eq!(said.err, "");
    }
}

#[test]
fn the_moment_decides_and_can_be_chosen() {
    let cases = [
        ("2040-04-30T23:59:59Z", "refused: not_yet"),
        ("2040-05-01T02:00:00+02:00", "allowed"),
        ("2040-09-30T23:59:59.999999Z", "allowed"),
        ("2040-10-01T00:00:00Z", "refused: expired"),
    ];
    for (at, expected) in cases {
        let asked = question("check", "group:watch", "tenant.berths.assign", HARBOUR);
        let said = permission(&[&asked[..], &["--at", at]].concat());
        assert_eq!(said.out.trim_end(), expected, "{at}");
    }
    // A member and its group are one principal.
    let clerk = member(3);
    let asked = question("check", &clerk, "tenant.berths.assign", HARBOUR);
    let season = ["--at", "2040-06-01T00:00:00Z"];
    assert_eq!(permission(&[&asked[..], &season].concat()).code, 3);
    assert_eq!(permission(&[&asked[..], &season, &["--subject", "group:watch"]].concat()).code, 0);
}

#[test]
fn an_explanation_is_a_sentence_with_its_facts() {
    let master = member(2);
    let said = permission(&question("explain", &master, "account.boats.read", COMPANY));
    let harbour_master = format!(
        "account.boats.read is allowed at {COMPANY} by the role harbour_master > skipper with account.* at {HARBOUR}.

permission   account.boats.read
scope        {COMPANY}
reason       allowed
roles        harbour_master > skipper
pattern      account.*
holds at     {HARBOUR}
"
    );
    assert_eq!((said.code, said.out), (0, harbour_master));

    let said = permission(&question("explain", &master, "tenant.invoices.delete", HARBOUR));
    assert_eq!(said.code, 3);
    assert!(said.out.contains("\nnote         the law asks for ten years of invoices\n"), "{said:?}");
}

#[test]
fn an_explanation_in_json_reads_back() {
    let clerk = member(4);
    let asked = question("explain", &clerk, "tenant.members.invite", MARINA);
    let said = permission(&[&asked[..], &["--json"]].concat());
    assert_eq!(said.code, 3);
    let explanation: Explanation = serde_json::from_str(&said.out).unwrap();
    assert_eq!(explanation.code(), "no_grant");
    assert_eq!(explanation.nearest.as_deref(), Some("tenant.members.read"));
    assert_eq!(explanation.roles, ["harbour_master", "platform_admin"]);

    // A pass as super admin is audited, but not at home.
    let ada = member(1).replace("member", "user");
    let asked = question("explain", &ada, "tenant.manage", MARINA);
    let audited = |more: &[&str]| {
        let said = permission(&[&asked[..], &["--json"], more].concat());
        serde_json::from_str::<Explanation>(&said.out).unwrap().audited
    };
    assert!(audited(&[]));
    assert!(!audited(&["--home", &MARINA["tenant:".len()..]]));
}

#[test]
fn a_deny_that_cannot_be_read_closes_everything_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let deny = json!({"subject": {"member": uuid::Uuid::from_u128(2)}, "pattern": "tenant..x",
        "effect": "deny", "scope": "platform"});
    let file = changed(&folder, |policy| push(policy, "/grants", deny));
    let master = member(2);
    let said = permission(&[
        "check",
        "--policy",
        &file,
        "--subject",
        &master,
        "--permission",
        "tenant.manage",
        "--scope",
        HARBOUR,
    ]);
    assert_eq!((said.code, &*said.out), (3, "refused: closed\n"));
    assert!(said.err.starts_with("mono: grants[2].pattern: "), "{said:?}");
}

#[test]
fn the_matrix_is_the_reviewed_one() {
    let tenant = &HARBOUR["tenant:".len()..];
    let said = permission(&["matrix", "--policy", POLICY, "--tenant", tenant]);
    let golden = include_str!("golden/permission_matrix.txt");
    assert_eq!(said.out, golden, "if the change is wanted, put this into tests/golden/permission_matrix.txt");
    assert_eq!(said.code, 0);

    let said = permission(&["matrix", "--policy", POLICY]);
    assert!(!said.out.contains("night_watch"), "a custom role is in its tenant only");
    let other = member(9).replace("member:", "");
    let said = permission(&["matrix", "--policy", POLICY, "--tenant", &other]);
    assert!(said.err.contains("changes no role"), "{said:?}");
    let said = permission(&["matrix", "--policy", POLICY, "--tenant", "harbour"]);
    let expected = "mono: tenant: in a policy file tenants have ids and no slugs\n";
    assert_eq!((said.code, &*said.out, &*said.err), (1, "", expected));
}

#[test]
fn who_can_names_subjects_as_they_are_typed() {
    let asked = ["who-can", "--policy", POLICY, "--permission", "tenant.berths.read", "--scope", HARBOUR];
    let said = permission(&asked);
    let expected =
        [member(2), member(3), member(1).replace("member", "user"), member(7).replace("member", "api_key")];
    assert_eq!(said.out.lines().collect::<Vec<_>>(), expected);
    let said = permission(&[&asked[..], &["--at", "2040-06-01T00:00:00Z"]].concat());
    assert!(said.out.ends_with("\ngroup:watch\n"), "{said:?}");

    let asked = |file: &str, name: &str| {
        permission(&["who-can", "--policy", file, "--permission", name, "--scope", SUSPENDED])
    };
    // What is suspended is open to the super admin only, unless the platform itself is closed.
    let ada = member(1).replace("member", "user");
    assert_eq!(asked(POLICY, "account.boats.update").out.trim_end(), ada);
    let folder = tempfile::tempdir().unwrap();
    let file = changed(&folder, |policy| push(policy, "/suspended", json!("platform")));
    let said = asked(&file, "account.boats.update");
    assert_eq!((said.code, &*said.out), (0, ""));
    assert_eq!(said.err, "mono: nobody that the policy names may do this\n");

    let said = asked(POLICY, "account.boat.update");
    assert_eq!(said.code, 1, "a misspelt name is not a permission that nobody has");
    assert_eq!(said.err, "mono: permission: the catalogue has no permission account.boat.update\n");
}

#[test]
fn lint_has_nothing_to_say_about_the_example_and_finds_what_is_planted() {
    let said = permission(&["lint", "--policy", POLICY, "--at", "2030-01-01T00:00:00Z"]);
    assert_eq!((said.code, &*said.out, &*said.err), (0, "", ""));

    let folder = tempfile::tempdir().unwrap();
    let file = changed(&folder, |policy| {
        let master = json!({"member": uuid::Uuid::from_u128(2)});
        push(policy, "/roles", json!({"key": "ghost", "allow": ["tenant.boats.*"]}));
        push(
            policy,
            "/tenant_roles/0/roles",
            json!({"key": "head", "allow": ["tenant.manage"], "parents": ["clerk"]}),
        );
        push(policy, "/tenant_roles/0/roles", json!({"key": "typo", "allow": ["tenant.be*"]}));
        push(policy, "/assignments", json!({"subject": master, "role": "admiral", "scope": HARBOUR}));
        push(policy, "/assignments", json!({"role": "head", "scope": HARBOUR}));
        push(policy, "/assignments", json!({"subject": master, "role": "harbour_master", "scope": COMPANY}));
        // The same role of somebody else does not stand in its way.
        push(
            policy,
            "/assignments",
            json!({"subject": {"group": "x"}, "role": "harbour_master", "scope": COMPANY}),
        );
        push(
            policy,
            "/assignments",
            json!({"subject": {"group": "x"}, "role": "typo", "scope": HARBOUR, "ends_at": "2029-01-01T00:00:00Z"}),
        );
        push(
            policy,
            "/grants",
            json!({"subject": master, "pattern": "tenant..x", "effect": "allow", "scope": HARBOUR}),
        );
        push(
            policy,
            "/grants",
            json!({"subject": master, "pattern": "tenant.boats.*", "effect": "allow", "scope": HARBOUR}),
        );
    });
    let said = permission(&["lint", "--policy", &file, "--at", "2030-01-01T00:00:00Z"]);
    let found = |line: &str| {
        let (place, rest) = line.split_once(": ").unwrap();
        let (_, code) = rest.rsplit_once(" [").unwrap();
        format!("{place} {}", code.trim_end_matches(']'))
    };
    let expected = [
        "tenant_roles[0].roles[2].allow[0] invalid_pattern",
        "assignments[7].role unknown_role",
        "grants[2].pattern invalid_pattern",
        "roles[5].allow[0] unknown_permission",
        "roles[5] empty_role",
        "roles[5] unused_role",
        "tenant_roles[0].roles[1] broader_than_parents",
        "tenant_roles[0].roles[2] empty_role",
        "assignments[8] no_subject",
        "assignments[9] shadowed",
        "assignments[11] never_matches",
        "grants[3] never_matches",
    ];
    assert_eq!(said.out.lines().map(found).collect::<Vec<_>>(), expected, "{}", said.out);
    assert_eq!(said.code, 3);
}

#[test]
fn a_file_with_many_faults_lists_them_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = changed(&folder, |policy| {
        policy["format"] = json!(2);
        policy["surprise\u{1b}[2J"] = json!(true);
        policy["suspended"] = json!("everything");
        push(policy, "/grants", json!({"pattern": "tenant.*", "effect": "per\nhaps", "scope": HARBOUR}));
        push(policy, "/guardrails", json!({"pattern": "tenant.*", "scope": "everywhere"}));
    });
    let places = ["suspended: ", "grants[2]: ", "guardrails[1]: ", "surprise\\u{1b}[2J: ", "format: "];
    let said = permission(&["matrix", "--policy", &file]);
    assert_eq!((said.code, &*said.out), (1, ""));
    assert_eq!(said.err.lines().count(), 1 + places.len(), "{said:?}");
    let said_by_lint = permission(&["lint", "--policy", &file]);
    assert_eq!((said_by_lint.code, &*said_by_lint.err), (3, ""));
    assert_eq!(said_by_lint.out.lines().count(), places.len(), "{said_by_lint:?}");
    for place in places {
        assert!(said.err.lines().any(|line| line.trim_start().starts_with(place)), "{place} {said:?}");
        assert!(said_by_lint.out.lines().any(|line| line.starts_with(place)), "{place} {said_by_lint:?}");
    }

    // What is well-formed but makes no sense is listed too, all of it.
    let file = changed(&folder, |policy| {
        push(policy, "/catalogue/permissions", json!({"name": "tenant.manage"}));
        push(
            policy,
            "/roles",
            json!({"key": "odd", "allow": ["tenant.nothing.here", "ten*"], "parents": ["odd"]}),
        );
    });
    let said = permission(&["matrix", "--policy", &file]);
    assert_eq!(said.code, 1);
    for word in ["in the catalogue twice", "tenant.nothing.here", "roles[5].allow[1]", "odd > odd"] {
        assert!(said.err.contains(word), "{word} {said:?}");
    }
}

#[test]
fn hostile_input_gets_a_clear_line_and_its_exit_code() {
    let rest = ["--subject", "group:watch", "--permission", "tenant.manage", "--scope", HARBOUR];
    let with =
        |from: &str, to: &str| rest.map(|word| if word == from { to.to_owned() } else { word.to_owned() });
    let wrong_use = [
        (with(HARBOUR, "everywhere"), "error: invalid value 'everywhere' for '--scope"),
        (with(HARBOUR, "tenant:1"), "error: invalid value 'tenant:1' for '--scope"),
        (with(HARBOUR, ""), "error: invalid value '' for '--scope"),
        (with("tenant.manage", "tenant.*"), "error: invalid value 'tenant.*' for '--permission"),
        (with("tenant.manage", "Tenant.manage"), "error: invalid value 'Tenant.manage' for '--permission"),
        (with("group:watch", "watch"), "error: invalid value 'watch' for '--subject"),
        (with("group:watch", "member:7"), "error: invalid value 'member:7' for '--subject"),
        (with("--scope", "--user"), "error: invalid value"),
    ];
    for (words, expected) in wrong_use {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = permission(&[&["check", "--policy", POLICY], &words[..]].concat());
        assert_eq!((said.code, &*said.out), (2, ""), "{said:?}");
        assert!(said.err.starts_with(expected), "{expected} {said:?}");
    }
    for words in [&["--at", "yesterday"][..], &["--user", "tom@harbour.example"], &["--tenant", "harbour"]] {
        assert_eq!(
            permission(&[&["check", "--policy", POLICY], &rest[..], words].concat()).code,
            2,
            "{words:?}"
        );
    }
    for words in [&["check"][..], &["matrix", "--tenant", "Har bour"], &["who-can"], &["guess"], &[]] {
        assert_eq!(permission(words).code, 2, "{words:?}");
    }

    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("binary");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    for file in [&*folder.path().join("missing"), folder.path(), &*binary] {
        for verb in [&["check"], &["lint"]] {
            let more = if verb == &["check"] { &rest[..] } else { &[] };
            let said = permission(&[&verb[..], &["--policy", file.to_str().unwrap()], more].concat());
            assert_eq!((said.code, &*said.out, said.err.lines().count()), (1, "", 1), "{said:?}");
            assert!(said.err.contains("cannot be read: "), "{said:?}");
        }
    }
    let deep = "[".repeat(100_000);
    for text in ["", "no json", "{\"format\": 1,}", "[]", "null", &deep] {
        let asked = [&["permission", "check", "--policy", "-"], &rest[..]].concat();
        let said = mono(&asked, text);
        assert_eq!((said.code, &*said.out, said.err.lines().count()), (1, "", 1), "{said:?}");
        let said = mono(&["permission", "lint", "--policy", "-"], text);
        assert_eq!((said.code, &*said.err, said.out.lines().count()), (3, "", 1), "{said:?}");
    }
    let said = mono(&["permission", "matrix", "--policy", "-"], &example().to_string());
    assert_eq!(said.code, 0, "a policy comes through the standard input: {said:?}");
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
