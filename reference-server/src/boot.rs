//! The start: the only place where implementations are chosen.

use crate::app::App;
use crate::config::Config;
use crate::health::Lifecycle;
use crate::layer::rate_limit::RateLimiting;
use crate::{demo, master_key};
use mono_auth::mail::Mailer;
use mono_auth::{Authenticator, KeyRing, Purpose};
use mono_core::caller::{Caller, SystemReason};
use mono_core::seed::Seed;
use mono_core::{Error, ErrorKind};
use mono_storage::db::{Database, DatabaseOptions, Migration, migrate, migrate_application};
use mono_storage::rate_limit::RateLimiter;
use mono_storage::redis::Redis;
use secrecy::ExposeSecret;
use std::fs::{File, TryLockError};
use std::sync::Arc;
use std::time::Instant;

/// Makes the data folder, brings the tables up to date, proves the isolation, and gives an empty database its first
/// catalogue and demo.
///
/// # Errors
/// What stops the start, as a sentence for the operator.
pub async fn boot(config: &Config) -> Result<App, Error> {
    start(config, None).await
}

/// Boots a server with tables of an application: they are brought up to date after those of mono, and the proof of the
/// isolation looks at them too.
///
/// # Errors
/// As [`boot`], and where the application's tables cannot be brought up to date.
pub async fn boot_application(
    config: &Config,
    application: &str,
    migrations: &[Migration],
) -> Result<App, Error> {
    start(config, Some((application, migrations))).await
}

async fn start(config: &Config, application: Option<(&str, &[Migration])>) -> Result<App, Error> {
    let mut phases = Phases::begin();
    config.check()?;
    make_private_folder(config)?;
    let (options, redis) = (config.database()?, config.redis()?);
    phases.done("settings");
    // Without an owner's login the tables of PostgreSQL are the work of `mono migrate`.
    if options.is_embedded() || config.owner_url().is_some() {
        update_tables(config, &options).await?;
        if let Some((name, migrations)) = application {
            migrate_application(&options, config.owner_url(), name, migrations).await?;
        }
        phases.done("tables");
    }
    let database =
        Database::connect(&options).await.map_err(|error| unreachable("the database", &options, error))?;
    if let Some((name, migrations)) = application {
        database.require_application(name, migrations).await?;
    }
    phases.done("database and its isolation");
    let redis = match redis {
        // It need not be there: until it is, this server does without.
        Some(options) => Some(Redis::connect(&options).await?),
        None => None,
    };
    let database = match &redis {
        Some(redis) => database.with_redis(redis),
        None => database,
    };
    if redis.is_some() {
        phases.done("Redis");
    }
    let keys = master_key::load_for(config, &database).await?;
    let database = with_audit_keys(database, &keys)?;
    phases.done("keys");
    let authenticator = Authenticator::new(database.clone(), &keys)?
        .with_links(config.links()?)
        .with_settings(config.auth.settings(config.sign_up))?
        .with_environment(&keys, config.environment)?
        .with_algorithm(&keys, config.token_algorithm)?;
    let (transport, from) = config.mail()?;
    let mailer = Mailer::new(authenticator.clone(), transport, from)?;
    phases.done("mail");
    seed_starter(&database).await?;
    authenticator.check_catalogue().await?;
    demo::seed(config, &database, &authenticator).await?;
    phases.done("catalogue");
    Ok(App {
        rate_limits: rate_limiting(config, redis, &database)?,
        http: Arc::new(config.http()),
        lifecycle: Arc::new(Lifecycle::after(phases.began, phases.took)),
        trusted_proxies: Arc::new(config.trusted_proxies.clone().unwrap_or_default()),
        ..App::new(database, authenticator, mailer)
    })
}

/// How long each part of the start took.
struct Phases {
    began: Instant,
    last: Instant,
    took: Vec<String>,
}

impl Phases {
    fn begin() -> Self {
        let now = Instant::now();
        Self { began: now, last: now, took: Vec::new() }
    }

    /// Ends a part, and begins the next.
    fn done(&mut self, phase: &str) {
        tracing::debug!(phase, "done");
        self.took.push(format!("{phase} {} ms", self.last.elapsed().as_millis()));
        self.last = Instant::now();
    }
}

/// The limits with what counts, unless they are switched off.
fn rate_limiting(
    config: &Config,
    redis: Option<Redis>,
    database: &Database,
) -> Result<Option<Arc<RateLimiting>>, Error> {
    let Some(limits) = config.rate_limits()? else { return Ok(None) };
    let limiter = match redis {
        Some(redis) => RateLimiter::shared(RateLimiter::CLIENTS, redis, database.random()),
        None => RateLimiter::local(RateLimiter::CLIENTS),
    };
    Ok(Some(Arc::new(RateLimiting { limits, limiter })))
}

pub(crate) fn with_audit_keys(database: Database, keys: &KeyRing) -> Result<Database, Error> {
    let all = keys.derive_all(Purpose::Audit)?;
    let older: Vec<&[u8]> = all.iter().skip(1).map(|(_, key)| key.expose_secret()).collect();
    database.with_audit_keys(keys.derive(Purpose::Audit)?.expose_secret(), &older)
}

/// Brings the tables up to date, on PostgreSQL as their owner.
pub(crate) async fn update_tables(config: &Config, options: &DatabaseOptions) -> Result<(), Error> {
    let result = migrate(options, config.owner_url()).await;
    result.map_err(|error| unreachable("the database as its owner", options, error))
}

/// Opens a database that is there already; makes nothing.
pub(crate) async fn open_existing(config: &Config) -> Result<Database, Error> {
    let database = open_without_key(config).await?;
    let Some(keys) = master_key::load(config)? else { return Ok(database) };
    master_key::require_known(config, &database, &keys).await?;
    with_audit_keys(database, &keys)
}

/// Opens a database to look at it. What is written would stand in the audit log without a key.
pub(crate) async fn open_without_key(config: &Config) -> Result<Database, Error> {
    let options = config.database()?.must_exist();
    Database::connect(&options).await.map_err(|error| match error.kind() {
        ErrorKind::Unavailable => {
            let hint = if options.is_embedded() { "; `mono serve` makes one" } else { "" };
            let message = format!("cannot open the database ({}){hint}", options.system());
            Error::new(ErrorKind::Unavailable, "database_unreachable", message).with_source(error)
        }
        _ => error,
    })
}

/// Tells the operator what is away. Only the words for clients are replaced; every other failure says what it is.
fn unreachable(what: &str, options: &DatabaseOptions, error: Error) -> Error {
    if error.kind() != ErrorKind::Unavailable {
        return error;
    }
    let message = format!("cannot reach {what} ({})", options.system());
    Error::new(ErrorKind::Unavailable, "database_unreachable", message).with_source(error)
}

/// A folder that holds the signing key is for nobody else to read, nor is the database in it, whatever the folder was
/// before.
pub(crate) fn make_private_folder(config: &Config) -> Result<(), Error> {
    let folder = &config.data_directory;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.create(folder).and_then(|()| match config.embedded_file() {
        // SQLite gives the files beside it the mode of this one.
        Some(file) => crate::key_file::touch_private(&file),
        None => Ok(()),
    });
    made.map_err(|error| {
        let message = format!("the data folder {} cannot be used", folder.display());
        Error::invalid("data_directory", "unwritable", message).with_source(error)
    })
}

/// Keeps other servers off a folder with an embedded database, as long as the file is open: what one of them changes, the
/// others would learn late. Every other command works beside a server.
pub(crate) fn hold_folder(config: &Config) -> Result<File, Error> {
    make_private_folder(config)?;
    let path = config.data_directory.join("server.lock");
    let opened = crate::key_file::touch_private(&path).and_then(|()| File::open(&path));
    let file = opened.map_err(|error| {
        let message = format!("{} cannot be opened", path.display());
        Error::invalid("data_directory", "unwritable", message).with_source(error)
    })?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let message = format!(
                "another server works in the folder {}: stop it, or give this one a folder of its own \
                 (--data-directory); several servers share a database on PostgreSQL",
                config.data_directory.display()
            );
            return Err(Error::new(ErrorKind::Conflict, "folder_in_use", message));
        }
        Err(TryLockError::Error(error)) => {
            tracing::warn!(
                "{} cannot be locked: see that no second server works here: {error}",
                path.display()
            );
        }
    }
    Ok(file)
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
