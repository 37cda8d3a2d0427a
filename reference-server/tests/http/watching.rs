//! What those who run the server see of it: health, metrics, and what the dashboard and the alerts are made of.

use crate::server::{ACCOUNTS, ADMIN, LOGIN, STAFF, Server, USER, create, send};
use axum::Router;
use mono_auth::mail::{Mailer, Transport};
use mono_core::api::api_keys::ListApiKeys;
use mono_core::api::health::Health;
use mono_core::caller::{Caller, SystemReason};
use mono_core::rate_limit::RateLimits;
use mono_core::seed::Seed;
use mono_storage::rate_limit::RateLimiter;
use mono_storage::testkit::World;
use reference_server::{App, HttpSettings, RateLimiting, ServerLimits, router, serve};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

mono_storage::conformance!(
    who_may_see_how_the_server_is,
    health_says_what_is_away,
    a_server_that_stops_is_not_ready,
    what_happens_is_measured_and_no_label_is_made_up,
);

const TOKEN: &str = "a token of those who watch";

fn watched() -> Arc<HttpSettings> {
    Arc::new(HttpSettings { watch_token: Some(TOKEN.to_owned().into()), ..HttpSettings::default() })
}

async fn who_may_see_how_the_server_is(world: World) {
    let server = Server::start_with_http(world, watched(), Router::new()).await;
    let report = server.sign_in(STAFF).await.health_report().await.unwrap();
    assert_eq!(report.status, Health::Healthy);
    for path in ["/metrics", "/health/detailed"] {
        let status = async |token: &str| send(server.get(path).bearer_auth(token)).await.status;
        assert_eq!(send(server.get(path)).await.failure(), (401, "missing_credentials".into()));
        assert_eq!(status(TOKEN).await, 200);
        assert_eq!(status(&TOKEN[..TOKEN.len() - 1]).await, 401);
        assert_eq!(status(&server.token(STAFF).await).await, 200);
        for person in [ADMIN, USER] {
            assert_eq!(status(&server.token(person).await).await, 403, "{person}");
        }
    }
    let app = App { http: Arc::default(), ..server.app.clone() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(serve(listener, router(app), ServerLimits::default(), std::future::pending()));
    for token in ["", TOKEN] {
        let request = reqwest::Client::new().get(format!("http://{address}/metrics")).bearer_auth(token);
        assert_eq!(send(request).await.status, 401, "where no token is set, none is right");
    }
    task.abort();
}

async fn health_says_what_is_away(world: World) {
    let server = Server::start_with_http(world, watched(), Router::new()).await;
    let report = async || send(server.get("/health/detailed").bearer_auth(TOKEN)).await;
    let whole = report().await;
    let data = whole.json()["data"].clone();
    assert_eq!((whole.status, &data["status"]), (200, &"healthy".into()));
    assert!(data["version"].is_string() && data["uptimeSeconds"].is_u64(), "{data}");
    let names: Vec<&str> = data["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| service["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["database", "mail"]);
    for service in data["services"].as_array().unwrap() {
        assert_eq!(service["status"], "healthy", "{service}");
        assert!(service["latencyMs"].as_f64().unwrap() > 0.0 && service["detail"].is_string(), "{service}");
    }
    assert_eq!(send(server.get("/ready")).await.status, 200);
    server.database().close().await;
    let broken = report().await;
    assert_eq!((broken.status, &broken.json()["data"]["status"]), (503, &"down".into()));
    let ready = send(server.get("/ready")).await;
    assert_eq!((ready.status, &ready.json()["data"]["status"]), (503, &"down".into()));
    assert_eq!(send(server.get("/ping")).await.status, 200, "the process lives");
}

async fn a_server_that_stops_is_not_ready(world: World) {
    let server = Server::start(world).await;
    server.app.lifecycle.stop();
    let ready = send(server.get("/ready")).await;
    assert_eq!((ready.status, &ready.json()["data"]["status"]), (503, &"stopping".into()));
    assert_eq!(send(server.get("/ping")).await.status, 200);
    assert_eq!(send(server.get("/health")).await.status, 200, "it works to its end");
}

/// Makes API keys a feature of each plan.
async fn make_a_feature(server: &Server) {
    let mut seed: Value = serde_json::from_str(Seed::STARTER).unwrap();
    let permissions =
        ["create", "read", "update", "delete"].map(|action| format!("tenant.api_keys.{action}"));
    seed["features"] = json!([{
        "key": "api_access", "name": "API", "description": "Programs sign in with keys", "kind": "boolean",
        "permissions": permissions, "required_limits": [], "optional_limits": [], "depends_on": [], "conflicts_with": [],
    }]);
    for permission in seed["permissions"].as_array_mut().unwrap() {
        if permission["name"]
            .as_str()
            .is_some_and(|name| permissions.iter().any(|of_feature| of_feature == name))
        {
            permission["feature"] = json!("api_access");
        }
    }
    for plan in seed["plans"].as_array_mut().unwrap() {
        plan["features"] = json!(["api_access"]);
    }
    let seed = Seed::parse(&seed.to_string()).unwrap();
    let system = Caller::system(SystemReason::Seed);
    let mut tx = server.database().platform(&system).write().await.unwrap();
    tx.catalogue().save(&seed).await.unwrap();
    tx.commit().await.unwrap();
    server.app.authenticator.forget();
}

/// Lets everything happen once that is measured.
async fn use_everything(server: &Server) {
    make_a_feature(server).await;
    let client = server.sign_in(ADMIN).await;
    create(&client, "Measured").await;
    client.tenant().api_keys().list(&ListApiKeys::default()).await.unwrap();
    assert_eq!(send(server.post(LOGIN).json(&json!({"email": ADMIN, "password": "x"}))).await.status, 401);
    assert_eq!(send(server.get("/nowhere/canary-7391")).await.status, 404);
    assert_eq!(send(server.get(&format!("{ACCOUNTS}/canary-7392"))).await.status, 401);
    let custom = reqwest::Method::from_bytes(b"CANARY7393").unwrap();
    assert_eq!(send(server.request(custom, ACCOUNTS)).await.status, 405);
    let asked = send(server.post("/api/v1/public/auth/password-reset").json(&json!({"email": ADMIN}))).await;
    assert!(asked.status < 300, "{asked:?}");
    let folder = tempfile::tempdir().unwrap();
    let transport = Transport::folder(folder.path().to_owned());
    let mailer = Mailer::new(server.app.authenticator.clone(), transport, "no-reply@localhost").unwrap();
    while mailer.deliver().await.unwrap() > 0 {}
    // The same data behind limits.
    let limiting = RateLimiting { limits: RateLimits::starter(), limiter: RateLimiter::local(10) };
    let app = App { rate_limits: Some(Arc::new(limiting)), ..server.app.clone() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(serve(listener, router(app), ServerLimits::default(), std::future::pending()));
    let limited = |path: &str| reqwest::Client::new().get(format!("http://{address}{path}"));
    for _ in 0..101 {
        limited("/nowhere").send().await.unwrap();
    }
    let scraped = send(limited("/metrics").bearer_auth(TOKEN)).await;
    assert_eq!(scraped.status, 200, "who watches is not counted");
    assert_eq!(send(limited("/metrics").bearer_auth("a guess")).await.status, 429, "who guesses is");
    task.abort();
}

async fn what_happens_is_measured_and_no_label_is_made_up(world: World) {
    let server = Server::start_with_http(world, watched(), Router::new()).await;
    use_everything(&server).await;
    let scraped = send(server.get("/metrics").bearer_auth(TOKEN)).await;
    assert!(scraped.header("content-type").starts_with("text/plain; version=0.0.4"), "{scraped:?}");
    let text = &scraped.body;
    for line in [
        r#"http_requests_total{method="POST",route="/api/v1/tenant/accounts",status="201",tier="tenant"}"#,
        r#"http_errors_total{method="GET",route="none",status="404",tier="none"}"#,
        r#"http_errors_total{method="OTHER",route="/api/v1/tenant/accounts",status="405",tier="tenant"}"#,
        r#"http_request_duration_seconds_bucket{method="POST",route="/api/v1/tenant/accounts",status="201",tier="tenant",le="30"}"#,
        r#"api_errors_total{code="UNAUTHORIZED",tier="public"}"#,
        r#"db_operation_duration_seconds_count{operation="select",outcome="ok"}"#,
        r#"audit_entries_total{entity="account",action="create"}"#,
        r#"action="login_failed"}"#,
        r#"mails_total{outcome="sent"}"#,
        r#"feature_usage_total{feature="api_access"}"#,
        r#"mails{state="waiting"}"#,
        r#"cache_hits_total{layer="sessions"}"#,
        r#"cache_loads_total{layer="api_keys"}"#,
        r#"cache_evictions_total{layer="catalogue"}"#,
        r#"outcome="refused"}"#,
        "http_requests_in_flight ",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    for made_up in
        ["canary-7391", "canary-7392", "CANARY7393", &server.world.harbour.id.to_string(), ADMIN, "{id}/x"]
    {
        assert!(!text.contains(made_up), "{made_up} is a label");
    }
    let given: BTreeSet<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let alerts = std::fs::read_to_string(deploy.join("prometheus/alerts.yml")).unwrap();
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(deploy.join("grafana/mono.json")).unwrap()).unwrap();
    let mut expressions = expressions_of_rules(&alerts);
    assert!(expressions.len() >= 10);
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    expressions.extend(targets.map(|target| target["expr"].as_str().unwrap().to_owned()));
    let named: BTreeSet<String> = expressions.iter().flat_map(|expression| metrics_of(expression)).collect();
    assert!(named.len() >= 12, "{named:?}");
    for metric in &named {
        let bare =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| metric.strip_suffix(end)).unwrap_or(metric);
        // Prometheus itself says whether a server is up.
        assert!(
            metric == "up" || given.contains(bare) || given.contains(metric.as_str()),
            "{metric} is not among {given:?}"
        );
    }
}

/// What stands behind each `expr:`, on its line or on the deeper ones below it.
fn expressions_of_rules(text: &str) -> Vec<String> {
    let mut expressions = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(rest) = line.trim_start().strip_prefix("expr:") else { continue };
        let indent = line.len() - line.trim_start().len();
        let mut expression = rest.trim().trim_start_matches('|').to_owned();
        while let Some(next) = lines.next_if(|next| next.len() - next.trim_start().len() > indent) {
            expression.push(' ');
            expression.push_str(next.trim());
        }
        expressions.push(expression);
    }
    expressions
}

/// The metrics that an expression of `PromQL` names: words that are no function, no operator, no label and no text.
fn metrics_of(expression: &str) -> BTreeSet<String> {
    let mut bare = expression.replace("by (", "by(").replace("ignoring (", "ignoring(");
    for (begin, end) in [("{", '}'), ("[", ']'), ("by(", ')'), ("ignoring(", ')')] {
        while let Some(from) = bare.find(begin) {
            let length = bare[from..].find(end).unwrap();
            bare.replace_range(from..=from + length, " ");
        }
    }
    let mut found = BTreeSet::new();
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let mut rest = bare.as_str();
    while let Some(from) = rest.find(is_word) {
        let word = rest[from..].split(|letter| !is_word(letter)).next().unwrap();
        rest = &rest[from + word.len()..];
        let is_function = rest.trim_start().starts_with('(');
        if !is_function && word != "or" && !word.starts_with(|first: char| first.is_ascii_digit()) {
            found.insert(word.to_owned());
        }
    }
    found
}

#[test]
fn metrics_are_found_in_expressions() {
    let found = metrics_of(
        "histogram_quantile(0.99, sum by (le) (rate(a_bucket{b=\"c\"}[5m]))) > 1 or time() - d / ignoring(e) f",
    );
    assert_eq!(found.into_iter().collect::<Vec<_>>(), ["a_bucket", "d", "f"]);
}
