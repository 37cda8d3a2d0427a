//! The start: the only place where implementations are chosen.

use crate::app::App;
use crate::config::Config;
use crate::{demo, key_file};
use mono_auth::Authenticator;
use mono_core::caller::{Caller, SystemReason};
use mono_core::seed::Seed;
use mono_core::{Error, ErrorKind};
use mono_storage::db::{Database, DatabaseOptions, migrate};
use std::path::Path;

/// Makes the data folder, brings the tables up to date, proves the isolation, and gives an empty database its first
/// catalogue and demo.
///
/// # Errors
/// What stops the start, as a sentence for the operator.
pub async fn boot(config: &Config) -> Result<App, Error> {
    make_private_folder(&config.data_directory)?;
    let options = config.database()?;
    update_tables(config, &options).await?;
    let database = Database::connect(&options).await?;
    let keys = key_file::load_or_create(&config.data_directory, database.random())?;
    let authenticator = Authenticator::new(database.clone(), &keys)?;
    seed_starter(&database).await?;
    authenticator.check_catalogue().await?;
    demo::seed(config, &database, &authenticator).await?;
    Ok(App { database, authenticator })
}

/// Brings the tables up to date: always for the embedded database, on PostgreSQL where the owner's login is given.
pub(crate) async fn update_tables(config: &Config, options: &DatabaseOptions) -> Result<(), Error> {
    if options.is_embedded() || config.owner_url().is_some() {
        migrate(options, config.owner_url()).await?;
    }
    Ok(())
}

/// A folder that holds the signing key is for nobody else to read.
pub(crate) fn make_private_folder(folder: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| {
        let message = format!("the data folder {} cannot be made: {error}", folder.display());
        Error::invalid("data_directory", "unwritable", message).with_source(error)
    })
}

async fn seed_starter(database: &Database) -> Result<(), Error> {
    let system = Caller::system(SystemReason::Seed);
    let mut tx = database.platform(&system).write().await?;
    if tx.catalogue().load().await?.permissions.is_empty() {
        let seed = Seed::parse(Seed::STARTER).map_err(|problems| {
            Error::new(ErrorKind::Internal, "starter_broken", "the built-in catalogue is broken")
                .with_source(Error::validation(problems))
        })?;
        tx.catalogue().save(&seed).await?;
    }
    tx.commit().await
}
