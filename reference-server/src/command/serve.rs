//! `mono serve`

use crate::app::router;
use crate::banner;
use crate::boot::{boot, hold_folder};
use crate::config::Config;
use crate::demo::Demo;
use crate::health::Lifecycle;
use crate::metrics;
use crate::server::serve;
use mono_core::Error;
use mono_storage::bus::EventBus;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// How often metered use is written: as much of it is lost at most where the process is killed.
const FLUSH_INTERVAL: Duration = Duration::from_secs(5);

/// How often what nobody can use any more is removed.
const CLEAN_INTERVAL: Duration = Duration::from_hours(1);

/// How often it is looked for what was deleted long ago.
const PURGE_INTERVAL: Duration = Duration::from_hours(24);

pub(super) async fn run(config: &Config) -> Result<(), Error> {
    // What is wrong with the settings is told before anything is made.
    config.check()?;
    let _folder = config.database()?.is_embedded().then(|| hold_folder(config)).transpose()?;
    let app = boot(config).await?;
    let stop = stop_signal().map_err(Error::internal)?;
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        let message = format!("cannot listen on {}", config.listen);
        Error::invalid("listen", "cannot_listen", message).with_source(error)
    })?;
    let address = listener.local_addr().map_err(Error::internal)?;
    let database = app.database.clone();
    let demo = if config.listen.ip().is_loopback() { Demo::find(config, &database).await? } else { None };
    tracing::info!("ready {}", app.lifecycle.story());
    // A server whose output nobody reads any more serves all the same.
    let _ = writeln!(std::io::stdout(), "{}", banner::text(address, database.system(), demo.as_ref()));

    let metering = tokio::spawn({
        let database = database.clone();
        async move { database.flush_usage_every(FLUSH_INTERVAL).await }
    });
    let cleaning = tokio::spawn({
        let authenticator = app.authenticator.clone();
        async move { authenticator.clean_every(CLEAN_INTERVAL).await }
    });
    let events = EventBus::start(&database).await?;
    let purging = config.purge_after().map(|retention| {
        let database = database.clone();
        tokio::spawn(async move { database.purge_every(PURGE_INTERVAL, retention).await })
    });
    let (stop_mailing, mailing_stops) = oneshot::channel::<()>();
    let mailing = tokio::spawn({
        let mailer = app.mailer.clone();
        async move { mailer.deliver_until(async { drop(mailing_stops.await) }).await }
    });
    let measuring = metrics::start().map(|handle| tokio::spawn(metrics::keep_small(handle)));
    let stop =
        told_to_stop(stop, Arc::clone(&app.lifecycle), Duration::from_secs(config.stop_delay_seconds.into()));
    serve(listener, router(app), config.limits(), stop).await;
    drop(events);
    // A mail that is under way still leaves.
    drop(stop_mailing);
    let _ = mailing.await;
    if let Some(purging) = purging {
        purging.abort();
    }
    cleaning.abort();
    if let Some(measuring) = measuring {
        measuring.abort();
    }
    metering.abort();
    // Writes what was counted since the last flush.
    database.close().await;
    Ok(())
}

/// Resolves when no more requests come: whoever shares them out is told first, and has a while to hear of it.
async fn told_to_stop(stop: impl Future<Output = ()>, lifecycle: Arc<Lifecycle>, delay: Duration) {
    stop.await;
    lifecycle.stop();
    if !delay.is_zero() {
        tracing::info!(
            "told to stop: /ready says no, and connections are taken for {} s more",
            delay.as_secs()
        );
        tokio::time::sleep(delay).await;
    }
}

/// Resolves when the process is asked to stop. The signals are caught from this call on, not only from when somebody
/// waits: who reads the banner may stop the server at once.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut quit, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::quit())?, signal(SignalKind::interrupt())?);
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = quit.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            let _ = tokio::signal::ctrl_c().await;
        })
    }
}
