//! What the server is told by flags and environment.

use crate::auth_config::AuthConfig;
use crate::trusted_proxies::TrustedProxies;
use clap::ArgAction;
use clap::builder::{BoolishValueParser, FalseyValueParser};
use mono_auth::KeyEnvironment;
use mono_core::Error;
use mono_storage::db::DatabaseOptions;
use mono_storage::redis::RedisOptions;
use secrecy::{ExposeSecret, SecretString};
use std::net::SocketAddr;
use std::path::PathBuf;

/// What the server is told by flags and environment; a flag beats its variable.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// The folder for the embedded database and the signing key.
    #[arg(long, global = true, env = "MONO_DATA_DIRECTORY", default_value = ".mono", value_name = "FOLDER")]
    pub data_directory: PathBuf,

    /// The database: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE` with a login that is neither owner nor
    /// superuser [default: SQLite in the data folder].
    #[arg(long, global = true, env = "MONO_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub database_url: Option<SecretString>,

    /// The login for the platform's own work on PostgreSQL [default: as the database URL, with `_platform_login` behind the
    /// user's name].
    #[arg(
        long,
        global = true,
        env = "MONO_DATABASE_PLATFORM_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub database_platform_url: Option<SecretString>,

    /// A replica on PostgreSQL, for the requests of tenants that only read; a login of the application.
    #[arg(long, global = true, env = "MONO_DATABASE_READ_URL", hide_env_values = true, value_name = "URL")]
    pub database_read_url: Option<SecretString>,

    /// The owner of the tables on PostgreSQL: with it, tables are brought up to date and the two logins are made; the
    /// running server does not use it.
    #[arg(long, global = true, env = "MONO_DATABASE_OWNER_URL", hide_env_values = true, value_name = "URL")]
    pub database_owner_url: Option<SecretString>,

    /// Redis, which several servers of one installation need: `redis://USER:PASSWORD@HOST:PORT`, `rediss://` with TLS,
    /// `redis-cluster://HOST,HOST` [default: none, this server is alone].
    #[arg(long, global = true, env = "MONO_REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis_url: Option<SecretString>,

    /// The address to listen on.
    #[arg(
        long,
        global = true,
        env = "MONO_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,

    /// What the API keys of this installation are for: `live`, or `test` for one to try things out. It stands in every
    /// key, and a key of the other kind is refused.
    #[arg(long, global = true, env = "MONO_ENVIRONMENT", default_value = "live", value_name = "live|test")]
    pub environment: KeyEnvironment,

    /// How often one may call: `on` for the built-in limits, a JSON file with others, or `off`.
    #[arg(long, global = true, env = "MONO_RATE_LIMITS", default_value = "on", value_name = "on|off|FILE")]
    pub rate_limits: String,

    /// The proxies that are believed when they say who their client is: addresses and networks, with commas between.
    #[arg(long, global = true, env = "MONO_TRUSTED_PROXIES", value_name = "LIST")]
    pub trusted_proxies: Option<TrustedProxies>,

    /// Do not put demo tenants and people into an empty database. They are never put into the database of a server
    /// that others can reach.
    #[arg(long, global = true, env = "MONO_NO_DEMO", value_parser = FalseyValueParser::new())]
    pub no_demo: bool,

    /// The password of the demo people [default: a random one, kept in the data folder].
    #[arg(long, global = true, env = "MONO_DEMO_PASSWORD", hide_env_values = true, value_name = "PASSWORD")]
    pub demo_password: Option<SecretString>,

    /// Whether everybody may sign up: `on` or `off`.
    #[arg(
        long,
        global = true,
        env = "MONO_SIGN_UP",
        default_value = "off",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new(),
        value_name = "on|off"
    )]
    pub sign_up: bool,

    /// What signing in asks for.
    #[command(flatten)]
    pub auth: AuthConfig,
}

impl Config {
    /// How to reach the database.
    ///
    /// # Errors
    /// `Validation` where a URL is not valid; the message does not repeat it.
    pub fn database(&self) -> Result<DatabaseOptions, Error> {
        let mut options = match &self.database_url {
            Some(url) => DatabaseOptions::parse(url.expose_secret())?,
            None => DatabaseOptions::parse(&format!("sqlite:{}", self.default_file().display()))?,
        };
        if let Some(url) = &self.database_platform_url {
            options = options.platform_url(url.expose_secret())?;
        }
        if let Some(url) = &self.database_read_url {
            options = options.read_url(url.expose_secret())?;
        }
        Ok(options)
    }

    /// How to reach Redis, where there is one.
    ///
    /// # Errors
    /// `Validation` where the URL is not valid; the message does not repeat it.
    pub fn redis(&self) -> Result<Option<RedisOptions>, Error> {
        self.redis_url.as_ref().map(|url| RedisOptions::parse(url.expose_secret())).transpose()
    }

    /// The file of the embedded database, where no other database is named.
    pub(crate) fn embedded_file(&self) -> Option<PathBuf> {
        self.database_url.is_none().then(|| self.default_file())
    }

    fn default_file(&self) -> PathBuf {
        self.data_directory.join("mono.db")
    }

    /// The owner of the tables.
    pub fn owner_url(&self) -> Option<&str> {
        self.database_owner_url.as_ref().map(ExposeSecret::expose_secret)
    }
}
