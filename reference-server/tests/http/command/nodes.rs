//! Two servers on one database and one Redis.

use super::program::{Serving, mono, postgres};
use mono_client::Client;
use mono_core::api::accounts::{CreateAccount, ListAccounts};
use mono_core::api::assignments::AssignRole;
use mono_core::api::auth::LoginRequest;
use mono_core::api::members::ListMembers;
use mono_core::api::role_overrides::PutRoleOverride;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::MemberId;
use mono_core::model::account::{AccountType, NewAccount};
use mono_core::permission::{OverrideKind, Role};
use mono_storage::db::Database;
use mono_storage::testkit::{RedisServer, TestDatabase};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Two servers.
struct Nodes {
    a: Serving,
    b: Serving,
    database: TestDatabase,
    redis: RedisServer,
    _folder: TempDir,
}

impl Nodes {
    async fn start() -> Option<Self> {
        Self::start_with(None).await
    }

    /// With rate limits: the built-in ones, and what the text changes in them.
    async fn start_with(limits: Option<&str>) -> Option<Self> {
        let (database, redis) = (postgres().await?, RedisServer::start()?);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("limits.json");
        if let Some(limits) = limits {
            std::fs::write(&file, limits).unwrap();
        }
        let start = || {
            let mut command = mono(folder.path());
            command.env("MONO_DATABASE_URL", &database.url).env("MONO_REDIS_URL", redis.url());
            command.env("MONO_RATE_LIMITS", if limits.is_some() { file.as_os_str() } else { "off".as_ref() });
            Serving::start(&mut command, true)
        };
        let (a, b) = (start(), start());
        let nodes = Self { a, b, database, redis, _folder: folder };
        for node in [&nodes.a, &nodes.b] {
            health(node, "healthy").await;
        }
        Some(nodes)
    }

    /// A person, signed in on a server.
    async fn person(&self, node: &Serving, email: &str) -> Client {
        let client = client(node);
        client.auth().login(&LoginRequest::new(email, self.a.password())).await.unwrap();
        client
    }

    /// The program itself, in the tenant of a person.
    async fn system(&self, email: &str) -> Caller {
        let login = LoginRequest::new(email, self.a.password());
        let tenant = client(&self.a).auth().login(&login).await.unwrap().tenant_id.unwrap();
        Caller::system_in(SystemReason::Seed, tenant)
    }
}

fn client(node: &Serving) -> Client {
    Client::builder(format!("http://{}", node.address())).build().unwrap()
}

/// Waits until a server says that it is in this state.
async fn health(node: &Serving, state: &str) {
    let address = format!("http://{}/health", node.address());
    within(async {
        loop {
            let text = reqwest::get(&address).await.unwrap().text().await.unwrap();
            if text.contains(&format!(r#""status":"{state}""#)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// The time of something that hangs, not of something slow.
async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), work).await.unwrap()
}

async fn names(client: &Client) -> Vec<String> {
    let wanted = ListAccounts { sort: Some("name".to_owned()), ..ListAccounts::default() };
    let page = client.tenant().accounts().list(&wanted).await.unwrap();
    page.items.into_iter().map(|account| account.name.to_string()).collect()
}

async fn member(client: &Client, email: &str) -> MemberId {
    let members = client.tenant().members().list(&ListMembers::default()).await.unwrap();
    let member = members.items.into_iter().find(|member| member.email.as_str() == email).unwrap();
    member.id
}

/// Waits until the person is refused; gives how long it took.
async fn refused(client: &Client) -> Duration {
    let begun = Instant::now();
    within(async {
        while client.tenant().accounts().list(&ListAccounts::default()).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    begun.elapsed()
}

/// Waits until the person is let in again.
async fn allowed(client: &Client) {
    within(async {
        while client.tenant().accounts().list(&ListAccounts::default()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

/// Takes away on one server what a person needs on the other, five times, and gives it back.
#[expect(clippy::print_stderr, reason = "says how long it took")]
async fn refused_soon(what: &str, person: &Client, take: impl AsyncFn(), give_back: impl AsyncFn()) {
    let mut times = Vec::new();
    for _ in 0..5 {
        // Their rights are in the memory of the other server, as fresh as can be.
        person.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
        take().await;
        times.push(refused(person).await);
        give_back().await;
        allowed(person).await;
    }
    times.sort();
    eprintln!("{what}, refused on the other server after {times:?}");
    // By itself what is kept ends after more than two seconds.
    assert!(times[2] < Duration::from_secs(1), "{what}: {times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_away_on_one_server_is_refused_on_the_other() {
    let Some(nodes) = Nodes::start().await else { return };
    let tom = nodes.person(&nodes.a, "tom@harbour.example").await;
    let olga = nodes.person(&nodes.b, "olga@harbour.example").await;
    let (id, tenant) = (member(&tom, "olga@harbour.example").await, tom.tenant());

    let (members, overrides) = (tenant.members(), tenant.role_overrides());
    refused_soon(
        "a membership that is suspended",
        &olga,
        async || drop(members.suspend(id).await.unwrap()),
        async || drop(members.reactivate(id).await.unwrap()),
    )
    .await;
    let taken = PutRoleOverride { patterns: vec!["tenant.accounts.read".to_owned()] };
    refused_soon(
        "a role of the platform that the tenant restricts",
        &olga,
        async || drop(overrides.put("account_owner", OverrideKind::Restrict, &taken).await.unwrap()),
        async || overrides.delete("account_owner", OverrideKind::Restrict).await.unwrap(),
    )
    .await;

    let (roles, assignments) = (tenant.roles(), tenant.assignments());
    let clerk = Role::new("clerk").allow(["tenant.accounts.read"]);
    roles.create(&clerk).await.unwrap();
    let revoke = async || {
        for assignment in assignments.list(id).await.unwrap() {
            assignments.revoke(assignment.id).await.unwrap();
        }
    };
    let assign = async || {
        let role = AssignRole { role: clerk.key.clone(), ..AssignRole::default() };
        assignments.assign(id, &role).await.unwrap();
    };
    refused_soon("a role that is taken away", &olga, revoke, assign).await;
    // What is left to her is the tenant's own role.
    refused_soon(
        "a role of the tenant that is changed",
        &olga,
        async || drop(roles.update(&Role::new(clerk.key.clone())).await.unwrap()),
        async || drop(roles.update(&clerk).await.unwrap()),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_never_older_than_a_write_on_the_same_server_nor_another_tenants() {
    let Some(nodes) = Nodes::start().await else { return };
    let (tom, lena) = (
        nodes.person(&nodes.a, "tom@harbour.example").await,
        nodes.person(&nodes.a, "lena@lagoon.example").await,
    );
    let lena_on_b = nodes.person(&nodes.b, "lena@lagoon.example").await;
    assert_eq!(names(&tom).await, ["North Quay", "South Quay"]);
    let mut expected = names(&lena).await;
    assert_eq!(expected, ["East Bank", "West Bank"]);
    for number in 0..10 {
        assert_eq!(names(&lena_on_b).await, expected);
        let name = format!("Zone {number}");
        let account = CreateAccount { name: name.clone(), ..CreateAccount::default() };
        lena.tenant().accounts().create(&account).await.unwrap();
        expected.push(name);
        assert_eq!(names(&lena).await, expected, "at once where it was written");
        within(async {
            while names(&lena_on_b).await != expected {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await;
        assert_eq!(names(&tom).await, ["North Quay", "South Quay"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_everything_is_served_and_said_to_be_degraded() {
    let Some(mut nodes) = Nodes::start().await else { return };
    let (tom, olga) = (
        nodes.person(&nodes.a, "tom@harbour.example").await,
        nodes.person(&nodes.b, "olga@harbour.example").await,
    );
    let id = member(&tom, "olga@harbour.example").await;
    for hang in [false, true] {
        if hang {
            nodes.redis.freeze();
        } else {
            nodes.redis.kill();
        }
        health(&nodes.a, "degraded").await;
        health(&nodes.b, "degraded").await;
        let before = names(&tom).await;
        let name = format!("Yard {hang}");
        let account = CreateAccount { name, ..CreateAccount::default() };
        let account = tom.tenant().accounts().create(&account).await.unwrap();
        assert_eq!(names(&tom).await.len(), before.len() + 1);
        tom.tenant().accounts().delete(account.id).await.unwrap();
        assert_eq!(names(&tom).await, before);
        // Nobody tells, and yet it is not kept for long.
        assert_eq!(names(&olga).await.len(), 1, "her rights are in the memory of B");
        tom.tenant().members().suspend(id).await.unwrap();
        refused(&olga).await;
        tom.tenant().members().reactivate(id).await.unwrap();
        allowed(&olga).await;
        if hang {
            nodes.redis.thaw();
        } else {
            nodes.redis.restart();
        }
        health(&nodes.a, "healthy").await;
        health(&nodes.b, "healthy").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_wrote_before_it_was_killed_is_seen_on_the_other_soon() {
    let Some(nodes) = Nodes::start().await else { return };
    let tom = nodes.person(&nodes.b, "tom@harbour.example").await;
    let system = nodes.system("tom@harbour.example").await;
    // A database without Redis tells nobody: a server that dies between its commit and its message.
    let silent = Database::connect(&nodes.database.options).await.unwrap();
    let mut expected = names(&tom).await;
    let mut tx = silent.tenant(&system).write().await.unwrap();
    let new = NewAccount {
        name: "Last Words".parse().unwrap(),
        slug: "last-words".parse().unwrap(),
        account_type: AccountType::Business,
        email: None,
    };
    tx.accounts().create(new).await.unwrap();
    tx.commit().await.unwrap();
    nodes.a.signal("KILL");
    let begun = Instant::now();
    expected.push("Last Words".to_owned());
    expected.sort();
    within(async {
        while names(&tom).await != expected {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // By itself a page ends after half a minute in the memory of B, and after five minutes in Redis.
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_a_hundred_is_a_hundred_on_both_together() {
    const LIMITS: &str = r#"{"limits": {"api": {"calls": 100, "seconds": 3600}}}"#;
    let Some(mut nodes) = Nodes::start_with(Some(LIMITS)).await else { return };
    for email in ["tom@harbour.example", "lena@lagoon.example", "olga@harbour.example"] {
        let login = LoginRequest::new(email, nodes.a.password());
        let token = client(&nodes.a).auth().login(&login).await.unwrap().access_token;
        let http = reqwest::Client::new();
        let mut tasks = tokio::task::JoinSet::new();
        for node in [&nodes.a, &nodes.b, &nodes.a, &nodes.b] {
            let request = http.get(format!("http://{}/api/v1/tenant/accounts", node.address()));
            let request = request.bearer_auth(&token);
            tasks.spawn(async move {
                let mut passed = 0;
                for _ in 0..40 {
                    let status = request.try_clone().unwrap().send().await.unwrap().status().as_u16();
                    assert!([200, 429].contains(&status), "{status}");
                    passed += u32::from(status == 200);
                }
                passed
            });
        }
        let passed = within(tasks.join_all()).await.into_iter().sum::<u32>();
        // A loaded machine may answer too late for a call to Redis, and each server then lets its share through.
        if !nodes.a.has_logged("Redis is away") && !nodes.b.has_logged("Redis is away") {
            assert_eq!(passed, 100);
            return;
        }
        for node in [&nodes.a, &nodes.b] {
            health(node, "healthy").await;
        }
    }
    panic!("Redis answered late three times");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_starts_without_redis_and_finds_it() {
    let Some(mut redis) = RedisServer::start() else { return };
    redis.kill();
    let folder = tempfile::tempdir().unwrap();
    let node = Serving::start(mono(folder.path()).env("MONO_REDIS_URL", redis.url()), true);
    health(&node, "degraded").await;
    let tom = client(&node);
    tom.auth().login(&LoginRequest::new("tom@harbour.example", node.password())).await.unwrap();
    assert_eq!(names(&tom).await, ["North Quay", "South Quay"]);
    redis.restart();
    health(&node, "healthy").await;
    assert_eq!(names(&tom).await, ["North Quay", "South Quay"]);
}

/// How a certificate for this machine alone is made.
const CERTIFICATE: &str = "[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = redis
[extensions]
basicConstraints = critical, CA:FALSE
subjectAltName = IP:127.0.0.1
";

#[tokio::test(flavor = "multi_thread")]
async fn redis_with_tls_is_reached_where_its_certificate_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (how, key, certificate) = (file("certificate.cnf"), file("key.pem"), file("certificate.pem"));
    std::fs::write(&how, CERTIFICATE).unwrap();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-config", &how, "-keyout", &key, "-out", &certificate])
        .output();
    let Ok(made) = made else { return };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let arguments = ["--tls-port", &port, "--tls-cert-file", &certificate, "--tls-key-file", &key];
    let arguments =
        [&arguments[..], &["--tls-ca-cert-file", &certificate, "--tls-auth-clients", "no"]].concat();
    let Some(_redis) = RedisServer::start_with(&arguments) else { return };
    let start = |trusted: Option<&str>| {
        let mut command = mono(&folder.path().join(trusted.map_or("stranger", |_| "friend")));
        command.env("MONO_REDIS_URL", format!("rediss://127.0.0.1:{port}"));
        if let Some(trusted) = trusted {
            command.env("SSL_CERT_FILE", trusted);
        }
        Serving::start(&mut command, true)
    };
    health(&start(Some(&certificate)), "healthy").await;
    let mut stranger = start(None);
    stranger.wait_for_log("Redis is away");
    health(&stranger, "degraded").await;
}
