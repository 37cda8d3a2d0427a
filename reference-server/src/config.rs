//! What the server is told by flags, environment and file.

mod check;
mod load;
mod parts;
mod show;

pub use load::{Loaded, load};
pub(crate) use show::{effective, example, reference};

use crate::auth_config::AuthConfig;
use crate::collector::Collector;
use crate::cors::Origin;
use crate::log::LogFormat;
use crate::trusted_proxies::TrustedProxies;
use clap::builder::FalseyValueParser;
use clap::{ArgAction, ValueEnum};
use mono_auth::{KeyEnvironment, TokenAlgorithm};
use mono_core::Error;
use secrecy::SecretString;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Whom an installation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// For those who build: it starts with nothing given, and has demo data.
    Development,
    /// For customers: what would let others in does not start.
    Production,
}

/// What the server is told. A flag beats its variable, and a variable the configuration file.
///
/// Each field is a setting: the field's name in the file, `MONO_` and the name in capitals in the environment, the name
/// with hyphens as a flag. What is hidden (`hide_env_values`) is a secret, and may stand in a file that the variable with
/// `_FILE` behind names. From these lines come `mono --help`, `.env.example` and the table in docs/configuration.md.
#[derive(Debug, Clone, clap::Args)]
pub struct Config {
    /// The configuration file, in TOML [default: `mono.toml`, where that is there].
    #[arg(long = "config", global = true, env = "MONO_CONFIG", value_name = "FILE", help_heading = "Server")]
    pub config_file: Option<PathBuf>,

    /// `production` refuses to start with what would let others in: weak or default secrets, a public URL that is not
    /// HTTPS, any origin for browsers, demo data.
    #[arg(
        long,
        global = true,
        env = "MONO_MODE",
        value_enum,
        default_value = "development",
        value_name = "MODE",
        help_heading = "Server"
    )]
    pub mode: Mode,

    /// The folder for the embedded database, the master key, mails without a server, and the demo password.
    #[arg(
        long,
        global = true,
        env = "MONO_DATA_DIRECTORY",
        default_value = ".mono",
        value_name = "FOLDER",
        help_heading = "Server"
    )]
    pub data_directory: PathBuf,

    /// The master key: 64 hexadecimal digits, or `VERSION:KEY` with commas between [default: a file in the data folder].
    #[arg(
        long,
        global = true,
        env = "MONO_MASTER_KEY",
        hide_env_values = true,
        value_name = "KEY",
        help_heading = "Keys and tokens"
    )]
    pub master_key: Option<SecretString>,

    /// A file that holds the master key, a version to a line; only its owner may read it.
    #[arg(
        long,
        global = true,
        env = "MONO_MASTER_KEY_FILE",
        value_name = "FILE",
        help_heading = "Keys and tokens"
    )]
    pub master_key_file: Option<PathBuf>,

    /// The database: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE` with a login that is neither owner nor
    /// superuser [default: SQLite in the data folder].
    #[arg(
        long,
        global = true,
        env = "MONO_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Database"
    )]
    pub database_url: Option<SecretString>,

    /// The login for the platform's own work on PostgreSQL [default: as the database URL, with `_platform_login` behind the
    /// user's name].
    #[arg(
        long,
        global = true,
        env = "MONO_DATABASE_PLATFORM_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Database"
    )]
    pub database_platform_url: Option<SecretString>,

    /// A replica on PostgreSQL, for the requests of tenants that only read; a login of the application. A request that has
    /// written reads where it wrote; the next one may meet a replica that is a moment behind.
    #[arg(
        long,
        global = true,
        env = "MONO_DATABASE_READ_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Database"
    )]
    pub database_read_url: Option<SecretString>,

    /// The owner of the tables on PostgreSQL: with it, tables are brought up to date and the two logins are made; the
    /// running server does not use it.
    #[arg(
        long,
        global = true,
        env = "MONO_DATABASE_OWNER_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Database"
    )]
    pub database_owner_url: Option<SecretString>,

    /// Redis, which several servers of one installation need: `redis://USER:PASSWORD@HOST:PORT`, `rediss://` with TLS,
    /// `redis-cluster://HOST,HOST`. It may be away at any moment [default: none, this server is alone].
    #[arg(
        long,
        global = true,
        env = "MONO_REDIS_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Redis"
    )]
    pub redis_url: Option<SecretString>,

    /// The IP address and port to listen on; port 0 takes a free one.
    #[arg(
        long,
        global = true,
        env = "MONO_LISTEN",
        default_value = "127.0.0.1:8080",
        value_name = "ADDRESS",
        help_heading = "Server"
    )]
    pub listen: SocketAddr,

    /// The address of the site that people use: links in mails lead there. `https://`, except for localhost [default: the
    /// port that is listened on, on this machine].
    #[arg(long, global = true, env = "MONO_PUBLIC_URL", value_name = "URL", help_heading = "Server")]
    pub public_url: Option<String>,

    /// The page that the link of a mail leads to, where it is not `/reset-password` and the like; several with commas
    /// between. The kinds with a link are `set_password`, `reset_password`, `verify_email`, `change_email`, `magic_link`,
    /// `invitation` and `sign_up`.
    #[arg(
        long,
        global = true,
        env = "MONO_MAIL_PATHS",
        value_delimiter = ',',
        value_name = "KIND=PATH",
        help_heading = "Mail"
    )]
    pub mail_paths: Vec<String>,

    /// The server that mails leave through: `smtps://USER:PASSWORD@HOST`, or `smtp://USER:PASSWORD@HOST` with STARTTLS
    /// [default: none; mails are written into the folder `mails` of the data folder].
    #[arg(
        long,
        global = true,
        env = "MONO_SMTP_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = "Mail"
    )]
    pub smtp_url: Option<SecretString>,

    /// Who mails come from: an address, or a name and an address: `Harbour <no-reply@example.com>`.
    #[arg(long, global = true, env = "MONO_MAIL_FROM", value_name = "SENDER", help_heading = "Mail")]
    pub mail_from: Option<String>,

    /// What the API keys of this installation are for: `live`, or `test` for one to try things out. It stands in every
    /// key, and a key of the other kind is refused.
    #[arg(
        long,
        global = true,
        env = "MONO_ENVIRONMENT",
        default_value = "live",
        value_name = "live|test",
        help_heading = "Keys and tokens"
    )]
    pub environment: KeyEnvironment,

    /// How access tokens are signed: `HS256` with a secret, or `EdDSA`, which others can verify with the public keys at
    /// `/.well-known/jwks.json`.
    #[arg(
        long,
        global = true,
        env = "MONO_TOKEN_ALGORITHM",
        default_value = "HS256",
        value_name = "HS256|EdDSA",
        help_heading = "Keys and tokens"
    )]
    pub token_algorithm: TokenAlgorithm,

    /// How often one may call: `on` for the built-in limits, a JSON file with others, or `off`.
    #[arg(
        long,
        global = true,
        env = "MONO_RATE_LIMITS",
        default_value = "on",
        value_name = "on|off|FILE",
        help_heading = "Server"
    )]
    pub rate_limits: String,

    /// The pages of other sites that may call from a browser: origins such as `https://app.example.com`, with commas
    /// between, or `*` for pages of everybody.
    #[arg(
        long,
        global = true,
        env = "MONO_CORS_ORIGINS",
        value_delimiter = ',',
        value_name = "ORIGINS",
        help_heading = "Server"
    )]
    pub cors_origins: Vec<Origin>,

    /// How many seconds a request may take, its body included; then it is answered 503.
    #[arg(
        long,
        global = true,
        env = "MONO_REQUEST_SECONDS",
        default_value_t = 30,
        value_parser = clap::value_parser!(u16).range(1..),
        value_name = "SECONDS",
        help_heading = "Server"
    )]
    pub request_seconds: u16,

    /// How many connections may be open at once; more wait.
    #[arg(
        long,
        global = true,
        env = "MONO_CONNECTIONS",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..),
        value_name = "NUMBER",
        help_heading = "Server"
    )]
    pub connections: u32,

    /// How many seconds connections are still taken after the server was told to stop, while `/ready` says no: as long as
    /// whoever shares requests out needs to hear of it. Together with what open requests need, a stop takes 30 at most.
    #[arg(
        long,
        global = true,
        env = "MONO_STOP_DELAY_SECONDS",
        default_value_t = 0,
        value_parser = clap::value_parser!(u16).range(..=20),
        value_name = "SECONDS",
        help_heading = "Server"
    )]
    pub stop_delay_seconds: u16,

    /// The proxies that are believed when they say who their client is (`X-Forwarded-For`): addresses and networks such as
    /// `10.0.0.0/8`, with commas between.
    #[arg(long, global = true, env = "MONO_TRUSTED_PROXIES", value_name = "LIST", help_heading = "Server")]
    pub trusted_proxies: Option<TrustedProxies>,

    /// After how many days what was deleted is removed for good; 0 keeps it for ever.
    #[arg(
        long,
        global = true,
        env = "MONO_PURGE_AFTER_DAYS",
        default_value_t = 30,
        value_name = "DAYS",
        help_heading = "Server"
    )]
    pub purge_after_days: u16,

    /// Do not put demo tenants and people into an empty database. They are never put into the database of a server
    /// that others can reach.
    #[arg(long, global = true, env = "MONO_NO_DEMO", value_parser = FalseyValueParser::new(), help_heading = "Demo data")]
    pub no_demo: bool,

    /// The password of the demo people, 8 to 256 bytes [default: a random one, kept in the data folder].
    #[arg(
        long,
        global = true,
        env = "MONO_DEMO_PASSWORD",
        hide_env_values = true,
        value_name = "PASSWORD",
        help_heading = "Demo data"
    )]
    pub demo_password: Option<SecretString>,

    /// Whether everybody may sign up: `on` or `off`.
    #[arg(long, global = true, env = "MONO_SIGN_UP", default_value = "off", action = ArgAction::Set, value_parser = switch, value_name = "on|off", help_heading = "Signing in")]
    pub sign_up: bool,

    /// What is logged: `target=level` with commas between. The log goes to the standard error stream.
    #[arg(
        long,
        global = true,
        env = "MONO_LOG",
        // The driver would tell of slow statements too, without the tenant.
        default_value = "info,sqlx=warn,sqlx::query=error",
        value_parser = directives,
        value_name = "DIRECTIVES",
        help_heading = "Operations"
    )]
    pub log: String,

    /// How a line of the log is written: `json` for programs, `text` for people [default: `json` in production, `text`
    /// otherwise].
    #[arg(
        long,
        global = true,
        env = "MONO_LOG_FORMAT",
        value_enum,
        value_name = "FORMAT",
        help_heading = "Operations"
    )]
    pub log_format: Option<LogFormat>,

    /// What Prometheus and others who watch show (`Authorization: Bearer TOKEN`) to read `/metrics` and `/health/detailed`;
    /// otherwise only platform staff may.
    #[arg(
        long,
        global = true,
        env = "MONO_WATCH_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "Operations"
    )]
    pub watch_token: Option<SecretString>,

    /// Where traces are sent: the address of a collector that speaks OTLP over HTTP, such as `http://localhost:4318`. Needs
    /// a program that was built with the feature `otlp` [default: nowhere].
    #[arg(long, global = true, env = "MONO_OTLP_ENDPOINT", value_name = "URL", help_heading = "Operations")]
    pub otlp_endpoint: Option<Collector>,

    /// What signing in asks for.
    #[command(flatten)]
    pub auth: AuthConfig,
}

/// `on` or `off`, and the other words for them: a file in TOML says `true`.
fn switch(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "y" | "t" | "1" => Ok(true),
        "off" | "false" | "no" | "n" | "f" | "0" => Ok(false),
        _ => Err("it is `on` or `off`"),
    }
}

/// What is wrong, without the name of a field: the setting is named already.
fn words(error: &Error) -> String {
    let problem = error.problems().into_iter().next();
    problem.map_or_else(|| error.message().to_owned(), |problem| problem.message)
}

/// Refuses what the log could not follow.
fn directives(text: &str) -> Result<String, tracing_subscriber::filter::ParseError> {
    tracing_subscriber::EnvFilter::try_new(text).map(|_| text.to_owned())
}
