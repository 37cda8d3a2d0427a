//! What the settings mean for each part of the server.

use super::{Config, Mode, words};
use crate::http_settings::HttpSettings;
use crate::log::LogFormat;
use crate::server::ServerLimits;
use mono_auth::mail::{Links, Transport};
use mono_core::Error;
use mono_core::model::mail::MailKind;
use mono_core::rate_limit::RateLimits;
use mono_storage::db::DatabaseOptions;
use mono_storage::redis::RedisOptions;
use secrecy::ExposeSecret;
use std::path::PathBuf;
use std::time::Duration;

impl Config {
    /// Whether this installation is for customers.
    pub fn is_production(&self) -> bool {
        self.mode == Mode::Production
    }

    /// How a line of the log is written.
    pub fn log_format(&self) -> LogFormat {
        let otherwise = if self.is_production() { LogFormat::Json } else { LogFormat::Text };
        self.log_format.unwrap_or(otherwise)
    }

    /// How the server speaks HTTP.
    pub fn http(&self) -> HttpSettings {
        HttpSettings {
            cors_origins: self.cors_origins.clone(),
            request_timeout: Duration::from_secs(self.request_seconds.into()),
            is_https: self.public_url.as_ref().is_some_and(|url| url.starts_with("https://")),
            watch_token: self.watch_token.clone(),
        }
    }

    /// What the server grants its clients.
    pub fn limits(&self) -> ServerLimits {
        let limits = ServerLimits::default();
        ServerLimits {
            connections: usize::try_from(self.connections).unwrap_or(usize::MAX),
            drain: limits.drain.saturating_sub(Duration::from_secs(self.stop_delay_seconds.into())),
            ..limits
        }
    }

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

    /// After which time what was deleted is removed for good.
    pub(crate) fn purge_after(&self) -> Option<Duration> {
        (self.purge_after_days > 0).then(|| Duration::from_hours(24 * u64::from(self.purge_after_days)))
    }

    /// The file of the embedded database, where no other database is named.
    pub(crate) fn embedded_file(&self) -> Option<PathBuf> {
        self.database_url.is_none().then(|| self.default_file())
    }

    fn default_file(&self) -> PathBuf {
        self.data_directory.join("mono.db")
    }

    /// Where the links in mails lead.
    ///
    /// # Errors
    /// `Validation` where the public URL or a path is not valid.
    pub fn links(&self) -> Result<Links, Error> {
        let links = match &self.public_url {
            Some(url) => Links::to(url)?,
            None => Links::to(&format!("http://127.0.0.1:{}", self.listen.port()))?,
        };
        self.mail_paths.iter().try_fold(links, |links, path| {
            let invalid = |message: String| Error::invalid("mail_paths", "invalid_path", message);
            let (kind, path) = path
                .split_once('=')
                .ok_or_else(|| invalid("a mail path is KIND=PATH: reset_password=/reset".to_owned()))?;
            let kind = kind.parse::<MailKind>();
            kind.and_then(|kind| links.with_path(kind, path)).map_err(|error| invalid(words(&error)))
        })
    }

    /// How mails leave, and who they come from.
    ///
    /// # Errors
    /// `Validation` where mails leave through a server, and it is not said who they come from or where their links lead.
    pub fn mail(&self) -> Result<(Transport, &str), Error> {
        let from = self.mail_from.as_deref();
        let Some(url) = &self.smtp_url else {
            let folder = self.data_directory.join("mails");
            return Ok((Transport::folder(folder), from.unwrap_or("mono <no-reply@localhost>")));
        };
        let missing = |field: &str, flag: &str| {
            Error::invalid(
                field,
                "required",
                format!("mails that leave through a server need {flag} as well"),
            )
        };
        let from = from.ok_or_else(|| missing("mail_from", "--mail-from or MONO_MAIL_FROM"))?;
        self.public_url.as_ref().ok_or_else(|| missing("public_url", "--public-url or MONO_PUBLIC_URL"))?;
        Ok((Transport::smtp(url)?, from))
    }

    /// How often one may call; `None` where the limits are switched off.
    ///
    /// # Errors
    /// `Validation` where the file of limits cannot be read, or says what makes no sense.
    pub fn rate_limits(&self) -> Result<Option<RateLimits>, Error> {
        match self.rate_limits.as_str() {
            "off" => Ok(None),
            "on" => Ok(Some(RateLimits::starter())),
            file => {
                let text = std::fs::read_to_string(file).map_err(|error| {
                    let message = format!("the file of rate limits {file} cannot be read");
                    Error::invalid("rate_limits", "unreadable", message).with_source(error)
                })?;
                RateLimits::starter().with(&text).map(Some)
            }
        }
    }

    /// The owner of the tables.
    pub fn owner_url(&self) -> Option<&str> {
        self.database_owner_url.as_ref().map(ExposeSecret::expose_secret)
    }
}
