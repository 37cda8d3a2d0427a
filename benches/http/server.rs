//! The server that `side_by_side.sh` measures: mono's with one route more; or, with `--bare FILE`, nothing but axum and a
//! route that answers the bytes of a file.
#![allow(missing_docs, clippy::print_stdout)]

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use clap::Parser;
use mimalloc::MiMalloc;
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::permission;
use mono_core::permission::Scope;
use mono_storage::bus::EventBus;
use reference_server::extract::Authenticated;
use reference_server::{App, Config, ServerLimits, boot, router_with, serve};
use std::path::PathBuf;
use tokio::net::TcpListener;

// As the command `mono` has it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    config: Config,
    #[arg(long)]
    bare: Option<PathBuf>,
}

/// Who calls is known and may read accounts; nothing is read.
async fn noop(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
) -> Result<&'static str, ApiError> {
    let scope = Scope::tenant(caller.tenant()?);
    caller.authorize(permission!("tenant.accounts.read"), &scope, app.database.now())?;
    Ok(r#"{"success":true}"#)
}

// One thread, as the peer has one.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let Command { config, bare } = Command::parse();
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(Error::unavailable)?;
    let address = listener.local_addr().map_err(Error::internal)?;
    if let Some(file) = bare {
        let body = Bytes::from(std::fs::read(file).map_err(Error::internal)?);
        let route = get(move || async move { ([(CONTENT_TYPE, "application/json")], body) });
        println!("http://{address}");
        return axum::serve(listener, Router::new().route("/", route)).await.map_err(Error::unavailable);
    }
    let app = boot(&config).await?;
    let _events = EventBus::start(&app.database).await?;
    println!("http://{address}");
    let own = Router::new().route("/noop", get(noop));
    serve(listener, router_with(app, own), ServerLimits::default(), std::future::pending()).await;
    Ok(())
}
