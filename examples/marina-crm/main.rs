//! The marina: `cargo run --package examples --bin marina-crm`, on SQLite, or with `--database-url` on PostgreSQL.

use clap::Parser;
use examples::marina_crm::{MIGRATIONS, routes};
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use mono_core::seed::Seed;
use reference_server::{Config, ServerLimits, boot_application, load, router_with, serve};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    config: Config,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let loaded =
        load::<Command>(std::env::args_os(), std::env::vars_os()).unwrap_or_else(|error| error.exit());
    let config = &loaded.command.config;
    loaded.check(config)?;
    let app = boot_application(config, "marina", MIGRATIONS).await?;
    let seed = Seed::parse(include_str!("catalogue.json")).map_err(Error::validation)?;
    let system = Caller::system(SystemReason::Seed);
    let mut tx = app.database.platform(&system).write().await?;
    tx.catalogue().save(&seed).await?;
    tx.commit().await?;
    let listener = tokio::net::TcpListener::bind(config.listen).await.map_err(Error::unavailable)?;
    println!("the marina is ready at http://{}", config.listen);
    serve(listener, router_with(app, routes()), ServerLimits::default(), async {
        let _ = tokio::signal::ctrl_c().await;
    })
    .await;
    Ok(())
}
