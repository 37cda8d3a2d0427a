//! `mono doctor`: looks whether an installation is whole, and changes nothing. What is wrong is told with its remedy.

mod surroundings;

use super::Command;
use crate::boot::open_without_key;
use crate::config::Loaded;
use crate::master_key;
use mono_auth::{Authenticator, KeyRing};
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_storage::db::Database;
use std::process::ExitCode;

pub(super) async fn run(loaded: &Loaded<Command>) -> ExitCode {
    let config = &loaded.command.config;
    let mut report = Report { whole: true };
    for remark in &loaded.remarks {
        report.remark(remark);
    }
    let problems = loaded.all_problems(config);
    if problems.is_empty() {
        report.tell("settings", Ok("go together"));
    }
    for problem in problems {
        report.tell("setting", Err(&Error::validation(vec![problem])));
    }
    surroundings::check(config, &mut report).await;
    let keys = master_key::require(config);
    report.tell("key file", keys.as_ref().map(|_| "is there, and nobody else may read it"));
    match open_without_key(config).await {
        Ok(database) => {
            report.tell("database", Ok(&format!("{} answers", database.system())));
            report.tell("migrations", Ok("are those of this program"));
            let proof = match database.system() {
                "SQLite" => "is the work of the program alone: SQLite has no roles and no policies",
                _ => "is whole",
            };
            report.tell("isolation", Ok(proof));
            if let Ok(keys) = &keys {
                let known = master_key::require_known(config, &database, keys).await;
                report.tell("master key", known.as_ref().map(|()| "is the one that the database knows"));
            }
            report.tell("catalogue", catalogue(&database, keys.ok()).await.as_ref().map(|()| "is complete"));
            let counters = counters(&database).await;
            report.tell("counters", counters.as_ref().map(String::as_str));
            surroundings::check_database(&database, &mut report).await;
            database.close().await;
        }
        Err(error) => {
            let what = match error.code() {
                "schema_out_of_date" => "migrations",
                "isolation_not_whole" => "isolation",
                _ => "database",
            };
            report.tell(what, Err(&error));
            report.say("nothing else can be asked of the database before that is mended");
        }
    }
    if report.whole { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What was found.
pub(super) struct Report {
    whole: bool,
}

impl Report {
    fn tell(&mut self, what: &str, found: Result<&str, &Error>) {
        match found {
            Ok(words) => self.say(&format!("ok      {what} {words}")),
            Err(error) => {
                self.whole = false;
                self.say(&format!("FAILED  {what}: {}", super::sentence(error)));
            }
        }
    }

    /// Something that is odd, and need not be wrong.
    fn remark(&self, line: &str) {
        self.say(&format!("remark  {line}"));
    }

    #[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
    #[expect(clippy::unused_self, reason = "what is said belongs to the report")]
    fn say(&self, line: &str) {
        println!("{line}");
    }
}

async fn catalogue(database: &Database, keys: Option<KeyRing>) -> Result<(), Error> {
    // The catalogue has nothing to do with the key: where that is broken, any other does.
    let mut other = vec![0_u8; KeyRing::ROOT_BYTES];
    database.random().fill(&mut other);
    let keys = keys.map_or_else(|| KeyRing::new(other), Ok)?;
    Authenticator::new(database.clone(), &keys)?.check_catalogue().await
}

/// Counts as `mono recount` does, and undoes what it would mend.
async fn counters(database: &Database) -> Result<String, Error> {
    let system = Caller::system(SystemReason::Recount);
    let tenants = database.platform(&system).read().await?.tenants().all().await?;
    let mut drifts = Vec::new();
    for tenant in &tenants {
        let system = Caller::system_in(SystemReason::Recount, tenant.id);
        let mut tx = database.tenant(&system).write().await?;
        for drift in tx.recount().await? {
            drifts.push(format!("{}: {} is {}, not {}", tenant.slug, drift.limit, drift.rows, drift.counted));
        }
        tx.rollback().await?;
    }
    if drifts.is_empty() {
        return Ok(format!("of {} tenants agree with what they count", tenants.len()));
    }
    let message = format!("{} (`mono recount` mends them)", drifts.join("; "));
    Err(Error::new(mono_core::ErrorKind::Internal, "counters_drifted", message))
}
