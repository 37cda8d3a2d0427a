//! Two servers on one database and one Redis.

use super::program::{Serving, mono, postgres};
use mono_client::Client;
use mono_core::api::accounts::{CreateAccount, ListAccounts};
use mono_core::api::auth::LoginRequest;
use mono_core::api::members::ListMembers;
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::MemberId;
use mono_storage::db::Database;
use mono_storage::redis::{Redis, RedisOptions};
use mono_storage::testkit::{RedisServer, TestDatabase};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Two servers, and this process as a third node.
struct Nodes {
    a: Serving,
    b: Serving,
    here: Database,
    _database: TestDatabase,
    redis: RedisServer,
    _folder: TempDir,
}

impl Nodes {
    async fn start() -> Option<Self> {
        let (database, redis) = (postgres().await?, RedisServer::start()?);
        let folder = tempfile::tempdir().unwrap();
        let start = || {
            let mut command = mono(folder.path());
            command.env("MONO_DATABASE_URL", &database.url).env("MONO_REDIS_URL", redis.url());
            Serving::start(command.env("MONO_RATE_LIMITS", "off"), true)
        };
        let (a, b) = (start(), start());
        let mut options = RedisOptions::parse(&redis.url()).unwrap();
        options.timeout = Duration::from_secs(5);
        let here = Database::connect(&database.options).await.unwrap();
        let here = here.with_redis(&Redis::connect(&options).await.unwrap());
        let nodes = Self { a, b, here, _database: database, redis, _folder: folder };
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

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_away_on_one_server_is_refused_on_the_other() {
    let Some(nodes) = Nodes::start().await else { return };
    let tom = nodes.person(&nodes.a, "tom@harbour.example").await;
    let olga = nodes.person(&nodes.b, "olga@harbour.example").await;
    let id = member(&tom, "olga@harbour.example").await;
    let mut times = Vec::new();
    for _ in 0..5 {
        // Her rights are in the memory of B, as fresh as can be.
        olga.tenant().accounts().list(&ListAccounts::default()).await.unwrap();
        tom.tenant().members().suspend(id).await.unwrap();
        times.push(refused(&olga).await);
        tom.tenant().members().reactivate(id).await.unwrap();
        allowed(&olga).await;
    }
    times.sort();
    // By itself what is kept ends after more than two seconds.
    assert!(times[2] < Duration::from_secs(1), "{times:?}");

    let login = LoginRequest::new("tom@harbour.example", nodes.a.password());
    let tenant = client(&nodes.a).auth().login(&login).await.unwrap().tenant_id.unwrap();
    let system = Caller::system_in(SystemReason::Seed, tenant);
    let mut tx = nodes.here.tenant(&system).write().await.unwrap();
    for assignment in tx.assignments().list(id).await.unwrap() {
        tx.assignments().revoke(assignment.id.unwrap()).await.unwrap();
    }
    tx.commit().await.unwrap();
    refused(&olga).await;
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
            nodes.redis.freeze()
        } else {
            nodes.redis.kill()
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
            nodes.redis.thaw()
        } else {
            nodes.redis.restart()
        }
        health(&nodes.a, "healthy").await;
        health(&nodes.b, "healthy").await;
    }
}
