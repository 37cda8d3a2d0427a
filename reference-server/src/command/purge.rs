//! `mono purge`

use crate::boot::open_existing;
use crate::config::Config;
use mono_core::Error;
use mono_core::text::Slug;
use mono_storage::db::Database;
use mono_storage::store::Purged;

#[derive(Debug, clap::Args)]
pub(super) struct PurgeArguments {
    /// Remove nothing; say what would be removed.
    #[arg(long, conflicts_with = "tenant")]
    dry_run: bool,
    /// Remove this archived tenant instead, with everything in it. On PostgreSQL this needs the owner's login.
    #[arg(long, value_name = "SLUG", requires = "confirm")]
    tenant: Option<Slug>,
    /// The same slug once more: nothing brings the tenant back.
    #[arg(long, value_name = "SLUG", requires = "tenant")]
    confirm: Option<Slug>,
}

pub(super) async fn run(config: &Config, arguments: &PurgeArguments) -> Result<(), Error> {
    let database = open_existing(config).await?;
    let result = match &arguments.tenant {
        Some(tenant) => remove(config, &database, tenant, arguments.confirm.as_ref()).await,
        None => purge(config, &database, arguments.dry_run).await,
    };
    database.close().await;
    result
}

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
async fn purge(config: &Config, database: &Database, dry_run: bool) -> Result<(), Error> {
    let Some(retention) = config.purge_after() else {
        println!("Nothing is purged: MONO_PURGE_AFTER_DAYS is 0.");
        return Ok(());
    };
    let (were, mut rows) = (if dry_run { "would be" } else { "were" }, 0);
    for Purged { tenant, table, removed, kept } in database.purge(database.now() - retention, dry_run).await?
    {
        rows += removed;
        println!("{tenant}: {removed} {table} {were} removed");
        if kept > 0 {
            println!("{tenant}: {kept} {table} stay, since something that is not deleted refers to them");
        }
    }
    let days = config.purge_after_days;
    println!("{rows} things that were deleted more than {days} days ago {were} removed for good.");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
async fn remove(
    config: &Config,
    database: &Database,
    tenant: &Slug,
    confirm: Option<&Slug>,
) -> Result<(), Error> {
    if confirm != Some(tenant) {
        let message = format!("nothing is removed: say --confirm {tenant} to remove the tenant {tenant}");
        return Err(Error::invalid("confirm", "not_confirmed", message));
    }
    let before = database.now() - config.purge_after().unwrap_or_default();
    for (table, rows) in database.purge_tenant(config.owner_url(), tenant, before).await? {
        println!("{tenant}: {rows} rows of {table} were removed");
    }
    println!("The tenant {tenant} was removed for good.");
    Ok(())
}
