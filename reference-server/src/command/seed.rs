//! `mono seed FILE`

use crate::boot::boot;
use crate::config::Config;
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_core::seed::Seed;
use std::path::Path;

#[expect(clippy::print_stdout, reason = "a command speaks to the person who called it")]
pub(super) async fn run(config: &Config, file: &Path) -> Result<(), Error> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Error::invalid("file", "unreadable", format!("{} cannot be read", file.display())).with_source(error)
    })?;
    let seed = Seed::parse(&text).map_err(Error::validation)?;
    let app = boot(config).await?;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = app.database.platform(&system).write().await?;
    tx.catalogue().save(&seed).await?;
    tx.commit().await?;
    app.database.close().await;
    println!(
        "{} {}: {} permissions, {} roles, {} features, {} limits and {} plans are in {}.",
        seed.name,
        seed.version,
        seed.engine.catalogue().permissions.len(),
        seed.engine.roles().len(),
        seed.plans.features().len(),
        seed.plans.limits().len(),
        seed.plans.plans().len(),
        app.database.system(),
    );
    Ok(())
}
