//! Rate limits over HTTP.

use crate::openapi::{document, operations};
use crate::plans::key;
use crate::server::{
    ACCOUNTS, ADMIN, Answer, BOTH, CONNECTIONS, LOGIN, PASSWORD, STAFF, STRANGER, Server, USER, send,
};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use mono_auth::axum::ApiError;
use mono_core::api::api_keys::CreateApiKey;
use mono_core::api::auth::LoginRequest;
use mono_core::permission::RateLimitTier;
use mono_core::rate_limit::RateLimits;
use mono_core::seed::Seed;
use mono_core::subscription::Allowance;
use mono_core::time::{Clock, Timestamp};
use mono_core::{Error, ErrorKind};
use mono_storage::db::TRANSACTION_CONFLICT;
use mono_storage::rate_limit::RateLimiter;
use mono_storage::redis::{Redis, RedisOptions};
use mono_storage::system::SystemRandom;
use mono_storage::testkit::{RedisServer, World};
use reference_server::extract::Authenticated;
use reference_server::{App, RateLimiting, ServerLimits, serve};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

mono_storage::conformance!(
    the_headers_tell_what_is_left,
    who_waits_as_told_is_let_in,
    of_fifty_at_once_exactly_the_limit_pass,
    two_servers_with_one_redis_have_one_limit,
    tenants_and_people_have_their_own,
    a_written_forwarded_for_changes_nothing,
    a_proxy_that_is_trusted_is_believed,
    who_is_not_known_is_counted_by_network,
    a_credential_that_is_none_is_counted_by_network,
    a_credential_that_is_none_opens_nothing_that_is_for_anybody,
    a_person_is_let_in_where_strangers_have_used_up_theirs,
    the_tier_is_that_of_the_permission,
    every_route_has_the_tier_of_its_permissions,
    a_plan_and_a_route_have_their_own,
    a_key_has_its_own,
    what_watches_is_exempt,
    a_request_that_is_run_again_is_one_call,
);

/// A clock that a test sets.
struct Moved(AtomicI64);

impl Clock for Moved {
    fn now(&self) -> Timestamp {
        Timestamp::from_timestamp_micros(self.0.load(Ordering::Relaxed)).unwrap()
    }
}

/// A server with rate limits beside one without, over the same database.
struct Limited {
    server: Server,
    clock: Arc<Moved>,
    address: SocketAddr,
    http: reqwest::Client,
    tasks: JoinSet<()>,
}

impl Limited {
    /// With the built-in limits, and what the text changes in them.
    async fn start(world: World, changes: &str, proxies: &str) -> Self {
        let clock = Arc::new(Moved(AtomicI64::new(1_790_000_000_000_000)));
        let change = |database: mono_storage::db::Database| database.with_clock(clock.clone());
        let server = Box::pin(Server::start_over(world, CONNECTIONS, change)).await;
        let app = App { trusted_proxies: Arc::new(proxies.parse().unwrap()), ..server.app.clone() };
        let mut tasks = JoinSet::new();
        let address = open(app, Router::new(), changes, RateLimiter::local(1_000), &mut tasks).await;
        Self { server, clock, address, http: reqwest::Client::new(), tasks }
    }

    /// Goes over to a further server, whose calls this limiter counts.
    async fn go_to_another(&mut self, changes: &str, limiter: RateLimiter) {
        self.address = open(self.server.app.clone(), Router::new(), changes, limiter, &mut self.tasks).await;
    }

    fn go_on(&self, by: Duration) {
        self.clock.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::Relaxed);
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    async fn list(&self, token: &str) -> Answer {
        send(self.get(ACCOUNTS).bearer_auth(token)).await
    }
}

/// Serves the application on a free port until the tasks are dropped.
async fn open(
    app: App,
    own: Router<App>,
    changes: &str,
    limiter: RateLimiter,
    tasks: &mut JoinSet<()>,
) -> SocketAddr {
    let limits = RateLimits::starter().with(changes).unwrap();
    let app = App { rate_limits: Some(Arc::new(RateLimiting { limits, limiter })), ..app };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = reference_server::router_with(app, own);
    tasks.spawn(serve(listener, router, ServerLimits::default(), std::future::pending()));
    address
}

impl Answer {
    /// The three headers: limit, what remains, and when it is whole again.
    fn limits(&self) -> [i64; 3] {
        ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
            .map(|name| self.header(name).parse().unwrap_or_else(|_| panic!("{name}: {self:?}")))
    }

    fn is_refused(&self) -> bool {
        self.status == 429
    }
}

async fn the_headers_tell_what_is_left(world: World) {
    let limited = Limited::start(world, r#"{"limits": {"api": {"calls": 2, "seconds": 60}}}"#, "").await;
    let token = limited.server.token(ADMIN).await;
    let first = limited.list(&token).await;
    assert_eq!((first.status, first.limits()), (200, [2, 1, 1_790_000_060]));
    limited.go_on(Duration::from_millis(20_500));
    assert_eq!(limited.list(&token).await.limits(), [2, 0, 1_790_000_081], "a part of a second is a second");
    let refused = limited.list(&token).await;
    assert_eq!(refused.failure(), (429, "rate_limited".into()));
    assert_eq!(refused.json()["error"], "RATE_LIMITED");
    assert_eq!((refused.limits(), refused.header("retry-after")), ([2, 0, 1_790_000_081], "40"));
    let details = &refused.json()["details"];
    assert_eq!((&details["limit"], &details["maximum"]), (&json!("api"), &json!(2)));
    assert_eq!(details["retryAfterSeconds"], 40);
}

async fn who_waits_as_told_is_let_in(world: World) {
    let limited = Limited::start(world, r#"{"limits": {"api": {"calls": 3, "seconds": 60}}}"#, "").await;
    let token = limited.server.token(ADMIN).await;
    for _ in 0..3 {
        assert_eq!(limited.list(&token).await.status, 200);
        limited.go_on(Duration::from_secs(10));
    }
    for _ in 0..20 {
        assert_eq!(
            limited.list(&token).await.header("retry-after"),
            "30",
            "refused calls do not lengthen it"
        );
    }
    limited.go_on(Duration::from_micros(29_999_999));
    assert!(limited.list(&token).await.is_refused());
    limited.go_on(Duration::from_micros(1));
    assert_eq!(limited.list(&token).await.status, 200);
    assert_eq!(limited.list(&token).await.header("retry-after"), "10");
}

async fn of_fifty_at_once_exactly_the_limit_pass(world: World) {
    let limited = Limited::start(world, r#"{"limits": {"api": {"calls": 20, "seconds": 60}}}"#, "").await;
    let token = limited.server.token(ADMIN).await;
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        calls.spawn(send(limited.get(ACCOUNTS).bearer_auth(&token)));
    }
    let answers = calls.join_all().await;
    let with = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(200), with(429)), (20, 30));
}

async fn two_servers_with_one_redis_have_one_limit(world: World) {
    let Some(redis) = RedisServer::start() else { return };
    let changes = r#"{"limits": {"api": {"calls": 100, "seconds": 600}}}"#;
    let mut pair = Limited::start(world, changes, "").await;
    let [admin, stranger] = [pair.server.token(ADMIN).await, pair.server.token(STRANGER).await];
    let mut calls = JoinSet::new();
    for _ in 0..2 {
        let mut options = RedisOptions::parse(&redis.url()).unwrap();
        // A loaded machine answers late.
        options.timeout = Duration::from_secs(30);
        let limiter = RateLimiter::shared(1_000, Redis::connect(&options).await.unwrap(), &SystemRandom);
        pair.go_to_another(changes, limiter).await;
        for _ in 0..120 {
            calls.spawn(send(pair.get(ACCOUNTS).bearer_auth(&admin)));
        }
    }
    let answers = calls.join_all().await;
    let with = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((with(200), with(429)), (100, 140));
    assert_eq!(pair.list(&stranger).await.limits()[..2], [100, 99], "the other tenant");
}

async fn tenants_and_people_have_their_own(world: World) {
    let limited = Limited::start(world, r#"{"limits": {"api": {"calls": 1, "seconds": 60}}}"#, "").await;
    let [admin, user, stranger, both] = [
        limited.server.token(ADMIN).await,
        limited.server.token(USER).await,
        limited.server.token(STRANGER).await,
        limited.server.token(BOTH).await,
    ];
    assert_eq!(limited.list(&admin).await.status, 200);
    assert!(limited.list(&admin).await.is_refused());
    assert_eq!(limited.list(&stranger).await.status, 200, "the other tenant");
    assert_eq!(limited.list(&user).await.status, 403, "another person, who may not do this");
    assert!(limited.list(&user).await.is_refused(), "what is forbidden counts");
    let harbour = limited.server.world.harbour.id.to_string();
    let lagoon = limited.server.world.lagoon.id.to_string();
    let in_tenant =
        |tenant: &str| send(limited.get(ACCOUNTS).bearer_auth(&both).header("x-tenant-id", tenant));
    assert_eq!(in_tenant(&harbour).await.status, 200);
    assert!(in_tenant(&harbour).await.is_refused());
    assert_eq!(in_tenant(&lagoon).await.status, 200, "a person has a share in each tenant");
}

const FEW_STRANGERS: &str = r#"{"limits": {"anonymous": {"calls": 2, "seconds": 900}}}"#;

fn forwarded(request: RequestBuilder, by: &str) -> RequestBuilder {
    request.header("x-forwarded-for", by)
}

async fn a_written_forwarded_for_changes_nothing(world: World) {
    let limited = Limited::start(world, FEW_STRANGERS, "").await;
    for (number, refused) in [(1, false), (2, false), (3, true), (4, true)] {
        let answer = send(forwarded(limited.get(ACCOUNTS), &format!("9.9.9.{number}"))).await;
        assert_eq!(answer.is_refused(), refused, "{number}");
    }
}

async fn a_proxy_that_is_trusted_is_believed(world: World) {
    let limited = Limited::start(world, FEW_STRANGERS, "127.0.0.0/8, 10.0.0.0/8").await;
    let status = async |by: &str| send(forwarded(limited.get(ACCOUNTS), by)).await.status;
    // What the client itself wrote stands before what the proxies wrote.
    assert_eq!(status("6.6.6.1, 1.1.1.1, 10.0.0.1").await, 401);
    assert_eq!(status("6.6.6.2, 1.1.1.1").await, 401);
    assert_eq!(status("6.6.6.3, 1.1.1.1").await, 429);
    assert_eq!(status("1.1.1.2").await, 401, "another client");
    assert_eq!(status("2001:db8::1").await, 401);
    assert_eq!(status("2001:db8::2").await, 401);
    assert_eq!(status("2001:db8::3").await, 429, "one customer has 64 bits");
    assert_eq!(status("2001:db8:0:1::3").await, 401);
    // The audit log has the same address.
    let login = limited.request(Method::POST, LOGIN).json(&LoginRequest::new(ADMIN, PASSWORD));
    assert_eq!(send(forwarded(login, "6.6.6.4, 1.1.1.3")).await.status, 200);
    let token = limited.server.token(ADMIN).await;
    let sessions = send(limited.get("/api/v1/user/sessions").bearer_auth(token)).await;
    assert!(sessions.body.contains(r#""1.1.1.3""#), "{sessions:?}");
}

async fn who_is_not_known_is_counted_by_network(world: World) {
    let limited = Limited::start(world, FEW_STRANGERS, "").await;
    let login = || limited.request(Method::POST, LOGIN).json(&LoginRequest::new(ADMIN, PASSWORD));
    assert_eq!(send(login()).await.limits()[..2], [2, 1]);
    assert_eq!(send(limited.get("/api/v1/nowhere")).await.failure(), (404, "no_such_route".into()));
    let refused = send(login().bearer_auth("garbage")).await;
    assert_eq!(
        refused.failure(),
        (429, "rate_limited".into()),
        "a token does not help where none is asked for"
    );
    assert_eq!(refused.header("retry-after"), "900");
}

async fn a_credential_that_is_none_is_counted_by_network(world: World) {
    let limited = Limited::start(world, FEW_STRANGERS, "").await;
    assert_eq!(limited.list("garbage").await.failure(), (401, "invalid_token".into()));
    assert_eq!(limited.list("garbage").await.limits()[1], 0);
    assert_eq!(limited.list("garbage").await.failure(), (429, "rate_limited".into()));
    assert!(send(limited.get(ACCOUNTS)).await.is_refused());
}

async fn a_credential_that_is_none_opens_nothing_that_is_for_anybody(world: World) {
    let limited = Limited::start(world, FEW_STRANGERS, "").await;
    let garbage = async |method: &str, path: &str| {
        send(limited.request(method.to_uppercase().parse().unwrap(), path).bearer_auth("garbage")).await
    };
    for left in [1, 0] {
        let answer = garbage("get", "/docs").await;
        assert_eq!((answer.status, &answer.limits()[..2]), (200, &[2, left][..]));
    }
    let document = document();
    let for_anybody = operations(&document).into_iter().filter(|(_, _, told)| told["security"] == json!([]));
    let files =
        ["/docs", "/docs/explorer.js", "/docs/swagger-ui-bundle.js"].map(|path| ("get".into(), path.into()));
    let watched = ["/ping", "/ready", "/health"];
    for (method, path) in for_anybody.map(|(method, path, _)| (method, path)).chain(files) {
        let answer = garbage(&method, &path).await;
        assert_eq!(answer.is_refused(), !watched.contains(&path.as_str()), "{path}: {answer:?}");
    }
    let token = limited.server.token(ADMIN).await;
    assert_eq!(limited.list(&token).await.status, 200);
}

async fn a_person_is_let_in_where_strangers_have_used_up_theirs(world: World) {
    let limited = Limited::start(world, FEW_STRANGERS, "").await;
    let token = limited.server.token(ADMIN).await;
    while !send(limited.get(ACCOUNTS)).await.is_refused() {}
    let answer = limited.list(&token).await;
    assert_eq!((answer.status, answer.limits()[..2].to_vec()), (200, vec![120, 119]));
}

async fn the_tier_is_that_of_the_permission(world: World) {
    let changes = r#"{
        "tiers": {"EXPENSIVE": {"calls": 1, "seconds": 3600}, "WRITE": {"calls": 2, "seconds": 3600}}
    }"#;
    let limited = Limited::start(world, changes, "").await;
    let token = limited.server.token(ADMIN).await;
    let audit = || send(limited.get("/api/v1/tenant/audit").bearer_auth(&token));
    assert_eq!(audit().await.limits()[..2], [1, 0]);
    assert_eq!(audit().await.json()["details"]["limit"], "expensive");
    assert_eq!(limited.list(&token).await.status, 200, "reading has a budget of its own");
    let create = |name: &str| {
        send(limited.request(Method::POST, ACCOUNTS).bearer_auth(&token).json(&json!({ "name": name })))
    };
    assert_eq!((create("One").await.status, create("Two").await.status), (201, 201));
    assert_eq!(create("Three").await.json()["details"]["limit"], "write");
    limited.go_on(Duration::from_hours(1));
    // The access token has ended by now: it is a stranger's.
    let token = limited.server.token(ADMIN).await;
    assert_eq!(send(limited.get("/api/v1/tenant/audit").bearer_auth(&token)).await.status, 200);
}

/// The permissions that the document says an operation asks for.
fn asked(operation: &Value) -> Vec<String> {
    let all = operation["x-permission"].as_array().unwrap().iter();
    all.flat_map(|entry| entry.as_str().unwrap().split(" | ").map(ToOwned::to_owned)).collect()
}

async fn every_route_has_the_tier_of_its_permissions(world: World) {
    use RateLimitTier::{Admin, Delete, Expensive, Read, Standard, Write};
    let calls = |tier: RateLimitTier| 1_000 + tier as u32;
    let tiers = [Read, Standard, Write, Expensive, Delete, Admin]
        .map(|tier| (tier.as_str().to_owned(), json!({"calls": calls(tier), "seconds": 3600})));
    let wide = json!({"calls": 100_000, "seconds": 60});
    let changes =
        json!({"tiers": Value::Object(tiers.into_iter().collect()), "limits": {"api": wide, "bulk": wide}});
    let limited = Limited::start(world, &changes.to_string(), "").await;
    let token = limited.server.token(ADMIN).await;
    let (starter, seed, document) = (RateLimits::starter(), Seed::parse(Seed::STARTER).unwrap(), document());
    for (method, path, operation) in operations(&document) {
        let (method, mut permissions) = (method.to_uppercase(), asked(operation));
        let rule = starter.route(&format!("{method} {path}"));
        permissions.extend(rule.and_then(|rule| rule.permission.clone()));
        let tiers = permissions.iter().map(|name| seed.engine.entry(name.as_str()).unwrap().rate_limit);
        let Some(tier) = tiers.max() else { continue };
        let address = path.split('/').map(|part| if part.starts_with('{') { "1" } else { part });
        let address = address.collect::<Vec<_>>().join("/");
        let answer = send(limited.request(method.parse().unwrap(), &address).bearer_auth(&token)).await;
        let wanted = calls(tier).to_string();
        assert_eq!(answer.header("x-ratelimit-limit"), wanted, "{method} {path}: {answer:?}");
    }
}

#[test]
fn the_table_tells_of_routes_what_they_do_not_tell_themselves() {
    let document = document();
    for (route, rule) in RateLimits::starter().routes() {
        let (method, path) = route.split_once(' ').unwrap();
        let operation = &document["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "{route} is not there");
        assert!(
            rule.permission.is_none() || asked(operation).is_empty(),
            "{route} names its permission itself"
        );
    }
}

async fn a_plan_and_a_route_have_their_own(world: World) {
    let changes = r#"{
        "limits": {"lists": {"calls": 1, "seconds": 60}},
        "routes": {"GET /api/v1/tenant/accounts": {"limit": "lists"}}
    }"#;
    let limited = Limited::start(world, changes, "").await;
    let token = limited.server.token(ADMIN).await;
    assert_eq!(limited.list(&token).await.limits()[..2], [1, 0], "the tighter answers");
    assert!(limited.list(&token).await.is_refused());
    let whole = || send(limited.get("/api/v1/tenant").bearer_auth(&token));
    assert_eq!(whole().await.limits()[..2], [120, 118]);

    let staff = limited.server.sign_in(STAFF).await;
    let platform = staff.platform();
    let limit = json!({
        "key": "rate_api", "name": "Calls a minute", "unit": "call", "category": "api",
        "default": 10, "window": "total", "enforcement": "hard"
    });
    platform.limits().put(&serde_json::from_value(limit).unwrap()).await.unwrap();
    assert_eq!(whole().await.limits()[..2], [10, 9], "counted in another way, and so from the start");
    for (maximum, left) in [(Allowance::UpTo(5), [5, 3]), (Allowance::Unlimited, [10_000, 9_995])] {
        let mut plan = platform.plans().get(&key("starter")).await.unwrap();
        plan.limits.insert(key("rate_api"), maximum);
        platform.plans().put(&plan).await.unwrap();
        assert_eq!(whole().await.limits()[..2], left, "without an end the tier is what holds");
    }
}

async fn a_key_has_its_own(world: World) {
    let mut limited = Limited::start(world, "{}", "").await;
    let keys = limited.server.sign_in(ADMIN).await;
    let keys = keys.tenant().api_keys();
    let scopes = vec!["tenant.accounts.read".to_owned()];
    let wanted = CreateApiKey { name: "Import".into(), scopes, ..Default::default() };
    let [one, other] = [keys.create(&wanted).await.unwrap(), keys.create(&wanted).await.unwrap()];
    let changes = json!({"keys": {one.api_key.id.to_string(): {"api": 1_000, "READ": 2}}}).to_string();
    limited.go_to_another(&changes, RateLimiter::local(10)).await;
    for left in [1, 0] {
        assert_eq!(limited.list(&one.key).await.limits()[..2], [2, left]);
    }
    assert_eq!(limited.list(&one.key).await.json()["details"]["limit"], "read");
    let write =
        send(limited.request(Method::POST, ACCOUNTS).bearer_auth(&one.key).json(&json!({"name": "No"})));
    assert_eq!(write.await.limits()[..2], [500, 499], "more than the usual 120 a minute");
    assert_eq!(limited.list(&other.key).await.limits()[..2], [120, 119]);
    let owner = limited.server.token(ADMIN).await;
    assert_eq!(limited.list(&owner).await.limits()[..2], [120, 119], "a key draws on nothing of its owner");
}

async fn what_watches_is_exempt(world: World) {
    let limited =
        Limited::start(world, r#"{"limits": {"anonymous": {"calls": 1, "seconds": 900}}}"#, "").await;
    for path in ["/ping", "/health"] {
        for _ in 0..3 {
            let answer = send(limited.get(path)).await;
            assert_eq!((answer.status, answer.header("x-ratelimit-limit")), (200, ""));
        }
    }
}

async fn a_request_that_is_run_again_is_one_call(world: World) {
    let mut limited = Limited::start(world, "{}", "").await;
    // Each request meets another transaction twice, and is done then.
    let attempts = Arc::new(AtomicU32::new(0));
    let handler = {
        let attempts = attempts.clone();
        async move |_: Authenticated| match attempts.fetch_add(1, Ordering::SeqCst) % 3 {
            2 => Ok(StatusCode::NO_CONTENT),
            _ => {
                Err(ApiError(Error::new(ErrorKind::Unavailable, TRANSACTION_CONFLICT, "another was faster")))
            }
        }
    };
    let own = Router::new().route("/again", post(handler));
    let (app, changes) = (limited.server.app.clone(), r#"{"limits": {"api": {"calls": 3, "seconds": 60}}}"#);
    limited.address = open(app, own, changes, RateLimiter::local(10), &mut limited.tasks).await;
    let token = limited.server.token(ADMIN).await;
    for left in [2, 1, 0] {
        let answer = send(limited.request(Method::POST, "/again").bearer_auth(&token)).await;
        assert_eq!((answer.status, &answer.limits()[..2]), (204, &[3, left][..]));
    }
    let answer = send(limited.request(Method::POST, "/again").bearer_auth(&token)).await;
    assert!(answer.is_refused());
    assert_eq!(attempts.load(Ordering::SeqCst), 9, "who is refused is not run at all");
}
