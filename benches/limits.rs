//! Limits under fifty writers, beside what an application would write without mono:
//! `cargo bench -p benches --bench limits -- [SECONDS]`, by default 3 for each run.
//!
//! SQLite always runs; PostgreSQL where `MONO_TEST_POSTGRES_URL` names a server on which databases may be made.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use mono_core::caller::{Actor, Caller, Freshness, Identity, SystemReason};
use mono_core::id::{AccountId, TenantId};
use mono_core::permission::Principal;
use mono_core::subscription::{Entitlements, Key, PlanCatalogue, Subscription};
use mono_core::text::{Name, Slug};
use mono_core::{Error, ErrorKind};
use mono_storage::sql;
use mono_storage::testkit::{Backend, World};
use sqlx::PgPool;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const CLIENTS: usize = 50;
const ROUNDS: usize = 5;
/// So high that nobody is ever refused, and no threshold is reached.
const NEVER_FULL: i64 = 1_000_000_000;
const SMALL: i64 = 100;

const POSTGRES: &str =
    "CREATE TABLE seats (tenant_id uuid NOT NULL REFERENCES tenants (id), id uuid NOT NULL,
        name text NOT NULL, PRIMARY KEY (tenant_id, id));
    CALL mono_protect_table('seats');";
const SQLITE: &str = "CREATE TABLE seats (tenant_id BLOB NOT NULL REFERENCES tenants (id), id BLOB NOT NULL,
        name TEXT NOT NULL, PRIMARY KEY (tenant_id, id)) STRICT;";

#[derive(Clone, Copy, PartialEq)]
enum Subject {
    /// Inserts, then reserves.
    Mono,
    /// Counts, then inserts, and hopes.
    Count,
    /// The same at the isolation level SERIALIZABLE, again and again until it goes through.
    Serializable,
}

impl Subject {
    const fn name(self) -> &'static str {
        match self {
            Self::Mono => "mono: insert, then reserve",
            Self::Count => "count, then insert",
            Self::Serializable => "count, then insert, SERIALIZABLE",
        }
    }
}

struct Bench {
    world: World,
    tenants: Vec<TenantId>,
    /// As many connections as mono has. The login goes round row-level security, which costs the peers nothing then.
    peer: Option<PgPool>,
}

#[tokio::main]
async fn main() -> Outcome {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(3);
    for backend in [Backend::Sqlite, Backend::Postgres] {
        mono_storage::testkit::run(backend, async |world| {
            if let Err(error) = compare(world, Duration::from_secs(seconds)).await {
                println!("{}: {error}", backend.name());
            }
        })
        .await;
    }
    Ok(())
}

async fn compare(world: World, time: Duration) -> Outcome {
    let bench = Arc::new(Bench::new(world).await?);
    let mut subjects = vec![Subject::Mono];
    println!("\n{}", bench.world.test.backend.name());
    if let Some(peer) = &bench.peer {
        subjects.extend([Subject::Count, Subject::Serializable]);
        for setting in ["server_version", "fsync", "synchronous_commit"] {
            let value: String =
                sqlx::query_scalar("SELECT current_setting($1)").bind(setting).fetch_one(peer).await?;
            println!("  {setting}: {value}");
        }
    }
    // In turns, so that whatever else the machine does falls on all alike.
    let mut results = vec![[const { Vec::new() }; 3]; subjects.len()];
    for _ in 0..ROUNDS {
        for (subject, [hot, spread, rows]) in subjects.iter().zip(&mut results) {
            hot.push(bench.run(*subject, 1, NEVER_FULL, time).await?);
            spread.push(bench.run(*subject, CLIENTS, NEVER_FULL, time).await?);
            rows.push(bench.run(*subject, 1, SMALL, time).await?);
        }
    }
    println!(
        "| {CLIENTS} clients, median of {ROUNDS} (least to most) | one tenant | {CLIENTS} tenants | rows at {SMALL} |"
    );
    println!("| --- | --- | --- | --- |");
    for (subject, [hot, spread, rows]) in subjects.iter().zip(results) {
        let rate = |rows: u32| f64::from(rows) / time.as_secs_f64();
        let (hot, spread) = (summary(hot, rate), summary(spread, rate));
        println!("| {} | {hot} | {spread} | {} |", subject.name(), summary(rows, f64::from));
    }
    Ok(())
}

/// The one in the middle, the least and the most.
fn summary(mut rows: Vec<u32>, unit: impl Fn(u32) -> f64) -> String {
    rows.sort_unstable();
    let (Some(least), Some(median), Some(most)) = (rows.first(), rows.get(ROUNDS / 2), rows.last()) else {
        return String::new();
    };
    format!("{:.0} ({:.0} to {:.0})", unit(*median), unit(*least), unit(*most))
}

impl Bench {
    async fn new(world: World) -> Outcome<Self> {
        let test = &world.test;
        let peer = match &test.owner_url {
            Some(url) => {
                // As mono's own pool, which does not ping a connection before each use.
                let options = sqlx::postgres::PgPoolOptions::new().test_before_acquire(false);
                let options = options.max_connections(test.options.max_connections);
                Some(options.acquire_timeout(Duration::from_mins(1)).connect(url).await?)
            }
            None => None,
        };
        test.as_owner(match test.backend {
            Backend::Sqlite => SQLITE,
            Backend::Postgres => POSTGRES,
        })
        .await;
        let system = Caller::system(SystemReason::Seed);
        let mut tx = test.database.platform(&system).write().await?;
        let mut tenants = Vec::new();
        for number in 0..CLIENTS {
            let name = format!("tenant-{number}");
            tenants.push(tx.tenants().create(&Slug::parse(&name)?, &Name::parse(&name)?).await?.id);
        }
        tx.commit().await?;
        Ok(Self { world, tenants, peer })
    }

    /// How many rows fifty clients write in this time, each after its last; a client that is refused stops.
    async fn run(
        self: &Arc<Self>,
        subject: Subject,
        tenants: usize,
        maximum: i64,
        time: Duration,
    ) -> Outcome<u32> {
        self.world.test.as_owner("DELETE FROM seats; DELETE FROM usage_counters;").await;
        let callers =
            self.tenants.iter().take(tenants).map(|tenant| Ok((*tenant, caller(*tenant, maximum)?)));
        let callers = callers.collect::<Outcome<Vec<_>>>()?;
        let end = Instant::now() + time;
        let mut clients = JoinSet::new();
        for (tenant, caller) in callers.into_iter().cycle().take(CLIENTS) {
            let bench = Arc::clone(self);
            clients.spawn(async move {
                let mut rows = 0_u32;
                while Instant::now() < end {
                    let written = match subject {
                        Subject::Mono => bench.reserve(&caller).await?,
                        Subject::Count => bench.count(tenant, maximum).await?,
                        Subject::Serializable => bench.count_serializable(tenant, maximum, end).await?,
                    };
                    if !written {
                        break;
                    }
                    rows += 1;
                }
                Outcome::Ok(rows)
            });
        }
        let mut rows = 0;
        while let Some(client) = clients.join_next().await {
            rows += client??;
        }
        Ok(rows)
    }

    fn id(&self) -> uuid::Uuid {
        self.world.test.database.new_id::<AccountId>().uuid()
    }

    async fn reserve(&self, caller: &Caller) -> Result<bool, Error> {
        let mut tx = self.world.test.database.tenant(caller).write().await?;
        let id = self.id();
        sql!(tx, "INSERT INTO seats (tenant_id, id, name) VALUES ($1, $2, $3)", id, "A seat")
            .execute()
            .await?;
        match tx.reserve("seats", 1).await {
            Ok(()) => tx.commit().await.map(|()| true),
            Err(error) if error.kind() == ErrorKind::LimitExceeded => tx.rollback().await.map(|()| false),
            Err(error) => Err(error),
        }
    }

    async fn count(&self, tenant: TenantId, maximum: i64) -> Result<bool, sqlx::Error> {
        self.count_and_insert("BEGIN", tenant, maximum).await
    }

    async fn count_serializable(
        &self,
        tenant: TenantId,
        maximum: i64,
        end: Instant,
    ) -> Result<bool, sqlx::Error> {
        loop {
            match self.count_and_insert("BEGIN ISOLATION LEVEL SERIALIZABLE", tenant, maximum).await {
                Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("40001") => {
                    if Instant::now() > end {
                        return Ok(false);
                    }
                }
                done => return done,
            }
        }
    }

    async fn count_and_insert(
        &self,
        begin: &'static str,
        tenant: TenantId,
        maximum: i64,
    ) -> Result<bool, sqlx::Error> {
        let Some(peer) = &self.peer else { return Ok(false) };
        let mut tx = peer.begin_with(begin).await?;
        let present: i64 = sqlx::query_scalar("SELECT count(*) FROM seats WHERE tenant_id = $1")
            .bind(tenant.uuid())
            .fetch_one(&mut *tx)
            .await?;
        if present >= maximum {
            tx.rollback().await?;
            return Ok(false);
        }
        sqlx::query("INSERT INTO seats (tenant_id, id, name) VALUES ($1, $2, $3)")
            .bind(tenant.uuid())
            .bind(self.id())
            .bind("A seat")
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// A caller whose tenant may have this many seats.
fn caller(tenant: TenantId, maximum: i64) -> Outcome<Caller> {
    let definitions = serde_json::json!({
        "limits": [{"key": "seats", "name": "Seats", "unit": "seat", "category": "office", "default": maximum,
                    "window": "total", "enforcement": "hard"}],
        "plans": [{"key": "office", "name": "Office", "price": {"amount": 0, "currency": "EUR", "interval": "month"}}]
    });
    let plans = PlanCatalogue::build(serde_json::from_value(definitions)?, |_| true)
        .map_err(|problems| format!("{problems:?}"))?;
    let subscription = Subscription::new(Key::parse("office")?);
    let identity = Identity {
        freshness: Freshness::Exempt,
        actor: Actor::System(SystemReason::Seed),
        tenant: Some(tenant),
        permissions: None,
        facts: Principal::default(),
        entitlements: Entitlements::of_tenant(
            &plans,
            &subscription,
            &[],
            mono_core::time::Timestamp::UNIX_EPOCH,
        ),
        account_entitlements: BTreeMap::new(),
    };
    #[expect(clippy::disallowed_methods, reason = "a measurement says who calls")]
    Ok(Caller::mint(Arc::new(identity), Arc::default()))
}
