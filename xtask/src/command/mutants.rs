//! `cargo xtask mutants`: takes the walls between tenants down, one after the other, and sees that a test falls with each.
//!
//! Each is taken down in a copy of the last commit, never in the working tree.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::{Context, Failure, Result};
use crate::output::say;
use crate::process::{Group, run as run_command};
use crate::services::Services;
use crate::step::Steps;
use crate::stop::Stop;
use crate::workspace::{cargo, root};

/// A wall, and how it is taken down.
struct Mutant {
    name: &'static str,
    /// What has to find it: a test by its name, on PostgreSQL, or the compiler.
    by: &'static str,
    /// File, what stands there, and what stands there instead.
    edits: &'static [(&'static str, &'static str, &'static str)],
}

const DATABASE: &str = "mono-storage/src/db/database.rs";
const PREDICATE: &str = "mono-storage/src/db/predicate.rs";
const ACCOUNTS: &str = "mono-storage/src/store/accounts.rs";
const MIGRATION: &str = "mono-storage/migrations/postgres/0001_foundation.sql";
const OWN_TABLES: &str = "mono-storage/migrations/postgres/0004_own_tables.sql";

const ONE_ACCOUNT: &str = " FROM accounts WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL\"";
const ANY_ACCOUNT: &str = " FROM accounts WHERE ($1 IS NOT NULL) AND id = $2 AND deleted_at IS NULL\"";
const NO_CHECK: (&str, &str, &str) = (
    PREDICATE,
    "    let text = sql.as_bytes();",
    "    if !sql.is_empty() { return Ok(()); }\n    let text = sql.as_bytes();",
);

const MUTANTS: &[Mutant] = &[
    Mutant {
        by: "isolation::postgres::no_connection_keeps_a_tenant",
        name: "the tenant stays on the connection, as after set_config(..., false)",
        edits: &[(DATABASE, "; SET LOCAL app.current_tenant_id", "; SET app.current_tenant_id")],
    },
    Mutant {
        by: COMPILER,
        name: "a statement lost its predicate",
        edits: &[(ACCOUNTS, ONE_ACCOUNT, ANY_ACCOUNT)],
    },
    Mutant {
        by: "isolation::sqlite::a_foreign_id_is_as_unknown_as_one_that_nobody_has",
        name: "a statement lost its predicate, and the compiler does not look",
        edits: &[NO_CHECK, (ACCOUNTS, ONE_ACCOUNT, ANY_ACCOUNT)],
    },
    Mutant {
        by: "db::predicate::tests::statements_that_could_reach_another_tenant_are_refused",
        name: "the compiler does not look",
        edits: &[NO_CHECK],
    },
    Mutant {
        by: "isolation::postgres::a_forgotten_predicate_meets_the_second_wall",
        name: "row-level security is off",
        edits: &[(MIGRATION, "%I ENABLE ROW LEVEL", "%I DISABLE ROW LEVEL")],
    },
    Mutant {
        by: "start::postgres::a_clean_database_has_no_findings",
        name: "row-level security does not bind the owner",
        edits: &[(MIGRATION, "%I FORCE ROW LEVEL", "%I NO FORCE ROW LEVEL")],
    },
    Mutant {
        by: "isolation::postgres::a_forgotten_predicate_meets_the_second_wall",
        name: "the policy lets everything be read",
        edits: &[(
            MIGRATION,
            "USING (tenant_id = (SELECT NULLIF(current_setting(''app.current_tenant_id'', true), '''')::uuid))",
            "USING (true)",
        )],
    },
    Mutant {
        by: "own_tables::postgres::protecting_a_table_once_more_mends_it",
        name: "the tables of an application have no row-level security",
        edits: &[(OWN_TABLES, "%s ENABLE ROW LEVEL", "%s DISABLE ROW LEVEL")],
    },
    Mutant {
        by: "start::postgres::a_clean_database_has_no_findings",
        name: "a second policy opens the tables",
        edits: &[(
            MIGRATION,
            "POLICY platform_access ON %I TO mono_platform",
            "POLICY platform_access ON %I",
        )],
    },
];

/// The finder of what does not compile.
const COMPILER: &str = "the compiler";

/// The tests that a mutant has to get past; all of them run, whatever fails.
const TESTS: &[&str] = &[
    "test",
    "--no-fail-fast",
    "--package",
    "mono-storage",
    "--all-features",
    "--lib",
    "--test",
    "suite",
    "--",
    "predicate",
    "isolation",
    "own_tables",
    "start",
    "accounts",
];

/// Runs the tests without a mutant, then with each. Fails where one is not found.
pub(crate) fn run(steps: &mut Steps, stop: &Stop) -> Result<()> {
    let mut services = steps.step("start services", || Services::start(stop))?;
    let result = all(&mut services, steps, stop);
    result.and(steps.step("stop services", || services.stop()))
}

fn all(services: &mut Services, steps: &mut Steps, stop: &Stop) -> Result<()> {
    let copy = root().join("target/mutants");
    let path = copy.to_str().ok_or_else(|| Failure::setup("the path of the workspace is no text"))?;
    // What a run that was cut off left behind.
    let _ = git(&["worktree", "remove", "--force", path], stop);
    steps.step("copy the last commit", || git(&["worktree", "add", "--detach", path, "HEAD"], stop))?;
    let mut survivors = Vec::new();
    let outcome = (|| {
        steps.step("without a mutant", || tests(services, &copy, stop))?;
        for mutant in MUTANTS {
            mutant.apply(&copy)?;
            let finders = match tests(services, &copy, stop) {
                Ok(()) => Vec::new(),
                Err(_) => finders(&said(&copy)?),
            };
            stop.check()?;
            let found = finders.iter().any(|finder| finder == mutant.by);
            let others = finders.join(", ");
            let verdict = if found { "found by" } else { "NOT FOUND by" };
            say(&format!("mutant: {}: {verdict} {}; all finders: {others}", mutant.name, mutant.by));
            let _ = steps.step(mutant.name, || if found { Ok(()) } else { Err(Failure::new("not found")) });
            if !found {
                survivors.push(mutant.name);
            }
            run_command(Command::new("git").args(["checkout", "--quiet", "."]).current_dir(&copy), stop)?;
        }
        Ok(())
    })();
    let _ = git(&["worktree", "remove", "--force", path], stop);
    outcome?;
    if survivors.is_empty() {
        say(&format!("mutants: {} of {} were found", MUTANTS.len(), MUTANTS.len()));
        return Ok(());
    }
    Err(Failure::new(format!("not found: {}", survivors.join("; "))))
}

impl Mutant {
    fn apply(&self, copy: &Path) -> Result<()> {
        for (file, from, to) in self.edits {
            let path = copy.join(file);
            let text = fs::read_to_string(&path).context(format_args!("cannot read {file}"))?;
            if !text.contains(from) {
                return Err(Failure::new(format!("{}: {file} holds no `{from}` any more", self.name)));
            }
            fs::write(&path, text.replace(from, to)).context(format_args!("cannot write {file}"))?;
        }
        Ok(())
    }
}

/// Runs the tests. What they and the compiler say goes into a file.
fn tests(services: &mut Services, copy: &Path, stop: &Stop) -> Result<()> {
    let path = copy.with_extension("txt");
    let file = fs::File::create(&path).context(format_args!("cannot write {}", path.display()))?;
    let errors = file.try_clone().context("cannot write twice")?;
    let mut command = cargo();
    command.args(TESTS).current_dir(copy).env("CARGO_TARGET_DIR", root().join("target/mutants-build"));
    services.run(command.stdout(file).stderr(errors), stop)
}

/// What the tests said.
fn said(copy: &Path) -> Result<String> {
    fs::read_to_string(copy.with_extension("txt")).context("cannot read what the tests said")
}

/// Who found something, in what the tests said: tests by their names, or the compiler.
fn finders(said: &str) -> Vec<String> {
    let failed = said.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(" ... FAILED"));
    let compiler = said.contains("error: could not compile").then_some(COMPILER);
    failed.chain(compiler).map(str::to_owned).collect()
}

fn git(arguments: &[&str], stop: &Stop) -> Result<()> {
    Group::spawn(Command::new("git").args(arguments).current_dir(root()))?.wait(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_found_something_is_told_by_name() {
        let said = "test one::postgres ... ok\ntest two::postgres ... FAILED\nfailures:\n    two::postgres\n";
        assert_eq!(finders(said), ["two::postgres"]);
        assert_eq!(
            finders("error: could not compile `mono-storage` (lib) due to 1 previous error"),
            [COMPILER]
        );
        assert_eq!(finders("error: cannot connect"), [""; 0]);
    }

    #[test]
    fn every_mutant_finds_its_place() {
        for mutant in MUTANTS {
            for (file, from, to) in mutant.edits {
                let text = fs::read_to_string(root().join(file)).unwrap();
                assert!(text.contains(from) && from != to, "{}: {file}: {from}", mutant.name);
            }
        }
    }
}
