//! `/api/v1/openapi.json`, and `/docs`: a page that explores it, without anything from elsewhere

use crate::app::{App, openapi};
use crate::layer::conditional::tag;
use crate::openapi::{Describe, Output, Routes, about};
use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderName;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use mono_storage::cache::digest;
use serde_json::Value;
use std::sync::LazyLock;

/// The document as text, and its tag: the same on each server of one version.
static DOCUMENT: LazyLock<(Bytes, String)> = LazyLock::new(|| {
    let text = Bytes::from(openapi());
    let tag = tag(None, digest(&text));
    (text, tag)
});

/// The page may load what this server has, and nothing else; no script and no style stands in the page itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Routes {
    Routes::new().get("/api/v1/openapi.json", document, about("Read this document"))
}

/// The page and what it loads.
pub(crate) fn explorer() -> Router<App> {
    macro_rules! asset {
        ($name:literal) => {
            include_bytes!(concat!("../../assets/explorer/", $name)).as_slice()
        };
    }
    Router::new()
        .route("/docs", file("text/html; charset=utf-8", asset!("index.html")))
        .route("/docs/explorer.css", file("text/css", asset!("explorer.css")))
        .route("/docs/explorer.js", file("text/javascript", asset!("explorer.js")))
        .route("/docs/swagger-ui.css", compressed("text/css", asset!("swagger-ui.css.gz")))
        .route("/docs/swagger-ui-bundle.js", compressed("text/javascript", asset!("swagger-ui-bundle.js.gz")))
}

fn file(media_type: &'static str, bytes: &'static [u8]) -> MethodRouter<App> {
    get(async move || (headers(media_type), bytes))
}

/// Every browser reads gzip; it is not made anew for each.
fn compressed(media_type: &'static str, bytes: &'static [u8]) -> MethodRouter<App> {
    get(async move || (headers(media_type), [(CONTENT_ENCODING, "gzip")], bytes))
}

fn headers(media_type: &'static str) -> [(HeaderName, &'static str); 4] {
    [
        (CONTENT_TYPE, media_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "public, max-age=3600"),
    ]
}

/// The document, which is its own envelope.
struct Document;

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        let (text, tag) = &*DOCUMENT;
        ([(CONTENT_TYPE, "application/json"), (ETAG, tag.as_str())], text.clone()).into_response()
    }
}

impl Output for Document {
    fn describe(operation: &mut Describe<'_>) {
        operation.bare::<Value>();
    }
}

async fn document() -> Document {
    Document
}
