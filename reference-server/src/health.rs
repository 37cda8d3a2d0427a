//! How the services are that the server uses.

use crate::app::App;
use mono_core::Error;
use mono_core::api::health::{Health, HealthReport, ServiceHealth};
use mono_core::caller::{Caller, SystemReason};
use mono_storage::store::MailCount;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Who asks how the server is has to be answered, however long a service takes.
const PATIENCE: Duration = Duration::from_secs(3);
/// The share of the connections that are in use at once above which a pool is nearly used up.
const BUSY_PERCENT: u32 = 90;

/// When the server began, and whether it is about to end.
#[derive(Debug)]
pub struct Lifecycle {
    began: Instant,
    /// What was done on the way up, and how long each took.
    phases: Vec<String>,
    stopping: AtomicBool,
}

impl Default for Lifecycle {
    fn default() -> Self {
        Self { began: Instant::now(), phases: Vec::new(), stopping: AtomicBool::new(false) }
    }
}

impl Lifecycle {
    /// One that began a while ago.
    pub(crate) fn after(began: Instant, phases: Vec<String>) -> Self {
        Self { began, phases, stopping: AtomicBool::new(false) }
    }

    /// How the server came up, in words.
    pub(crate) fn story(&self) -> String {
        format!("after {} ms: {}", self.began.elapsed().as_millis(), self.phases.join(", "))
    }

    /// From here on the server says that it is not ready: whoever shares requests out sends it no more.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether the server is about to end.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// Whether the database answers: without it nothing works.
pub(crate) async fn database(app: &App) -> ServiceHealth {
    let begun = Instant::now();
    let answer = tokio::time::timeout(PATIENCE, app.database.ping()).await;
    let busy = app.database.pool_status().into_iter().find(|pool| {
        (pool.open - pool.idle.min(pool.open)) * 100 >= pool.maximum * BUSY_PERCENT && pool.maximum > 1
    });
    let system = app.database.system();
    let (status, detail) = match (answer, busy) {
        (Ok(Err(error)), _) => {
            tracing::error!(source = std::error::Error::source(&error), "the database does not answer");
            (Health::Down, format!("{system} does not answer"))
        }
        (Err(_), _) => {
            tracing::error!("the database does not answer in time");
            (Health::Down, format!("{system} does not answer within {} s", PATIENCE.as_secs()))
        }
        (Ok(Ok(())), Some(pool)) => (
            Health::Degraded,
            format!("{system}: nearly all {} connections of the pool {} are in use", pool.maximum, pool.name),
        ),
        (Ok(Ok(())), None) => (Health::Healthy, system.to_owned()),
    };
    service("database", begun, status, detail)
}

/// Whether Redis answers, as far as is known, where there is one.
pub(crate) fn redis(app: &App) -> Option<ServiceHealth> {
    // Without it everything is served, only slower: no reason to send requests elsewhere.
    let (status, detail) = if app.database.bus().redis_state()? {
        (Health::Healthy, "linked to the other servers")
    } else {
        (Health::Down, "away: this server works alone until it is back")
    };
    Some(service("redis", Instant::now(), status, detail.to_owned()))
}

/// Whether mails leave.
async fn mail(app: &App) -> ServiceHealth {
    let begun = Instant::now();
    let (status, detail) = match tokio::time::timeout(PATIENCE, count_mails(app)).await {
        Ok(Ok(MailCount { waiting, dead: 0 })) => (Health::Healthy, format!("{waiting} mails wait")),
        Ok(Ok(MailCount { waiting, dead })) => {
            (Health::Degraded, format!("{waiting} mails wait, and {dead} were given up"))
        }
        _ => (Health::Down, "the mails that wait cannot be counted".to_owned()),
    };
    service("mail", begun, status, detail)
}

/// How many mails there are.
pub(crate) async fn count_mails(app: &App) -> Result<MailCount, Error> {
    let system = Caller::system(SystemReason::Mail);
    app.database.platform(&system).read().await?.mails().count().await
}

fn service(name: &str, begun: Instant, status: Health, detail: String) -> ServiceHealth {
    let latency_ms = (begun.elapsed().as_secs_f64() * 1_000_000.0).round() / 1000.0;
    ServiceHealth { name: name.to_owned(), status, latency_ms, detail }
}

/// What a server is whose services are so: down where the database is, and otherwise degraded at most.
pub(crate) fn overall(services: &[ServiceHealth]) -> Health {
    let of = |service: &ServiceHealth| match service.name.as_str() {
        "database" => service.status,
        _ => service.status.min(Health::Degraded),
    };
    services.iter().map(of).max().unwrap_or(Health::Healthy)
}

/// Everything, for those who run the server.
pub(crate) async fn report(app: &App) -> HealthReport {
    let (database, mail) = tokio::join!(database(app), mail(app));
    let services: Vec<_> = [database, mail].into_iter().chain(redis(app)).collect();
    HealthReport {
        status: overall(&services),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: app.lifecycle.began.elapsed().as_secs(),
        services,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_without_the_database_nothing_works() {
        let of = |name: &str, status| service(name, Instant::now(), status, String::new());
        let (database, mail) = (of("database", Health::Healthy), of("mail", Health::Down));
        assert_eq!(overall(&[database.clone(), of("mail", Health::Healthy)]), Health::Healthy);
        assert_eq!(overall(&[database, mail.clone()]), Health::Degraded);
        assert_eq!(overall(&[of("database", Health::Down), mail]), Health::Down);
    }
}
