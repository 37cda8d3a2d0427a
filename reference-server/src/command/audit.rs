//! `mono audit`

use crate::boot::open_existing;
use crate::config::Config;
use crate::master_key;
use clap::Subcommand;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::TenantId;
use mono_core::text::Slug;
use mono_core::time::{NaiveDate, NaiveTime};
use mono_core::{Error, ErrorKind};
use mono_storage::db::Database;
use std::process::ExitCode;

#[derive(Debug, Subcommand)]
pub(super) enum AuditAction {
    /// Follow the chain of each log, and name the first entry that is not as it was written; exit code 1 if there is one.
    Verify {
        /// This tenant only [default: every tenant, and the platform's own log].
        #[arg(long, value_name = "SLUG")]
        tenant: Option<Slug>,
        /// The end of the tenant's log as it was printed earlier: finds that the newest entries were cut off.
        #[arg(long, value_name = "SEQUENCE:HASH", requires = "tenant")]
        end: Option<String>,
    },
    /// Remove entries that are older than a day, and leave a mark from which the rest is verified. On PostgreSQL this
    /// needs the owner's login.
    Prune {
        /// The first day that is kept, in UTC: 2026-01-31.
        #[arg(long, value_name = "DATE")]
        before: NaiveDate,
        /// This tenant only [default: every tenant, and the platform's own log].
        #[arg(long, value_name = "SLUG")]
        tenant: Option<Slug>,
    },
}

pub(super) async fn run(config: &Config, action: &AuditAction) -> Result<ExitCode, Error> {
    let database = open_existing(config).await?;
    if master_key::load(config)?.is_none() {
        let folder = config.data_directory.display();
        tracing::warn!("there is no root key in {folder}: what was written with one cannot be verified");
    }
    let result = match action {
        AuditAction::Verify { tenant, end } => verify(&database, tenant.as_ref(), end.as_deref()).await,
        AuditAction::Prune { before, tenant } => prune(config, &database, *before, tenant.as_ref()).await,
    };
    database.close().await;
    result
}

/// The logs that are meant, with their names.
async fn logs(database: &Database, tenant: Option<&Slug>) -> Result<Vec<(String, Option<TenantId>)>, Error> {
    let system = Caller::system(SystemReason::Inspection);
    let mut tx = database.platform(&system).read().await?;
    if let Some(slug) = tenant {
        let found = tx.tenants().find_by_slug(slug).await?;
        let found = found.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "tenant_not_found", format!("there is no tenant {slug}"))
        })?;
        return Ok(vec![(slug.to_string(), Some(found.id))]);
    }
    let tenants = tx.tenants().all().await?;
    let tenants = tenants.into_iter().map(|tenant| (tenant.slug.to_string(), Some(tenant.id)));
    Ok(std::iter::once(("the platform".to_owned(), None)).chain(tenants).collect())
}

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
pub(super) async fn verify(
    database: &Database,
    tenant: Option<&Slug>,
    end: Option<&str>,
) -> Result<ExitCode, Error> {
    let end = end.map(parse_end).transpose()?;
    let system = Caller::system(SystemReason::Inspection);
    let mut code = ExitCode::SUCCESS;
    for (name, log) in logs(database, tenant).await? {
        let mut tx = database.platform(&system).read().await?;
        let report = tx.verify_audit(log).await?;
        if let Some(broken) = report.broken {
            println!("{name}: BROKEN at {broken}");
            code = ExitCode::FAILURE;
            continue;
        }
        let older = match report.unchained {
            0 => String::new(),
            count => format!(", {count} from before the chain"),
        };
        println!("{name}: whole, {} entries{older}, end {}:{}", report.entries, report.sequence, report.hash);
        if let Some((sequence, hash)) = end {
            match tx.audit_holds(log, sequence, hash).await? {
                Some(true) => println!("{name}: entry {sequence} is the one that was noted"),
                Some(false) => {
                    println!("{name}: BROKEN, entry {sequence} is not the one that was noted");
                    code = ExitCode::FAILURE;
                }
                None => {
                    println!("{name}: entry {sequence} was removed after its time and cannot be compared");
                }
            }
        }
    }
    Ok(code)
}

fn parse_end(text: &str) -> Result<(i64, &str), Error> {
    let parts = text.split_once(':').and_then(|(sequence, hash)| Some((sequence.parse().ok()?, hash)));
    parts.ok_or_else(|| {
        Error::invalid("end", "invalid_end", "the end of a log is a number, a colon and a hash")
    })
}

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
async fn prune(
    config: &Config,
    database: &Database,
    before: NaiveDate,
    tenant: Option<&Slug>,
) -> Result<ExitCode, Error> {
    let before = before.and_time(NaiveTime::MIN).and_utc();
    for (name, log) in logs(database, tenant).await? {
        let removed = database.prune_audit(config.owner_url(), log, before).await?;
        println!("{name}: {removed} entries were removed");
    }
    Ok(ExitCode::SUCCESS)
}
