//! Subjects and roles of a policy file.

use super::{COMPANY, HARBOUR, MARINA, POLICY, SUSPENDED, mono, permission};
use mono_core::permission::Explanation;
use serde_json::{Value, json};
use tempfile::TempDir;

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
    let golden = include_str!("../golden/permission_matrix.txt");
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
