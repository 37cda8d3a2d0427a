//! The server is killed while it works, again and again: what was acknowledged is there, and nothing is half done.
//! `MONO_TEST_KILLS` sets how many times, `MONO_TEST_SEED` when and during what.

use super::program::{Serving, mono, postgres, run};
use crate::server::{ACCOUNTS, LOGIN};
use mono_core::caller::{Caller, SystemReason};
use mono_core::id::{AccountId, TenantId};
use mono_core::subscription::{LimitEvent, Threshold};
use mono_core::time::Timestamp;
use mono_storage::db::Database;
use mono_storage::{sql, testkit};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many clients write at once.
const CLIENTS: u64 = 8;
/// How many accounts the tenant may have: more than there are at first, and fewer than are wanted in the end.
const MAXIMUM: u64 = 60;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// An account as its last acknowledged write has left it.
#[derive(Debug, Clone, PartialEq)]
struct Account {
    name: String,
    version: i64,
    is_deleted: bool,
}

/// What a client wants done, under a key of its own.
#[derive(Debug, Clone)]
struct Write {
    key: String,
    change: Change,
}

#[derive(Debug, Clone)]
enum Change {
    Create(String),
    Rename(AccountId, String),
    Delete(AccountId),
}

/// What was acknowledged.
struct Answer {
    status: u16,
    is_replayed: bool,
    body: String,
}

/// Who writes to accounts of its own, so that it knows what to find.
struct Client {
    http: reqwest::Client,
    token: String,
    number: u64,
    state: u64,
    begun: u64,
    kept_answers: i64,
    accounts: BTreeMap<AccountId, Account>,
    /// What the client does not know whether it was done.
    unknown: Option<Write>,
}

impl Client {
    /// xorshift64: the same writes for the same seed.
    fn below(&mut self, end: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % end
    }

    fn next(&mut self) -> Write {
        self.begun += 1;
        let name = format!("Account {} of {}", self.begun, self.number);
        let own: Vec<_> =
            self.accounts.iter().filter(|(_, account)| !account.is_deleted).map(|(id, _)| *id).collect();
        let choice = self.below(10);
        let change = match own.get(usize::try_from(self.below(own.len().max(1) as u64)).unwrap()) {
            Some(id) if choice < 2 => Change::Delete(*id),
            Some(id) if choice < 6 => Change::Rename(*id, name),
            _ => Change::Create(name),
        };
        Write { key: format!("{}-{}", self.number, self.begun), change }
    }

    /// Fails where the answer did not come, or not to its end.
    async fn send(&self, address: &str, write: &Write) -> reqwest::Result<Answer> {
        let one = |id: &AccountId| format!("http://{address}{ACCOUNTS}/{id}");
        let request = match &write.change {
            Change::Create(name) => {
                self.http.post(format!("http://{address}{ACCOUNTS}")).json(&json!({ "name": name }))
            }
            Change::Rename(id, name) => self.http.patch(one(id)).json(&json!({ "name": name })),
            Change::Delete(id) => self.http.delete(one(id)),
        };
        let request = request.bearer_auth(&self.token).header("idempotency-key", &write.key);
        let response = request.send().await?;
        let (status, is_replayed) =
            (response.status().as_u16(), response.headers().contains_key("idempotency-replayed"));
        Ok(Answer { status, is_replayed, body: response.text().await? })
    }

    /// Remembers what was acknowledged.
    fn note(&mut self, write: Write, answer: &Answer) {
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        if answer.status == 429 && matches!(write.change, Change::Create(_)) {
            assert_eq!(body["error"], "LIMIT_EXCEEDED", "{write:?}: {body}");
            return;
        }
        let expected = match write.change {
            Change::Create(_) => 201,
            Change::Rename(..) => 200,
            Change::Delete(_) => 204,
        };
        assert_eq!(answer.status, expected, "{write:?}: {body}");
        self.kept_answers += 1;
        match write.change {
            Change::Create(name) => {
                let id = body["data"]["id"].as_str().unwrap().parse().unwrap();
                let known = self.accounts.insert(id, Account { name, version: 1, is_deleted: false });
                assert_eq!(known, None, "an account is made once");
            }
            Change::Rename(id, name) => {
                let account = self.accounts.get_mut(&id).unwrap();
                (account.name, account.version) = (name, account.version + 1);
                assert_eq!(body["data"]["version"], account.version, "an account is renamed once");
            }
            Change::Delete(id) => {
                let account = self.accounts.get_mut(&id).unwrap();
                (account.is_deleted, account.version) = (true, account.version + 1);
            }
        }
    }

    /// Writes until the server is gone.
    async fn write(mut self, address: String, acknowledged: Arc<Semaphore>) -> Self {
        loop {
            let write = self.next();
            let Ok(answer) = self.send(&address, &write).await else {
                self.unknown = Some(write);
                return self;
            };
            self.note(write, &answer);
            acknowledged.add_permits(1);
        }
    }

    /// Asks again for what it does not know of; whether it had been done.
    async fn ask_again(&mut self, address: &str) -> bool {
        let write = self.unknown.take().unwrap();
        let answer = self.send(address, &write).await.unwrap();
        self.note(write, &answer);
        answer.is_replayed
    }
}

/// A server on PostgreSQL, whose program is started and killed, and the clients who write to it.
struct Run<'d> {
    database: &'d Database,
    url: &'d str,
    folder: tempfile::TempDir,
    tenant: TenantId,
    clients: Vec<Client>,
    /// What the tenant had before.
    others: BTreeMap<AccountId, Account>,
    state: u64,
}

impl Run<'_> {
    fn program(&self) -> Command {
        let mut command = mono(self.folder.path());
        command.env("MONO_DATABASE_URL", self.url).env("MONO_RATE_LIMITS", "off");
        command
    }

    fn serve(&self) -> Serving {
        Serving::start(&mut self.program(), true)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % end
    }

    /// Kills the server while everybody writes.
    async fn kill(&mut self, server: Serving) {
        let acknowledged = Arc::new(Semaphore::new(0));
        let mut writers = JoinSet::new();
        for mut client in self.clients.drain(..) {
            // A connection of the server that was killed is not tried again.
            client.http = reqwest::Client::new();
            writers.spawn(client.write(server.address().to_owned(), Arc::clone(&acknowledged)));
        }
        let writes = u32::try_from(10 + self.below(50)).unwrap();
        acknowledged.acquire_many(writes).await.unwrap().forget();
        // Somewhere within a request.
        tokio::time::sleep(Duration::from_micros(self.below(10_000))).await;
        server.signal("KILL");
        assert_eq!(server.wait().0, None);
        self.clients = writers.join_all().await;
    }

    /// What the database holds is what was acknowledged: no more, no less, and each part of it.
    async fn check(&self) {
        let mut expected = self.others.clone();
        for client in &self.clients {
            expected.extend(client.accounts.clone());
        }
        assert_eq!(accounts(self.database, self.tenant).await, expected);

        self.check_events().await;
        let system = Caller::system_in(SystemReason::Recount, self.tenant);
        let mut tx = self.database.tenant(&system).write().await.unwrap();
        let rows = sql!(
            tx,
            "SELECT entity_id, version, snapshot FROM entity_versions
             WHERE tenant_id = $1 AND entity = 'account' ORDER BY entity_id, version"
        );
        let mut versions: BTreeMap<AccountId, Vec<(i64, Value)>> = BTreeMap::new();
        for row in rows.rows().await.unwrap() {
            let version = (row.get("version").unwrap(), row.get("snapshot").unwrap());
            versions.entry(row.get("entity_id").unwrap()).or_default().push(version);
        }
        let rows = sql!(
            tx,
            "SELECT entity_id, count(*) AS entries FROM audit_log
             WHERE tenant_id = $1 AND entity = 'account' GROUP BY entity_id"
        );
        let rows = rows.rows().await.unwrap();
        let entries: BTreeMap<AccountId, i64> =
            rows.iter().map(|row| (row.get("entity_id").unwrap(), row.get("entries").unwrap())).collect();
        assert_eq!((versions.len(), entries.len()), (expected.len(), expected.len()), "of accounts only");
        for (id, account) in &expected {
            let numbers: Vec<i64> = versions[id].iter().map(|(number, _)| *number).collect();
            assert_eq!(numbers, (1..=account.version).collect::<Vec<_>>(), "the versions of {id}");
            assert_eq!(versions[id].last().unwrap().1["name"], account.name.as_str(), "{id}");
            assert_eq!(entries[id], account.version, "the entries of the audit log about {id}");
        }

        let kept = sql!(tx, "SELECT count(*) AS kept FROM idempotency_keys WHERE tenant_id = $1");
        let kept: i64 = kept.row().await.unwrap().get("kept").unwrap();
        assert_eq!(kept, self.clients.iter().map(|client| client.kept_answers).sum::<i64>());

        let live = expected.values().filter(|account| !account.is_deleted).count() as u64;
        assert_eq!(tx.used("accounts").await.unwrap(), live);
        assert!(live <= MAXIMUM);
        assert_eq!(tx.recount().await.unwrap(), []);
    }

    /// A threshold that was reached was told of once, by a request that made an account.
    async fn check_events(&self) {
        let events = testkit::events(self.database, self.tenant).await.unwrap();
        let system = Caller::system_in(SystemReason::Recount, self.tenant);
        let mut tx = self.database.tenant(&system).read().await.unwrap();
        let counter = sql!(
            tx,
            "SELECT announced FROM usage_counters
             WHERE tenant_id = $1 AND limit_key = 'accounts' AND holder_id = $1"
        );
        let announced: i64 = counter.row().await.unwrap().get("announced").unwrap();
        let mut thresholds = Vec::new();
        for event in &events {
            let Some(told) = event.read::<LimitEvent>().unwrap().filter(|told| told.limit == "accounts")
            else {
                continue;
            };
            let cause = sql!(
                tx,
                "SELECT count(*) AS entries FROM audit_log
                 WHERE tenant_id = $1 AND action = 'create' AND entity = 'account' AND correlation_id = $2",
                event.correlation_id.clone()
            );
            assert_eq!(cause.row().await.unwrap().get::<i64>("entries").unwrap(), 1, "{event:?}");
            thresholds.push(told.threshold);
        }
        let reached: &[Threshold] = match announced.unsigned_abs() {
            0 => &[],
            MAXIMUM => &[Threshold::NearlyFull, Threshold::Full],
            _ => &[Threshold::NearlyFull],
        };
        assert_eq!(thresholds, reached, "{announced} were told of");
    }

    /// What the operator sees.
    fn ask_program(&self, arguments: &[&str], expected: &str) {
        let mut command = self.program();
        command.args(arguments);
        let output = run(command);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(output.status.success() && said.contains(expected), "{arguments:?}: {said}");
    }
}

async fn accounts(database: &Database, tenant: TenantId) -> BTreeMap<AccountId, Account> {
    let system = Caller::system_in(SystemReason::Recount, tenant);
    let mut tx = database.tenant(&system).read().await.unwrap();
    let rows = sql!(tx, "SELECT id, name, version, deleted_at FROM accounts WHERE tenant_id = $1");
    let account = |row: &mono_storage::db::Row| Account {
        name: row.get("name").unwrap(),
        version: row.get("version").unwrap(),
        is_deleted: row.get_optional::<Timestamp>("deleted_at").unwrap().is_some(),
    };
    rows.rows().await.unwrap().iter().map(|row| (row.get("id").unwrap(), account(row))).collect()
}

/// Calls the server as who shows this token, and reads the data of the answer.
async fn call(server: &Serving, token: &str, method: Method, path: &str, body: Value) -> Value {
    let request = reqwest::Client::new().request(method, format!("http://{}{path}", server.address()));
    let request = if token.is_empty() { request } else { request.bearer_auth(token) };
    let request = if body.is_null() { request } else { request.json(&body) };
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["success"], true, "{answer}");
    answer["data"].clone()
}

async fn sign_in(server: &Serving, email: &str) -> String {
    let body = json!({ "email": email, "password": server.password() });
    let data = call(server, "", Method::POST, LOGIN, body).await;
    data["accessToken"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_writes_it_has_done_what_it_said_and_nothing_by_half() {
    let Some(test) = postgres().await else { return };
    let kills = setting("MONO_TEST_KILLS").unwrap_or(4);
    let clock = test.database.now().timestamp_micros().unsigned_abs();
    let seed = setting("MONO_TEST_SEED").unwrap_or(clock);
    eprintln!("MONO_TEST_SEED={seed} MONO_TEST_KILLS={kills}");
    let mut run = Run {
        database: &test.database,
        url: &test.url,
        folder: tempfile::tempdir().unwrap(),
        tenant: TenantId::from_u128(0),
        clients: Vec::new(),
        others: BTreeMap::new(),
        state: seed,
    };
    let mut server = run.serve();
    let (lena, ada) =
        (sign_in(&server, "lena@lagoon.example").await, sign_in(&server, "ada@platform.example").await);
    let own = call(&server, &lena, Method::GET, "/api/v1/tenant", Value::Null).await;
    run.tenant = own["id"].as_str().unwrap().parse().unwrap();
    let change = json!({ "limit": { "limit": "accounts", "maximum": MAXIMUM } });
    let path = format!("/api/v1/platform/tenants/{}/entitlement-overrides", run.tenant);
    call(&server, &ada, Method::POST, &path, json!({ "change": change, "reason": "a test" })).await;
    run.others = accounts(run.database, run.tenant).await;
    run.clients = (1..=CLIENTS)
        .map(|number| Client {
            http: reqwest::Client::new(),
            token: lena.clone(),
            number,
            state: (seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1,
            begun: 0,
            kept_answers: 0,
            accounts: BTreeMap::new(),
            unknown: None,
        })
        .collect();
    let (mut unknown, mut done) = (0, 0);
    for _ in 0..kills {
        run.kill(server).await;
        server = run.serve();
        for client in &mut run.clients {
            unknown += 1;
            done += u64::from(client.ask_again(server.address()).await);
        }
        run.check().await;
        run.ask_program(&["audit", "verify", "--tenant", "lagoon"], "lagoon: whole");
    }
    let acknowledged: i64 = run.clients.iter().map(|client| client.kept_answers).sum();
    eprintln!(
        "{acknowledged} writes; {unknown} were not acknowledged when the server was killed, {done} of them done"
    );
    run.ask_program(&["audit", "verify"], "the platform: whole");
    run.ask_program(&["recount"], ", 0 counters were mended");
    assert_eq!(server.stop().0, Some(0));
}
