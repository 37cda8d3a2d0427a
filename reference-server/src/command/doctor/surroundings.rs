//! What the server needs around it: a folder with space, a clock, Redis, a way for mails, an address that is its own.

use super::Report;
use crate::config::Config;
use mono_core::caller::{Caller, SystemReason};
use mono_core::{Error, ErrorKind};
use mono_storage::db::Database;
use mono_storage::redis::Redis;
use std::path::Path;
use std::time::Duration;
use tokio::net::TcpStream;

/// With less, a database in the folder may be full within the day.
const LITTLE_SPACE: u64 = 1 << 30;
/// With less, nothing can be relied upon.
const NO_SPACE: u64 = 100 << 20;
/// Tokens, codes of authenticators and signatures bear less than half a minute.
const SKEW_MS: i64 = 5_000;
/// How long a server that is asked may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at everything but the database.
pub(super) async fn check(config: &Config, report: &mut Report) {
    folder(&config.data_directory, report);
    redis(config, report).await;
    mail(config, report).await;
    public_url(config, report).await;
    if config.is_production() {
        production(config, report);
    } else if !config.listen.ip().is_loopback() {
        report.remark(
            "others can reach this server, and it does not run in production mode: set MONO_MODE=production",
        );
    }
}

/// Looks at what only the database can tell.
pub(super) async fn check_database(database: &Database, report: &mut Report) {
    match database.clock_skew().await {
        Ok(None) => {}
        Ok(Some(skew)) if skew.abs() <= SKEW_MS => {
            report.tell("clock", Ok(&format!("agrees with that of the database (by {skew} ms)")));
        }
        Ok(Some(skew)) => {
            let message = format!(
                "the clock of the database is {skew} ms ahead of this machine's: tokens may end too early or too late. \
                 Let both follow the same time server (chrony, systemd-timesyncd)"
            );
            report.tell("clock", Err(&finding("clock_skew", message)));
        }
        Err(error) => report.tell("clock", Err(&error)),
    }
    let system = Caller::system(SystemReason::Mail);
    let count = async { database.platform(&system).read().await?.mails().count().await };
    match count.await {
        Ok(count) if count.dead > 0 => {
            report.remark(&format!(
                "{} mails were given up: the log says why (`a mail was given up`)",
                count.dead
            ));
        }
        Ok(_) => {}
        Err(error) => report.tell("mails", Err(&error)),
    }
}

fn finding(code: &'static str, message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unavailable, code, message)
}

fn folder(folder: &Path, report: &mut Report) {
    match free_space(folder) {
        None => report
            .remark(&format!("the data folder {} is not there yet: `mono serve` makes it", folder.display())),
        Some(free) if free < NO_SPACE => {
            let message = format!(
                "{} MB are left in {}: give it more room, or move it with MONO_DATA_DIRECTORY",
                free >> 20,
                folder.display()
            );
            report.tell("disk", Err(&finding("disk_full", message)));
        }
        Some(free) if free < LITTLE_SPACE => {
            report.remark(&format!("only {} MB are left in {}", free >> 20, folder.display()));
        }
        Some(free) => report.tell("disk", Ok(&format!("has {} GB left in the data folder", free >> 30))),
    }
}

#[cfg(unix)]
fn free_space(folder: &Path) -> Option<u64> {
    let of_folder = rustix::fs::statvfs(folder).ok()?;
    Some(of_folder.f_bavail.saturating_mul(of_folder.f_frsize))
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> Option<u64> {
    None
}

async fn redis(config: &Config, report: &mut Report) {
    // What is wrong with the URL was told with the settings.
    let Ok(Some(mut options)) = config.redis() else { return };
    let usual = std::mem::replace(&mut options.timeout, PATIENCE);
    let answer = match Redis::connect(&options).await {
        Ok(redis) => redis.ping().await.map_err(|_| ()),
        Err(_) => Err(()),
    };
    if let Ok(took) = answer {
        report.tell("Redis", Ok(&format!("answers within {} ms", took.as_millis().max(1))));
        if took > usual {
            let usual = usual.as_millis();
            report.remark(&format!("a server waits for Redis for {usual} ms, and goes on without it then"));
        }
        return;
    }
    let message = "does not answer: look whether it runs, and at host, port, password and TLS in MONO_REDIS_URL. \
                   Without it each server works alone";
    report.tell("Redis", Err(&finding("redis_unreachable", message)));
}

async fn mail(config: &Config, report: &mut Report) {
    let Ok((transport, _)) = config.mail() else { return };
    if config.smtp_url.is_none() {
        report.remark("mails are written into a folder and reach nobody: set MONO_SMTP_URL");
        return;
    }
    match transport.check().await {
        Ok(()) => report.tell("mail", Ok("can leave: the SMTP server answers")),
        Err(error) => {
            let message = format!("{error}. Look at host, port, user and password in MONO_SMTP_URL");
            report.tell("mail", Err(&finding("mail_unavailable", message)));
        }
    }
}

/// Whether the name of the site leads somewhere. Whether that is this server nobody can say who stands behind the same
/// proxy.
async fn public_url(config: &Config, report: &mut Report) {
    let Some(url) = &config.public_url else { return };
    let Some((scheme, rest)) = url.split_once("://") else { return };
    let authority = rest.split('/').next().unwrap_or_default();
    let has_port =
        authority.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let port = if scheme == "https" { 443 } else { 80 };
    let address = if has_port { authority.to_owned() } else { format!("{authority}:{port}") };
    match tokio::time::timeout(PATIENCE, TcpStream::connect(&address)).await {
        Ok(Ok(_)) => report.tell("public URL", Ok("leads to something that answers")),
        Ok(Err(error)) => {
            report.remark(&format!("{address}, where the links in mails lead, cannot be reached from here ({error}): look at MONO_PUBLIC_URL, the name in the DNS, and the proxy"));
        }
        Err(_) => {
            report.remark(&format!("{address}, where the links in mails lead, does not answer from here"));
        }
    }
}

/// What production allows, and most do not want.
fn production(config: &Config, report: &Report) {
    if config.rate_limits == "off" {
        report.remark("rate limits are switched off: everybody may guess and call as often as they like");
    }
    if config.watch_token.is_none() {
        report.remark("there is no MONO_WATCH_TOKEN: Prometheus cannot read /metrics");
    }
    if config.database_url.is_none() {
        report.remark("the database is a file in the data folder: one server alone can use it");
    }
}
